"""Tools that send each answer as an event of its own: what an event does not mention stays."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.support.clock import MovableClock
from tests.support.flow import RULES, Flow, live_set
from worker.store.engine import Store
from worker.store.reconcile import reconcile

MAPPING = """
source: desk
match: {has: [answer.of]}
part: yes
order: answer.n
partial_when: {is: {answer.more: true}}
fields:
  id: answer.of
  responded_at: answer.at
  metric: {value: nps}
  score: answer.score
  comment: answer.text
  answers.effort: answer.effort
  answers.speed: answer.speed
  customer.id: answer.customer
  customer.phone: answer.phone
  interaction.agent: answer.agent
"""
SCORE = {"n": 1, "score": 2, "customer": "c-7", "agent": "a-417"}
WORDS = {"n": 2, "text": "Nobody called back, ring me on +49 30 901820."}


@pytest.fixture
def flow(fresh_store: Store, clock: MovableClock) -> Flow:
    return Flow(fresh_store, clock, live_set({**RULES, "sources/desk.yaml": MAPPING}))


def part(flow: Flow, **says: Any) -> bytes:
    at = (flow.now() - timedelta(minutes=5)).isoformat()
    return json.dumps({"answer": {"of": "d-1", "at": at, **says}}).encode()


def current(flow: Flow) -> dict[str, Any]:
    """The content of the latest version."""
    content: dict[str, Any] = flow.rows("versions", "content")[-1][0]
    return content


def counts(flow: Flow) -> dict[str, int]:
    names = ("accepted", "updated", "duplicate", "stale", "dead")
    return {name: sum(row[0] for row in flow.rows("ledger", name)) for name in names}


def is_in_order(flow: Flow) -> bool:
    with flow.store.read() as conn:
        return bool(reconcile(conn)["ok"])


def test_the_words_that_follow_a_score_are_added_to_it(flow: Flow) -> None:
    flow.feed(part(flow, **SCORE))
    flow.feed(part(flow, **WORDS))
    said = current(flow)
    assert (said["score"], said["comment"]) == (2, "Nobody called back, ring me on [phone].")
    assert (said["customer"]["id"], said["interaction"]["agent"]) == ("c-7", "a-417")
    assert flow.rows("responses", "class", "score", "customer_key") == [("detractor", "2", "desk/c-7")]
    assert flow.rows("follow_ups", "state", "version") == [("open", 2)]
    assert counts(flow) == {"accepted": 1, "updated": 1, "duplicate": 0, "stale": 0, "dead": 0}
    assert is_in_order(flow)


def test_an_older_part_that_comes_late_fills_what_the_newer_one_left_open(flow: Flow) -> None:
    flow.feed(part(flow, **WORDS, effort=6))
    flow.feed(part(flow, **SCORE, effort=1))
    said = current(flow)
    assert (said["score"], said["answers"]) == (2, {"effort": 6})
    assert "[phone]" in said["comment"]
    assert flow.rows("follow_ups", "owner") == [("ana",)]
    assert counts(flow)["updated"] == 1


def test_an_older_part_that_adds_nothing_is_stale(flow: Flow) -> None:
    flow.feed(part(flow, n=5, score=9, customer="c-7"))
    flow.feed(part(flow, n=3, score=2, customer="c-7"))
    assert flow.rows("responses", "class", "version") == [("promoter", 1)]
    assert counts(flow)["stale"] == 1


def test_parts_of_one_batch_see_each_other_and_one_sent_twice_is_a_duplicate(flow: Flow) -> None:
    parts = [part(flow, **SCORE), part(flow, **WORDS), part(flow, n=3, speed=4), part(flow, **WORDS)]
    flow.feed(*parts)
    assert flow.rows("responses", "version") == [(3,)]
    assert current(flow)["answers"] == {"speed": 4}
    assert current(flow)["score"] == 2
    assert counts(flow) == {"accepted": 1, "updated": 2, "duplicate": 1, "stale": 0, "dead": 0}
    assert is_in_order(flow)


def test_contact_data_of_an_earlier_part_stays(flow: Flow) -> None:
    flow.feed(part(flow, **SCORE, phone="+49 170 1234567"))
    flow.feed(part(flow, **WORDS))
    flow.feed(part(flow, n=3, speed=1))
    [(contact,)] = flow.rows("responses", "contact")
    assert contact["phone"] == "+49 170 1234567"
    assert len(contact["phones_in_comment"]) == 1


def test_parts_wait_together_and_are_decided_as_a_whole(flow: Flow, clock: MovableClock) -> None:
    flow.feed(part(flow, **{**SCORE, "score": 5}, more=True))
    flow.feed(part(flow, **WORDS, more=True))
    assert flow.rows("responses", "status") == [("waiting",)]
    clock.advance(minutes=10)
    assert flow.pipeline.settle() == 1
    assert flow.rows("follow_ups", "state", "version") == [("open", 1)]


def test_a_part_of_somebody_else_s_response_is_a_dead_letter(flow: Flow) -> None:
    flow.feed(part(flow, **SCORE))
    flow.feed(part(flow, **WORDS, customer="c-8"))
    assert flow.rows("dead_letters", "reason") == [("identity_conflict",)]
    assert flow.rows("responses", "version") == [(1,)]


def test_a_part_whose_whole_is_outside_its_scale_is_a_dead_letter_and_replays(flow: Flow) -> None:
    flow.feed(part(flow, **WORDS))
    batch = flow.feed(part(flow, n=3, score=77))
    assert flow.rows("dead_letters", "reason") == [("score_out_of_scale",)]
    mended = part(flow, n=3, score=7)
    [(id_,)] = flow.rows("dead_letters", "id")
    record = flow.records(mended, at=batch.slices[0].first).slices[0].records[0]
    assert flow.pipeline.replay(record, id_) == "updated"
    assert current(flow)["comment"].startswith("Nobody")


def test_reading_the_parts_again_changes_nothing(flow: Flow) -> None:
    batches = [flow.feed(part(flow, **SCORE)), flow.feed(part(flow, **WORDS))]
    for batch in batches:
        flow.pipeline.process(batch)
    assert flow.rows("responses", "version") == [(2,)]
    assert [row[0] for row in flow.rows("ledger", "again")] == [2]
