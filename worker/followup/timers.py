"""The duty that fires timers: escalations, reminders, next tries, the end of a snooze.

Any number of workers may run it. Each step: read what is due, unlocked; lock the follow-up (passing over what another
worker holds); look again; act; all in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, Row

from worker import log, metrics
from worker.clock import Clock
from worker.followup.escalate import REMIND, SNOOZE, STALE, STALE_EVERY, Act, Moot, step
from worker.followup.notices import notice
from worker.followup.people import People
from worker.followup.snooze import end_snooze
from worker.model.followup import FollowUp, NewHistory, NewTimer
from worker.model.notice import Kind, NewNotice
from worker.model.playbook import Priority
from worker.store import follow_ups as rows
from worker.store.batch import add_notices
from worker.store.engine import Store

BY_TIMER = "timer"
ABOVE = "above"  # how somebody came to own it whom no rung names: they stand above who could not have it
_TOGETHER = timedelta(minutes=15)
_LATE = timedelta(minutes=1)  # what is done later than this says so in the history

_log = log.get(__name__)


class Live(Protocol):
    """The rule set in use, as far as timers need it."""

    @property
    def people(self) -> People: ...


class Timers:
    """Fires what is due."""

    def __init__(self, store: Store, live: Callable[[], Live], clock: Clock, told: Callable[[], None]) -> None:
        """`told` is called after a commit that wrote notices: the senders wake."""
        self._store = store
        self._live = live
        self._clock = clock
        self._told = told

    def run(self, limit: int = 200) -> int:
        """Do what is due, in due order. Gives how many steps were done or made void."""
        now, people = self._clock.now(), self._live().people
        with self._store.read() as conn:
            due = rows.due_timers(conn, now, limit)
            owners = sorted({timer.owner for timer in due if timer.step == REMIND and timer.owner})
            soon = rows.coming(conn, REMIND, owners, now, now + _TOGETHER)
        ends = [end for bundle in bundles(due, soon) for end in self._fire(bundle, people, now)]
        if any(ends):
            self._told()  # once for all of it, so that the senders see one owner's reminders together
        return len(ends)

    def _fire(self, bundle: Sequence[Row[Any]], people: People, now: datetime) -> list[bool]:
        """Do these steps in one transaction. Gives for each that was done whether anybody is told."""
        ends = []
        with self._store.write() as conn:
            for timer in sorted(bundle, key=lambda timer: timer.follow_up_id):
                row = rows.lock(conn, timer.follow_up_id, skip_locked=True)
                if row is not None and row.cycle == timer.cycle:
                    ends.append(fire(conn, rows.read(row), timer, people, now))
        return [end for end in ends if end is not None]


def bundles(due: Sequence[Row[Any]], soon: Sequence[Row[Any]]) -> list[list[Row[Any]]]:
    """Steps in due order; reminders to one owner that are due within 15 minutes go together, as one message.

    `soon` holds reminders that are not due yet, to owners who get one now.
    """
    found: list[list[Row[Any]]] = []
    reminding: dict[str, list[Row[Any]]] = {}
    for timer in due:
        started = reminding.get(timer.owner or "") if timer.step == REMIND else None
        if started is not None and timer.fire_at - started[0].fire_at <= _TOGETHER:
            started.append(timer)
            continue
        found.append([timer])
        if timer.step == REMIND and timer.owner:
            reminding[timer.owner] = found[-1]
    for timer in soon:
        reminding[timer.owner].append(timer)
    return found


def fire(conn: Connection, follow_up: FollowUp, timer: Row[Any], people: People, now: datetime) -> bool | None:
    """Do one step of a locked follow-up. None: somebody else did it; else whether anybody is told."""
    if timer.step == SNOOZE:
        mine = rows.end_timer(conn, timer, now)
        return end_snooze(conn, follow_up, people, now, by=BY_TIMER, via=BY_TIMER, note=timer.reason) if mine else None
    if follow_up.snoozed_until is not None:
        return None

    def add(start: datetime, span: Any) -> datetime:
        return people.add(follow_up.owner, start, span)

    what = step(follow_up, timer.step, timer.fire_at, now, add)
    moot = what.reason if isinstance(what, Moot) else None
    if not rows.end_timer(conn, timer, now, moot):
        return None
    if isinstance(what, Act):
        _act(conn, follow_up, timer, what, people, now)
    _keep_a_next_step(conn, follow_up, people, now)
    rows.refresh_next_step(conn, follow_up.id)
    return isinstance(what, Act)


def _act(conn: Connection, follow_up: FollowUp, timer: Row[Any], act: Act, people: People, now: datetime) -> None:
    recipient = _recipient(conn, follow_up, act, people, now)
    raised = max(follow_up.priority, Priority.of(act.priority)) if act.priority else follow_up.priority
    values: dict[str, object] = {"priority": int(raised)}
    cause = f"{timer.step}/{timer.n}"
    # At the end of the chain nobody is left to escalate to but the owner, who is reminded then.
    nobody_above = recipient == follow_up.owner and act.kind is not Kind.DUE_SOON
    kind, word = (Kind.REMINDER, "reminded") if nobody_above else (act.kind, act.word)
    waits_for = "unless" if kind is Kind.ESCALATION else "until"
    data = {"n": timer.n, waits_for: act.until.value, "rung": act.rung, "from": follow_up.owner, **act.data}
    new = [notice(follow_up, kind, recipient, cause, now, tell=act.tell, priority=raised, data=data)]
    if act.hand_over and recipient != follow_up.owner:
        named = people.role(act.to, rows.opener(conn, follow_up.id), follow_up.owner) == recipient
        values |= {"owner": recipient, "owner_via": act.to if named else ABOVE, "stands_in_for": None}
        new += _to_the_last_owner(follow_up, recipient, cause, now)
    detail = {"step": timer.step, "to": recipient, "from": follow_up.owner}
    note = f"{act.why}; {recipient} was told"
    if now - timer.fire_at > _LATE:
        detail |= {"planned": timer.fire_at}
        note += f"; planned for {_clock_time(timer.fire_at, follow_up, people)}"
    line = NewHistory(
        version=follow_up.version + 1, at=now, what=word, by=BY_TIMER, via=BY_TIMER, note=note, detail=detail
    )  # fmt: skip
    rows.change(conn, follow_up.id, follow_up.version, values, line)
    add_notices(conn, new, now)
    if act.again is not None:
        rows.add_timer(conn, follow_up.id, follow_up.cycle, NewTimer(step=timer.step, n=timer.n + 1, fire_at=act.again))
    metrics.STEPS.labels(kind.value).inc()


def _clock_time(moment: datetime, follow_up: FollowUp, people: People) -> str:
    """`Mon 23 Nov, 10:00 CET` on the owner's clock."""
    at = moment.astimezone(people.zone(follow_up.owner or people.directory.default_owner))
    return f"{at:%a} {at.day} {at:%b}, {at:%H:%M %Z}"


