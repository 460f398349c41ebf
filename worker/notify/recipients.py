"""Whom a notice reaches, and where: a person, a team's queue or ops, by the live directory. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from worker.model.directory import Directory, Person, Team

OPS = "ops"
MAINTAINER = "maintained_by"  # whoever looks after the rules, by the name or address that routing.yaml gives
TEAM = "team:"


@dataclass(frozen=True, slots=True)
class Target:
    """One channel and the address there."""

    channel: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads a message: for whom it is written, in which language and zone.

    `personal` says that the address is one person's own, so a customer's phone and address may be shown in mail.
    """

    id: str
    name: str
    language: str
    zone: ZoneInfo
    person: Person | None = None
    team: Team | None = None

    @property
    def personal(self) -> bool:
        return self.person is not None


def targets(
    recipient: str,
    wanted: Sequence[str],
    directory: Directory,
    *,
    channels: Collection[str],
    ops_channels: Sequence[str],
    avoid: str | None = None,
    maintained_by: str | None = None,
) -> list[Target]:
    """Where to try, in order. `channels` are the configured ones; `avoid` is a channel that is itself the trouble."""
    if recipient == OPS:
        return _of_ops(ops_channels, channels, avoid)
    if recipient == MAINTAINER:
        if is_address(maintained_by):
            return [Target("email", maintained_by or "")] if "email" in channels else []
        recipient = (maintained_by or "").removeprefix("person:")
    team, person = find(recipient, directory)
    who = person or team
    places = who.addresses if who else {}
    found = ((word, places.get(word)) for word in dict.fromkeys(wanted) if word in channels)
    return [Target(word, address) for word, address in found if address]


def is_address(who: str | None) -> bool:
    return "@" in (who or "")


def find(recipient: str, directory: Directory) -> tuple[Team | None, Person | None]:
    """The team or the person that a recipient names."""
    if recipient.startswith(TEAM):
        return directory.teams.get(recipient.removeprefix(TEAM)), None
    return None, directory.people.get(recipient)


def reader(recipient: str, directory: Directory, *, default_zone: str, default_language: str = "en") -> Reader:
    """How to write to a recipient. A person without language or zone has the team's, a team its calendar's."""
    team, person = find(recipient, directory)
    if person and person.team:
        team = directory.teams.get(person.team)
    calendar = directory.calendars.get(
        (person and person.calendar) or (team and team.calendar) or directory.default_calendar or ""
    )
    zone = (person and person.timezone) or (calendar and calendar.timezone) or default_zone
    language = (person and person.language) or (team and team.language) or default_language
    name = person.name if person else team.name if team else recipient
    return Reader(
        id=recipient, name=name, language=language, zone=ZoneInfo(zone), person=person, team=None if person else team
    )


def display_name(who: str | None, directory: Directory) -> str | None:
    """A name for a person's id or `team:ID`; the id itself where the directory no longer knows it."""
    if not who:
        return None
    team, person = find(who.removeprefix("person:"), directory)
    return person.name if person else team.name if team else who


def first_name(who: str | None, directory: Directory) -> str | None:
    """How colleagues are called in sentences: the first word of a person's name; a team's whole name."""
    name = display_name(who, directory)
    return name.split()[0] if name and who and not who.startswith(TEAM) else name


def _of_ops(ops_channels: Sequence[str], channels: Collection[str], avoid: str | None) -> list[Target]:
    found = [Target(*entry.split(":", 1)) for entry in ops_channels]
    usable = [target for target in found if target.channel in channels]
    return sorted(usable, key=lambda target: target.channel == avoid)
