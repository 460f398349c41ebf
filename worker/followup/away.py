"""The duty that hands over open work of people who left or are away, whether by file or by command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection

from worker import log
from worker.clock import Clock
from worker.followup.chain import Next, next_owner
from worker.followup.notices import notice
from worker.followup.people import People
from worker.model.directory import Person
from worker.model.followup import FollowUp, NewHistory
from worker.model.notice import Kind
from worker.model.response import Json
from worker.store import follow_ups as rows
from worker.store.batch import add_notices
from worker.store.engine import Store

BY_DIRECTORY = "directory"
_AGAIN = timedelta(hours=1)
_log = log.get(__name__)


class Live(Protocol):
    """The rule set in use, as far as this needs it."""

    @property
    def people(self) -> People: ...


@dataclass(frozen=True, slots=True)
class Gone:
    """Why an owner cannot keep a follow-up, as a sentence and as data for the message."""

    why: str
    data: dict[str, Json]
    delegate: str | None = None
    has_left: bool = False


class HandOver:
    """Looks at the owners of live work. Safe to run in any number of workers."""

    def __init__(self, store: Store, live: Callable[[], Live], clock: Clock, told: Callable[[], None]) -> None:
        """`told` is called after a commit that wrote notices: the senders wake."""
        self._store = store
        self._live = live
        self._clock = clock
        self._told = told
        self._people: People | None = None
        self._kept: dict[int, datetime] = {}  # follow-up: when to look again, as nobody else was found

    def run(self) -> int:
        """Hand over what its owner cannot keep. Gives how many changed owners."""
        now, people = self._clock.now(), self._live().people
        if people is not self._people:
            self._people, self._kept = people, {}
        with self._store.read() as conn:
            absent = [owner for owner in rows.live_owners(conn) if _may_be_gone(owner, people)]
            found = rows.owned_by(conn, absent)
        done = 0
        for row in found:
            if gone(row.owner, people, now, row.due_at) is None or now < self._kept.get(row.id, now):
                continue
            if self._one(row.id, people, now):
                done += 1
            else:
                self._kept[row.id] = now + _AGAIN
        if done:
            self._told()
        return done

    def _one(self, follow_up_id: int, people: People, now: datetime) -> bool:
        with self._store.write() as conn:
            row = rows.lock(conn, follow_up_id, skip_locked=True)
            follow_up = rows.read(row) if row is not None else None
            if follow_up is None or not follow_up.is_live or follow_up.owner is None:
                return False
            reason = gone(follow_up.owner, people, now, follow_up.due_at)
            if reason is None:
                return False
            to = _successor(conn, follow_up, reason, people, now)
            return _give(conn, follow_up, to, reason, now)


def gone(owner: str, people: People, now: datetime, due_at: datetime) -> Gone | None:
    """Why somebody cannot keep work that is due then; None where they can. A queue is never gone."""
    if owner.startswith("team:"):
        return None
    found = people.find(owner)
    if not isinstance(found, Person) or not people.takes_work(owner, now):
        name = found.name if isinstance(found, Person) else owner
        return Gone(f"{name} has left", {"left": owner}, has_left=True)
    absence = people.absence(owner, now, due_at)
    if absence is None:
        return None
    why = f"{found.name} is away from {absence.since} to {absence.until}"
    return Gone(why, {"away": owner, "until": absence.until}, delegate=absence.delegate)


def _may_be_gone(owner: str, people: People) -> bool:
    """A look into the directory that spares most owners a query."""
    if owner.startswith("team:"):
        return False
    found = people.find(owner)
    return not isinstance(found, Person) or found.left is not None or bool(found.away)


def _successor(conn: Connection, follow_up: FollowUp, reason: Gone, people: People, now: datetime) -> Next:
    """The delegate, where they can stand in; else on in the chain."""
    resolve = people.resolver(rows.opener(conn, follow_up.id), now)
    barred = {*follow_up.passed_on, *(resolve(who, None) for who in follow_up.playbook.owner_not)}
    delegate = reason.delegate
    if delegate and delegate not in barred and people.can_own(delegate, now, follow_up.due_at):
        return Next(delegate, stands_in_for=follow_up.owner)
    return next_owner(follow_up, follow_up.playbook.owner, people, resolve, now, passed=follow_up.passed_on)


def _give(conn: Connection, follow_up: FollowUp, to: Next, reason: Gone, now: datetime) -> bool:
    """Change the owner and tell both. False where nobody else can have it: the last one of the chain keeps it."""
    if to.who == follow_up.owner:
        return False
    values = {"owner": to.who, "owner_via": BY_DIRECTORY, "stands_in_for": to.stands_in_for}
    line = NewHistory(
        version=follow_up.version + 1, at=now, what="handed over", by=BY_DIRECTORY, via=BY_DIRECTORY,
        note=f"{reason.why}; {to.who} owns it now", detail={"from": follow_up.owner, "to": to.who, **reason.data},
    )  # fmt: skip
    rows.change(conn, follow_up.id, follow_up.version, values, line)
    step, data = f"owner/{line.version}", {"to": to.who, "from": follow_up.owner, **reason.data}
    told = [notice(follow_up, Kind.HANDED_OVER, to.who, step, now, data=data)]
    if follow_up.owner and not reason.has_left:
        data = {**data, "by": to.who}
        told.append(notice(follow_up, Kind.TAKEN_OVER, follow_up.owner, f"{step}/from", now, data=data))
    add_notices(conn, told, now)
    _log.info("handed over", follow_up=follow_up.id, to=to.who, why=reason.why)
    return True
