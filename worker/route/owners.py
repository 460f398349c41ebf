"""Who owns a follow-up, who is told, and until when: the owner chain with every skip and its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from worker.calendars import Calendar, add_span
from worker.model.decision import Skip
from worker.model.directory import Absence, Directory, Person, Team
from worker.model.response import Response
from worker.model.span import Span

Reachable = Callable[[Person | Team], bool]
DEFAULT = "default_owner"


class SkipReason(StrEnum):
    """Why a candidate was passed over."""

    UNKNOWN = "unknown"  # the response names nobody, or nobody the directory knows
    LEFT = "left"
    OWNER_NOT = "owner_not"
    AWAY = "away"  # at some time until due, and no delegate who can stand in
    NO_CHANNEL = "no_channel"
    PRIVATE = "private"  # a queue cannot own what only one person may see


SKIP_WORDS = {
    SkipReason.UNKNOWN: "is not in the directory",
    SkipReason.LEFT: "has left",
    SkipReason.OWNER_NOT: "may not own this",
    SkipReason.AWAY: "is away before it is due, without a delegate who could stand in",
    SkipReason.NO_CHANNEL: "has no working channel",
    SkipReason.PRIVATE: "is a queue, and this is private",
}


def skip_words(skip: Skip) -> str:
    """A skip as people say it."""
    if skip.reason == SkipReason.UNKNOWN and skip.person is None:
        return "the response names none" if skip.candidate in ("agent", "account_manager") else "nobody is named"
    return (
        f"{skip.person} {SKIP_WORDS[SkipReason(skip.reason)]}" if skip.person else SKIP_WORDS[SkipReason(skip.reason)]
    )


def has_address(who: Person | Team) -> bool:
    """Whether there is any address at all: what can be said without asking the channels."""
    return bool(who.addresses)


@dataclass(frozen=True, slots=True)
class Due:
    """When work is due. `calendar` is the id of the one it was counted on."""

    at: datetime
    calendar: str | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """`who` is a person's id or team:ID; `stands_in_for` is who is away and named `who` as delegate."""

    who: str
    via: str
    due: Due
    stands_in_for: str | None = None


