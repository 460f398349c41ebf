"""When a follow-up's next step is due, and what it then does. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec import Struct

from worker.model.followup import FollowUp, NewTimer
from worker.model.notice import Kind
from worker.model.playbook import Escalation, Milestone, Playbook, Tell
from worker.model.response import Json
from worker.model.span import Span, Unit

STALE_EVERY = Span(1, Unit.DAYS)
REMIND, DUE_SOON, STALE, SNOOZE, TRY, RUNG = "remind", "due_soon", "stale", "snooze", "try", "escalate."
Add = Callable[[datetime, Span], datetime]


class Moot(Struct, frozen=True):
    """The step has been overtaken: nothing is sent, the timer is made void."""

    reason: str


class Act(Struct, frozen=True, kw_only=True):
    """What a step does: tell somebody, perhaps hand over, perhaps come again.

    `to` is written as in the rules; `word` goes into the history; `again` is when the same step is due next. `until`
    is the milestone that makes its message obsolete, also between now and the sending; `rung` counts from 0; `data` is
    what its message needs besides.
    """

    kind: Kind
    to: str
    tell: Tell
    word: str
    why: str
    hand_over: bool = False
    priority: str | None = None
    again: datetime | None = None
    until: Milestone = Milestone.CLOSED
    rung: int | None = None
    data: Mapping[str, Json] = {}


def first_timers(plan: Playbook, opened_at: datetime, due_at: datetime, add: Add) -> tuple[NewTimer, ...]:
    """The timers of a follow-up that opens. Never empty: without steps there is a `stale` one a day after due."""
    timers = [
        NewTimer(step=f"{RUNG}{i}", n=1, fire_at=rung_at(rung, opened_at, due_at, add))
        for i, rung in enumerate(plan.escalate)
    ]
    if plan.remind:
        timers.append(NewTimer(step=REMIND, n=1, fire_at=add(opened_at, plan.remind.every)))
    if plan.due_soon and (soon := add(due_at, plan.due_soon.back)) > opened_at:
        timers.append(NewTimer(step=DUE_SOON, n=1, fire_at=soon))
    return tuple(timers) or (NewTimer(step=STALE, n=1, fire_at=add(due_at, STALE_EVERY)),)


def rung_at(rung: Escalation, opened_at: datetime, due_at: datetime, add: Add) -> datetime:
    """When a rung is due: after opening, at due, or after due."""
    if rung.after is not None:
        return add(opened_at, rung.after)
    return due_at if rung.after_due is None else add(due_at, rung.after_due)


def after_pause(plan: Playbook, name: str, due_at: datetime, add: Add) -> datetime | None:
    """When a step that is counted from due is due, now that due has moved; None for one that is not."""
    rung = _rung_of(plan, name)
    if rung is not None and rung.after is None:
        return rung_at(rung, due_at, due_at, add)
    return add(due_at, plan.due_soon.back) if name == DUE_SOON and plan.due_soon else None


def span_of(plan: Playbook, name: str) -> Span:
    """By which kind of time a step was counted, so that a pause moves it by the same kind."""
    rung = _rung_of(plan, name)
    if rung is not None:
        return rung.after or rung.after_due or plan.due
    if name == REMIND and plan.remind:
        return plan.remind.every
    if name == TRY and plan.tries:
        return plan.tries.every
    return STALE_EVERY if name == STALE else plan.due


def step(follow_up: FollowUp, name: str, fire_at: datetime, now: datetime, add: Add) -> Act | Moot:
    """What a due step does to a live follow-up. SNOOZE is the service's business, not this function's."""
    if not follow_up.is_live:
        return Moot(follow_up.state.value)
    if name.startswith(RUNG):
        return _rung(follow_up, int(name.removeprefix(RUNG)))
    if name == REMIND:
        return _remind(follow_up, fire_at, now, add)
    if name == DUE_SOON:
        return _due_soon(follow_up)
    if name == TRY:
        return _try(follow_up)
    return Act(
        kind=Kind.ESCALATION,
        to="default_owner",
        tell=first_tell(follow_up.playbook),
        word="escalated",
        why="every step of the playbook is spent and it is still not closed",
        again=_next(fire_at, STALE_EVERY, now, add),
    )


def reached(follow_up: FollowUp, milestone: Milestone) -> bool:
    """Whether a follow-up has come as far as a milestone."""
    if milestone is Milestone.CLOSED:
        return not follow_up.is_live
    stamp = follow_up.acknowledged_at if milestone is Milestone.ACKNOWLEDGED else follow_up.contacted_at
    return stamp is not None


def first_tell(plan: Playbook) -> Tell:
    """How the owner is told, and with them whoever gets a copy or an update."""
    return plan.notify[0] if plan.notify else Tell()


def _rung_of(plan: Playbook, name: str) -> Escalation | None:
    return plan.escalate[int(name.removeprefix(RUNG))] if name.startswith(RUNG) else None


def _rung(follow_up: FollowUp, i: int) -> Act | Moot:
    rung = follow_up.playbook.escalate[i]
    if reached(follow_up, rung.unless):
        return Moot(rung.unless.value)
    return Act(
        kind=Kind.HANDED_OVER if rung.hand_over else Kind.ESCALATION,
        to=rung.to,
        tell=_by(follow_up.playbook, rung.by, rung.next_channel_after),
        word="handed over" if rung.hand_over else "escalated",
        why=f"not {rung.unless.value}",
        hand_over=rung.hand_over,
        priority=rung.priority,
        until=rung.unless,
        rung=i,
    )


def _remind(follow_up: FollowUp, fire_at: datetime, now: datetime, add: Add) -> Act | Moot:
    remind = follow_up.playbook.remind
    if remind is None or reached(follow_up, remind.until):
        return Moot(remind.until.value if remind else "no reminders")
    return Act(
        kind=Kind.REMINDER,
        to="owner",
        tell=_by(follow_up.playbook, remind.by, remind.next_channel_after),
        word="reminded",
        why=f"not {remind.until.value}",
        again=_next(fire_at, remind.every, now, add),
        until=remind.until,
    )


def _due_soon(follow_up: FollowUp) -> Act | Moot:
    if follow_up.contacted_at is not None:
        return Moot("contacted")
    return Act(
        kind=Kind.DUE_SOON,
        to="owner",
        tell=first_tell(follow_up.playbook),
        word="warned",
        why="due soon and not contacted",
        until=Milestone.CONTACTED,
    )


def _try(follow_up: FollowUp) -> Act | Moot:
    if follow_up.contacted_at is not None:
        return Moot("contacted")
    plan = follow_up.playbook.tries
    most = plan.at_most if plan else follow_up.tries + 1
    return Act(
        kind=Kind.REMINDER,
        to="owner",
        tell=first_tell(follow_up.playbook),
        word="reminded",
        why="time for the next try" if follow_up.tries < most else "the last try was in vain",
        until=Milestone.CONTACTED,
        data={"try": follow_up.tries, "tries": most},
    )


def _by(plan: Playbook, by: tuple[str, ...] | None, after: Span | None) -> Tell:
    usual = first_tell(plan)
    return Tell(to=usual.to, by=by or usual.by, next_channel_after=after or usual.next_channel_after)


def _next(fire_at: datetime, every: Span, now: datetime, add: Add) -> datetime:
    """The next time of a repeating step that lies ahead: what was missed while down becomes one."""
    at = add(fire_at, every)
    while at <= now:
        at = add(at, every)
    return at
