"""Calendars written shortly, for tests: `hours("mon-fri 09:00-12:30 13:00-17:30", "sat 10:00-14:00")`."""

from __future__ import annotations

from datetime import date, time

from worker.model.directory import CalendarSpec, Holidays, Window

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def hours(*lines: str) -> tuple[tuple[Window, ...], ...]:
    week: list[tuple[Window, ...]] = [()] * 7
    for line in lines:
        days, *windows = line.split()
        first, _, last = days.partition("-")
        for day in range(DAYS.index(first), DAYS.index(last or first) + 1):
            week[day] = tuple(window(text) for text in windows)
    return tuple(week)


def window(text: str) -> Window:
    start, end = text.split("-")
    return Window(time.fromisoformat(start), None if end == "24:00" else time.fromisoformat(end))


def spec(timezone: str, *lines: str, extra: tuple[str, ...] = (), except_: tuple[str, ...] = (),
         country: str | None = None, subdivision: str | None = None) -> CalendarSpec:  # fmt: skip
    off = Holidays(country=country, subdivision=subdivision, extra=dates(extra), except_=dates(except_))
    return CalendarSpec(id="test", timezone=timezone, hours=hours(*lines), holidays=off)


def dates(texts: tuple[str, ...]) -> tuple[date, ...]:
    return tuple(date.fromisoformat(text) for text in texts)
