"""The duty that proves that nobody is forgotten: every live follow-up has a next step with a time.

It should never find anything. What it finds is a defect of ours: it is mended, logged as an error and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from worker import log, metrics
from worker.clock import Clock
from worker.followup.escalate import SNOOZE, STALE, STALE_EVERY
from worker.followup.people import People
from worker.model.followup import FollowUp, NewTimer
from worker.store import follow_ups as rows
from worker.store.engine import Store

_log = log.get(__name__)


class Live(Protocol):
    """The rule set in use, as far as this needs it."""

    @property
    def people(self) -> People: ...


class Auditor:
    """Looks for live follow-ups that nothing would ever happen to."""

    def __init__(self, store: Store, live: Callable[[], Live], clock: Clock) -> None:
        self._store = store
        self._live = live
        self._clock = clock

    def run(self) -> int:
        """Give each of them a step. Gives how many there were."""
        with self._store.read() as conn:
            forgotten = rows.without_next_step(conn)
        return sum(self._mend(number) for number in forgotten)

    def _mend(self, follow_up_id: int) -> bool:
        now, people = self._clock.now(), self._live().people
        with self._store.write() as conn:
            row = rows.lock(conn, follow_up_id, skip_locked=True)
            if row is None or follow_up_id not in rows.without_next_step(conn):
                return False
            follow_up = rows.read(row)
            timers = rows.pending_timers(conn, follow_up_id)
            pending = {timer.step for timer in timers if timer.cycle == follow_up.cycle}
            for step, fire_at in _missing(follow_up, pending, people, now):
                n = rows.next_n(conn, follow_up_id, follow_up.cycle, step)
                rows.add_timer(conn, follow_up_id, follow_up.cycle, NewTimer(step=step, n=n, fire_at=fire_at))
            rows.refresh_next_step(conn, follow_up_id)
        _log.error("follow-up had no next step", follow_up=follow_up_id, pending=sorted(pending))
        metrics.FORGOTTEN.inc()
        return True


def _missing(follow_up: FollowUp, pending: set[str], people: People, now: datetime) -> list[tuple[str, datetime]]:
    if follow_up.snoozed_until is not None and SNOOZE not in pending:
        return [(SNOOZE, follow_up.snoozed_until)]
    return [] if pending else [(STALE, people.add(follow_up.owner, max(now, follow_up.due_at), STALE_EVERY))]
