"""Opening the store, transactions on it, and what its errors mean.

SQLite is one file on one host: WAL, synchronous=FULL, BEGIN IMMEDIATE for every write, so that a writer waits at the
door instead of failing half-way. PostgreSQL runs at READ COMMITTED with synchronous_commit on.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy import exc as sa_exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url

from worker.clock import SystemClock
from worker.errors import Clash, ConfigError, RowRefused, StoreUnavailable

_BUSY_MS = 10_000
# A batch writes more pages than SQLite keeps by itself (2 MB), and it copies what is committed into the file (a
# checkpoint) after each 4 MB: with room for several batches most pages are written once instead of once a batch.
# Every commit is as durable as before: the log is flushed each time.
_CACHE_KB, _CHECKPOINT_PAGES = 16_000, 4000
_PRAGMAS = (
    "journal_mode=WAL", "synchronous=FULL", f"busy_timeout={_BUSY_MS}", "foreign_keys=ON",
    f"cache_size=-{_CACHE_KB}", f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
)  # fmt: skip
_CONNECT_SECONDS = 5
_SQLITE_FIXES = {
    "unable to open database file": ": the folder of INNERLOOP_STORE_URL has to be there and writable for this user",
    "attempt to write a readonly database": ": the file of INNERLOOP_STORE_URL has to be writable for this user",
}
_QUOTED = re.compile(r'".*"', re.DOTALL)  # to the last mark: a value may hold some itself
_CLASH = frozenset({"40001", "40P01"})  # serialization failure, deadlock
# Read-only: a standby that has not been promoted yet. The others ended a worker that stood still in a transaction.
_PASSING = frozenset({"25006", "25P03", "25P04"})
_DATA_CLASSES = frozenset({"22", "23", "54"})  # data exception, integrity violation, program limit


_MACHINE = SystemClock()
_CLOCK = text("SELECT clock_timestamp()")
DATABASE_ERRORS = (sa_exc.SQLAlchemyError, psycopg.Error, sqlite3.Error)


class Trouble(Enum):
    """What a database error means for whoever asked."""

    CLASH = "clash"  # another worker was faster: run the transaction again
    DATA = "data"  # one of the rows is refused
    UNAVAILABLE = "unavailable"  # the store does not answer: wait
    BUG = "bug"  # anything else


class Store:
    """One database. `read()` and `write()` give a Connection inside a transaction."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.dialect = "postgresql" if url.get_backend_name() == "postgresql" else "sqlite"
        self.engine: Engine = _postgresql(url) if self.dialect == "postgresql" else _sqlite(url)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write. Raises StoreUnavailable, Clash and RowRefused."""
        with _translated(self.engine), self.engine.connect() as conn:
            writing = conn.execution_options(innerloop_writes=True)
            with writing.begin():
                yield writing

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads. Raises StoreUnavailable where the store does not answer."""
        with _translated(self.engine), self.engine.connect() as conn, conn.begin():
            yield conn

    def now(self, conn: Connection) -> datetime:
        """The store's own clock, which leases use: the clocks of the workers may differ. SQLite's is this machine's."""
        if self.dialect == "sqlite":
            return _MACHINE.now()
        value: datetime = conn.execute(_CLOCK).scalar_one()
        return value.astimezone(UTC)

    def ping(self) -> None:
        """Raises StoreUnavailable where the store does not answer."""
        with self.read() as conn:
            conn.execute(text("SELECT 1"))

    def close(self) -> None:
        self.engine.dispose()


def open_store(url: str) -> Store:
    """Open `sqlite:///file.db` or `postgresql://…`. Connects at first use. Raises ConfigError for another URL."""
    try:
        parsed = make_url(url)
    except sa_exc.ArgumentError:
        raise ConfigError(
            "INNERLOOP_STORE_URL cannot be read. Write sqlite:///innerloop.db or postgresql://user@host/name."
        ) from None
    name = parsed.get_backend_name()
    if name not in ("sqlite", "postgresql"):
        raise ConfigError(f"INNERLOOP_STORE_URL begins with {name}; innerloop stores in sqlite or postgresql.")
    if name == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return Store(parsed)