class People:
    """The directory, asked about one moment after the other."""

    def __init__(self, directory: Directory, zone: ZoneInfo) -> None:
        self.directory = directory
        self._zone = zone
        self._calendars = {name: Calendar.of(spec) for name, spec in directory.calendars.items()}
        self._zones = {person.id: self._zone_of(person) for person in directory.people.values()}
        self._dues: dict[tuple[datetime, Span, str | None, str], Due] = {}

    # Roles ---------------------------------------------------------------------------------------------------------

    def person(self, value: str | None, source: str | None = None) -> str | None:
        """Whom a value of an event means: an id, a known_as (also with the source before it), an e-mail."""
        if value is None:
            return None
        aliases = self.directory.aliases
        found = aliases.get(f"{source}:{value}") or aliases.get(value)
        return found or (aliases.get(value.lower()) if "@" in value else None)

    def resolve(self, who: str, response: Response, owner: str | None = None) -> tuple[str | None, str | None]:
        """(person's id or team:ID, the raw value) for a role. With `owner`, roles are the owner's, else the agent's."""
        kind, colon, name = who.partition(":")
        if colon:
            return (name if kind == "person" else who), name
        if who == "owner":
            return owner, owner
        if who == "agent":
            return self.person(response.interaction.agent, response.source), response.interaction.agent
        if who == "account_manager":
            value = response.customer.account_manager
            return self.person(value, response.source), value
        if who == "unit_manager":
            return self._unit_manager(response, owner)
        if who == "manager":
            return self._manager(response, owner)
        team = self.team(response, owner)
        if team is None:
            return None, response.interaction.team
        return (team.lead, team.lead) if who == "team_lead" else (f"team:{team.id}", team.id)

    def _manager(self, response: Response, owner: str | None) -> tuple[str | None, str | None]:
        if owner and owner.startswith("team:"):
            team = self.directory.teams.get(owner.removeprefix("team:"))
            return (team.lead, team.lead) if team else (None, None)
        name = owner or self.person(response.interaction.agent, response.source)
        person = self.directory.people.get(name or "")
        return (person.manager, person.manager) if person else (None, response.interaction.agent)

    def team(self, response: Response, owner: str | None = None) -> Team | None:
        """The owner's team when there is an owner, else `interaction.team`, else the agent's."""
        teams = self.directory.teams
        if owner:
            return teams.get(owner.removeprefix("team:") if owner.startswith("team:") else self._team_of(owner) or "")
        named = teams.get(response.interaction.team or "")
        return named or teams.get(self._team_of(self.person(response.interaction.agent, response.source)) or "")

    def _team_of(self, name: str | None) -> str | None:
        person = self.directory.people.get(name or "")
        return person.team if person else None

    def _unit_manager(self, response: Response, owner: str | None) -> tuple[str | None, str | None]:
        """The manager of the response's unit, else of its team's; of the next unit above that has one."""
        team = self.team(response, owner)
        name = response.interaction.unit or (team.unit if team else None)
        unit = self.directory.units.get(name or "")
        if unit is None:
            return None, name
        while unit is not None and unit.manager is None:
            unit = self.directory.units.get(unit.parent or "")
        return (unit.manager, unit.manager) if unit else (None, None)

    # Time ----------------------------------------------------------------------------------------------------------

    def calendar_id(self, who: str) -> str | None:
        """The calendar a person or team works by: their own, their team's, the default."""
        directory = self.directory
        if who.startswith("team:"):
            team = directory.teams.get(who.removeprefix("team:"))
            return (team.calendar if team else None) or directory.default_calendar
        person = directory.people.get(who)
        team = directory.teams.get(person.team or "") if person else None
        return (person.calendar if person else None) or (team.calendar if team else None) or directory.default_calendar

    def calendar(self, who: str) -> Calendar | None:
        return self._calendars.get(self.calendar_id(who) or "")

    def zone_of(self, who: str) -> ZoneInfo:
        """The zone of a person's or team's clock."""
        if who in self._zones:
            return self._zones[who]
        calendar = self.calendar(who)
        return calendar.zone if calendar else self._zone

    def _zone_of(self, person: Person) -> ZoneInfo:
        if person.timezone:
            return ZoneInfo(person.timezone)
        calendar = self.calendar(person.id)
        return calendar.zone if calendar else self._zone

    def due(self, who: str, start: datetime, span: Span) -> Due:
        """When `span` from `start` has passed on the clock and calendar of `who`."""
        calendar_id, zone = self.calendar_id(who), self.zone_of(who)
        key = (start, span, calendar_id, zone.key)
        found = self._dues.get(key)
        if found is None:
            if len(self._dues) > 256:  # a batch has one `now`, so a few entries serve all of it
                self._dues.clear()
            at = add_span(start, span, self._calendars.get(calendar_id or ""), zone)
            found = self._dues[key] = Due(at, calendar_id)
        return found

    def has_left(self, person: Person, now: datetime) -> bool:
        return person.left is not None and now.astimezone(self.zone_of(person.id)).date() >= person.left

    def absence(self, person: Person, since: datetime, until: datetime) -> Absence | None:
        """The first absence that touches a stretch of time, both of its days included."""
        if not person.away:
            return None
        zone = self.zone_of(person.id)
        first, last = since.astimezone(zone).date(), until.astimezone(zone).date()
        touching = [absence for absence in person.away if absence.since <= last and absence.until >= first]
        return min(touching, key=lambda absence: absence.since, default=None)


