"""What a clause can test: small values that answer `holds(value, now)` for a known value in canonical form.

`words` is the test as people say it: "is gold or platinum", "at most 4".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from worker.calendars import Calendar
from worker.model.response import Number

Amount = Number
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Test(Protocol):
    """One test on a known value."""

    @property
    def words(self) -> str: ...

    def holds(self, value: Any, now: datetime) -> bool: ...


@dataclass(frozen=True, slots=True)
class Is:
    """The value is one of `values` (canonical). `said` is how they were written."""

    values: frozenset[Any]
    said: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"is {either(self.said)}"

    def holds(self, value: Any, now: datetime) -> bool:
        return value in self.values


@dataclass(frozen=True, slots=True)
class IsNot:
    values: frozenset[Any]
    said: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"is not {self.said[0]}" if len(self.said) == 1 else f"is neither {neither(self.said)}"

    def holds(self, value: Any, now: datetime) -> bool:
        return value not in self.values


@dataclass(frozen=True, slots=True)
class Between:
    """A number in a range; an end that is None is open-ended. `said` is the test in words."""

    low: Amount | None
    high: Amount | None
    said: str
    low_open: bool = False
    high_open: bool = False

    @property
    def words(self) -> str:
        return self.said

    @property
    def empty(self) -> bool:
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def holds(self, value: Any, now: datetime) -> bool:
        return self.covers(value)

    def covers(self, value: Any) -> bool:
        if self.low is not None and (value <= self.low if self.low_open else value < self.low):
            return False
        return self.high is None or not (value >= self.high if self.high_open else value > self.high)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A list has one of the labels."""

    values: frozenset[Any]
    said: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"has {self.said[0]}" if len(self.said) == 1 else f"has any of {', '.join(self.said)}"

    def holds(self, value: Any, now: datetime) -> bool:
        return not self.values.isdisjoint(value)


@dataclass(frozen=True, slots=True)
class AllOf:
    values: frozenset[Any]
    said: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"has {self.said[0]}" if len(self.said) == 1 else f"has all of {', '.join(self.said)}"

    def holds(self, value: Any, now: datetime) -> bool:
        return self.values.issubset(value)


@dataclass(frozen=True, slots=True)
class NoneOf:
    values: frozenset[Any]
    said: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"lacks {self.said[0]}" if len(self.said) == 1 else f"has none of {', '.join(self.said)}"

    def holds(self, value: Any, now: datetime) -> bool:
        return self.values.isdisjoint(value)


@dataclass(frozen=True, slots=True)
class Mentions:
    """Whole words or phrases: the neighbours are no letters, digits or underscores, a space is any white space."""

    phrases: tuple[str, ...]  # canonical
    said: tuple[str, ...]
    pattern: re.Pattern[str]

    @staticmethod
    def of(phrases: Sequence[str], said: Sequence[str]) -> Mentions:
        return Mentions(tuple(phrases), tuple(said), whole(phrases))

    @property
    def words(self) -> str:
        return f"mentions {either(_in_quotes(self.said))}"

    def holds(self, value: Any, now: datetime) -> bool:
        return self.pattern.search(value) is not None


@dataclass(frozen=True, slots=True)
class Contains:
    parts: tuple[str, ...]
    said: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"contains {either(_in_quotes(self.said))}"

    def holds(self, value: Any, now: datetime) -> bool:
        return any(part in value for part in self.parts)


@dataclass(frozen=True, slots=True)
class StartsWith:
    parts: tuple[str, ...]
    said: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"starts with {either(_in_quotes(self.said))}"

    def holds(self, value: Any, now: datetime) -> bool:
        return bool(value.startswith(self.parts))


@dataclass(frozen=True, slots=True)
class EndsWith:
    parts: tuple[str, ...]
    said: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"ends with {either(_in_quotes(self.said))}"

    def holds(self, value: Any, now: datetime) -> bool:
        return bool(value.endswith(self.parts))


@dataclass(frozen=True, slots=True)
class Matches:
    """RE2 patterns, so that no pattern can be slow."""

    patterns: tuple[Any, ...]
    said: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"matches {either(self.said)}"

    def holds(self, value: Any, now: datetime) -> bool:
        return any(pattern.search(value) is not None for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class WithinLast:
    """Not older than `length` of elapsed time, and not in the future."""

    length: timedelta
    said: str

    @property
    def words(self) -> str:
        return f"was within the last {self.said}"

    def holds(self, value: Any, now: datetime) -> bool:
        return bool(timedelta() <= now - value <= self.length)


@dataclass(frozen=True, slots=True)
class OnDays:
    """The moment's own local day is one of these; Monday is 0."""

    days: frozenset[int]
    zone: ZoneInfo

    @property
    def words(self) -> str:
        return f"is on {either([_DAY_NAMES[day] for day in sorted(self.days)])}"

    def holds(self, value: Any, now: datetime) -> bool:
        return _local(value, self.zone).weekday() in self.days


@dataclass(frozen=True, slots=True)
class ClockBetween:
    """From `start` to before `end` on the local clock. None is 24:00; an end before the start is past midnight."""

    start: time
    end: time | None
    zone: ZoneInfo

    @property
    def words(self) -> str:
        return f"is between {self.start:%H:%M} and {self.end.strftime('%H:%M') if self.end else '24:00'}"

    def holds(self, value: Any, now: datetime) -> bool:
        clock = _local(value, self.zone).time()
        if self.end is None or self.start < self.end:
            return clock >= self.start and (self.end is None or clock < self.end)
        return clock >= self.start or clock < self.end


@dataclass(frozen=True, slots=True)
class Dates:
    """The local date lies between `first` and `last`, both included; None is open-ended."""

    first: date | None
    last: date | None
    zone: ZoneInfo
    said: str

    @property
    def words(self) -> str:
        return self.said

    def holds(self, value: Any, now: datetime) -> bool:
        day = _local(value, self.zone).date()
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class NotOnDates:
    days: frozenset[date]
    zone: ZoneInfo
    said: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"is not on {either(self.said)}"

    def holds(self, value: Any, now: datetime) -> bool:
        return _local(value, self.zone).date() not in self.days


@dataclass(frozen=True, slots=True)
class OnDates:
    days: frozenset[date]
    zone: ZoneInfo
    said: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"is on {either(self.said)}"

    def holds(self, value: Any, now: datetime) -> bool:
        return _local(value, self.zone).date() in self.days


@dataclass(frozen=True, slots=True)
class InHours:
    """Inside (or with `outside`, not inside) the opening hours of a calendar. The closing minute is outside."""

    calendar: Calendar
    name: str
    outside: bool = False

    @property
    def words(self) -> str:
        return f"is {'outside' if self.outside else 'in'} the hours of {self.name}"

    def holds(self, value: Any, now: datetime) -> bool:
        return self.calendar.is_open(value) is not self.outside


def whole(phrases: Sequence[str]) -> re.Pattern[str]:
    """Finds any of some phrases standing whole."""
    options = "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases)
    return re.compile(rf"(?<!\w)(?:{options})(?!\w)")


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone)


def either(said: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}"


def neither(said: Sequence[str]) -> str:
    return f"{', '.join(said[:-1])} nor {said[-1]}"


def _in_quotes(said: Sequence[str]) -> list[str]:
    return [f'"{part}"' for part in said]