def trouble(error: BaseException) -> Trouble:
    """Read a driver's or SQLAlchemy's exception."""
    origin = error.orig if isinstance(error, sa_exc.DBAPIError) else error
    if isinstance(origin, psycopg.Error):
        return _postgresql_trouble(origin)
    if isinstance(origin, sqlite3.IntegrityError | sqlite3.DataError | OverflowError | UnicodeEncodeError):
        return Trouble.DATA
    if isinstance(origin, sqlite3.OperationalError) or isinstance(error, sa_exc.TimeoutError):
        return Trouble.BUG if _is_a_mistake(str(origin)) else Trouble.UNAVAILABLE
    if isinstance(origin, sqlite3.DatabaseError) and not isinstance(origin, sqlite3.ProgrammingError):
        return Trouble.UNAVAILABLE  # a damaged or foreign file
    return Trouble.BUG


def raw(conn: Connection) -> Any:
    """The driver's own connection, for the hot path."""
    return conn.connection.driver_connection


def _postgresql_trouble(error: psycopg.Error) -> Trouble:
    state = error.sqlstate or ""
    if state in _CLASH:
        return Trouble.CLASH
    if state[:2] in _DATA_CLASSES or isinstance(error, psycopg.DataError | psycopg.IntegrityError):
        return Trouble.DATA
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) or state[:2] in ("08", "53", "57", "58"):
        return Trouble.UNAVAILABLE
    if state in _PASSING:
        return Trouble.UNAVAILABLE
    return Trouble.BUG


def _is_a_mistake(message: str) -> bool:
    # SQLite says "operational" for a locked file and for a misspelt column alike.
    return any(words in message for words in ("no such", "syntax error", "has no column", "misuse"))


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    """Turn what drivers raise into our own errors, without the values they quote: those may be a customer's words."""
    try:
        yield
    except DATABASE_ERRORS as error:
        kind, cause = trouble(error), error.orig if isinstance(error, sa_exc.DBAPIError) else error
        if kind is Trouble.UNAVAILABLE:
            if isinstance(error, psycopg.Error):  # SQLAlchemy did not see it: what else lies in its pool is as broken
                engine.dispose()
            raise StoreUnavailable(f"The store does not answer: {_first_line(cause)}") from None
        if kind is Trouble.DATA:
            raise RowRefused(_refusal(cause)) from None
        if kind is Trouble.CLASH:
            raise Clash from None
        raise


def _first_line(error: BaseException | None) -> str:
    lines = str(error).strip().splitlines()
    said = lines[0] if lines else type(error).__name__
    return said + next((fix for words, fix in _SQLITE_FIXES.items() if words in said), "")


def _refusal(error: BaseException | None) -> str:
    """A refusal in the database's words.

    PostgreSQL names constraint and column in the primary message and puts the row into the detail, which stays
    here; what the primary message itself quotes of a value goes too. SQLite names table and column only.
    """
    diagnosis = getattr(error, "diag", None)
    words = _QUOTED.sub("…", getattr(diagnosis, "message_primary", None) or _first_line(error))
    constraint = getattr(diagnosis, "constraint_name", None)
    return f"The store refused it: {words}{f' ({constraint})' if constraint else ''}."


def _sqlite(url: URL) -> Engine:
    options = {"timeout": _BUSY_MS / 1000, "check_same_thread": False}
    engine = create_engine(url, hide_parameters=True, connect_args=options)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        # A deferred transaction that writes later fails at once instead of waiting for its turn.
        writes = conn.get_execution_options().get("innerloop_writes")
        conn.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=8,
        max_overflow=8,
        pool_timeout=_CONNECT_SECONDS,
        connect_args=connect_args(_CONNECT_SECONDS),
    )
    event.listen(engine, "connect", _refuse_other_encodings, insert=True)  # before SQLAlchemy's own first look
    return engine


def _refuse_other_encodings(connection: Any, _record: object) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigError(
            f"The database of INNERLOOP_STORE_URL is encoded in {encoding}, which cannot hold every customer's words. "
            "Make one with: createdb --encoding UTF8 --template template0 NAME"
        )


def upsert(table: Table, dialect: str) -> Any:
    """An INSERT that can say what to do about a conflict: SQLAlchemy has one for each engine."""
    return (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)


def connect_args(timeout: int) -> dict[str, object]:
    """How a connection to PostgreSQL is made; `timeout` in seconds."""
    return {
        "connect_timeout": timeout,
        "options": "-c timezone=UTC -c idle_in_transaction_session_timeout=60000 -c lock_timeout=30000",
        "application_name": "innerloop",
        # A peer that vanished without a word is noticed in seconds, not in the kernel's two hours.
        "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000,
    }  # fmt: skip
