"""Pruning on both stores: old words and people go, what is worked on stays, nothing comes back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.clock import MovableClock
from tests.support.flow import Flow
from tests.support.forgetting import traces
from tests.support.rows import Rows
from worker.followup.closing import CloseOut
from worker.followup.service import Service
from worker.schedule.retention import Retention
from worker.store.engine import Store
from worker.store.reconcile import reconcile

WORDS = ["Ines Ferrer", "c-77", "ines@example.com", "same invoice", "credited"]


@pytest.fixture
def flow(fresh_store: Store, clock: MovableClock) -> Flow:
    return Flow(fresh_store, clock)


def retention(flow: Flow, responses: int | None = 100, notices: int | None = None) -> Retention:
    days = [None if span is None else timedelta(days=span) for span in (responses, notices)]
    return Retention(flow.store, flow.clock, responses=days[0], notices=days[1])


def closed(flow: Flow) -> None:
    """An answer with a follow-up that was closed on the same day."""
    flow.feed(flow.event("r-1", comment="Third call about the same invoice."))
    out = CloseOut(outcome="recovered", root_cause="billing", action="Credited 40")
    service = Service(flow.store, lambda: flow.live, flow.clock)
    service.contact(1, by="ana", via="page")
    service.close(1, out, by="ana", via="page")


def test_words_and_person_go_when_their_time_is_over(flow: Flow) -> None:
    closed(flow)
    flow.clock.advance(days=99)
    assert retention(flow).run() == 0
    flow.clock.advance(days=2)
    assert retention(flow).due() == {"dead_letters": 0, "responses": 1}
    assert retention(flow).run() == 1
    assert traces(flow.store, WORDS) == []
    assert retention(flow).run() == 0


def test_a_live_follow_up_keeps_its_answer_however_old(flow: Flow) -> None:
    flow.feed(flow.event("r-1", comment="Third call about the same invoice."))
    flow.clock.advance(days=1000)
    assert retention(flow).run() == 0
    assert traces(flow.store, WORDS[:4]) == WORDS[:4]


def test_a_pruned_answer_that_is_read_again_is_a_duplicate_and_the_books_balance(flow: Flow) -> None:
    told = flow.event("r-1", score=9)
    flow.feed(told)
    flow.clock.advance(days=101)
    retention(flow).run()
    flow.feed(told, {**told, "score": 1}, partition=1)
    assert traces(flow.store, WORDS) == []
    assert flow.rows("follow_ups", "id") == []
    with flow.store.read() as conn:
        assert reconcile(conn)["problems"] == []


def test_without_a_span_everything_is_kept(flow: Flow) -> None:
    closed(flow)
    flow.clock.advance(days=10_000)
    assert retention(flow, responses=None).run_to_the_end() == {"dead_letters": 0}
    assert traces(flow.store, WORDS) == WORDS


def test_addresses_and_attempts_go_with_their_notice_and_live_work_keeps_them(fresh_store: Store) -> None:
    rows = Rows(fresh_store)
    for n, state in ((1, "closed"), (2, "open")):
        rows.response(n)
        rows.follow_up(n, response=n, state=state)
        rows.notice(n, follow_up=n, state="delivered", data={"reason": "she said so"})
        rows.delivery(n, notice=n, state="delivered", address=f"ana-{n}@example.com")
        rows.put("attempts", delivery_id=n, n=1, started_at=rows.now, outcome="accepted", reason=f"ana-{n}@example.com")
        rows.put("threads", follow_up_id=n, channel="email", address=f"ana-{n}@example.com", provider_ref="1",
                 shown_version=1)  # fmt: skip
    flow = Flow(fresh_store, MovableClock(rows.now + timedelta(days=31)))
    assert retention(flow, responses=None, notices=30).run() == 1
    assert traces(fresh_store, ["ana-1@example.com", "ana-2@example.com"]) == ["ana-2@example.com"]
    assert retention(flow, responses=None, notices=30).run() == 0


def test_a_backlog_is_pruned_in_pieces_to_the_end(flow: Flow) -> None:
    flow.feed(*(flow.event(f"r-{n}", score=9) for n in range(450)))
    flow.clock.advance(days=101)
    assert retention(flow).run_to_the_end()["responses"] == 450
    assert {erased is None for (erased,) in flow.rows("responses", "erased_at")} == {False}
