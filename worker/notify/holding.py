"""When a person is not disturbed: quiet hours, caps and digests. Deferring, never dropping. Pure.

Three reasons hold a notice back, each with a moment at which it goes on: the end of quiet hours, room under the cap,
the time of the digest. What was held for one receiver until the same moment becomes one message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from worker.calendars import Calendar, add_span, instant
from worker.model.directory import Cap, Digest, Directory, Person, Quiet, Team
from worker.model.notice import Kind
from worker.model.playbook import Priority

NEVER_HELD = frozenset({Kind.OPS, Kind.DRILL, Kind.CATCH_UP, Kind.HUDDLE, Kind.CUSTOMER})
_DAY = timedelta(days=1)


class Why(StrEnum):
    """Why a notice waits. Stored with it."""

    QUIET = "quiet"
    CAP = "cap"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait until then."""

    until: datetime
    why: Why


@dataclass(frozen=True, slots=True)
class Manners:
    """What holds for one receiver: their own wishes, else their team's."""

    quiet: Quiet | None
    cap: Cap | None
    digest: Digest | None
    calendar: Calendar | None
    zone: ZoneInfo

    @property
    def any(self) -> bool:
        return bool(self.quiet or self.cap or self.digest)


class Told(Protocol):
    """A notice, as far as holding it back goes."""

    @property
    def kind(self) -> Kind: ...
    @property
    def priority(self) -> Priority: ...


def manners(recipient: str, directory: Directory, default_zone: ZoneInfo) -> Manners | None:
    """The wishes of a person's id or `team:ID`; None for somebody unknown."""
    if recipient.startswith("team:"):
        team = directory.teams.get(recipient.removeprefix("team:"))
        person = None
        if team is None:
            return None
    else:
        person = directory.people.get(recipient)
        if person is None:
            return None
        team = directory.teams.get(person.team or "")
    spec = directory.calendars.get(_calendar_id(person, team) or directory.default_calendar or "")
    calendar = Calendar.of(spec) if spec else None
    zone = ZoneInfo(person.timezone) if person and person.timezone else calendar.zone if calendar else default_zone
    return Manners(
        quiet=(person.quiet if person else None) or (team.quiet if team else None),
        cap=(person.at_most if person else None) or (team.at_most if team else None),
        digest=(person.digest if person else None) or (team.digest if team else None),
        calendar=calendar,
        zone=zone,
    )


def hold(told: Told, wishes: Manners, sent: Sequence[datetime], now: datetime) -> Hold | None:
    """Whether and until when a notice waits. `sent` is when the receiver's last messages went out."""
    if told.kind in NEVER_HELD:
        return None
    if wishes.digest and told.priority.word in wishes.digest.priorities:
        return Hold(_digest_at(wishes.digest, wishes.zone, now), Why.DIGEST)
    if wishes.quiet and not _passes(told, wishes.quiet.except_):
        until = quiet_until(wishes.quiet, wishes.calendar, wishes.zone, now)
        if until is not None:
            return Hold(until, Why.QUIET)
    if wishes.cap and not _passes(told, wishes.cap.except_):
        until = room_at(wishes.cap, wishes.zone, sent, now)
        if until is not None:
            return Hold(until, Why.CAP)
    return None


def quiet_until(quiet: Quiet, calendar: Calendar | None, zone: ZoneInfo, now: datetime) -> datetime | None:
    """The end of the quiet time that `now` lies in; None where it lies in none."""
    if quiet.outside_calendar:
        if calendar is None or calendar.is_open(now) or calendar.in_closing_minute(now):
            return None
        return calendar.next_opening(now)
    if quiet.start is None or quiet.end is None or quiet.start == quiet.end:
        return None
    local = now.astimezone(zone)
    clock = local.time()
    overnight = quiet.start > quiet.end
    inside = clock >= quiet.start or clock < quiet.end if overnight else quiet.start <= clock < quiet.end
    if not inside:
        return None
    day = local.date() + _DAY if overnight and clock >= quiet.start else local.date()
    return instant(datetime.combine(day, quiet.end), zone)


def room_at(cap: Cap, zone: ZoneInfo, sent: Sequence[datetime], now: datetime) -> datetime | None:
    """When there is room for one more message; None where there is room now."""
    recent = sorted(at for at in sent if add_span(at, cap.per, None, zone) > now)
    if len(recent) < cap.messages:
        return None
    return add_span(recent[len(recent) - cap.messages], cap.per, None, zone)


def gathered_as(reasons: Sequence[Why], how_many: int) -> Kind | None:
    """As what held notices go out together: a huddle sheet, a catch-up, or (None) each as itself."""
    if Why.DIGEST in reasons:
        return Kind.HUDDLE
    return Kind.CATCH_UP if how_many > 1 else None


def held(data: Mapping[str, object] | None) -> Why | None:
    """Why a stored notice was held back, from its data."""
    word = (data or {}).get("held")
    return Why(str(word)) if word else None


def _passes(told: Told, exceptions: Sequence[str]) -> bool:
    return told.kind.value in exceptions or told.priority.word in exceptions


def _digest_at(digest: Digest, zone: ZoneInfo, now: datetime) -> datetime:
    local = now.astimezone(zone)
    today = instant(datetime.combine(local.date(), digest.at), zone)
    return today if today > now else instant(datetime.combine(local.date() + _DAY, digest.at), zone)


def _calendar_id(person: Person | None, team: Team | None) -> str | None:
    return (person.calendar if person else None) or (team.calendar if team else None)
