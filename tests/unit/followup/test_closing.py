from __future__ import annotations

import pytest

from worker.errors import UsageError
from worker.followup.closing import CloseOut, check_close_out, choices, suggested
from worker.model.playbook import Playbook
from worker.model.span import Span, Unit
from worker.route.schema import RootCause

PLAN = Playbook(
    id="recover", name="Win", owner=("agent",), due=Span(1, Unit.DAYS), to_close=("root_cause", "action", "outcome")
)
CAUSES = {
    id_: RootCause(id_, id_.capitalize(), parent, needs_note=id_ == "other")
    for id_, parent in (
        ("other", None), ("billing", None), ("billing.refund", "billing"), ("delivery", None),
        ("billing.amount", "billing"),
    )
}  # fmt: skip
FULL = {"outcome": "recovered", "root_cause": "billing.amount", "action": "Fee credited."}


def test_a_full_close_out_passes() -> None:
    check_close_out(CloseOut(**FULL, arose="process", worth="no:duplicate"), PLAN, CAUSES)


@pytest.mark.parametrize("missing", ["outcome", "root_cause", "action"])
def test_what_the_playbook_asks_for_must_be_there(missing: str) -> None:
    with pytest.raises(UsageError, match=f"Closing needs {missing.replace('_', ' ')}: playbook recover asks for it"):
        check_close_out(CloseOut(**{**FULL, missing: None}), PLAN, CAUSES)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"outcome": "recoverd"}, 'Did you mean "recovered"'),
        ({"root_cause": "biling"}, 'Did you mean "billing"'),
        ({"arose": "moon"}, "Known: agent, team, process, product, policy, supplier, customer"),
        ({"worth": "no"}, "no:REASON"),
        ({"worth": "no: "}, "no:REASON"),
    ],
)
def test_an_unknown_word_is_answered_with_what_there_is(wrong: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        check_close_out(CloseOut(**{**FULL, **wrong}), PLAN, CAUSES)


def test_without_a_taxonomy_any_cause_will_do() -> None:
    check_close_out(CloseOut(**{**FULL, "root_cause": "the weather"}), PLAN, {})


def test_what_the_answer_is_about_is_offered_first_and_the_rest_by_the_alphabet() -> None:
    offered = [cause.id for cause in choices(CAUSES, ("refund", "app"))]
    assert offered == ["billing.refund", "billing", "billing.amount", "delivery", "other"]
    assert [cause.id for cause in suggested(CAUSES, ("billing",))] == ["billing", "billing.amount", "billing.refund"]


def test_a_missing_root_cause_is_answered_with_those_that_fit() -> None:
    with pytest.raises(UsageError, match=r"Such as: billing\.refund\."):
        check_close_out(CloseOut(outcome="recovered"), PLAN, CAUSES, themes=("refund",))
    with pytest.raises(UsageError, match=r"Such as: billing, delivery, other\."):
        check_close_out(CloseOut(outcome="recovered"), PLAN, CAUSES)


def test_no_contact_needs_its_reason() -> None:
    bare = Playbook(id="bare", name="Bare", owner=("agent",), due=Span(1, Unit.DAYS))
    with pytest.raises(UsageError, match="without contact needs its reason"):
        check_close_out(CloseOut(outcome="no_contact"), bare, CAUSES)
    check_close_out(CloseOut(outcome="no_contact"), bare, CAUSES, note="She moved abroad.")
    check_close_out(CloseOut(outcome="no_contact", action="Fee credited."), bare, CAUSES)


def test_a_cause_that_says_little_needs_a_note() -> None:
    other = CloseOut(**{**FULL, "root_cause": "other"})
    with pytest.raises(UsageError, match="Root cause other needs a note"):
        check_close_out(other, PLAN, CAUSES)
    check_close_out(other, PLAN, CAUSES, note="The parcel was for the neighbour.")


def test_a_playbook_may_ask_for_a_note() -> None:
    noted = Playbook(id="noted", name="Noted", owner=("agent",), due=Span(1, Unit.DAYS), to_close=("note",))
    with pytest.raises(UsageError, match="Closing needs note"):
        check_close_out(CloseOut(), noted, {})
    check_close_out(CloseOut(), noted, {}, note="Spoke to her.")
