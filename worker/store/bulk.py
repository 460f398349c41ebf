"""Inserting many rows in one statement, straight on the drivers.

PostgreSQL gets one array per column and INSERT … SELECT FROM unnest: one round trip, one plan, no temporary table to
bloat the catalogue. SQLite gets executemany. Both take rows as tuples in the table's column order; documents come as
JSON text, times as aware datetimes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, Date, Float, Integer, LargeBinary, Table

from worker.store.engine import raw
from worker.store.types import Document, UtcTime, time_text

Row = tuple[Any, ...]
_CASTS: tuple[tuple[type, str], ...] = (
    (UtcTime, "timestamptz"), (Document, "jsonb"), (BigInteger, "bigint"), (Integer, "integer"), (Boolean, "boolean"),
    (Date, "date"), (Float, "double precision"), (LargeBinary, "bytea"),
)  # fmt: skip


def insert(conn: Connection, table: Table, rows: Sequence[Row], *, skip_conflicts: bool = False) -> int:
    """Insert all rows; gives how many went in. With `skip_conflicts` fewer may, where another worker was faster."""
    if not rows:
        return 0
    if conn.dialect.name == "postgresql":
        return _insert_postgresql(conn, table, rows, skip_conflicts)
    statement, converters = _sqlite(table.name, table.metadata, skip_conflicts)
    converted = [[_convert(converters, i, value) for i, value in enumerate(row)] for row in rows]
    cursor = raw(conn).executemany(statement, converted)
    count: int = cursor.rowcount
    cursor.close()
    return count


def _convert(converters: dict[int, Callable[[Any], Any]], i: int, value: Any) -> Any:
    converter = converters.get(i)
    return value if converter is None or value is None else converter(value)


def _insert_postgresql(conn: Connection, table: Table, rows: Sequence[Row], skip_conflicts: bool) -> int:
    columns = [list(column) for column in zip(*rows, strict=True)]
    with raw(conn).cursor() as cursor:
        cursor.execute(_postgresql(table.name, table.metadata, skip_conflicts), columns)
        count: int = cursor.rowcount
    return count


@lru_cache(maxsize=64)
def _postgresql(name: str, metadata: Any, skip_conflicts: bool) -> str:
    table = metadata.tables[name]
    casts = [_cast(column.type) for column in table.columns]
    # jsonb and timestamptz travel as text arrays: psycopg dumps str lists fastest, and the server parses them once.
    arrays = ", ".join(f"%s::{'text' if cast == 'jsonb' else cast}[]" for cast in casts)
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    values = ", ".join(f"c{i}::jsonb" if cast == "jsonb" else f"c{i}" for i, cast in enumerate(casts))
    aliases = ", ".join(f"c{i}" for i in range(len(casts)))
    conflict = " ON CONFLICT DO NOTHING" if skip_conflicts else ""
    return f'INSERT INTO "{name}" ({names}) SELECT {values} FROM unnest({arrays}) AS t({aliases}){conflict}'  # noqa: S608 - our own names


@lru_cache(maxsize=64)
def _sqlite(name: str, metadata: Any, skip_conflicts: bool) -> tuple[str, dict[int, Callable[[Any], Any]]]:
    table = metadata.tables[name]
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    marks = ", ".join("?" for _ in table.columns)
    # Not OR IGNORE: that would swallow failed checks too.
    conflict = " ON CONFLICT DO NOTHING" if skip_conflicts else ""
    converters: dict[int, Callable[[Any], Any]] = {}
    for i, column in enumerate(table.columns):
        if isinstance(column.type, UtcTime):
            converters[i] = _time
        elif isinstance(column.type, Date):
            converters[i] = date.isoformat
    return f'INSERT INTO "{name}" ({names}) VALUES ({marks}){conflict}', converters  # noqa: S608 - our own names


def _time(at: datetime) -> str:
    return time_text(at)


def _cast(kind: Any) -> str:
    return next((cast for type_, cast in _CASTS if isinstance(kind, type_)), "text")
