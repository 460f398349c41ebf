from __future__ import annotations

import pytest

from worker.errors import UsageError
from worker.followup.closing import CloseOut, check_close_out
from worker.model.playbook import Playbook
from worker.model.span import Span, Unit

PLAN = Playbook(
    id="recover", name="Win", owner=("agent",), due=Span(1, Unit.DAYS), to_close=("root_cause", "action", "outcome")
)
CAUSES = {"billing", "billing.amount", "delivery"}
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
        ({"arose": "moon"}, "Known: agent, customer, policy, process, product, supplier, team"),
        ({"worth": "no"}, "no:REASON"),
        ({"worth": "no: "}, "no:REASON"),
    ],
)
def test_an_unknown_word_is_answered_with_what_there_is(wrong: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        check_close_out(CloseOut(**{**FULL, **wrong}), PLAN, CAUSES)


def test_without_a_taxonomy_any_cause_will_do() -> None:
    check_close_out(CloseOut(**{**FULL, "root_cause": "the weather"}), PLAN, ())
