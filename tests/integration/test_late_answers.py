"""Answers too old to alert: one list for each receiver, never twice, and opened only when somebody asks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.clock import MovableClock
from tests.support.commands import Commands
from tests.support.flow import DIRECTORY, RULES, Flow, live_set
from worker.errors import NotAllowed, NotFound
from worker.notify.context import _late
from worker.store.engine import Store
from worker.store.reconcile import reconcile

OLD = 8 * 24 * 60  # minutes
UNITS = DIRECTORY + "units:\n  berlin: {manager: ana}\n"


@pytest.fixture
def flow(fresh_store: Store, clock: MovableClock) -> Flow:
    return Flow(fresh_store, clock, live_set({**RULES, "directory.yaml": UNITS}))


def lists(flow: Flow) -> list[tuple[Any, ...]]:
    return [row[1:] for row in flow.rows("notices", "kind", "recipient") if row[0] == "late_answers"]


def late(flow: Flow, named: str, **fields: Any) -> dict[str, Any]:
    return flow.event(named, minutes_ago=OLD, **{"customer": {"id": f"c-{named}"}, **fields})


def test_each_receiver_gets_one_list_for_many_answers(flow: Flow) -> None:
    berlin = {"id": "i-1", "agent": "a-417", "unit": "berlin"}
    flow.feed(*[late(flow, f"r-{n}") for n in range(3)], late(flow, "r-7", interaction=berlin))
    flow.feed(late(flow, "r-8"), late(flow, "r-9", score=10))
    assert sorted(lists(flow)) == [("ana",), ("bo",)]
    assert flow.rows("follow_ups", "id") == []


def test_reading_again_and_editing_tell_nothing_twice(flow: Flow, clock: MovableClock) -> None:
    event = late(flow, "r-1")
    batch = flow.feed(event)
    clock.advance(hours=2)
    flow.pipeline.process(batch)
    flow.feed(event)
    flow.feed({**event, "comment": "Third call."})
    assert lists(flow) == [("bo",)]
    assert flow.rows("decisions", "version", "too_old") == [(1, True), (2, True)]


def test_the_list_of_a_later_slot_leaves_out_what_an_earlier_one_named(flow: Flow, clock: MovableClock) -> None:
    event = late(flow, "r-1")
    flow.feed(event)
    clock.advance(hours=2)
    flow.feed({**event, "comment": "Third call."}, late(flow, "r-2"))
    with flow.store.read() as conn:
        first, second = [_late(conn, cast(Any, SimpleNamespace(data=data))) for (data,) in flow.rows("notices", "data")]
    assert [[said.response.id for said in each] for each in (first, second)] == [["r-1"], ["r-2"]]


def test_an_edit_that_makes_it_worth_a_follow_up_is_told(flow: Flow, clock: MovableClock) -> None:
    flow.feed(late(flow, "r-1", score=9))
    clock.advance(hours=2)
    flow.feed(late(flow, "r-1", score=1))
    assert lists(flow) == [("bo",)]


def test_a_late_answer_is_opened_by_hand_and_history_says_by_whom(flow: Flow) -> None:
    flow.feed(late(flow, "r-1"))
    assert flow.pipeline.open_late("ccaas", "r-1", by="bo", via="cli", note="promised on the phone") == 1
    assert flow.rows("follow_ups", "owner", "opened_at", "state") == [("ana", flow.now(), "open")]
    [(by, via, note)] = flow.rows("history", "by", "via", "note")
    assert (by, via) == ("bo", "cli")
    assert note == 'rule "any-detractor"; it had been too old to alert; promised on the phone'
    assert [row[0] for row in flow.rows("notices", "kind")] == ["late_answers", "alert"]
    assert len(flow.rows("timers", "step")) == 1
    with flow.store.read() as conn:
        assert reconcile(conn)["problems"] == []


def test_what_was_opened_by_hand_is_edited_like_any_other(flow: Flow) -> None:
    flow.feed(late(flow, "r-1"))
    flow.pipeline.open_late("ccaas", "r-1", by="bo", via="cli")
    flow.feed(late(flow, "r-1", comment="My solicitor will write."))
    assert flow.rows("follow_ups", "state", "version") == [("open", 2)]
    flow.feed(late(flow, "r-1", score=9, updated_at=flow.now().isoformat()))
    assert flow.rows("follow_ups", "state") == [("cancelled",)]
    assert len(lists(flow)) == 1


def test_a_second_late_answer_of_the_customer_joins_the_first(flow: Flow) -> None:
    same = {"id": "c-1"}
    flow.feed(late(flow, "r-1", customer=same), flow.event("r-2", minutes_ago=OLD - 60, customer=same))
    assert flow.pipeline.open_late("ccaas", "r-1", by="bo", via="cli") == 1
    assert flow.pipeline.open_late("ccaas", "r-2", by="bo", via="cli") == 1
    assert flow.rows("follow_up_responses", "how") == [("opened",), ("added",)]


def test_what_cannot_be_opened_says_why_and_changes_nothing(flow: Flow) -> None:
    flow.feed(late(flow, "r-1", score=10), late(flow, "r-2"), flow.event("r-3"))
    flow.pipeline.open_late("ccaas", "r-2", by="bo", via="cli")
    before = flow.rows("history", "what")
    for named, why in (("r-1", "opens nothing"), ("r-2", "belongs to F-2"), ("r-3", "belongs to F-1")):
        with pytest.raises(NotAllowed, match=why):
            flow.pipeline.open_late("ccaas", named, by="bo", via="cli")
    with pytest.raises(NotFound):
        flow.pipeline.open_late("ccaas", "r-9", by="bo", via="cli")
    assert flow.rows("history", "what") == before
    assert flow.rows("decisions", "too_old") == [(True,), (False,), (False,)]


def test_the_command_opens_one_for_a_person_of_the_directory(commands: Commands, real_now: Any) -> None:
    event = {
        "id": "r-1", "metric": "nps", "score": 1, "responded_at": "2026-01-05T12:00:00Z",
        "customer": {"id": "c-1"}, "interaction": {"agent": "a-417"},
    }  # fmt: skip
    commands("import", commands.write("old.jsonl", event), "--source", "ccaas")
    assert commands.json("follow-ups", "list") == []
    assert commands("responses", "open", "r-1", "--by", "nobody").exit_code == 2
    result = commands("responses", "open", "ccaas/r-1", "--by", "bo", "--note", "a board member")
    assert (result.exit_code, result.stderr.strip()) == (0, "ccaas/r-1 belongs to F-1 now.")
    (line,) = commands.json("follow-ups", "show", "1")["history"]
    assert (line["by"], line["via"]) == ("bo", "cli")
    assert commands("responses", "open", "ccaas/r-1", "--by", "bo").exit_code == 1
    assert commands.json("reconcile")["ok"]
