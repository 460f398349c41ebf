"""The real program as a real process: started, watched, stopped and killed from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from tests.support import servers
from tests.support.shared import ROOT
from tests.support.waiting import until

PROGRAM = [sys.executable, "-m", "worker.cli.main"]
# Everything else of the environment stays outside: a developer's own settings must not reach the program.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_CACHE_HOME", "SYSTEMROOT")


def environment(*settings: Mapping[str, str]) -> dict[str, str]:
    """A clean environment with these settings in it; later ones win."""
    values = {name: os.environ[name] for name in _KEPT if name in os.environ}
    values |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    for more in settings:
        values |= more
    return values


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What stands on stdout, as JSON: nothing else may stand there."""
        return json.loads(self.out)


class Process:
    """A running program. Both its outputs are read all the time, so it never blocks on a full pipe."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self.out: list[str] = []
        self.err: list[str] = []
        self._grown = threading.Condition()
        self._process = subprocess.Popen(
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(pipe, lines), daemon=True)
            for pipe, lines in ((self._process.stdout, self.out), (self._process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, pipe: IO[str], lines: list[str]) -> None:
        with pipe:
            for line in pipe:
                with self._grown:
                    lines.append(line.rstrip("\n"))
                    self._grown.notify_all()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def output(self) -> str:
        return "\n".join([*self.out, *self.err])

    def wait_for_line(self, pattern: str, timeout: float = 20.0) -> re.Match[str]:
        """The first line of either output that `pattern` is found in. Fails when the program ends without one."""
        found: list[re.Match[str]] = []

        def look() -> bool:
            found[:] = [match for line in [*self.out, *self.err] if (match := re.search(pattern, line))]
            return bool(found) or not self._alive_or_unread()

        with self._grown:
            self._grown.wait_for(look, timeout)
        assert found, f"no line with {pattern!r}; the program said:\n{self.output[-4000:]}"
        return found[0]

    def _alive_or_unread(self) -> bool:
        return self.running or any(reader.is_alive() for reader in self._readers)

    def wait(self, timeout: float = 30.0) -> int:
        """Its exit code; fails when it still runs after `timeout` seconds."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout:g} s:\n{self.output[-4000:]}") from None
        for reader in self._readers:
            reader.join(5)
        return code

    def terminate(self, timeout: float = 20.0) -> int:
        """SIGTERM, and its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self) -> int:
        """SIGKILL to it and to whatever it started."""
        if self.running:
            os.killpg(self.pid, signal.SIGKILL)
        return self.wait(10)

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        if self.running:
            self._process.send_signal(number)


class Innerloop:
    """Starts `innerloop` in a directory and an environment of its own; whatever still runs at the end is killed."""

    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd
        self.settings: dict[str, str] = {}
        self.started: list[Process] = []

    def __call__(self, *arguments: str, timeout: float = 60.0, stdin: str | None = None, **settings: str) -> Done:
        """Run a command to its end: `innerloop("follow-ups", "list", "--json")`."""
        done = subprocess.run(
            [*PROGRAM, *arguments],
            env=environment(self.settings, settings),
            cwd=self.cwd,
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str, ignoring: str = "", **settings: str) -> Process:
        """Start a long-running command, as a child of one that ignores signals (`"INT TERM"`) where that is asked."""
        before = ["sh", "-c", f"trap '' {ignoring}; exec \"$@\"", "sh"] if ignoring else []
        return self.start_program([*before, *PROGRAM, *arguments], **settings)

    def start_program(self, command: Sequence[str], **settings: str) -> Process:
        """Start something else in the same environment, such as a wrapper around the program."""
        self.started.append(Process(command, environment(self.settings, settings), self.cwd))
        return self.started[-1]

    def run(self, *arguments: str, timeout: float = 60.0, ignoring: str = "", **settings: str) -> RunningWorker:
        """`innerloop run`, once `/readyz` says yes. A port of its own, so several may run."""
        worker = self.run_unready(*arguments, ignoring=ignoring, **settings)
        worker.wait_ready(timeout)
        return worker

    def run_unready(self, *arguments: str, ignoring: str = "", **settings: str) -> RunningWorker:
        """`innerloop run`, ready or not."""
        port = servers.free_port()
        settings = {"INNERLOOP_HTTP_LISTEN": f"127.0.0.1:{port}", **settings}
        process = self.start("run", *arguments, ignoring=ignoring, **settings)
        return RunningWorker(process, f"http://127.0.0.1:{port}")

    def close(self) -> None:
        for process in self.started:
            process.kill()


@dataclass(frozen=True, slots=True)
class RunningWorker:
    """A `run` process and the way to ask it how it is."""

    process: Process
    url: str

    def get(self, path: str, timeout: float = 5.0) -> tuple[int, str]:
        """Status and body of a GET; (0, reason) when nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=timeout) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def failing(self) -> list[str]:
        """The names `/readyz` gives; empty when ready."""
        status, body = self.get("/readyz")
        return [] if status == 200 else (json.loads(body)["failing"] if status == 503 else ["no answer"])

    def wait_ready(self, timeout: float = 60.0) -> None:
        def ready() -> bool:
            if not self.process.running:
                raise RuntimeError(f"the worker ended:\n{self.process.output[-4000:]}")
            return not self.failing()

        until(ready, timeout, what="the worker to be ready")

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels; 0 when it was never counted."""
        _, body = self.get("/metrics")
        values = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", body, re.MULTILINE)
        return sum(float(value) for value in values)


@pytest.fixture
def innerloop(tmp_path: Path) -> Iterator[Innerloop]:
    """`innerloop("migrate")`, `innerloop.run()`; put what every command needs into `innerloop.settings`."""
    home = tmp_path / "home"
    home.mkdir()
    program = Innerloop(home)
    program.settings["INNERLOOP_STORE_URL"] = f"sqlite:///{tmp_path / 'innerloop.db'}"
    yield program
    program.close()
