"""The hot path's queries stay quick when the tables are long."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

import psycopg

from worker.store import batch
from worker.store.engine import Store, raw

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def hear(driver: sqlite3.Connection | psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """What the driver is asked from here on: a statement each, with its values where they are not in it."""
    asked: list[tuple[Any, ...]] = []
    if isinstance(driver, sqlite3.Connection):
        driver.set_trace_callback(lambda statement: asked.append((statement,)))
        return asked

    class Heard(psycopg.Cursor[Any]):
        def execute(self, *said: Any, **how: Any) -> Heard:
            asked.append(said)
            return super().execute(*said, **how)

    driver.cursor_factory = Heard
    return asked


def plan_of_looking_for_work(store: Store) -> str:
    """How the database goes about the query that each batch looks for live work with."""
    with store.write() as conn:
        if store.dialect == "postgresql":  # in an empty table it would rather read all of nothing
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        asked = hear(raw(conn))
        batch.lock_work(conn, customers=["crm/c-77"], keys=["customer:crm/c-77"], ids=[42], closed_since=NOON)
        statement, *values = asked[0]
        explain = "EXPLAIN " if store.dialect == "postgresql" else "EXPLAIN QUERY PLAN "
        rows = raw(conn).execute(explain + statement, *values).fetchall()
    return "\n".join(str(row[-1]) for row in rows)


def test_looking_for_work_asks_the_indexes_and_never_reads_all_follow_ups(fresh_store: Store) -> None:
    plan = plan_of_looking_for_work(fresh_store)
    assert "Seq Scan" not in plan
    assert "SCAN follow_ups" not in plan
    assert "BitmapOr" in plan or "MULTI-INDEX OR" in plan
