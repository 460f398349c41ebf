"""The calendars of directory.yaml: hours and holidays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from worker.calendars import Calendar, countries, holidays_of
from worker.model.directory import CalendarSpec, Holidays, Window
from worker.model.span import Span, Unit
from worker.route import shape
from worker.route.nodes import Map, Node, Scalar
from worker.route.references import Desk
from worker.route.shape import File, shown

_ANY_MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def read_calendar(desk: Desk, key: Scalar, body: Map) -> CalendarSpec | None:
    """One entry of `calendars`; None after a finding."""
    file, what = desk.file, f'calendar "{key.text}"'
    found = shape.keys(file, body, what, ("timezone", "hours", "holidays"), ("timezone", "hours"), at=key)
    zone = shape.zone(file, found.get("timezone"), "timezone")
    hours = _hours(file, found.get("hours"))
    holidays = _holidays(file, found.get("holidays"))
    if zone is None or hours is None or holidays is None:
        return None
    spec = CalendarSpec(id=key.text, timezone=zone, hours=hours, holidays=holidays)
    try:
        Calendar.of(spec).add(_ANY_MONDAY, Span(1, Unit.BUSINESS_DAYS))
    except ValueError as error:
        file.add("E105", key, f"{error}.", "Mend its hours or holidays.")
        return None
    return spec


def _hours(file: File, node: Node | None) -> tuple[tuple[Window, ...], ...] | None:
    body = shape.mapping(file, node, "hours", 'Write: {mon-fri: ["09:00-17:30"]}')
    if body is None:
        return None
    week: list[tuple[Window, ...]] = [()] * 7
    named: set[int] = set()
    right = True
    for key, value in body.entries.values():
        windows = [
            shape.window(file, item, "opening hours") for item in shape.one_or_many(file, value, f'"{key.text}"')
        ]
        days = shape.weekdays(file, key, "day")
        right = right and bool(days) and bool(windows) and None not in windows
        for day in days:
            if day in named:
                file.add("E108", key, f"{shape.DAYS[day]} has hours twice.", "Name every day once.")
            named.add(day)
            week[day] = tuple(window for window in windows if window)
    return tuple(week) if right else None


def _holidays(file: File, node: Node | None) -> Holidays | None:
    if node is None:
        return Holidays()
    body = shape.mapping(file, node, "holidays", "Write: {country: DE, subdivision: BE}")
    if body is None:
        return None
    found = shape.keys(file, body, "holidays", ("country", "subdivision", "extra", "except"))
    country = shape.text(file, found.get("country"), "country")
    subdivision = shape.text(file, found.get("subdivision"), "subdivision")
    if country and not _is_known_place(file, found, country, subdivision):
        return None
    return Holidays(
        country=country,
        subdivision=subdivision,
        extra=_days(file, found.get("extra"), "extra"),
        except_=_days(file, found.get("except"), "except"),
    )


def _is_known_place(file: File, found: Mapping[str, Node], country: str, subdivision: str | None) -> bool:
    """Whether public holidays are known for a country and its subdivision."""
    try:
        holidays_of(Holidays(country=country, subdivision=subdivision), _ANY_MONDAY.year)
    except ValueError:
        known = countries().get(country)
    else:
        return True
    if known is None:
        said = f'no public holidays are known for the country "{shown(country)}".'
        file.add("E105", found["country"], said, "Write its two-letter ISO code, such as DE.")
    elif subdivision is not None:
        there = f"{country} has: {', '.join(known)}." if known else f"{country} has none: leave it out."
        said = f'no public holidays are known for "{shown(subdivision)}" in {country}.'
        file.add("E105", found["subdivision"], said, shown(there, 200))
    return False


def _days(file: File, node: Node | None, what: str) -> tuple[date, ...]:
    days = (shape.day(file, item, what) for item in shape.items(file, node, what))
    return tuple(day for day in days if day)