class Chain:
    """Chooses owners and receivers at one moment for one response."""

    def __init__(self, people: People, response: Response, now: datetime, reachable: Reachable) -> None:
        self._people, self._response, self._now, self._reachable = people, response, now, reachable

    def owner(
        self, candidates: Sequence[str], owner_not: Sequence[str], private: bool, span: Span
    ) -> tuple[Chosen, tuple[Skip, ...]]:
        """The first candidate who can own it; the default owner when nobody can."""
        barred = frozenset(self._barred(owner_not))
        skips: list[Skip] = []
        for candidate in candidates:
            found = self._try(candidate, span, barred, private)
            if isinstance(found, Chosen):
                return found, tuple(skips)
            skips.append(found)
        return self._default(span, barred), tuple(skips)

    def _barred(self, owner_not: Sequence[str]) -> Iterable[str]:
        for who in owner_not:
            target, _ = self._people.resolve(who, self._response)
            if target:
                yield target

    def _default(self, span: Span, barred: frozenset[str]) -> Chosen:
        """Never skipped; a delegate who can stand in does."""
        who = self._people.directory.default_owner.removeprefix("person:")
        found = self._try(f"person:{who}" if not who.startswith("team:") else who, span, barred, False)
        if isinstance(found, Chosen) and found.stands_in_for:
            return Chosen(found.who, DEFAULT, found.due, found.stands_in_for)
        return Chosen(who, DEFAULT, self._people.due(who, self._now, span))

    def copies(self, whos: Sequence[str], owner: str | None, span: Span) -> tuple[tuple[str, ...], tuple[Skip, ...]]:
        """Who gets a copy: resolved as owners are, each once, never the owner."""
        told: dict[str, None] = {}
        skips: list[Skip] = []
        for who in whos:
            found = self._try(who, span, frozenset(), False, owner)
            if isinstance(found, Skip):
                skips.append(found)
            elif found.who != owner:
                told[found.who] = None
        return tuple(told), tuple(skips)

    def _try(
        self, candidate: str, span: Span, barred: frozenset[str], private: bool, owner: str | None = None
    ) -> Chosen | Skip:
        """A candidate as owner, or why not. Only `owner` itself is asked of the owner; roles are the agent's."""
        if candidate == "owner":
            target, raw = owner, owner
        else:
            target, raw = self._people.resolve(candidate, self._response)
        if target is None:
            return Skip(candidate, raw, SkipReason.UNKNOWN)
        if target.startswith("team:"):
            return self._try_team(candidate, target, span, barred, private)
        return self._try_person(candidate, target, span, barred)

    def _try_team(
        self, candidate: str, target: str, span: Span, barred: frozenset[str], private: bool
    ) -> Chosen | Skip:
        team = self._people.directory.teams.get(target.removeprefix("team:"))
        reason = None
        if team is None:
            reason = SkipReason.UNKNOWN
        elif private:
            reason = SkipReason.PRIVATE
        elif target in barred:
            reason = SkipReason.OWNER_NOT
        elif not self._reachable(team):
            reason = SkipReason.NO_CHANNEL
        return Skip(candidate, target, reason) if reason else Chosen(target, candidate, self._due(target, span))

    def _try_person(self, candidate: str, target: str, span: Span, barred: frozenset[str]) -> Chosen | Skip:
        person = self._people.directory.people.get(target)
        if person is None:
            return Skip(candidate, target, SkipReason.UNKNOWN)
        reason = self._unfit(person, barred)
        if reason in (SkipReason.LEFT, SkipReason.OWNER_NOT):
            return Skip(candidate, target, reason)
        due = self._due(target, span)
        absence = self._people.absence(person, self._now, due.at)
        if absence:
            return self._delegate(candidate, person, absence, span, barred)
        return Skip(candidate, target, reason) if reason else Chosen(target, candidate, due)

    def _delegate(
        self, candidate: str, person: Person, absence: Absence, span: Span, barred: frozenset[str]
    ) -> Chosen | Skip:
        """One hop: a delegate who is away too does not pass it on."""
        delegate = self._people.directory.people.get(absence.delegate or "")
        if delegate is None or self._unfit(delegate, barred):
            return Skip(candidate, person.id, SkipReason.AWAY)
        due = self._due(delegate.id, span)
        if self._people.absence(delegate, self._now, due.at):
            return Skip(candidate, person.id, SkipReason.AWAY)
        return Chosen(delegate.id, candidate, due, stands_in_for=person.id)

    def _unfit(self, person: Person, barred: frozenset[str]) -> SkipReason | None:
        if self._people.has_left(person, self._now):
            return SkipReason.LEFT
        if person.id in barred:
            return SkipReason.OWNER_NOT
        return None if self._reachable(person) else SkipReason.NO_CHANNEL

    def _due(self, who: str, span: Span) -> Due:
        return self._people.due(who, self._now, span)


def resolve_recipient(
    who: str, *, people: People, response: Response, owner: str | None, now: datetime, reachable: Reachable
) -> str | None:
    """Whom a role means at this moment: a person's id or team:ID, the delegate of somebody who is away today.

    Roles are seen from the owner: manager is the owner's, the team is the owner's. None: nobody, or nobody who can
    be told; the caller then tells the default owner.
    """
    target, _ = people.resolve(who, response, owner)
    if target is None:
        return None
    if target.startswith("team:"):
        team = people.directory.teams.get(target.removeprefix("team:"))
        return target if team and reachable(team) else None
    person = people.directory.people.get(target)
    if person is None or people.has_left(person, now):
        return None
    absence = people.absence(person, now, now)
    delegate = people.directory.people.get(absence.delegate or "") if absence else None
    if (
        delegate
        and not people.has_left(delegate, now)
        and not people.absence(delegate, now, now)
        and reachable(delegate)
    ):
        return delegate.id
    return target if reachable(person) else None
