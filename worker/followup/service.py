"""What people do with follow-ups, through whichever door: command, page, link, Slack, API.

Each move is one transaction: the row is locked, the table of moves asked, the row changed, a line of history written,
timers made void or new, and whoever must know is told. Of two people who act at once, one wins and the other is told.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Row

from worker.clock import Clock
from worker.errors import ConflictError, NotAllowed, NotFound, RowRefused, UsageError
from worker.followup import moves
from worker.followup.closing import CloseOut
from worker.followup.lifecycle import BY_WHOM, MOVES, Move, target
from worker.followup.moves import Act, Change
from worker.followup.people import People
from worker.followup.snooze import end_snooze
from worker.model.directory import Person
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
        self,
        store: Store,
        live: Callable[[], Live],
        clock: Clock,
        told: Callable[[], None] | None = None,
        *,
        asks_again: bool = False,
    ) -> None:
        """`told` is called after a commit that wrote notices: the senders wake.

        `asks_again`: there is a topic on which the survey tool hears of loops that were closed.
        """
        self._store = store
        self._live = live
        self._clock = clock
        self._told = told or _nobody
        self._asks_again = asks_again

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
            lambda conn, found, act, now: moves.closed(
                conn, found, close_out, causes, act, now, asks_again=self._asks_again
            ),
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
            Move.NOT_MINE, follow_up_id, Act(by, via, note),
            lambda conn, found, act, now: moves.not_mine(conn, found, act, now, people),
        )  # fmt: skip

    def snooze(
        self,
        follow_up_id: int,
        *,
        until: datetime,
        by: str,
        via: str,
        note: str | None = None,
        for_customer: bool = False,
    ) -> FollowUp:
        """The clock stands until then; `for_customer`: or until the customer answers, whichever is first.

        Raises UsageError for a moment that has passed.
        """
        if until <= self._clock.now():
            raise UsageError(f"{until.isoformat()} has passed. Snooze until a moment that is still to come.")
        return self._move(
            Move.SNOOZE, follow_up_id, Act(by, via, note),
            lambda conn, found, _, now: moves.snoozed(conn, found, until, now, for_customer=for_customer),
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

    def _first(self, conn: Connection, move: Move, follow_up: FollowUp, act: Act, now: datetime) -> str:
        """Who brought it where it is, and when: what somebody reads whose move came second. Empty: it may go on."""
        if follow_up.state in MOVES[move].sources:
            return ""
        line = rows.last_line(conn, follow_up.id, (follow_up.state.value, MOVES[Move.TRIED].done))
        return self._was_faster(line, act, now) if line else ""

    def _refuse_second(self, conn: Connection, follow_up: FollowUp, seen: int | None, act: Act, now: datetime) -> None:
        """Raises ConflictError where somebody else moved it after this one began: also where both moves are possible.

        What timers and rules did meanwhile takes nothing from what a person wants.
        """
        for line in rows.lines_after(conn, follow_up.id, seen or follow_up.version):
            if line.what in BY_WHOM and line.by != act.by and self._live().people.find(line.by) is not None:
                raise ConflictError(f"{self._was_faster(line, act, now)} Look again: {short_id(follow_up.id)}.")

    def _was_faster(self, line: Row[Any], act: Act, now: datetime) -> str:
        """`Bo acknowledged this at 16:41; yours was not saved.`"""
        people = self._live().people
        found = people.find(line.by)
        zone = people.zone(act.by if people.find(act.by) else people.directory.default_owner)
        at, today = line.at.astimezone(zone), now.astimezone(zone).date()
        when = f"at {at:%H:%M}" if at.date() == today else f"on {at:%a} {at.day} {at:%b} at {at:%H:%M}"
        did = f"{BY_WHOM.get(line.what, line.what)} {when}"
        if line.by == act.by:
            return f"You {did} already."
        name = found.name.split()[0] if isinstance(found, Person) else line.by
        return f"{name[:1].upper()}{name[1:]} {did}; yours was not saved."

    def _move(
        self,
        move: Move,
        follow_up_id: int,
        act: Act,
        change: Callable[[Connection, FollowUp, Act, datetime], Change],
    ) -> FollowUp:
        now = self._clock.now()
        with self._store.read() as conn:
            seen = rows.version_of(conn, follow_up_id)
        with self._store.write() as conn:
            follow_up = _locked(conn, follow_up_id)
            state = target(move, follow_up_id, follow_up.state, self._first(conn, move, follow_up, act, now))
            self._refuse_second(conn, follow_up, seen, act, now)
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
