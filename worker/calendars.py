"""Working time: opening hours, public holidays and daylight saving.

A calendar is a set of *openings*: half-open stretches [opens, closes) of real time, made from local windows. Business
time is elapsed UTC time inside openings, so a night on which clocks change is as long as it really was. Local times
become instants by one rule: a time that clocks skip means the next one that exists, a time they show twice means the
first. Everything returned is aware UTC.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import chain
from zoneinfo import ZoneInfo

from holidays import country_holidays, list_supported_countries

from worker.model.directory import CalendarSpec, Holidays, Window
from worker.model.span import Span, Unit

Opening = tuple[datetime, datetime]

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
ZERO = timedelta(0)
# Openings are worked out four weeks at a time. A window can reach into the second day after the one it begins on (as
# UTC sees it), so a search starts that many days earlier.
BLOCK_DAYS = 28
REACH_DAYS = 2
REMEMBERED = 1024
# Without an opening for this long, a calendar is taken as never open (say: Sundays only, where Sundays are holidays).
HORIZON_BLOCKS = 40
HORIZON_DAYS = HORIZON_BLOCKS * BLOCK_DAYS
LAST_DAY = date.max.toordinal() - 3  # beyond, a zone's offset does not fit into a datetime


class _Memory(dict[int, tuple[Opening, ...]]):
    """Openings worked out before. Dates come from events too: strange ones must not fill the machine."""

    def put(self, key: int, openings: tuple[Opening, ...]) -> tuple[Opening, ...]:
        if len(self) >= REMEMBERED:
            self.clear()
        self[key] = openings
        return openings


class Calendar:
    """The opening hours of a place. Get one with `Calendar.of(spec)`; it answers from memory after the first time."""

    def __init__(self, spec: CalendarSpec) -> None:
        if not any(spec.hours):
            raise ValueError(f'calendar "{spec.id}" has no opening hours, so no deadline on it could ever come')
        self.spec = spec
        self.zone = zone(spec.timezone)
        holidays_of(spec.holidays, 2024)  # refuses an unknown country now, not at the first deadline
        self._openings = _Memory()  # by block
        self._sessions = _Memory()  # by ordinal of the day they begin on

    @staticmethod
    def of(spec: CalendarSpec) -> Calendar:
        """The one calendar for a spec. ValueError: no opening hours, unknown zone, unknown country or subdivision."""
        return _calendar(spec)

    def add(self, start: datetime, span: Span) -> datetime:
        """When `span`, begun at `start`, has passed.

        Business minutes and hours count inside openings only; the closing minute is outside when counting starts and
        still in time when it ends. Business days: see `_add_business_days`. Calendar days and weeks keep the clock
        time in this calendar's zone; shorter spans are plain elapsed time.
        """
        match span.unit:
            case Unit.BUSINESS_DAYS:
                return self._add_business_days(start, span.amount)
            case Unit.BUSINESS_HOURS:
                return self.after(start, timedelta(hours=span.amount))
            case Unit.BUSINESS_MINUTES:
                return self.after(start, timedelta(minutes=span.amount))
            case _:
                return add_span(start, span, None, self.zone)

    def after(self, start: datetime, working: timedelta) -> datetime:
        """The moment by which `working` time has passed since `start`; with none, `start` itself.

        Negative: the moment after which that much is left until `start`.
        """
        left = working
        if left < ZERO:
            return self._before(start, -left)
        if not left:
            return start.astimezone(UTC)
        for opens, closes in self._from(start):
            if left <= closes - opens:
                return opens + left
            left -= closes - opens
        raise self._never_open()

    def _before(self, end: datetime, working: timedelta) -> datetime:
        left, seen = working, end.astimezone(UTC)
        block = seen.toordinal() // BLOCK_DAYS
        last = block - HORIZON_BLOCKS
        while block > last:
            for opens, closes in reversed(self._block(block)):
                if opens >= seen:
                    continue
                if left <= min(closes, seen) - opens:
                    return min(closes, seen) - left
                left -= min(closes, seen) - opens
                seen, last = opens, block - HORIZON_BLOCKS
            block -= 1
        raise self._never_open()

    def is_open(self, at: datetime) -> bool:
        """Whether `at` lies in an opening. The closing minute does not."""
        at = at.astimezone(UTC)
        today = at.toordinal()
        blocks = range((today - REACH_DAYS) // BLOCK_DAYS, (today + 1) // BLOCK_DAYS + 1)
        return any(_inside(self._block(block), at) for block in blocks)

    def in_closing_minute(self, at: datetime) -> bool:
        """Whether the doors closed less than a minute ago: a message due right at closing time is not late."""
        return not self.is_open(at) and self.is_open(at - MINUTE)

    def next_opening(self, at: datetime) -> datetime:
        """The first open moment from `at` on: `at` itself while open."""
        for opens, _ in self._from(at):
            return opens
        raise self._never_open()

    def business_between(self, start: datetime, end: datetime) -> timedelta:
        """Working time from `start` to `end`; negative when `end` is the earlier one (overdue by that much)."""
        if end < start:
            return -self.business_between(end, start)
        total = ZERO
        for opens, closes in self._from(start):
            if opens >= end:
                break
            total += min(closes, end) - opens
        return total

    def shift(self, due: datetime, paused_at: datetime, resumed_at: datetime) -> datetime:
        """`due` after a pause: as much working time is left on resuming as was left on pausing.

        A deadline that had passed before the pause, or had no working time left, stays where it is.
        """
        if due <= paused_at or resumed_at <= paused_at:
            return due
        left = self.business_between(paused_at, due)
        return self.after(resumed_at, left) if left else due

    def is_holiday(self, day: date) -> bool:
        return day in holidays_of(self.spec.holidays, day.year)

    def is_working_day(self, day: date) -> bool:
        """A day on which an opening begins and that is no holiday. A night shift belongs to the day it begins on."""
        return bool(self.spec.hours[day.weekday()]) and not self.is_holiday(day) and bool(self._session(day))

    def working_day_after(self, day: date, n: int) -> date:
        """The `n`th working day after `day`."""
        idle = 0
        while n:
            day += DAY
            idle += 1
            if self.is_working_day(day):
                n, idle = n - 1, 0
            if idle > HORIZON_DAYS:
                raise self._never_open()
        return day

    def _add_business_days(self, start: datetime, n: int) -> datetime:
        """The same clock time on the nth next working day, moved into that day's hours.

        Before opening it becomes the opening, in a break the end of the break, after closing the closing time. A start
        after midnight in a window of the day before counts from that day, at the same distance past midnight.
        """
        wall = start.astimezone(self.zone).replace(tzinfo=None, fold=0)
        base = self._begun_on(start, wall.date())
        target = self.working_day_after(base, n)
        moment = instant(datetime.combine(target, wall.time()) + (wall.date() - base), self.zone)
        if self.is_open(moment) or self.is_open(moment - timedelta.resolution):  # the closing minute may stay
            return moment
        return _moved_into(self._session(target), moment)

    def _begun_on(self, at: datetime, today: date) -> date:
        """The day to which a moment belongs: yesterday, inside a window that began then; else its own date."""
        at = at.astimezone(UTC)
        if _inside(self._session(today), at) or not _inside(self._session(today - DAY), at):
            return today
        return today - DAY

    def _from(self, start: datetime) -> Iterator[Opening]:
        """What is left of each opening from `start` on, in order and without overlaps; ends where none comes."""
        seen = start.astimezone(UTC)
        block = (seen.toordinal() - REACH_DAYS) // BLOCK_DAYS
        last = block + HORIZON_BLOCKS
        while block < last:
            openings = self._block(block)
            for opens, closes in openings[bisect_right(openings, seen, key=_closes) :]:
                yield max(opens, seen), closes
                seen, last = closes, block + HORIZON_BLOCKS
            block += 1

    def _block(self, block: int) -> tuple[Opening, ...]:
        """The openings that begin in one block of days, sorted and joined where they touch or overlap."""
        found = self._openings.get(block)
        return self._openings.put(block, self._work_out(block)) if found is None else found

    def _work_out(self, block: int) -> tuple[Opening, ...]:
        first = max(block * BLOCK_DAYS, 2)
        days = range(first, min((block + 1) * BLOCK_DAYS, LAST_DAY))
        return _joined(sorted(chain.from_iterable(self._session(date.fromordinal(day)) for day in days)))

    def _session(self, day: date) -> tuple[Opening, ...]:
        """The openings that begin on `day`, less what falls on a holiday by its local date."""
        key = day.toordinal()
        found = self._sessions.get(key)
        return self._sessions.put(key, self._hours_of(day)) if found is None else found

    def _hours_of(self, day: date) -> tuple[Opening, ...]:
        pieces = chain.from_iterable(_pieces(day, window) for window in self.spec.hours[day.weekday()])
        openings = (
            (instant(start, self.zone), instant(end, self.zone))
            for start, end in pieces
            if not self.is_holiday(start.date())
        )
        return _joined(sorted(opening for opening in openings if opening[0] < opening[1]))

    def _never_open(self) -> ValueError:
        years = HORIZON_DAYS // 365
        return ValueError(f'calendar "{self.spec.id}" does not open for {years} years: every opening is a holiday')


def add_span(start: datetime, span: Span, calendar: Calendar | None, zone: ZoneInfo) -> datetime:
    """When `span`, begun at `start`, has passed: business spans on `calendar`, days by the clock of `zone`.

    ValueError for a business span without a calendar.
    """
    if span.unit.is_business:
        if calendar is None:
            raise ValueError(f"{span} needs a calendar: name one at the team, or a default_calendar")
        return calendar.add(start, span)
    if span.unit in (Unit.DAYS, Unit.WEEKS):
        wall = start.astimezone(zone).replace(tzinfo=None, fold=0)
        return instant(wall + span.elapsed, zone)
    return start.astimezone(UTC) + span.elapsed


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The UTC moment of a naive local time: the next that exists when clocks skip it, the first when they repeat it."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    return _end_of_gap(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), moment, zone)


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The second between `before` and `after` at which the zone's offset changes."""
    offset = after.astimezone(zone).utcoffset()
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        changed = (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset
        low, high = (low, middle) if changed else (middle, high)
    return before + timedelta(seconds=high)


def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name; ValueError where there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f'there is no time zone "{name}"; write it like Europe/Berlin') from None


