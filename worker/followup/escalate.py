"""When a follow-up's next step is due, and what it then does. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from worker.model.followup import NewTimer
from worker.model.playbook import Escalation, Playbook
from worker.model.span import Span, Unit

STALE_EVERY = Span(1, Unit.DAYS)
Add = Callable[[datetime, Span], datetime]


def first_timers(plan: Playbook, opened_at: datetime, due_at: datetime, add: Add) -> tuple[NewTimer, ...]:
    """The timers of a follow-up that opens. Never empty: without steps there is a `stale` one a day after due."""
    timers = [
        NewTimer(step=f"escalate.{i}", n=1, fire_at=rung_at(rung, opened_at, due_at, add))
        for i, rung in enumerate(plan.escalate)
    ]
    if plan.remind:
        timers.append(NewTimer(step="remind", n=1, fire_at=add(opened_at, plan.remind.every)))
    return tuple(timers) or (NewTimer(step="stale", n=1, fire_at=add(due_at, STALE_EVERY)),)


def rung_at(rung: Escalation, opened_at: datetime, due_at: datetime, add: Add) -> datetime:
    """When a rung is due: after opening, at due, or after due."""
    if rung.after is not None:
        return add(opened_at, rung.after)
    return due_at if rung.after_due is None else add(due_at, rung.after_due)
