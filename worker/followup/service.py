"""What people do with follow-ups, through whichever door: command, page, link, Slack, API.

Each move is one transaction: the row is locked, the table of moves asked, the row changed, a line of history written,
timers made void or new, and whoever must know is told. Of two people who act at once, one wins and the other is told.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from worker.clock import Clock
from worker.errors import NotAllowed, NotFound, RowRefused, UsageError
from worker.followup import moves
from worker.followup.closing import CloseOut
from worker.followup.lifecycle import MOVES, Move, target
from worker.followup.moves import Act, Change
from worker.followup.people import People
from worker.followup.snooze import end_snooze
from worker.model.followup import FollowUp, NewHistory, State, short_id
from worker.route.schema import RuleSet
from worker.store import follow_ups as rows
from worker.store.batch import add_notices
from worker.store.engine import Store


class Live(Protocol):
    """The rule set in use, as far as moves need it."""

    @property
    def people(self) -> People: ...
    @property
    def rule_set(self) -> RuleSet: ...


class Service:
    """The moves. Raises NotFound, NotAllowed, ConflictError and UsageError; changes nothing then."""

    def __init__(
        self, store: Store, live: Callable[[], Live], clock: Clock, told: Callable[[], None] | None = None
    ) -> None:
        """`told` is called after a commit that wrote notices: the senders wake."""
        self._store = store
        self._live = live
        self._clock = clock
        self._told = told or _nobody

    def acknowledge(self, follow_up_id: int, *, by: str, via: str, note: str | None = None) -> FollowUp:
        """Somebody has seen it and works on it. Work of a queue becomes theirs."""
        return self._move(
            Move.ACKNOWLEDGE,
            follow_up_id,
            Act(by, via, note),
            lambda _, found, act, now: moves.acknowledged(found, act, now),
        )

    def contact(self, follow_up_id: int, *, by: str, via: str, note: str | None = None) -> FollowUp:
        """The customer was reached."""
        return self._move(
            Move.CONTACT, follow_up_id, Act(by, via, note), lambda _, found, act, now: moves.contacted(found, act, now)
        )

    def tried(
        self,
        follow_up_id: int,
        *,
        by: str,
        via: str,
        reason: str | None = None,
        next_at: datetime | None = None,
        note: str | None = None,
    ) -> FollowUp:
        """An attempt to reach the customer failed: counted, shown, and never a contact."""
        words = "; ".join(filter(None, (reason, note))) or None
        return self._move(
            Move.TRIED, follow_up_id, Act(by, via, words),
            lambda conn, found, act, now: moves.tried(conn, found, act, now, next_at, self._live().people),
        )  # fmt: skip

    def close(self, follow_up_id: int, close_out: CloseOut, *, by: str, via: str, note: str | None = None) -> FollowUp:
        """The loop is closed. What must be said is what the playbook asks for."""
        causes = self._live().rule_set.root_causes
        return self._move(
            Move.CLOSE, follow_up_id, Act(by, via, note),
            lambda _, found, act, now: moves.closed(found, close_out, causes, act, now),
        )  # fmt: skip

    def cancel(self, follow_up_id: int, *, by: str, via: str, note: str | None = None) -> FollowUp:
        """It should never have been opened. Says why. Raises UsageError without a note."""
        if not note:
            raise UsageError("Cancelling needs a reason: --note TEXT.")
        return self._move(
            Move.CANCEL, follow_up_id, Act(by, via, note), lambda _, found, act, now: moves.cancelled(found, act, now)
        )

    def reassign(self, follow_up_id: int, *, to: str, by: str, via: str, note: str | None = None) -> FollowUp:
        """Somebody else owns it now; due stays. `to` is a person's id or team:ID. Both owners are told."""
        people = self._live().people
        return self._move(
            Move.REASSIGN, follow_up_id, Act(by, via, note),
            lambda _, found, act, now: moves.reassigned(found, to, act, now, people),
        )  # fmt: skip

    def not_mine(self, follow_up_id: int, *, by: str, via: str, note: str | None = None) -> FollowUp:
        """The owner gives it back with a reason. It goes on in the chain, never back; the second time to the lead."""
        if not note:
            raise UsageError("Not mine needs a reason: --note TEXT.")
        people = self._live().people
        return self._move(
            Move.REASSIGN, follow_up_id, Act(by, via, note),
            lambda conn, found, act, now: moves.not_mine(conn, found, act, now, people),
        )  # fmt: skip

    def snooze(self, follow_up_id: int, *, until: datetime, by: str, via: str, note: str | None = None) -> FollowUp:
        """The clock stands until then. Raises UsageError for a moment that has passed."""
        if until <= self._clock.now():
            raise UsageError(f"{until.isoformat()} has passed. Snooze until a moment that is still to come.")
        return self._move(
            Move.SNOOZE, follow_up_id, Act(by, via, note),
            lambda conn, found, _, now: moves.snoozed(conn, found, until, now),
        )  # fmt: skip

    def unsnooze(self, follow_up_id: int, *, by: str, via: str, note: str | None = None) -> FollowUp:
        """The clock goes on before its time."""
        with self._store.write() as conn:
            follow_up = _locked(conn, follow_up_id)
            if follow_up.snoozed_until is None:
                raise NotAllowed(f"{short_id(follow_up_id)} is not snoozed.")
            now = self._clock.now()
            tells = end_snooze(conn, follow_up, self._live().people, now, by=by, via=via, note=note)
            changed = rows.get(conn, follow_up_id)
        if tells:
            self._told()
        return changed

    def reopen(self, follow_up_id: int, *, by: str, via: str, note: str | None = None) -> FollowUp:
        """It is not over after all: a new cycle begins, with a new due time. The owner is told."""
        people = self._live().people
        try:
            return self._move(
                Move.REOPEN, follow_up_id, Act(by, via, note),
                lambda conn, found, act, now: moves.reopened(conn, found, act, now, people),
            )  # fmt: skip
        except RowRefused:
            # The unique index on live work: the customer came back meanwhile and another one was opened.
            raise NotAllowed(
                f"Another follow-up for the same customer is live. Work there instead of {short_id(follow_up_id)}."
            ) from None

    def recalculate(self, follow_up_id: int, *, by: str, via: str, note: str | None = None) -> FollowUp:
        """Count due again on today's calendars. The history says what it was."""
        now, people = self._clock.now(), self._live().people
        with self._store.write() as conn:
            follow_up = _locked(conn, follow_up_id)
            if not follow_up.is_live:
                raise NotAllowed(f"{short_id(follow_up_id)} is {follow_up.state.value}: its due time is history.")
            moves.recalculate(conn, follow_up, Act(by, via, note), now, people)
            return rows.get(conn, follow_up_id)

    def _since_whom(self, conn: Connection, move: Move, follow_up: FollowUp) -> str:
        """Who brought it where it is, and when: what somebody reads whose move came second."""
        if follow_up.state in MOVES[move].sources:
            return ""
        line = rows.last_line(conn, follow_up.id, (follow_up.state.value, MOVES[Move.TRIED].done))
        if line is None:
            return ""
        people = self._live().people
        person = people.find(line.by)
        at = line.at.astimezone(people.zone(line.by if person else people.directory.default_owner))
        return f" by {person.name if person else line.by}, {at:%a} {at.day} {at:%b}, {at:%H:%M}"

    def _move(
        self,
        move: Move,
        follow_up_id: int,
        act: Act,
        change: Callable[[Connection, FollowUp, Act, datetime], Change],
    ) -> FollowUp:
        now = self._clock.now()
        with self._store.write() as conn:
            follow_up = _locked(conn, follow_up_id)
            state = target(move, follow_up_id, follow_up.state, self._since_whom(conn, move, follow_up))
            what = change(conn, follow_up, act, now)
            line = NewHistory(
                version=follow_up.version + 1, at=now, what=what.word or MOVES[move].done, by=act.by, via=act.via,
                note=act.note, detail=what.detail or None,
            )  # fmt: skip
            rows.change(conn, follow_up_id, follow_up.version, {**what.values, "state": state.value}, line)
            if state in (State.CLOSED, State.CANCELLED):
                rows.void_timers(conn, follow_up_id, now, state.value)
                rows.end_pause(conn, follow_up_id, now)
            rows.refresh_next_step(conn, follow_up_id)
            add_notices(conn, what.notices, now)
            changed = rows.get(conn, follow_up_id)
        if what.notices:
            self._told()
        return changed


def _locked(conn: Connection, follow_up_id: int) -> FollowUp:
    row = rows.lock(conn, follow_up_id)
    if row is None:
        raise NotFound(f"There is no follow-up {short_id(follow_up_id)}.")
    return rows.read(row)


def _nobody() -> None:
    """No sender lives in this process: another one looks every second."""
