"""Pausing a follow-up's clock. A pause moves what is due, and the history says from when to when."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from worker.followup.escalate import SNOOZE
from worker.followup.notices import notice
from worker.followup.people import People
from worker.model.followup import FollowUp, NewHistory, NewTimer
from worker.model.notice import Kind
from worker.store import follow_ups as rows
from worker.store.batch import add_notices

SNOOZED = "snoozed"


def begin_snooze(conn: Connection, follow_up: FollowUp, until: datetime, now: datetime) -> None:
    """Stop the clock of a locked follow-up until then."""
    rows.void_timers(conn, follow_up.id, now, "snoozed again", SNOOZE)
    if follow_up.snoozed_until is None:
        rows.begin_pause(conn, follow_up.id, SNOOZED, now)
    n = rows.next_n(conn, follow_up.id, follow_up.cycle, SNOOZE)
    rows.add_timer(conn, follow_up.id, follow_up.cycle, NewTimer(step=SNOOZE, n=n, fire_at=until))


def end_snooze(
    conn: Connection, follow_up: FollowUp, people: People, now: datetime, *, by: str, via: str, note: str | None = None
) -> bool:
    """Let the clock of a locked follow-up go on: due and every step move by the time that was paused.

    Gives whether the owner is told: not of what they did themselves.
    """
    rows.void_timers(conn, follow_up.id, now, "snooze ended", SNOOZE)
    started = rows.end_pause(conn, follow_up.id, now) or now
    due_at = people.shift(follow_up.owner, follow_up.due_at, started, now, follow_up.playbook.due)
    for timer in rows.pending_timers(conn, follow_up.id):
        rows.move_timer(conn, timer, people.shift(follow_up.owner, timer.fire_at, started, now, follow_up.playbook.due))
    line = NewHistory(
        version=follow_up.version + 1, at=now, what="snooze ended", by=by, via=via, note=note,
        detail={"paused_at": started, "due_before": follow_up.due_at, "due_at": due_at},
    )  # fmt: skip
    rows.change(conn, follow_up.id, follow_up.version, {"snoozed_until": None, "due_at": due_at}, line)
    rows.refresh_next_step(conn, follow_up.id)
    if follow_up.owner is None or by == follow_up.owner:
        return False
    data = {"until": "closed"}
    add_notices(
        conn, [notice(follow_up, Kind.REMINDER, follow_up.owner, f"snooze/{line.version}", now, data=data)], now
    )
    return True