@lru_cache(maxsize=1024)
def holidays_of(spec: Holidays, year: int) -> frozenset[date]:
    """The holidays of a year: public ones with their observed days, and `extra`, without `except`.

    Years the holiday tables do not know have the `extra` ones alone. ValueError: unknown country or subdivision.
    """
    public: frozenset[date] = frozenset()
    if spec.country:
        try:
            public = frozenset(country_holidays(spec.country, subdiv=spec.subdivision, years=year, observed=True))
        except NotImplementedError:
            place = f"{spec.country}, {spec.subdivision}" if spec.subdivision else spec.country
            raise ValueError(f"no public holidays are known for {place}; write ISO codes, like DE and BE") from None
    return (public | frozenset(spec.extra)) - frozenset(spec.except_)


@lru_cache(maxsize=1)
def countries() -> Mapping[str, Sequence[str]]:
    """The countries whose public holidays are known, by ISO code, with their subdivisions."""
    return list_supported_countries(include_aliases=True)


@lru_cache(maxsize=4096)
def _calendar(spec: CalendarSpec) -> Calendar:
    return Calendar(spec)


def _closes(opening: Opening) -> datetime:
    return opening[1]


def _inside(openings: tuple[Opening, ...], at: datetime) -> bool:
    place = bisect_right(openings, at, key=_closes)
    return place < len(openings) and openings[place][0] <= at


def _moved_into(session: tuple[Opening, ...], moment: datetime) -> datetime:
    """`moment` if a day's hours hold it, else the next opening of that day, else its closing time."""
    for opens, closes in session:
        if moment <= closes:
            return max(moment, opens)
    return session[-1][1]


def _pieces(day: date, window: Window) -> Iterator[tuple[datetime, datetime]]:
    """A window of `day` in local time, cut at midnight: each piece lies on one date."""
    start = datetime.combine(day, window.start)
    midnight = datetime.combine(day + DAY, time())
    if window.end is not None and window.end > window.start:
        yield start, datetime.combine(day, window.end)
        return
    yield start, midnight
    if window.end is not None:
        yield midnight, datetime.combine(day + DAY, window.end)


def _joined(openings: list[Opening]) -> tuple[Opening, ...]:
    """Sorted openings, with those that overlap or touch made one."""
    joined: list[Opening] = []
    for opens, closes in openings:
        if joined and opens <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(closes, joined[-1][1])
        else:
            joined.append((opens, closes))
    return tuple(joined)
