"""Deadlines on business calendars, worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.support.hours import spec
from worker.calendars import Calendar, add_span, instant
from worker.model.span import Span, Unit

EVERY_DAY = "mon-sun"
NINE_TO_FIVE = "mon-fri 09:00-17:00"
EIGHT_TO_FIVE = "mon-fri 08:00-17:00"
EIGHT_TO_SIX = "mon-fri 08:00-18:00"
WITH_LUNCH = "mon-fri 09:00-12:30 13:00-17:30"

HOURS = Unit.BUSINESS_HOURS
DAYS = Unit.BUSINESS_DAYS


def at(text: str, zone: str = "UTC") -> datetime:
    """`2026-03-13 16:00` on the wall of a zone, or with the offset given."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


# zone, hours of the week, start, business hours, deadline
WORKED = [
    ("UTC", NINE_TO_FIVE, "2026-03-13 16:00", 2, "2026-03-16 10:00"),  # over a weekend
    ("UTC", NINE_TO_FIVE, "2026-01-30 16:30", 1, "2026-02-02 09:30"),
    ("UTC", NINE_TO_FIVE, "2026-03-11 10:00", 2, "2026-03-11 12:00"),  # within a day
    ("UTC", NINE_TO_FIVE, "2026-03-11 07:00", 2, "2026-03-11 11:00"),  # from before opening
    ("UTC", EIGHT_TO_SIX, "2026-03-09 17:00", 4, "2026-03-10 11:00"),
    ("UTC", EIGHT_TO_SIX, "2026-03-09 10:00", 4, "2026-03-09 14:00"),
    ("Europe/Berlin", "mon-sun 09:00-21:00", "2016-11-09 23:00", 48, "2016-11-13 21:00"),  # ends on a closing minute
    ("UTC", "mon-sun 09:00-21:00", "2026-03-09 09:00", 24, "2026-03-10 21:00"),
    ("UTC", "mon-sun 09:00-13:00", "2026-03-09 09:00", 24, "2026-03-14 13:00"),
    ("UTC", EIGHT_TO_FIVE, "2026-03-09 10:00", 9, "2026-03-10 10:00"),
    ("UTC", NINE_TO_FIVE, "2026-03-14 12:00", 24, "2026-03-18 17:00"),  # begun on a Saturday
    ("UTC", NINE_TO_FIVE, "2026-03-09 09:00", 16, "2026-03-10 17:00"),
    ("UTC", NINE_TO_FIVE, "2026-03-13 17:00", 8, "2026-03-16 17:00"),  # begun on the closing minute
    ("UTC", EIGHT_TO_FIVE, "2026-03-13 16:00", 4, "2026-03-16 11:00"),
    ("UTC", "mon-fri 08:00-12:00 13:30-18:00", "2026-03-09 11:30", 1, "2026-03-09 14:00"),  # over a break
    ("America/New_York", NINE_TO_FIVE, "2026-03-06 16:00", 2, "2026-03-09 14:00+00:00"),  # clocks went forward
    ("America/New_York", NINE_TO_FIVE, "2026-10-30 16:00", 2, "2026-11-02 15:00+00:00"),  # clocks went back
    ("Europe/Amsterdam", "mon-sun 00:00-10:00", "2022-10-30 02:00+02:00", 1, "2022-10-30 02:00+01:00"),
    ("America/New_York", "sat 22:00-06:00", "2026-03-07 22:00", 8, "2026-03-14 23:00"),  # a night of seven hours
    ("UTC", "mon-sun 00:00-24:00", "2026-03-13 17:00", 8, "2026-03-14 01:00"),  # round the clock
]


@pytest.mark.parametrize(("zone", "week", "start", "amount", "deadline"), WORKED)
def test_business_hours_are_elapsed_time_inside_opening_hours(
    zone: str, week: str, start: str, amount: int, deadline: str
) -> None:
    assert Calendar.of(spec(zone, week)).add(at(start, zone), Span(amount, HOURS)) == at(deadline, zone)


def test_easter_in_england_moves_the_deadline_behind_it() -> None:
    london = spec("Europe/London", "mon-fri 09:00-17:30", country="GB", subdivision="ENG")
    due = Calendar.of(london).add(at("2026-04-02 16:00", "Europe/London"), Span(4, HOURS))
    assert due == at("2026-04-07 11:30", "Europe/London")


def test_days_off_of_the_house_count_without_a_country() -> None:
    berlin = spec("Europe/Berlin", "mon-sun 09:00-21:00", extra=("2016-11-11", "2016-11-13"))
    due = Calendar.of(berlin).add(at("2016-11-09 23:00", "Europe/Berlin"), Span(48, HOURS))
    assert due == at("2016-11-15 21:00", "Europe/Berlin")


