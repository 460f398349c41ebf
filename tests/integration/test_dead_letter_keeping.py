"""Dead letters on a store: what they show, what they hide, how they come back and when they are forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from tests.support.clock import MovableClock
from tests.support.flow import RULES, Flow, live_set
from worker.ingest.records import Batch, Record, Slice
from worker.schedule.retention import Retention
from worker.store import dead_letters
from worker.store.dead_letters import Seal
from worker.store.engine import Store
from worker.store.reconcile import reconcile

KEYS = ["k" * 32]
CANARIES = {
    "card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
    "mail": "ines.canary@example.com",
    "phone": "+49 170 1234567",
}
SURVEYS = "format: 1\nsurveys:\n  stimmung: {metric: nps}\n"


@pytest.fixture
def flow(fresh_store: Store, clock: MovableClock) -> Flow:
    return Flow(fresh_store, clock)


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def opened(flow: Flow, number: int = 1) -> Record:
    """The record of a dead letter, as a replay gets it."""
    names = ("topic", "partition", "incarnation", "offset")
    row = dict(zip(("id", "sealed", *names), row_of(flow, number, "id", "sealed", *names), strict=True))
    kept = Seal(KEYS).open(row["sealed"])
    assert kept is not None
    place = {name: row[name] for name in names}
    return Record(**place, key=kept.key, value=kept.value, headers=kept.headers, timestamp=kept.timestamp, how="replay")


def row_of(flow: Flow, number: int, *columns: str) -> tuple[Any, ...]:
    return next(row[1:] for row in flow.rows("dead_letters", "id", *columns) if row[0] == number)


def pruned(flow: Flow) -> int:
    return Retention(flow.store, flow.clock, responses=None, notices=None).run()


def mend(flow: Flow) -> None:
    """The scale that was missing is there now."""
    flow.live = live_set({**RULES, "surveys.yaml": SURVEYS})


def shown(flow: Flow) -> str:
    return json.dumps(flow.rows("dead_letters", "message", "excerpt", "source"), ensure_ascii=False)


def test_what_is_sealed_is_the_record_as_it_came(flow: Flow, clock: MovableClock) -> None:
    record = Record(
        topic="t", partition=4, offset=9, incarnation="t7", timestamp=clock.now() - timedelta(days=2), key=b"c-77",
        value=b"{broken", headers=(("ce_id", b"e-1"), ("ce_empty", None)),
    )  # fmt: skip
    part = Slice(topic="t", partition=4, incarnation="t7", first=9, next=10, records=(record,))
    flow.pipeline.process(Batch(slices=(part,)))
    kept = opened(flow)
    for name in ("topic", "partition", "offset", "incarnation", "timestamp", "key", "value", "headers"):
        assert getattr(kept, name) == getattr(record, name)


def test_a_replay_counts_at_its_old_place_and_leaves_the_ledger_alone(flow: Flow) -> None:
    flow.feed(flow.event(survey="stimmung", metric=None))
    before = flow.rows("ledger", "accepted", "dead", "to_offset")
    mend(flow)
    assert flow.pipeline.replay(opened(flow), 1) == "accepted"
    assert flow.rows("responses", "origin_offset", "origin_how") == [(0, "replay")]
    assert flow.rows("dead_letters", "state", "response_id") == [("replayed", 1)]
    assert flow.rows("ledger", "accepted", "dead", "to_offset") == before
    with flow.store.read() as conn:
        assert reconcile(conn)["problems"] == []


def test_a_replay_never_overtakes_what_came_after_it(flow: Flow, clock: MovableClock) -> None:
    flow.feed(flow.event(score=1, survey="stimmung", metric=None))
    clock.advance(minutes=1)
    flow.feed(flow.event(score=9))
    mend(flow)
    assert flow.pipeline.replay(opened(flow), 1) == "stale"
    assert flow.rows("responses", "class") == [("promoter",)]
    assert not flow.rows("follow_ups", "id")
    assert flow.rows("dead_letters", "state") == [("replayed",)]


def test_replaying_twice_does_it_once(flow: Flow) -> None:
    flow.feed(flow.event(survey="stimmung", metric=None))
    record = opened(flow)
    mend(flow)
    assert [flow.pipeline.replay(record, 1), flow.pipeline.replay(record, 1)] == ["accepted", "duplicate"]
    assert flow.rows("responses", "version") == [(1,)]
    assert len(flow.rows("follow_ups", "id")) == 1
    assert len(flow.rows("notices", "id")) == 1


def test_a_discarded_one_stays_so(flow: Flow) -> None:
    flow.feed(flow.event(survey="stimmung", metric=None))
    with flow.store.write() as conn:
        conn.execute(text("UPDATE dead_letters SET state = 'discarded'"))
    mend(flow)
    assert flow.pipeline.replay(opened(flow), 1) == "duplicate"
    assert not flow.rows("responses", "id")


def test_what_fails_again_says_what_is_wrong_today(flow: Flow) -> None:
    flow.feed(flow.event(score=11, survey="stimmung", metric=None))
    mend(flow)
    assert flow.pipeline.replay(opened(flow), 1) == "dead"
    assert row_of(flow, 1, "reason", "state") == ("score_out_of_scale", "open")


def test_open_ones_are_found_by_reason_source_and_time(flow: Flow, clock: MovableClock) -> None:
    flow.feed(flow.event("r-1", score=11), b"{broken")
    later = clock.advance(hours=1)
    flow.feed(flow.event("r-2", score=11, source="shop"), flow.event("r-3", score=12))
    with flow.store.read() as conn:
        assert dead_letters.find_open(conn) == [1, 2, 3, 4]
        assert dead_letters.find_open(conn, reason="not_json") == [2]
        assert dead_letters.find_open(conn, source="shop") == [3]
        assert dead_letters.find_open(conn, since=later) == [3, 4]
        assert dead_letters.find_open(conn, reason="score_out_of_scale", until=later) == [1]


def broken(flow: Flow) -> list[Any]:
    """Records that fail in every way, each full of what must never be shown."""
    words = " and ".join(CANARIES.values())
    customer = {"id": "c-77", "email": CANARIES["mail"], "phone": CANARIES["phone"]}
    return [
        words.encode(),
        json.dumps([words]).encode(),
        json.dumps({"about": words, **CANARIES}).encode(),
        f"{words}".encode("utf-16"),
        b"\xff" + words.encode(),
        flow.event(comment=words, customer=customer) | {"score": words},
        flow.event(score=None, comment=None, attributes={"note": words}, customer=customer),
        flow.event(metric=words, comment=words),
        flow.event(score=11, comment=words, customer=customer),
        flow.event(responded_at=words, comment=words),
        flow.event(id={"a": words}, comment=words),
        flow.event(source=[words], comment=words),
        "comment=" + words.replace(" ", "+") + "&email=ines.canary%40example.com",
    ]


def test_neither_excerpt_nor_message_nor_log_shows_a_number_or_an_address(flow: Flow, logs: list[Any]) -> None:
    values = [one.encode() if isinstance(one, str) else one for one in broken(flow)]
    flow.feed(*values)
    assert len(flow.rows("dead_letters", "id")) == len(values)
    everywhere = shown(flow) + json.dumps(logs, default=str)
    everywhere += json.dumps(flow.rows("notices", "data"), default=str)
    for name, canary in CANARIES.items():
        for spelling in (canary, canary.replace(" ", ""), canary.replace(" ", "+"), canary.replace("@", "%40")):
            assert spelling not in everywhere, name


def test_what_the_store_refuses_is_said_in_its_words_without_the_customer_s(flow: Flow, logs: list[Any]) -> None:
    with flow.store.write() as conn:
        if flow.store.dialect == "sqlite":
            conn.execute(text(
                "CREATE TRIGGER refuse BEFORE INSERT ON responses WHEN NEW.external_id LIKE 'bad%' "
                "BEGIN SELECT RAISE(ABORT, 'refused here'); END"
            ))  # fmt: skip
        else:
            conn.execute(text("ALTER TABLE responses ADD CONSTRAINT refused_here CHECK (external_id NOT LIKE 'bad%')"))
    words = " and ".join(CANARIES.values())
    flow.feed(flow.event("r-1"), flow.event(f"bad {words}", comment=words), flow.event("r-2"))
    [(reason, message)] = flow.rows("dead_letters", "reason", "message")
    assert reason == "store_refused"
    assert "refused" in message
    everywhere = shown(flow) + json.dumps(logs, default=str)
    assert not [canary for canary in CANARIES.values() if canary in everywhere]
    assert len(flow.rows("responses", "id")) == 2


def test_a_waiting_response_the_store_refuses_to_decide_does_not_hold_up_the_others(
    flow: Flow, clock: MovableClock
) -> None:
    flow.feed(*[flow.event(f"r-{n}", score=5, status="partial", customer={"id": f"c-{n}"}) for n in range(3)])
    with flow.store.write() as conn:
        if flow.store.dialect == "sqlite":
            conn.execute(text(
                "CREATE TRIGGER refuse BEFORE INSERT ON follow_ups WHEN NEW.customer_key = 'crm/c-1' "
                "BEGIN SELECT RAISE(ABORT, 'refused here'); END"
            ))  # fmt: skip
        else:
            conn.execute(text("ALTER TABLE follow_ups ADD CHECK (customer_key <> 'crm/c-1')"))
    clock.advance(minutes=10)
    assert flow.pipeline.settle() == 2
    assert flow.rows("responses", "external_id", "status") == [
        ("r-0", "decided"), ("r-1", "waiting"), ("r-2", "decided")
    ]  # fmt: skip
    assert flow.pipeline.settle() == 0


def test_raw_records_and_excerpts_are_forgotten_after_thirty_days(flow: Flow, clock: MovableClock) -> None:
    flow.feed(b"{broken")
    clock.advance(days=29)
    assert pruned(flow) == 0
    clock.advance(days=1)
    assert pruned(flow) == 1
    assert row_of(flow, 1, "sealed", "excerpt", "reason", "state") == (None, None, "not_json", "open")
    assert pruned(flow) == 0


def test_without_keys_the_excerpt_is_forgotten_all_the_same(flow: Flow, clock: MovableClock) -> None:
    flow.pipeline._seal = None
    flow.feed(b"{broken")
    assert row_of(flow, 1, "sealed") == (None,)
    clock.advance(days=30)
    assert pruned(flow) == 1
    assert row_of(flow, 1, "excerpt") == (None,)
