"""The directory at work: whose calendar counts, who still takes work, who is meant by `manager`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from worker.calendars import Calendar, add_span, zone
from worker.followup.opening import Resolve
from worker.model.directory import Directory, Person, Team
from worker.model.response import Response
from worker.model.span import Span
from worker.route.owners import resolve_recipient

Reachable = Callable[[Person | Team], bool]
_TEAM = "team:"


class People:
    """One rule set's directory. `reachable` says whether somebody has a channel that works."""

    def __init__(self, directory: Directory, timezone: str, reachable: Reachable) -> None:
        self.directory = directory
        self.reachable = reachable
        self._timezone = timezone

    def find(self, recipient: str | None) -> Person | Team | None:
        """A person's id or `team:ID`."""
        if recipient is None:
            return None
        if recipient.startswith(_TEAM):
            return self.directory.teams.get(recipient.removeprefix(_TEAM))
        return self.directory.people.get(recipient)

    def team_of(self, recipient: str | None) -> Team | None:
        found = self.find(recipient)
        if isinstance(found, Person):
            return self.directory.teams.get(found.team or "")
        return found

    def calendar(self, recipient: str | None) -> Calendar | None:
        """The calendar on which this owner's work is counted."""
        found, team = self.find(recipient), self.team_of(recipient)
        name = (
            (found.calendar if isinstance(found, Person) else None)
            or (team.calendar if team else None)
            or self.directory.default_calendar
        )
        spec = self.directory.calendars.get(name or "")
        return Calendar.of(spec) if spec else None

    def zone(self, recipient: str | None) -> ZoneInfo:
        """The zone in which this reader is told times."""
        found = self.find(recipient)
        if isinstance(found, Person) and found.timezone:
            return zone(found.timezone)
        calendar = self.calendar(recipient)
        return calendar.zone if calendar else zone(self._timezone)

    def language(self, recipient: str | None) -> str:
        """The language in which this reader is told things."""
        found, team = self.find(recipient), self.team_of(recipient)
        return (found.language if found else None) or (team.language if team else None) or "en"

    def add(self, owner: str | None, start: datetime, span: Span) -> datetime:
        """Count a span from `start` on the owner's calendar."""
        return add_span(start, span, self.calendar(owner), self.zone(owner))

    def takes_work(self, owner: str, now: datetime) -> bool:
        """Whether this owner is still there: known, and not gone on the local date."""
        found = self.find(owner)
        if isinstance(found, Person) and found.left:
            return now.astimezone(self.zone(owner)).date() < found.left
        return found is not None

    def resolver(self, response: Response, now: datetime) -> Resolve:
        """Who is meant by `agent`, `manager` and the like for this response."""
        return lambda who, owner: resolve_recipient(
            who, directory=self.directory, response=response, owner=owner, now=now
        )
