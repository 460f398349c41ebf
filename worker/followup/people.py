"""The directory at work: who is meant, whose calendar counts, who still takes work, in which language."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from worker.followup.opening import Resolve
from worker.model.directory import Absence, Directory, Person, Team
from worker.model.response import Response
from worker.model.span import Span
from worker.route import owners

Reachable = Callable[[Person | Team], bool]
_TEAM = "team:"
_UP = 5  # how far up the chain somebody is looked for


class People:
    """One rule set's directory. `reachable` says whether somebody has a channel that works."""

    def __init__(self, directory: Directory, zone: ZoneInfo, reachable: Reachable) -> None:
        self.directory = directory
        self.reachable = reachable
        self._roles = owners.People(directory, zone)

    def find(self, recipient: str | None) -> Person | Team | None:
        """A person's id or `team:ID`."""
        if recipient is None:
            return None
        if recipient.startswith(_TEAM):
            return self.directory.teams.get(recipient.removeprefix(_TEAM))
        return self.directory.people.get(recipient)

    def zone(self, recipient: str) -> ZoneInfo:
        """The zone of this reader's clock."""
        return self._roles.zone_of(recipient)

    def add(self, owner: str | None, start: datetime, span: Span) -> datetime:
        """Count a span from `start` on the owner's calendar (nobody's: the default one)."""
        return self._roles.due(owner or self.directory.default_owner, start, span).at

    def shift(self, owner: str | None, at: datetime, paused_at: datetime, resumed_at: datetime, span: Span) -> datetime:
        """A moment after a pause. Business time moves by working time, other time by elapsed time.

        What had passed before the pause stays where it is.
        """
        if at <= paused_at:
            return at
        calendar = self._roles.calendar(owner or self.directory.default_owner)
        if span.unit.is_business and calendar is not None:
            return calendar.shift(at, paused_at, resumed_at)
        return at + (resumed_at - paused_at)

    def working_time(self, owner: str | None, start: datetime, end: datetime) -> timedelta | None:
        """Working time between two moments on the owner's calendar; None without a calendar."""
        calendar = self._roles.calendar(owner or self.directory.default_owner)
        return None if calendar is None else calendar.business_between(start, end)

    def takes_work(self, owner: str, now: datetime) -> bool:
        """Whether this owner is still there: known, and not gone."""
        found = self.find(owner)
        return found is not None and not (isinstance(found, Person) and self._roles.has_left(found, now))

    def absence(self, owner: str, since: datetime, until: datetime) -> Absence | None:
        """The first absence of a person that touches this stretch of time."""
        found = self.find(owner)
        return self._roles.absence(found, since, max(since, until)) if isinstance(found, Person) else None

    def can_own(self, owner: str, now: datetime, until: datetime) -> bool:
        """Whether work that is due then may become this owner's: still there, reachable, and not away before."""
        found = self.find(owner)
        return (
            found is not None
            and self.takes_work(owner, now)
            and self.reachable(found)
            and self.absence(owner, now, until) is None
        )

    def role(self, who: str, response: Response, owner: str | None) -> str | None:
        """Whom a word of the rules names, whether or not they can be told: a person's id or team:ID."""
        return self._roles.resolve(who, response, owner)[0]

    def above(
        self,
        to: str,
        response: Response,
        owner: str | None,
        now: datetime,
        *,
        shut_out: Collection[str | None],
        private: bool,
        until: datetime,
    ) -> str:
        """Whom a rung tells: whom it names, else who stands above them, at last the default owner.

        Passed over: who is shut out (the owner, who was told last), who has left or is away until then without
        somebody standing in, and a queue where the work is private: its lead stands for it.
        """
        resolve, who = self.resolver(response, now), self.role(to, response, owner)
        for _ in range(_UP):
            if who is None:
                break
            found = resolve(who if who.startswith(_TEAM) else f"person:{who}", None)
            hidden = private and found is not None and found.startswith(_TEAM)
            if found is not None and not hidden and found not in shut_out and self.can_own(found, now, until):
                return found
            higher = self.role("manager", response, who)
            who = higher if higher != who else None
        return self.directory.default_owner.removeprefix("person:")

    def resolver(self, response: Response, now: datetime) -> Resolve:
        """Who is meant by `agent`, `manager` and the like for this response."""
        return lambda who, owner: owners.resolve_recipient(
            who, people=self._roles, response=response, owner=owner, now=now, reachable=self.reachable
        )
