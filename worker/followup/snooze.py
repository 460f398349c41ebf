"""Pausing a follow-up's clock. A pause moves what is due, and the history says from when to when."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from worker.followup.escalate import SNOOZE, after_pause, span_of
from worker.followup.notices import notice
from worker.followup.people import People
from worker.model.followup import FollowUp, NewHistory, NewTimer
from worker.model.notice import Kind
from worker.model.span import Span
from worker.store import follow_ups as rows
from worker.store.batch import add_notices

SNOOZED = "snoozed"
WAITS_FOR_CUSTOMER = rows.WAITS_FOR_CUSTOMER


def begin_snooze(conn: Connection, follow_up: FollowUp, until: datetime, now: datetime, why: str) -> None:
    """Stop the clock of a locked follow-up until then. One that stands already goes on standing, for this reason."""
    rows.void_timers(conn, follow_up.id, now, "snoozed again", SNOOZE)
    if follow_up.snoozed_until is None:
        rows.begin_pause(conn, follow_up.id, why, now)
    else:
        rows.rename_pause(conn, follow_up.id, why)
    n = rows.next_n(conn, follow_up.id, follow_up.cycle, SNOOZE)
    rows.add_timer(conn, follow_up.id, follow_up.cycle, NewTimer(step=SNOOZE, n=n, fire_at=until))


def end_snooze(
    conn: Connection, follow_up: FollowUp, people: People, now: datetime, *, by: str, via: str, note: str | None = None
) -> bool:
    """Let the clock of a locked follow-up go on: due and every step move by the time that was paused.

    Working time moves by working time, elapsed time by elapsed time. Gives whether the owner is told: not of what
    they did themselves, nor of an answer that ended it, which they read anyway.
    """
    rows.void_timers(conn, follow_up.id, now, "snooze ended", SNOOZE)
    started = rows.end_pause(conn, follow_up.id, now) or now
    plan = follow_up.playbook

    def add(start: datetime, span: Span) -> datetime:
        return people.add(follow_up.owner, start, span)

    due_at = people.shift(follow_up.owner, follow_up.due_at, started, now, plan.due)
    for timer in rows.pending_timers(conn, follow_up.id):
        counted = people.shift(follow_up.owner, timer.fire_at, started, now, span_of(plan, timer.step))
        from_due = after_pause(plan, timer.step, due_at, add) if due_at != follow_up.due_at else None
        rows.move_timer(conn, timer, from_due or counted)
    line = NewHistory(
        version=follow_up.version + 1, at=now, what="snooze ended", by=by, via=via, note=note,
        detail={"paused_at": started, "due_before": follow_up.due_at, "due_at": due_at},
    )  # fmt: skip
    rows.change(conn, follow_up.id, follow_up.version, {"snoozed_until": None, "due_at": due_at}, line)
    rows.refresh_next_step(conn, follow_up.id)
    if follow_up.owner is None or by == follow_up.owner or note == rows.ANSWERED:
        return False
    data = {"until": "closed", "from": follow_up.owner}
    add_notices(
        conn, [notice(follow_up, Kind.REMINDER, follow_up.owner, f"snooze/{line.version}", now, data=data)], now
    )
    return True
