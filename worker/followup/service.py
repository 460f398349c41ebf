"""What people do with follow-ups, through whichever door: command, page, link, Slack, API.

Each move is one transaction: the row is locked, the table of moves asked, the row changed, a line of history written,
timers made void or new, and whoever must know is told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from worker.clock import Clock
from worker.errors import NotFound
from worker.followup.closing import CloseOut, check_close_out
from worker.followup.lifecycle import MOVES, Move, target
from worker.model.followup import ClosingOutcome, FollowUp, NewHistory, State, short_id
from worker.store import follow_ups as rows
from worker.store.engine import Store

RootCauses = Collection[str]


@dataclass(frozen=True, slots=True)
class Act:
    """Who moves, through which door, saying what."""

    by: str
    via: str
    note: str | None = None


class Service:
    """The moves. Raises NotFound, NotAllowed, ConflictError and UsageError; changes nothing then."""

    def __init__(self, store: Store, root_causes: Callable[[], RootCauses], clock: Clock) -> None:
        self._store = store
        self._root_causes = root_causes
        self._clock = clock

    def acknowledge(self, follow_up_id: int, *, by: str, via: str, note: str | None = None) -> FollowUp:
        """Somebody has seen it and works on it. Work of a queue becomes theirs."""
        return self._move(Move.ACKNOWLEDGE, follow_up_id, Act(by, via, note), _acknowledged)

    def contact(self, follow_up_id: int, *, by: str, via: str, note: str | None = None) -> FollowUp:
        """The customer was reached."""
        return self._move(Move.CONTACT, follow_up_id, Act(by, via, note), _contacted)

    def close(self, follow_up_id: int, close_out: CloseOut, *, by: str, via: str, note: str | None = None) -> FollowUp:
        """The loop is closed. What must be said is what the playbook asks for."""

        def changes(follow_up: FollowUp, act: Act, now: datetime) -> dict[str, object]:
            check_close_out(close_out, follow_up.playbook, self._root_causes())
            return _closed(follow_up, close_out, act, now)

        return self._move(Move.CLOSE, follow_up_id, Act(by, via, note), changes)

    def _move(
        self,
        move: Move,
        follow_up_id: int,
        act: Act,
        changes: Callable[[FollowUp, Act, datetime], dict[str, object]],
    ) -> FollowUp:
        now = self._clock.now()
        with self._store.write() as conn:
            follow_up = _locked(conn, follow_up_id)
            state = target(move, follow_up_id, follow_up.state)
            values = {**changes(follow_up, act, now), "state": state.value}
            line = NewHistory(
                version=follow_up.version + 1, at=now, what=MOVES[move].done, by=act.by, via=act.via, note=act.note
            )
            rows.change(conn, follow_up_id, follow_up.version, values, line)
            if state in (State.CLOSED, State.CANCELLED):
                rows.void_timers(conn, follow_up_id, now, state.value)
            rows.refresh_next_step(conn, follow_up_id)
            return rows.get(conn, follow_up_id)


def _locked(conn: Connection, follow_up_id: int) -> FollowUp:
    row = rows.lock(conn, follow_up_id)
    if row is None:
        raise NotFound(f"There is no follow-up {short_id(follow_up_id)}.")
    return rows.read(row)


def _acknowledged(follow_up: FollowUp, act: Act, now: datetime) -> dict[str, object]:
    values: dict[str, object] = {}
    if follow_up.acknowledged_at is None:
        values |= {"acknowledged_at": now, "acknowledged_by": act.by}
    if follow_up.owner is None or follow_up.owner.startswith("team:"):
        values["owner"] = act.by
    return values


def _contacted(follow_up: FollowUp, act: Act, now: datetime) -> dict[str, object]:
    values = _acknowledged(follow_up, act, now)
    if follow_up.contacted_at is None:
        values |= {"contacted_at": now, "contacted_by": act.by}
    return values


def _closed(follow_up: FollowUp, close_out: CloseOut, act: Act, now: datetime) -> dict[str, object]:
    spoke = close_out.outcome in (ClosingOutcome.RECOVERED, ClosingOutcome.NOT_RECOVERED)
    values = (_contacted if spoke else _acknowledged)(follow_up, act, now)
    return values | {
        "closed_at": now,
        "closed_by": act.by,
        "snoozed_until": None,
        "outcome": close_out.outcome,
        "root_cause": close_out.root_cause,
        "closing": {
            name: value
            for name, value in (("action", close_out.action), ("arose", close_out.arose), ("worth", close_out.worth))
            if value
        },
    }
