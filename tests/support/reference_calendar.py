"""Business time counted minute by minute: slow, and plain enough to be believed.

The instant of a local time is the first UTC minute at which the wall shows that time or a later one, found by walking.
A minute is open when it lies between a window's instants and its own date is no holiday. Nothing here is shared with
worker.calendars but the specification it reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.model.directory import CalendarSpec, Window

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass
class ReferenceCalendar:
    """Windows and `holidays.extra` only: what is a public holiday is not this reference's business."""

    spec: CalendarSpec
    sessions: dict[date, list[tuple[datetime, datetime]]] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.spec.timezone)

    def wall(self, at: datetime) -> datetime:
        return at.astimezone(self.zone).replace(tzinfo=None, fold=0)

    def instant(self, wall: datetime) -> datetime:
        minute = wall.replace(tzinfo=UTC) - timedelta(hours=27)
        while self.wall(minute + HOUR) + 3 * HOUR < wall:  # strides while far away, or tests would take all day
            minute += HOUR
        while self.wall(minute) < wall:
            minute += MINUTE
        return minute

    def session(self, day: date) -> list[tuple[datetime, datetime]]:
        """The windows that begin on `day`, as instants."""
        if day not in self.sessions:
            spans = (bounds(day, window) for window in self.spec.hours[day.weekday()])
            self.sessions[day] = [(self.instant(start), self.instant(end)) for start, end in spans]
        return self.sessions[day]

    def is_holiday(self, at: datetime) -> bool:
        return self.wall(at).date() in self.spec.holidays.extra

    def begun_on(self, at: datetime) -> list[date]:
        """The days whose windows hold this moment, the nearest first."""
        if self.is_holiday(at):
            return []
        today = self.wall(at).date()
        return [day for day in (today, today - DAY, today - 2 * DAY) if in_any(self.session(day), at)]

    def is_open(self, at: datetime) -> bool:
        return bool(self.begun_on(at))

    def add_minutes(self, start: datetime, minutes: int) -> datetime:
        """`start` on a whole minute."""
        at, left = start, minutes
        while left:
            left -= self.is_open(at)
            at += MINUTE
        return at

    def minutes_between(self, start: datetime, end: datetime) -> int:
        return sum(self.is_open(start + n * MINUTE) for n in range(int((end - start) / MINUTE)))

    def open_minutes(self, day: date) -> list[datetime]:
        """Every open minute of the windows that begin on `day`."""
        spans = self.session(day)
        minutes = (start + n * MINUTE for start, end in spans for n in range(int((end - start) / MINUTE)))
        return sorted({at for at in minutes if not self.is_holiday(at)})

    def is_working_day(self, day: date) -> bool:
        return day not in self.spec.holidays.extra and bool(self.open_minutes(day))

    def add_days(self, start: datetime, days: int) -> datetime:
        wall = self.wall(start)
        day = base = (self.begun_on(start) or [wall.date()])[0]
        for _ in range(days):
            day += DAY
            while not self.is_working_day(day):
                day += DAY
        return self.moved(day, self.instant(datetime.combine(day, wall.time()) + (wall.date() - base)))

    def moved(self, day: date, moment: datetime) -> datetime:
        if self.is_open(moment) or self.is_open(moment - MINUTE):
            return moment
        later = [at for at in self.open_minutes(day) if at >= moment]
        return later[0] if later else self.open_minutes(day)[-1] + MINUTE


def bounds(day: date, window: Window) -> tuple[datetime, datetime]:
    end = window.end or time()
    last = day if window.end and window.end > window.start else day + DAY
    return datetime.combine(day, window.start), datetime.combine(last, end)


def in_any(spans: list[tuple[datetime, datetime]], at: datetime) -> bool:
    return any(start <= at < end for start, end in spans)
