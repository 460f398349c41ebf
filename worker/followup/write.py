"""Writing what a batch does to follow-ups: rows made from values, in the lock order of the store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from worker.followup.joining import Effects, Work
from worker.followup.opening import Opening
from worker.model.followup import LIVE, ClosingOutcome, NewHistory, NewTimer, State
from worker.store import batch, bulk
from worker.store import follow_ups as rows
from worker.store.schema import follow_up_responses, follow_ups, history, timers
from worker.store.types import encode_document


def write_effects(conn: Connection, effects: Effects, now: datetime) -> None:
    """Write everything in one go. Raises store.batch.Lost where another worker was faster."""
    openings = [*effects.opened, *effects.reopened]
    batch.insert_planned(conn, follow_ups, [_follow_up_row(new, effects) for new in effects.opened])
    reopened = {new.id: new for new in effects.reopened}
    for work in sorted(effects.touched.values(), key=lambda work: work.id):
        if work.read_version is not None:
            _touch(conn, work, reopened.get(work.id), now)
    if asleep := [work.id for work in effects.touched.values() if work.snoozed and work.state in LIVE]:
        rows.wake_waiting(conn, asleep, now)
    batch.insert_planned(conn, follow_up_responses, [(r, f, how, at) for r, f, how, at in effects.joined])
    batch.insert_planned(conn, history, [history_row(id_, line) for id_, line in effects.history])
    batch.insert_planned(conn, timers, [row for new in openings for row in _timers_of(new, effects, now)])
    batch.add_notices(conn, effects.notices, now)


def _follow_up_row(new: Opening, effects: Effects) -> bulk.Row:
    # A later response of the same batch may already have joined it, or taken back what opened it.
    work = effects.touched.get(new.id)
    decision, at = new.decision, new.opened_at
    state = work.state if work else State.OPEN
    cancelled_at = at if state is State.CANCELLED else None
    acknowledged_at = closed_at = outcome = None
    if new.plan.closes_itself:
        state, acknowledged_at, closed_at, outcome = State.CLOSED, at, at, ClosingOutcome.NO_CONTACT.value
    return (
        new.id, new.response_id, new.customer_key, new.dedupe_key, decision.revision, decision.rule, new.plan.id,
        encode_document(new.plan), new.test, int(work.priority if work else new.priority), state.value, new.cycle,
        work.version if work else new.history.version, new.owner, decision.owner_via, decision.stands_in_for, "[]",
        encode_document(work.tags if work else decision.tags), at, str(new.plan.due), decision.calendar, new.due_at,
        None if cancelled_at else new.next_step_at, at, acknowledged_at, None, None, None, closed_at, None,
        cancelled_at, work.cancel_reason if work else None, None, 0, None, outcome, None, None,
    )  # fmt: skip


def _timers_of(new: Opening, effects: Effects, now: datetime) -> list[bulk.Row]:
    work = effects.touched.get(new.id)
    if work is None or work.state is not State.CANCELLED:
        return timer_rows(new.id, new.cycle, new.timers)
    return [(*row[:5], "void", now, "cancelled") for row in timer_rows(new.id, new.cycle, new.timers)]


def _touch(conn: Connection, work: Work, again: Opening | None, now: datetime) -> None:
    values: dict[str, Any] = {"version": work.version, "priority": int(work.priority), "tags": work.tags}
    if again is not None:
        values |= _reopened(work, again)
    if work.state is State.CANCELLED:
        values |= {
            "state": State.CANCELLED.value,
            "cancelled_at": now,
            "cancel_reason": work.cancel_reason,
            "snoozed_until": None,
            "next_step_at": None,
        }
        rows.void_timers(conn, work.id, now, "cancelled")
    batch.update_planned(conn, follow_ups, "id", "version", [{"key": work.id, "old": work.read_version, **values}])


def _reopened(work: Work, again: Opening) -> dict[str, Any]:
    """A reopened follow-up begins a new cycle: the stamps of the old one are in its history."""
    blank = ("acknowledged_at", "acknowledged_by", "contacted_at", "contacted_by", "closed_at", "closed_by",
             "outcome", "root_cause", "closing", "next_try_at")  # fmt: skip
    return {
        **dict.fromkeys(blank),
        "state": State.OPEN.value,
        "cycle": work.cycle,
        "owner": work.owner,
        "tries": 0,
        "due_from": again.opened_at,
        "due_span": str(again.plan.due),
        "due_calendar": again.decision.calendar,
        "due_at": again.due_at,
        "next_step_at": again.next_step_at,
        "plan": again.plan,
    }


def history_row(follow_up_id: int, line: NewHistory) -> bulk.Row:
    """A row of history, in the order of its columns."""
    detail = None if line.detail is None else encode_document(line.detail)
    return follow_up_id, line.version, line.at, line.what, line.by, line.via, line.note, detail


def timer_rows(follow_up_id: int, cycle: int, new: Iterable[NewTimer]) -> list[bulk.Row]:
    """Rows of timers, in the order of their columns."""
    return [(follow_up_id, cycle, timer.step, timer.n, timer.fire_at, "pending", None, None) for timer in new]
