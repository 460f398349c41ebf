"""`reconcile` finds every way in which the ledger and the tables could disagree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.rows import Rows
from worker.model.notice import CUSTOMER, SURVEY
from worker.store.engine import open_store
from worker.store.reconcile import reconcile


@pytest.fixture
def rows(store_url: str) -> Iterator[Rows]:
    store = open_store(store_url)
    yield Rows(store)
    store.close()


def account(rows: Rows) -> dict[str, Any]:
    with rows.store.read() as conn:
        return reconcile(conn)


def test_a_store_in_order_agrees(rows: Rows) -> None:
    rows.response(1)
    rows.response(2, version=2)
    rows.follow_up(42, response=1)
    rows.notice(1, follow_up=42)
    rows.dead_letter(1)
    rows.ledger(0, 5, accepted=2, updated=1, dead=1, duplicate=1, head=True)

    found = account(rows)

    assert found["problems"] == []
    assert found["ok"]
    assert (found["responses"], found["follow_ups"], found["notices"]) == (2, 1, {"pending": 1})


def test_an_empty_store_agrees(rows: Rows) -> None:
    assert account(rows)["ok"]


def test_a_missing_response_is_found(rows: Rows) -> None:
    rows.response(1)
    rows.ledger(0, 2, accepted=2, head=True)

    assert account(rows)["problems"] == ["feedback.responses/0: the ledger says 2 accepted, the tables hold 1."]


def test_a_response_the_ledger_does_not_know_is_found(rows: Rows) -> None:
    rows.response(1)

    assert "the ledger knows nothing of this partition" in account(rows)["problems"][0]


def test_what_a_replay_brought_in_leaves_the_account_alone(rows: Rows) -> None:
    rows.dead_letter(1, state="replayed")
    rows.ledger(0, 1, dead=1, head=True)
    rows.response(1, how="replay")

    assert account(rows)["ok"]


def test_a_gap_is_loud(rows: Rows) -> None:
    rows.ledger(0, 3, absent=3)
    rows.ledger(3, 8, seq=1, gap="retention", head=True)

    found = account(rows)

    assert not found["ok"]
    assert found["partitions"][0]["gaps"] == [{"from": 3, "to": 8, "reason": "retention"}]
    assert found["problems"] == ["feedback.responses/0: offsets 3 to 7 were lost before they were read: retention."]


def test_a_hole_and_an_overlap_in_the_chain_are_found(rows: Rows) -> None:
    rows.ledger(0, 3, absent=3)
    rows.ledger(5, 8, seq=1, absent=3)
    rows.ledger(7, 9, seq=2, absent=2, head=True)

    hole, overlap = account(rows)["problems"]

    assert "nothing says what became of offsets 3 to 4" in hole
    assert "offsets 7 to 7 are accounted for twice" in overlap


def test_a_head_that_left_the_ledger_behind_is_found(rows: Rows) -> None:
    rows.ledger(0, 3, absent=3)
    rows.put("partitions", topic="feedback.responses", partition=0, incarnation="9mTnXqG5Q0a", next_offset=9)

    assert account(rows)["problems"] == ["feedback.responses/0: the head stands at 9, the ledger ends at 3."]


def test_a_live_follow_up_without_a_timer_is_forgotten(rows: Rows) -> None:
    rows.response(1)
    rows.follow_up(42, response=1, timer=False, next_step_at=None)
    rows.notice(1, follow_up=42)
    rows.ledger(0, 1, accepted=1, head=True)

    assert account(rows)["problems"] == [
        "These follow-ups have no pending timer: F-42.",
        "These follow-ups have no next step with a time: F-42.",
    ]


def test_a_closed_follow_up_needs_no_timer(rows: Rows) -> None:
    rows.response(1)
    rows.follow_up(42, response=1, state="closed")
    rows.notice(1, follow_up=42)
    rows.ledger(0, 1, accepted=1, head=True)

    assert account(rows)["ok"]


def test_a_follow_up_nobody_was_told_of_is_found_unless_its_playbook_asks_for_silence(rows: Rows) -> None:
    rows.response(1)
    rows.response(2)
    rows.follow_up(41, response=1)
    rows.follow_up(42, response=2, plan={"notify": []})
    rows.ledger(0, 2, accepted=2, head=True)

    assert account(rows)["problems"] == ["These follow-ups have no notice at all: F-41."]


def test_a_notice_said_to_be_delivered_needs_a_delivery_that_was(rows: Rows) -> None:
    rows.notice(1, state="delivered", recipient="ops", kind="ops", cause="ops/storm/1")
    rows.delivery(1, notice=1, state="failed")
    rows.notice(2, state="delivered", recipient=CUSTOMER, kind="customer", cause="response/1/thanks")
    rows.notice(3, state="delivered", recipient=SURVEY, kind="customer", cause="response/1/survey")  # published

    assert account(rows)["problems"] == ["These notices are delivered without a delivery that is: 1, 2."]


def test_a_notice_that_waits_for_no_delivery_is_found(rows: Rows) -> None:
    rows.notice(1, recipient="ops", kind="ops", cause="ops/storm/1", started=True)
    rows.delivery(1, notice=1, state="failed")

    assert account(rows)["problems"] == ["These notices wait although no delivery of theirs does: 1."]


def test_a_decided_response_without_decision_is_found(rows: Rows) -> None:
    rows.response(1)
    rows.response(2, decided=False)  # waits for its other half: needs none yet
    rows.put_out("decisions")
    rows.ledger(0, 2, accepted=2, head=True)

    assert account(rows)["problems"] == ["These responses have no decision: ccaas/r-1."]


def test_many_of_a_kind_are_counted_not_listed(rows: Rows) -> None:
    for number in range(1, 14):
        rows.response(number)
        rows.follow_up(number, response=number, timer=False, due_at=rows.now + timedelta(days=1))
        rows.notice(number, follow_up=number)
    rows.ledger(0, 13, accepted=13, head=True)

    (problem,) = account(rows)["problems"]

    assert problem.endswith("F-9, F-10 and 3 more.")
