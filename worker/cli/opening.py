"""Opening what a command needs: settings and store, each failure said in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from worker.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.app import App
    from worker.settings import Settings
    from worker.store.engine import Store


def settings() -> Settings:
    """The process's settings, with logging set up for a command: warnings and errors only."""
    from worker import log
    from worker.settings import load

    loaded = load()
    log.configure("warning" if loaded.log_level == "info" else loaded.log_level, "console")
    return loaded


@contextmanager
def store() -> Iterator[Store]:
    """The store of the settings, its schema checked. Raises StoreUnavailable or SchemaMismatch."""
    from worker.store.engine import open_store
    from worker.store.migrate import check_schema

    opened = open_store(settings().store_url.get_secret_value())
    try:
        check_schema(opened)
        yield opened
    finally:
        opened.close()


@contextmanager
def reading() -> Iterator[Connection]:
    """A connection for reading."""
    with store() as opened, opened.read() as connection:
        yield connection


@contextmanager
def worker() -> Iterator[App]:
    """A worker that plays no role by itself: its store, its rule set and its pipeline, for a command to use.

    Raises StoreUnavailable, SchemaMismatch and RuleSetRefused.
    """
    from worker.app import build
    from worker.store.migrate import check_schema

    app = build(settings(), roles=frozenset())
    try:
        check_schema(app.store)
        app.rule_sets.start()
        yield app
    finally:
        app.stop()


def row_id(text: str, prefix: str = "F-") -> int:
    """`42` or `F-42`. Raises UsageError."""
    digits = text[len(prefix) :] if text.upper().startswith(prefix) else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise UsageError(f'"{text}" is no id. Write 42 or {prefix}42.')
    return int(digits)


def now() -> datetime:
    """The time at which a command acts."""
    from worker.clock import SystemClock

    return SystemClock().now()


def audit(conn: Connection, what: str, by: str | None, detail: Mapping[str, Any]) -> None:
    """Write down what somebody did from the terminal that no history tells."""
    from sqlalchemy import insert

    from worker.store.ids import allocate
    from worker.store.schema import audit as table

    number = allocate(conn, "audit", 1)[0]
    values = {"id": number, "at": now(), "what": what, "by": by or "cli", "via": "cli", "detail": dict(detail)}
    conn.execute(insert(table).values(values))
