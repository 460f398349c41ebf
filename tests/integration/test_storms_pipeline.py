"""Poison storms on a store: kept, told once, never lost, and over when ops or a mended rule set say so."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.clock import MovableClock
from tests.support.flow import RULES, TOPIC, Flow, live_set
from worker.errors import StoreUnavailable
from worker.ingest.records import Pause
from worker.ingest.storms import pause_reason
from worker.store.engine import Store
from worker.store.reconcile import reconcile

SHOP = """
match: {has: [order]}
fields: {id: rated, responded_at: {value: '2026-11-20T14:00:00Z'}, score: rated, metric: {value: nps}}
"""
GARBAGE = b"\xff\xfe no event of anybody"


@pytest.fixture
def flow(fresh_store: Store, clock: MovableClock) -> Flow:
    return Flow(fresh_store, clock)


def head(flow: Flow) -> tuple[Any, ...]:
    return flow.rows("partitions", "next_offset", "paused_reason", "accepted_until")[0]


def ops(flow: Flow) -> list[str]:
    return [data["broke"] for kind, data in flow.rows("notices", "kind", "data") if kind == "ops"]


@contextmanager
def failing(store: Store, commits: int) -> Iterator[None]:
    """The store goes away after so many commits."""
    dialect, left = store.engine.dialect, iter(range(commits))
    commit = dialect.do_commit

    def fail(dbapi_connection: Any) -> None:
        if next(left, None) is None:
            raise sqlite3.OperationalError("disk I/O error")
        commit(dbapi_connection)

    dialect.do_commit = fail  # type: ignore[method-assign]
    try:
        with pytest.raises(StoreUnavailable):
            yield
    finally:
        dialect.do_commit = commit  # type: ignore[method-assign]


def is_in_order(flow: Flow) -> bool:
    with flow.store.read() as conn:
        return bool(reconcile(conn)["ok"])


def test_a_storm_of_one_source_is_told_once_and_the_others_flow(flow: Flow) -> None:
    for n in range(3):
        wrong = [flow.event(f"w-{n}-{i}", metric="stimmung", source="shop") for i in range(40)]
        flow.feed(*wrong, flow.event(f"r-{n}"))
    (told,) = ops(flow)
    assert told.startswith('Source "shop" sends records nobody can use: 50 of the last 50.')
    assert flow.rows("ledger", "accepted", "dead") == [(3, 120)]
    assert head(flow) == (123, None, None)
    assert is_in_order(flow)


def test_a_storm_is_told_although_the_store_went_away_when_it_had_just_been_written(flow: Flow) -> None:
    flow.feed(flow.event())
    batch = flow.records(*[flow.event(f"w-{n}", metric="stimmung", source="shop") for n in range(50)])
    with failing(flow.store, commits=1):
        flow.pipeline.process(batch)
    flow.pipeline.process(batch)
    assert len(ops(flow)) == 1
    assert flow.rows("ledger", "accepted", "dead", "again") == [(1, 50, 50)]


def test_a_partition_nobody_can_read_pauses_before_the_first_unwritten_record(flow: Flow) -> None:
    flow.feed(flow.event("r-1"))
    batch = flow.records(*[GARBAGE] * 70, flow.event("r-2"))
    (pause,) = flow.pipeline.process(batch) or ()
    reason = pause_reason(flow.live.revision)
    assert pause == Pause(topic=TOPIC, partition=0, next_offset=51, reason=reason)
    assert flow.pipeline.heads([TOPIC])[TOPIC, 0].paused_reason == reason
    assert head(flow) == (51, reason, None)
    assert flow.rows("ledger", "accepted", "dead") == [(1, 50)]
    assert ops(flow) == [f"Nothing in partition {TOPIC}:0 can be read any more, so it pauses before offset 51."]
    assert is_in_order(flow)


def test_other_partitions_flow_on_while_one_rests(flow: Flow) -> None:
    flow.feed(*[GARBAGE] * 50)
    assert not flow.pipeline.process(flow.records(flow.event(), partition=1))
    assert head(flow)[1] is not None
    assert flow.rows("follow_ups", "state") == [("open",)]


def test_a_replica_that_had_read_on_writes_nothing_into_a_resting_partition(flow: Flow, clock: MovableClock) -> None:
    other = Flow(flow.store, clock, flow.live)
    flow.feed(*[GARBAGE] * 50)
    ahead = flow.records(*[GARBAGE] * 5, flow.event(), at=48)
    (pause,) = other.pipeline.process(ahead) or ()
    assert pause.next_offset == 50
    assert flow.rows("ledger", "dead", "again") == [(50, 2)]
    assert not flow.rows("responses", "id")


def test_a_mended_rule_set_reads_what_the_last_one_could_not(flow: Flow) -> None:
    shop = b'{"order": 7, "rated": %d}'
    batch = flow.records(*[shop % n for n in range(60)], flow.event())
    flow.pipeline.process(batch)
    flow.live = live_set({**RULES, "sources/shop.yaml": SHOP})
    assert flow.pipeline.heads([TOPIC])[TOPIC, 0].paused_reason is None
    flow.pipeline.forget_storms()
    assert head(flow)[1] is None
    rest = flow.records(*[record.value for record in batch.slices[0].records[50:]], at=50)
    assert not flow.pipeline.process(rest)
    assert flow.rows("ledger", "accepted", "dead") == [(1, 60)]
    assert is_in_order(flow)


def test_restarting_with_the_same_rules_changes_nothing_and_with_others_goes_on(
    flow: Flow, clock: MovableClock
) -> None:
    flow.feed(*[GARBAGE] * 50)
    assert Flow(flow.store, clock, flow.live).pipeline.heads([TOPIC])[TOPIC, 0].paused_reason
    mended = live_set({**RULES, "routing.yaml": RULES["routing.yaml"] + "\n"})
    restarted = Flow(flow.store, clock, mended)
    assert restarted.pipeline.heads([TOPIC])[TOPIC, 0].paused_reason is None
    assert not restarted.pipeline.process(flow.records(flow.event()))
    assert head(flow) == (51, None, None)


def test_reading_a_storm_again_tells_nothing_and_pauses_nothing(flow: Flow, clock: MovableClock) -> None:
    wrong = flow.feed(*[flow.event(f"w-{n}", metric="stimmung") for n in range(60)])
    clock.advance(timedelta(days=1))
    other = Flow(flow.store, clock, flow.live)
    assert not other.pipeline.process(wrong)
    assert len(ops(flow)) == 1


def test_a_row_the_store_refuses_amid_a_storm_neither_hides_the_pause_nor_loses_anything(flow: Flow) -> None:
    refuse(flow.store, "r-1")
    batch = flow.records(flow.event("r-1"), *[GARBAGE] * 60)
    (pause,) = flow.pipeline.process(batch) or ()
    assert pause.next_offset == 51
    assert flow.rows("ledger", "from_offset", "to_offset", "dead") == [(0, 51, 51)]
    assert flow.rows("dead_letters", "reason")[0] == ("store_refused",)


def refuse(store: Store, named: str) -> None:
    with store.write() as conn:
        if store.dialect == "sqlite":
            conn.execute(text(
                f"CREATE TRIGGER refuse BEFORE INSERT ON responses WHEN NEW.external_id = '{named}' "
                "BEGIN SELECT RAISE(ABORT, 'refused here'); END"
            ))  # fmt: skip
        else:
            conn.execute(text(f"ALTER TABLE responses ADD CHECK (external_id <> '{named}')"))