def _to_the_last_owner(follow_up: FollowUp, new_owner: str, cause: str, now: datetime) -> list[NewNotice]:
    if follow_up.owner is None:
        return []
    data = {"by": new_owner, "to": new_owner}
    return [notice(follow_up, Kind.TAKEN_OVER, follow_up.owner, f"{cause}/from", now, data=data)]


def _recipient(conn: Connection, follow_up: FollowUp, act: Act, people: People, now: datetime) -> str:
    """Whom a step tells: never the same person twice in a row, and an escalation never the owner themselves."""
    default = people.directory.default_owner.removeprefix("person:")
    if act.to == "default_owner":
        return default
    opener = rows.opener(conn, follow_up.id)
    resolve = people.resolver(opener, now)
    if act.to == "owner":
        return resolve("owner", follow_up.owner) or follow_up.owner or default
    shut_out = {follow_up.owner, rows.last_told(conn, follow_up.id, follow_up.cycle)}
    if act.hand_over:
        barred = (resolve(who, None) for who in follow_up.playbook.owner_not)
        shut_out |= {*follow_up.passed_on, *barred}
    return people.above(
        act.to, opener, follow_up.owner, now, shut_out=shut_out, private=follow_up.playbook.private,
        until=max(now, follow_up.due_at) if act.hand_over else now,
    )  # fmt: skip


def _keep_a_next_step(conn: Connection, follow_up: FollowUp, people: People, now: datetime) -> None:
    """A live follow-up always has a next step: when the playbook's are spent, a daily one for the default owner."""
    if not follow_up.is_live or rows.pending_timers(conn, follow_up.id):
        return
    n = rows.next_n(conn, follow_up.id, follow_up.cycle, STALE)
    at = people.add(follow_up.owner, max(now, follow_up.due_at), STALE_EVERY)
    rows.add_timer(conn, follow_up.id, follow_up.cycle, NewTimer(step=STALE, n=n, fire_at=at))
