"""The worker as a process of its own, so that killing it is a real kill."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from worker.demo.stopping import Pause
from worker.errors import InnerloopError
from worker.settings import environment_for

START_SECONDS = 60
STOP_SECONDS = 20
_STEP = 0.05
_LINE = 200


class WorkerFailed(InnerloopError):
    """The demo's worker did not start."""


@dataclass(slots=True)
class WorkerProcess:
    """Started, killed and started again over the same store. `home` holds its settings and its log."""

    home: Path
    clock_file: Path
    settings: Mapping[str, str]
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def settings_file(self) -> Path:
        return self.home / "innerloop.toml"

    @property
    def log_file(self) -> Path:
        return self.home / "worker.log"

    @property
    def url(self) -> str:
        return f"http://{self.settings['http_listen']}"

    def start(self, **changes: str) -> None:
        """Write the settings and run. `changes` are settings that differ from last time."""
        self.settings = {**self.settings, **changes}
        # JSON's strings are TOML's.
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in self.settings.items()]
        self.settings_file.write_text("".join(lines), encoding="utf-8")
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "worker.demo", str(self.clock_file)],
                env=environment_for(self.settings_file),  # nothing of a real installation leaks in
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # the terminal's Ctrl-C reaches only the demo
            )

    def check(self) -> None:
        """Raises WorkerFailed when the process has ended by itself."""
        if self._process is None or self._process.poll() is not None:
            raise WorkerFailed(f"The demo's worker has ended. The end of its log:\n{self.tail()}")

    def is_ready(self) -> bool:
        """Does /readyz say so? Raises WorkerFailed when the process has ended."""
        self.check()
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def wait_ready(self, pause: Pause) -> None:
        """Raises WorkerFailed with the log's end when it is not ready in time, and whatever `pause` raises."""
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise WorkerFailed(f"The demo's worker is not ready after {START_SECONDS} s. Its log:\n{self.tail()}")
            pause(_STEP)

    def kill(self) -> None:
        """SIGKILL: no last words, no commit, nothing written."""
        if self._process is not None:
            self._process.kill()
            self._reap()

    def stop(self) -> None:
        """Let it finish what is in flight; kill it when that takes too long."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reap()

    def tail(self, lines: int = 12) -> str:
        """The end of the worker's log, long lines cut."""
        text = self.log_file.read_text("utf-8", "replace") if self.log_file.exists() else ""
        return "\n".join(line[:_LINE] for line in text.splitlines()[-lines:])

    def _reap(self) -> None:
        assert self._process is not None
        self._process.wait()
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        self._process = None
