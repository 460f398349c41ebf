"""Copy a store into an empty one, table by table: from SQLite on one host to PostgreSQL for several, or back.

    python deploy/copy_store.py sqlite:///innerloop.db postgresql://innerloop@db/innerloop

Stop the worker first, and run `innerloop migrate` for the new store. Everything goes over in one transaction of the new
store: either all of it is there, or nothing. Who works at the moment, and on what, is not copied.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from sqlalchemy import Connection, Table, func, insert, select, update

from worker.errors import InnerloopError, UsageError
from worker.store.engine import open_store
from worker.store.ids import NUMBERED
from worker.store.migrate import check_schema
from worker.store.schema import ids, metadata

AT_ONCE = 1000
LEFT_OUT = {"workers", "duties", "ids"}  # who works at the moment, on what; and how SQLite hands out ids


def copy(source: str, target: str) -> dict[str, int]:
    """Rows copied, by table. Raises SchemaMismatch, StoreUnavailable, and UsageError for a target with rows in it."""
    old, new = open_store(source), open_store(target)
    try:
        check_schema(old)
        check_schema(new)
        with old.read() as reading, new.write() as writing:
            _refuse_what_is_not_empty(writing)
            copied = {table.name: _copy(table, reading, writing) for table in _tables()}
            _go_on_counting(writing)
            return copied
    finally:
        old.close()
        new.close()


def _tables() -> list[Table]:
    """Every table, those that are referred to first."""
    return [table for table in metadata.sorted_tables if table.name not in LEFT_OUT]


def _refuse_what_is_not_empty(conn: Connection) -> None:
    for table in _tables():
        if conn.scalar(select(func.count()).select_from(table)):
            raise UsageError(f"The new store has rows in {table.name}. Copy into an empty one.")


def _copy(table: Table, reading: Connection, writing: Connection) -> int:
    copied = 0
    for rows in _chunks(table, reading):
        writing.execute(insert(table), rows)
        copied += len(rows)
    return copied


def _chunks(table: Table, conn: Connection) -> Iterator[list[dict[str, object]]]:
    found = conn.execute(select(table).order_by(*table.primary_key.columns)).mappings()
    for part in found.partitions(AT_ONCE):
        yield [dict(row) for row in part]


def _go_on_counting(conn: Connection) -> None:
    """The next id of each table is one that was never given out: each engine has its own way to count."""
    for name in NUMBERED:
        last = conn.scalar(select(func.max(metadata.tables[name].c.id)))
        if conn.dialect.name == "postgresql" and last is not None:
            conn.execute(select(func.setval(f"{name}_ids", last)))
        elif conn.dialect.name == "sqlite":
            conn.execute(update(ids).where(ids.c.name == name).values(next=(last or 0) + 1))


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        sys.stderr.write("copy_store.py FROM_URL TO_URL\n")
        return 2
    try:
        copied = copy(*arguments)
    except InnerloopError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stderr.writelines(f"{name:22}{count:>9}\n" for name, count in copied.items())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
