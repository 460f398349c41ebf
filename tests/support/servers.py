"""Starting, sharing and ending the servers that tests stand on."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import until

_KEEPER = Path(__file__).with_name("keeper.py")
_TMP = "/tmp"  # noqa: S108  mkdtemp makes a directory of our own in it
# A shared server outlives the worker that started it: its Popen must not be collected while it runs, nor complain then.
_KEEPERS: list[subprocess.Popen[bytes]] = []
_STAND_INS: dict[str, Callable[[], str | None]] = {}


@atexit.register
def _let_go() -> None:
    for keeper in _KEEPERS:
        keeper.returncode = keeper.poll() or 0


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() == "true"


def stand_in(name: str, line: Callable[[], str | None]) -> None:
    """Register what to say at the end of a run when a smaller server stood in; None says nothing."""
    _STAND_INS[name] = line


def stand_ins() -> list[str]:
    return [line for line in (say() for say in _STAND_INS.values()) if line]


def missing(what: str) -> None:
    """A server this test cannot do without is not there: skip on a laptop, fail in CI."""
    if in_ci():
        pytest.fail(f"{what} (CI=true: this must not be skipped)")
    pytest.skip(what)


def cache_dir() -> Path:
    """Where downloads are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(base) / "innerloop"
    path.mkdir(parents=True, exist_ok=True)
    return path


def free_port() -> int:
    """A port nobody listens on now. Somebody may take it before we do: callers try again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time; the lock goes when its holder does."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def owner_pid() -> int:
    """The process a whole test run belongs to: pytest itself, or the controller of its xdist workers."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


def owns_run() -> bool:
    """Not one of several workers: what this process started, it may end."""
    return "PYTEST_XDIST_WORKER" not in os.environ


@dataclass(frozen=True, slots=True)
class RunDir:
    """A directory that all xdist workers of one run see."""

    path: Path

    @classmethod
    def of(cls, factory: pytest.TempPathFactory) -> RunDir:
        base = factory.getbasetemp()
        return cls(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)

    def once(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `make` returned to the first worker that asked; the others wait for it and get the same."""
        made = self.path / f"{name}.json"
        with locked(self.path / f"{name}.lock"):
            if not made.exists():
                made.write_text(json.dumps(make()))
            result: dict[str, Any] = json.loads(made.read_text())
            return result


@dataclass(slots=True)
class Server:
    """One process under a keeper. `home` holds its log and pid file."""

    command: Sequence[str]
    home: Path
    owner: int
    env: Mapping[str, str] | None = None
    identity: tuple[int, int] | None = None  # (uid, gid) to run as
    remove: Sequence[Path] = ()  # what the keeper deletes when the owner is gone
    stop_signal: signal.Signals = signal.SIGTERM
    keeper: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    @property
    def pid(self) -> int:
        return int((self.home / "server.pid").read_text())

    def start(self) -> None:
        pidfile = self.home / "server.pid"
        pidfile.unlink(missing_ok=True)
        uid, gid = self.identity or (None, None)
        spec = {
            "command": list(self.command), "log": str(self.log), "pidfile": str(pidfile), "owner": self.owner,
            "env": dict(os.environ if self.env is None else self.env), "cwd": str(self.home), "user": uid, "group": gid,
            "remove": [str(path) for path in self.remove], "stop_signal": int(self.stop_signal),
        }  # fmt: skip
        path = self.home / "keeper.json"
        path.write_text(json.dumps(spec))
        with self.log.open("ab") as log:
            self.keeper = subprocess.Popen(
                [sys.executable, "-S", "-E", str(_KEEPER), str(path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _KEEPERS.append(self.keeper)
        until(lambda: pidfile.exists() or not self.running, 10, what=f"the pid of {self.command[0]}")

    @property
    def running(self) -> bool:
        return self.keeper is not None and self.keeper.poll() is None

    def stop(self, timeout: float = 20) -> None:
        """Ask it to end, then SIGKILL when that does not help."""
        if not self.running:
            return
        self.signal(signal.SIGCONT)
        self.signal(self.stop_signal)
        try:
            self._ended(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        if self.running:
            self.signal(signal.SIGKILL)
            self._ended(10)

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def tail(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def _ended(self, timeout: float) -> None:
        if self.keeper:
            self.keeper.wait(timeout)


def short_temp_dir(name: str) -> Path:
    """Outside pytest's own tree, which other users may not enter and whose long paths break Unix sockets."""
    base = _TMP if os.access(_TMP, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix=f"innerloop-{name}-", dir=base))
