from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from worker.followup.escalate import Act, Moot, first_timers, reached, step
from worker.model.followup import FollowUp, NewTimer, State
from worker.model.notice import Kind
from worker.model.playbook import Escalation, Milestone, Playbook, Priority, Remind, Tell
from worker.model.span import Span, Unit

OPENED = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
DUE = OPENED + timedelta(hours=8)
HOURS = Unit.HOURS
PLAN = Playbook(
    id="recover", name="Win the customer back", owner=("agent",), due=Span(8, HOURS),
    notify=(Tell(by=("email",)),),
    remind=Remind(every=Span(4, HOURS)),
    escalate=(
        Escalation(to="manager", unless=Milestone.ACKNOWLEDGED, after=Span(2, HOURS), by=("slack",)),
        Escalation(to="team_lead", unless=Milestone.CONTACTED, at="due", hand_over=True, priority="urgent"),
        Escalation(to="person:head", unless=Milestone.CLOSED, after_due=Span(1, HOURS)),
    ),
)  # fmt: skip


def add(start: datetime, span: Span) -> datetime:
    return start + span.elapsed


def work(state: State = State.OPEN, plan: Playbook = PLAN, **stamps: Any) -> FollowUp:
    return FollowUp(
        id=1, response_id=1, customer_key=None, revision="r", rule="any", playbook=plan, priority=Priority.NORMAL,
        state=state, cycle=1, version=1, owner="ana", opened_at=OPENED, due_at=DUE, **stamps,
    )  # fmt: skip


def act(name: str, now: datetime = DUE, **changes: Any) -> Act:
    found = step(work(**changes), name, now, now, add)
    assert isinstance(found, Act)
    return found


def test_every_rung_and_the_first_reminder_have_their_moment() -> None:
    assert first_timers(PLAN, OPENED, DUE, add) == (
        NewTimer(step="escalate.0", n=1, fire_at=OPENED + timedelta(hours=2)),
        NewTimer(step="escalate.1", n=1, fire_at=DUE),
        NewTimer(step="escalate.2", n=1, fire_at=DUE + timedelta(hours=1)),
        NewTimer(step="remind", n=1, fire_at=OPENED + timedelta(hours=4)),
    )


def test_a_playbook_without_steps_still_has_one_a_day_after_due() -> None:
    bare = Playbook(id="bare", name="Bare", owner=("agent",), due=Span(8, HOURS))
    assert first_timers(bare, OPENED, DUE, add) == (
        NewTimer(step="stale", n=1, fire_at=DUE + timedelta(days=1)),
    )  # fmt: skip


def test_a_rung_tells_by_its_own_channels_else_as_the_owner_was_told() -> None:
    assert act("escalate.0").tell.by == ("slack",)
    assert act("escalate.1").tell.by == ("email",)


def test_a_hand_over_moves_and_raises() -> None:
    found = act("escalate.1")
    assert (found.kind, found.to, found.hand_over, found.priority) == (Kind.HANDED_OVER, "team_lead", True, "urgent")
    assert found.why == "not contacted"


@pytest.mark.parametrize(
    ("name", "follow_up", "reason"),
    [
        ("escalate.0", work(State.ACKNOWLEDGED, acknowledged_at=OPENED), "acknowledged"),
        ("escalate.1", work(State.CONTACTED, acknowledged_at=OPENED, contacted_at=OPENED), "contacted"),
        ("remind", work(State.ACKNOWLEDGED, acknowledged_at=OPENED), "acknowledged"),
        ("try", work(State.CONTACTED, acknowledged_at=OPENED, contacted_at=OPENED), "contacted"),
        ("escalate.2", work(State.CLOSED, closed_at=OPENED), "closed"),
        ("stale", work(State.CANCELLED), "cancelled"),
    ],
)
def test_what_has_been_overtaken_is_moot(name: str, follow_up: FollowUp, reason: str) -> None:
    assert step(follow_up, name, DUE, DUE, add) == Moot(reason)


def test_reminders_that_were_missed_become_one() -> None:
    late = OPENED + timedelta(hours=13)
    found = step(work(), "remind", OPENED + timedelta(hours=4), late, add)
    assert isinstance(found, Act)
    assert found.again == OPENED + timedelta(hours=16)


def test_when_all_is_spent_the_default_owner_hears_daily() -> None:
    found = act("stale", DUE)
    assert (found.kind, found.to, found.again) == (Kind.ESCALATION, "default_owner", DUE + timedelta(days=1))


def test_closed_is_reached_by_cancelling_too() -> None:
    assert reached(work(State.CANCELLED), Milestone.CLOSED)
    assert not reached(work(), Milestone.ACKNOWLEDGED)
