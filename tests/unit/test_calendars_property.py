"""Calendars against a count minute by minute, around the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.reference_calendar import ReferenceCalendar
from worker.calendars import Calendar
from worker.model.directory import CalendarSpec, Holidays, Window
from worker.model.span import Span, Unit

# a zone, and a day near one of its changes
PLACES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour
    ("America/Santiago", date(2026, 9, 6)),  # midnight itself is skipped
    ("Pacific/Apia", date(2011, 12, 30)),  # a day that never was
    ("Asia/Kathmandu", date(2026, 6, 1)),
    ("UTC", date(2026, 6, 1)),
]
times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))
windows = st.builds(Window, times, st.none() | times)
weeks = st.tuples(*[st.lists(windows, max_size=2).map(tuple)] * 7).filter(any)


@st.composite
def cases(draw: st.DrawFn) -> tuple[CalendarSpec, datetime]:
    timezone, day = draw(st.sampled_from(PLACES))
    off = draw(st.lists(st.integers(-2, 3), max_size=2))
    extra = tuple(day + timedelta(days=n) for n in off)
    spec = CalendarSpec(id="any", timezone=timezone, hours=draw(weeks), holidays=Holidays(extra=extra))
    minutes = draw(st.integers(-3 * 1440, 2 * 1440))
    return spec, datetime.combine(day, time(12), UTC) + timedelta(minutes=minutes)


@settings(max_examples=60, deadline=None)
@given(case=cases(), minutes=st.integers(1, 900))
def test_business_minutes_agree_with_the_count(case: tuple[CalendarSpec, datetime], minutes: int) -> None:
    spec, start = case
    due = Calendar.of(spec).add(start, Span(minutes, Unit.BUSINESS_MINUTES))
    reference = ReferenceCalendar(spec)
    assert reference.is_open(due - timedelta(minutes=1))
    assert reference.minutes_between(start, due) == minutes


@settings(max_examples=60, deadline=None)
@given(case=cases(), days=st.integers(1, 3))
def test_business_days_agree_with_the_count(case: tuple[CalendarSpec, datetime], days: int) -> None:
    spec, start = case
    assert Calendar.of(spec).add(start, Span(days, Unit.BUSINESS_DAYS)) == ReferenceCalendar(spec).add_days(start, days)


@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_open_and_next_opening_agree_with_the_count(case: tuple[CalendarSpec, datetime]) -> None:
    spec, start = case
    calendar, reference = Calendar.of(spec), ReferenceCalendar(spec)
    assert calendar.is_open(start) == reference.is_open(start)
    assert calendar.next_opening(start) == reference.add_minutes(start, 1) - timedelta(minutes=1)


@settings(max_examples=60, deadline=None)
@given(case=cases(), gap=st.integers(0, 3000), pause=st.integers(0, 3000))
def test_a_pause_loses_no_working_minute(case: tuple[CalendarSpec, datetime], gap: int, pause: int) -> None:
    spec, start = case
    calendar = Calendar.of(spec)
    due, resumed = start + timedelta(minutes=gap), start + timedelta(minutes=pause)
    left = calendar.business_between(start, due)
    assert left == timedelta(minutes=ReferenceCalendar(spec).minutes_between(start, due))
    if left:
        moved = calendar.shift(due, paused_at=start, resumed_at=resumed)
        assert calendar.business_between(resumed, moved) == left