def test_a_holiday_the_house_works_on_is_excepted() -> None:
    calendar = Calendar.of(spec("UTC", NINE_TO_FIVE, country="DE", subdivision="BE", except_=("2026-05-01",)))
    assert not calendar.is_holiday(date(2026, 5, 1))
    assert calendar.is_holiday(date(2026, 10, 3))


def test_a_holiday_on_a_weekend_is_kept_on_the_day_it_is_observed() -> None:
    calendar = Calendar.of(spec("Europe/London", NINE_TO_FIVE, country="GB", subdivision="ENG"))
    assert calendar.is_holiday(date(2027, 12, 27))  # Christmas 2027 is a Saturday
    due = calendar.add(at("2027-12-24 16:00"), Span(2, HOURS))
    assert due == at("2027-12-29 10:00")


def test_an_early_warning_is_counted_on_the_calendar_too() -> None:
    calendar = Calendar.of(spec("UTC", EIGHT_TO_SIX))
    assert calendar.add(at("2026-03-09 17:00"), Span(3, HOURS)) == at("2026-03-10 10:00")


@pytest.mark.parametrize(
    ("start", "deadline"),
    [
        ("2026-03-10 17:00", "2026-03-11 10:00"),  # on the closing minute: the next opening counts
        ("2026-03-10 09:00", "2026-03-10 10:00"),  # on the opening minute: counts at once
        ("2026-03-10 16:00", "2026-03-10 17:00"),  # ends on the closing minute: stays there
        ("2026-03-10 16:00:30", "2026-03-11 09:00:30"),
    ],
)
def test_the_edges_of_opening_hours(start: str, deadline: str) -> None:
    assert Calendar.of(spec("UTC", NINE_TO_FIVE)).add(at(start), Span(1, HOURS)) == at(deadline)


def test_a_holiday_cuts_a_night_shift_by_the_local_date() -> None:
    night = spec("Europe/Berlin", "mon-fri 22:00-06:00", extra=("2026-12-24",))  # a Thursday
    calendar = Calendar.of(night)
    start = at("2026-12-23 22:00", "Europe/Berlin")
    assert calendar.add(start, Span(2, HOURS)) == at("2026-12-24 00:00", "Europe/Berlin")
    assert calendar.next_opening(at("2026-12-24 00:00", "Europe/Berlin")) == at("2026-12-25 00:00", "Europe/Berlin")


@pytest.mark.parametrize(
    ("start", "days", "deadline"),
    [
        ("2026-11-20 16:30", 1, "2026-11-23 16:30"),  # Friday to Monday, same clock time
        ("2026-11-20 20:00", 1, "2026-11-23 17:30"),  # after closing: closing time
        ("2026-11-20 07:00", 1, "2026-11-23 09:00"),  # before opening: the opening
        ("2026-11-20 12:45", 1, "2026-11-23 13:00"),  # in the break: its end
        ("2026-11-20 12:30", 1, "2026-11-23 12:30"),  # a closing minute may stay
        ("2026-11-21 10:15", 1, "2026-11-23 10:15"),  # begun on a Saturday
        ("2026-11-20 10:00", 5, "2026-11-27 10:00"),
        ("2026-12-23 10:00", 2, "2026-12-28 10:00"),  # Christmas Eve is worked, Christmas is not
    ],
)
def test_business_days_keep_the_clock_time(start: str, days: int, deadline: str) -> None:
    calendar = Calendar.of(spec("Europe/Berlin", WITH_LUNCH, country="DE", subdivision="BE"))
    due = calendar.add(at(start, "Europe/Berlin"), Span(days, DAYS))
    assert due == at(deadline, "Europe/Berlin")


def test_after_midnight_a_night_shift_still_counts_from_the_day_it_began() -> None:
    calendar = Calendar.of(spec("UTC", "mon-fri 22:00-06:00"))
    saturday_morning = at("2026-11-21 02:00")  # Friday's shift
    assert calendar.add(saturday_morning, Span(1, DAYS)) == at("2026-11-24 02:00")  # Monday's shift


def test_a_business_day_over_a_clock_change_keeps_the_wall_time() -> None:
    calendar = Calendar.of(spec("America/New_York", NINE_TO_FIVE))
    due = calendar.add(at("2026-03-06 16:00", "America/New_York"), Span(1, DAYS))
    assert due == at("2026-03-09 20:00+00:00")


def test_a_calendar_day_keeps_the_clock_time_and_a_day_of_hours_does_not() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = at("2026-03-28 12:00", "Europe/Berlin")  # clocks go forward in the night
    assert add_span(start, Span(1, Unit.DAYS), None, berlin) == at("2026-03-29 12:00", "Europe/Berlin")
    assert add_span(start, Span(24, Unit.HOURS), None, berlin) == at("2026-03-29 13:00", "Europe/Berlin")


