"""The hot path's queries stay quick when the tables are long."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event

from worker.store import batch
from worker.store.engine import Store, raw

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def plan_of_looking_for_work(store: Store) -> str:
    """How the database goes about the query that each batch looks for live work with."""
    asked: list[tuple[str, Any]] = []
    with store.write() as conn:
        if store.dialect == "postgresql":  # in an empty table it would rather read all of nothing
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        event.listen(conn, "before_cursor_execute", lambda *said: asked.append((said[2], said[3])))
        batch.lock_work(conn, customers=["crm/c-77"], keys=["customer:crm/c-77"], ids=[42], closed_since=NOON)
        explain = "EXPLAIN " if store.dialect == "postgresql" else "EXPLAIN QUERY PLAN "
        rows = raw(conn).execute(explain + asked[0][0], asked[0][1]).fetchall()
    return "\n".join(str(row[-1]) for row in rows)


def test_looking_for_work_asks_the_indexes_and_never_reads_all_follow_ups(fresh_store: Store) -> None:
    plan = plan_of_looking_for_work(fresh_store)
    assert "Seq Scan" not in plan
    assert "SCAN follow_ups" not in plan
    assert "BitmapOr" in plan or "MULTI-INDEX OR" in plan
