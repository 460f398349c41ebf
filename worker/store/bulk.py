"""Inserting many rows in one statement, straight on the drivers.

PostgreSQL gets all rows as one JSON text and INSERT … SELECT FROM json_to_recordset: one round trip, one plan, no
temporary table to bloat the catalogue, and no value is touched by Python code (COPY into a temporary table and arrays
through unnest were measured, too: docs/adr). SQLite gets executemany. Both take rows as tuples in the table's column
order; documents come as JSON text, times as aware datetimes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Connection, Date, Float, Integer, LargeBinary, Table

from worker.store.engine import raw
from worker.store.types import Document, UtcTime, encode_document, time_text

Row = tuple[Any, ...]
Converters = dict[int, Callable[[Any], Any]]
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
    cursor = raw(conn).executemany(statement, _converted(rows, converters))
    count: int = cursor.rowcount
    cursor.close()
    return count


def _converted(rows: Sequence[Row], converters: Converters) -> list[list[Any]]:
    """Only the columns that need it are touched: this is the innermost loop of the hot path."""
    converted = [list(row) for row in rows]
    for i, converter in converters.items():
        last = ready = None
        for row in converted:
            if row[i] is not last:  # most times of a batch are one object: when it was read
                last = row[i]
                ready = None if last is None else converter(last)
            row[i] = ready
    return converted


def _insert_postgresql(conn: Connection, table: Table, rows: Sequence[Row], skip_conflicts: bool) -> int:
    statement, converters = _postgresql(table.name, table.metadata, skip_conflicts)
    with raw(conn).cursor() as cursor:
        cursor.execute(statement, (encode_document(_converted(rows, converters)),))
        count: int = cursor.rowcount
    return count


@lru_cache(maxsize=64)
def _postgresql(name: str, metadata: Any, skip_conflicts: bool) -> tuple[str, Converters]:
    table = metadata.tables[name]
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    # ->> gives SQL NULL for a JSON null, so a cast of its text is all that a value needs.
    values = ", ".join(
        f"nullif(r->{i}, 'null')" if isinstance(column.type, Document) else f"(r->>{i})::{_cast(column.type)}"
        for i, column in enumerate(table.columns)
    )
    converters: Converters = {}
    for i, column in enumerate(table.columns):
        if isinstance(column.type, Document):
            converters[i] = _embedded
        elif isinstance(column.type, LargeBinary):
            converters[i] = _hex
    conflict = " ON CONFLICT DO NOTHING" if skip_conflicts else ""
    rows = "jsonb_array_elements(%s::jsonb) AS t(r)"
    return f'INSERT INTO "{name}" ({names}) SELECT {values} FROM {rows}{conflict}', converters  # noqa: S608 - our own names


@lru_cache(maxsize=64)
def _sqlite(name: str, metadata: Any, skip_conflicts: bool) -> tuple[str, Converters]:
    table = metadata.tables[name]
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    marks = ", ".join("?" for _ in table.columns)
    # Not OR IGNORE: that would swallow failed checks too.
    conflict = " ON CONFLICT DO NOTHING" if skip_conflicts else ""
    converters: Converters = {}
    for i, column in enumerate(table.columns):
        if isinstance(column.type, UtcTime):
            converters[i] = time_text
        elif isinstance(column.type, Date):
            converters[i] = date.isoformat
    return f'INSERT INTO "{name}" ({names}) VALUES ({marks}){conflict}', converters  # noqa: S608 - our own names


def _embedded(document: str) -> msgspec.Raw:
    return msgspec.Raw(document.encode())


def _hex(value: bytes) -> str:
    return "\\x" + value.hex()


def _cast(kind: Any) -> str:
    return next((cast for type_, cast in _CASTS if isinstance(kind, type_)), "text")
