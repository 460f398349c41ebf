"""The directory: people, teams, units and calendars, as the rule set has them. Live, never frozen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time

from msgspec import Struct

from worker.model.span import Span


class Window(Struct, frozen=True):
    """Opening hours on one day, local time. `end` before or at `start` runs past midnight; None is 24:00."""

    start: time
    end: time | None


class Holidays(Struct, frozen=True, kw_only=True):
    """`country` and `subdivision` are ISO 3166 codes."""

    country: str | None = None
    subdivision: str | None = None
    extra: tuple[date, ...] = ()
    except_: tuple[date, ...] = ()


class CalendarSpec(Struct, frozen=True, kw_only=True):
    """`hours[0]` is Monday; an empty tuple is a closed day."""

    id: str
    timezone: str
    hours: tuple[tuple[Window, ...], ...]
    holidays: Holidays = Holidays()


class Quiet(Struct, frozen=True, kw_only=True):
    """`start`-`end` local, or `outside_calendar`. `except_` holds priorities and kinds that pass."""

    start: time | None = None
    end: time | None = None
    outside_calendar: bool = False
    except_: tuple[str, ...] = ()


class Cap(Struct, frozen=True, kw_only=True):
    messages: int
    per: Span
    except_: tuple[str, ...] = ()


class Digest(Struct, frozen=True, kw_only=True):
    at: time
    priorities: tuple[str, ...] = ()


class Absence(Struct, frozen=True, kw_only=True):
    """Both days included, on the person's calendar."""

    since: date
    until: date
    delegate: str | None = None


class Person(Struct, frozen=True, kw_only=True):
    """`elsewhere` maps a channel's name, when it is neither of the two, to their address there."""

    id: str
    name: str
    email: str | None = None
    slack: str | None = None
    known_as: tuple[str, ...] = ()
    team: str | None = None
    manager: str | None = None
    language: str | None = None
    timezone: str | None = None
    calendar: str | None = None
    away: tuple[Absence, ...] = ()
    left: date | None = None
    quiet: Quiet | None = None
    at_most: Cap | None = None
    digest: Digest | None = None
    elsewhere: Mapping[str, str] = {}

    @property
    def addresses(self) -> Mapping[str, str]:
        """Where they can be told something, by channel."""
        known = {"slack": self.slack, "email": self.email}
        return {channel: address for channel, address in known.items() if address} | dict(self.elsewhere)


class Team(Struct, frozen=True, kw_only=True):
    """`queue` maps a channel's name (slack, email) to the shared address."""

    id: str
    name: str
    lead: str | None = None
    calendar: str | None = None
    queue: Mapping[str, str] = {}
    unit: str | None = None
    language: str | None = None
    quiet: Quiet | None = None
    at_most: Cap | None = None
    digest: Digest | None = None

    @property
    def addresses(self) -> Mapping[str, str]:
        return self.queue


class OrgUnit(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    manager: str | None = None
    parent: str | None = None


class Directory(Struct, frozen=True, kw_only=True):
    people: Mapping[str, Person]
    teams: Mapping[str, Team]
    units: Mapping[str, OrgUnit]
    calendars: Mapping[str, CalendarSpec]
    default_owner: str  # person:ID or team:ID
    default_calendar: str | None = None
    aliases: Mapping[str, str] = {}  # id, known_as and lower-cased e-mail -> person id