@pytest.mark.parametrize(
    ("zone", "wall", "expected"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00Z"),  # skipped: the next that exists, 03:00
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30Z"),  # doubled: the first
        ("Australia/Lord_Howe", "2026-10-04T02:10", "2026-10-03T15:30Z"),  # half an hour is skipped here
        ("Pacific/Apia", "2011-12-30T09:00", "2011-12-30T10:00Z"),  # a whole day was skipped
        ("Europe/Berlin", "2026-06-01T12:00", "2026-06-01T10:00Z"),
    ],
)
def test_a_local_time_that_is_skipped_or_doubled_has_one_meaning(zone: str, wall: str, expected: str) -> None:
    assert instant(datetime.fromisoformat(wall), ZoneInfo(zone)) == at(expected)


def test_open_now_and_open_next() -> None:
    calendar = Calendar.of(spec("UTC", WITH_LUNCH))
    assert calendar.is_open(at("2026-11-20 12:29"))
    assert not calendar.is_open(at("2026-11-20 12:30"))
    assert calendar.in_closing_minute(at("2026-11-20 12:30:40"))
    assert not calendar.in_closing_minute(at("2026-11-20 12:31"))
    assert calendar.next_opening(at("2026-11-20 12:30")) == at("2026-11-20 13:00")
    assert calendar.next_opening(at("2026-11-20 13:05")) == at("2026-11-20 13:05")


def test_working_time_left_is_negative_once_overdue() -> None:
    calendar = Calendar.of(spec("UTC", NINE_TO_FIVE))
    friday, monday = at("2026-11-20 16:00"), at("2026-11-23 10:00")
    assert calendar.business_between(friday, monday) == timedelta(hours=2)
    assert calendar.business_between(monday, friday) == timedelta(hours=-2)


def test_a_pause_leaves_as_much_working_time_as_there_was() -> None:
    calendar = Calendar.of(spec("UTC", NINE_TO_FIVE))
    due = at("2026-11-23 10:00")
    moved = calendar.shift(due, paused_at=at("2026-11-20 16:00"), resumed_at=at("2026-11-25 08:00"))
    assert moved == at("2026-11-25 11:00")
    assert calendar.shift(due, paused_at=at("2026-11-23 11:00"), resumed_at=at("2026-11-25 08:00")) == due


def test_windows_that_overlap_are_not_counted_twice() -> None:
    calendar = Calendar.of(spec("UTC", "mon-fri 22:00-06:00 23:00-02:00", "sat 05:00-12:00"))
    assert calendar.business_between(at("2026-11-20 22:00"), at("2026-11-21 12:00")) == timedelta(hours=14)


def test_a_working_day_is_one_on_which_the_house_opens() -> None:
    calendar = Calendar.of(spec("Europe/Berlin", WITH_LUNCH, country="DE", subdivision="BE"))
    assert not calendar.is_working_day(date(2026, 12, 25))
    assert not calendar.is_working_day(date(2026, 11, 21))
    assert calendar.working_day_after(date(2026, 12, 24), 2) == date(2026, 12, 29)


def test_a_calendar_without_hours_is_refused() -> None:
    with pytest.raises(ValueError, match="no opening hours"):
        Calendar.of(spec("UTC"))


@pytest.mark.parametrize(
    ("zone", "country", "subdivision", "words"),
    [
        ("Europe/Berlinn", None, None, "no time zone"),
        ("UTC", "XX", None, "known for XX"),
        ("UTC", "DE", "XX", "known for DE, XX"),
    ],
)
def test_what_nobody_knows_is_refused_with_its_name(
    zone: str, country: str | None, subdivision: str | None, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        Calendar.of(spec(zone, NINE_TO_FIVE, country=country, subdivision=subdivision))


def test_a_business_span_without_a_calendar_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="default_calendar"):
        add_span(at("2026-11-20 16:00"), Span(4, HOURS), None, ZoneInfo("UTC"))


def test_a_calendar_whose_every_opening_is_a_holiday_says_so() -> None:
    mondays = tuple(str(date(2026, 1, 5) + timedelta(weeks=n)) for n in range(400))
    calendar = Calendar.of(spec("UTC", "mon 09:00-17:00", extra=mondays))
    with pytest.raises(ValueError, match="every opening is a holiday"):
        calendar.add(at("2026-01-01 10:00"), Span(1, HOURS))
    with pytest.raises(ValueError, match="every opening is a holiday"):
        calendar.add(at("2026-01-01 10:00"), Span(1, DAYS))


@pytest.mark.parametrize("moment", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)])
def test_a_date_from_the_edge_of_time_is_answered(moment: datetime) -> None:
    assert not Calendar.of(spec("Pacific/Apia", "mon-sun 00:00-24:00", country="GB")).is_open(moment)
