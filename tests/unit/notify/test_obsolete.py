"""What is not worth sending any more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from worker.model.followup import State
from worker.model.notice import Kind
from worker.notify import samples
from worker.notify.obsolete import Now, obsolete

ALERT = samples.context(Kind.ALERT).notice


def now(state: State = State.OPEN, **more: Any) -> Now:
    return Now(**{"state": state, "owner": "ana", "cycle": 1, "version": 1, "snoozed_until": None, **more})


CASES: list[tuple[Kind, dict[str, Any], Now, str | None]] = [
    (Kind.ALERT, {}, now(), None),
    (Kind.ALERT, {}, now(State.CLOSED), "the follow-up is closed"),
    (Kind.ALERT, {}, now(State.CANCELLED), "the follow-up is cancelled"),
    (Kind.ALERT, {}, now(State.ACKNOWLEDGED), "acknowledged already"),  # by whom it is for
    (Kind.ALERT, {}, now(cycle=2), "the follow-up was opened again since"),
    (Kind.COPY, {}, now(State.ACKNOWLEDGED), None),  # a copy is news all the same
    (Kind.REMINDER, {"until": "acknowledged"}, now(), None),
    (Kind.REMINDER, {"until": "acknowledged"}, now(State.ACKNOWLEDGED), "acknowledged already"),
    (Kind.REMINDER, {"until": "contacted"}, now(State.ACKNOWLEDGED), None),
    (Kind.REMINDER, {}, now(snoozed_until=samples.NOW), "snoozed"),
    (Kind.REMINDER, {"from": "cyd"}, now(), "handed on since"),
    (Kind.REMINDER, {"from": "ana"}, now(), None),
    (Kind.DUE_SOON, {"from": "cyd"}, now(), "handed on since"),
    (Kind.ESCALATION, {"unless": "contacted"}, now(State.CONTACTED), "contacted already"),
    (Kind.ESCALATION, {"unless": "contacted"}, now(State.ACKNOWLEDGED), None),
    (Kind.DUE_SOON, {}, now(State.CONTACTED), "contacted already"),
    (Kind.UPDATE, {}, now(alert_waits=True), "told in the alert"),
    (Kind.UPDATE, {}, now(State.CANCELLED), None),  # that nothing is left to do is news
    (Kind.HANDED_OVER, {}, now(State.ACKNOWLEDGED), None),  # its new owner must hear of it in any state
    (Kind.HANDED_OVER, {}, now(owner="cyd"), "handed on since"),
    (Kind.ESCALATION, {"unless": "nonsense"}, now(), None),
    (Kind.CLOSED, {}, now(State.CLOSED), None),
    (Kind.TAKEN_OVER, {}, now(State.CONTACTED), None),
]


@pytest.mark.parametrize(("kind", "data", "state", "reason"), CASES)
def test_each_notice_is_held_against_its_follow_up(
    kind: Kind, data: dict[str, Any], state: Now, reason: str | None
) -> None:
    notice = replace(ALERT, kind=kind, data=data, cause="follow-up/42/1/step/1")
    assert obsolete(notice, state) == reason


def test_a_notice_without_a_follow_up_is_never_obsolete() -> None:
    assert obsolete(replace(ALERT, kind=Kind.OPS), None) is None
