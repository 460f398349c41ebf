"""Opening what a command needs: settings and store, each failure said in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from worker.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

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


def row_id(text: str, prefix: str = "F-") -> int:
    """`42` or `F-42`. Raises UsageError."""
    digits = text[len(prefix) :] if text.upper().startswith(prefix) else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise UsageError(f'"{text}" is no id. Write 42 or {prefix}42.')
    return int(digits)
