from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from worker.calendars import Calendar
from worker.model.directory import CalendarSpec, Cap, Digest, Quiet, Window
from worker.model.notice import Kind
from worker.model.playbook import Priority
from worker.model.span import Span, Unit
from worker.notify.holding import Hold, Manners, Why, gathered_as, hold

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Calendar.of(
    CalendarSpec(id="berlin", timezone="Europe/Berlin", hours=((Window(time(9), time(17, 30)),),) * 5 + ((), ()))
)


@dataclass(frozen=True)
class Note:
    kind: Kind = Kind.ALERT
    priority: Priority = Priority.NORMAL


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def manners(quiet: Quiet | None = None, cap: Cap | None = None, digest: Digest | None = None) -> Manners:
    return Manners(quiet, cap, digest, OFFICE, BERLIN)


NIGHT = Quiet(start=time(19), end=time(8), except_=("urgent",))


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-20 18:59", None),
        ("2026-11-20 19:00", "2026-11-21 08:00"),
        ("2026-11-21 03:00", "2026-11-21 08:00"),  # after midnight it ends the same day
        ("2026-11-21 08:00", None),  # the end is not quiet any more
    ],
)
def test_quiet_hours_over_night(now: str, until: str | None) -> None:
    found = hold(Note(), manners(NIGHT), [], at(now))
    assert found == (Hold(at(until), Why.QUIET) if until else None)


def test_what_except_names_passes() -> None:
    assert hold(Note(priority=Priority.URGENT), manners(NIGHT), [], at("2026-11-20 23:00")) is None


def test_outside_the_calendar_is_quiet_from_after_the_closing_minute_to_the_next_opening() -> None:
    outside = manners(Quiet(outside_calendar=True))
    assert hold(Note(), outside, [], at("2026-11-20 17:30")) is None
    assert hold(Note(), outside, [], at("2026-11-20 17:31")) == Hold(at("2026-11-23 09:00"), Why.QUIET)


def test_above_the_cap_a_message_waits_until_the_oldest_is_old_enough() -> None:
    cap = manners(cap=Cap(messages=2, per=Span(1, Unit.HOURS)))
    now = at("2026-11-20 12:00")
    sent = [now - timedelta(minutes=50), now - timedelta(minutes=10)]
    assert hold(Note(), cap, sent, now) == Hold(now + timedelta(minutes=10), Why.CAP)
    assert hold(Note(), cap, sent[:1], now) is None


def test_low_priorities_wait_for_the_digest_of_the_next_morning() -> None:
    digest = manners(digest=Digest(at=time(8, 30), priorities=("low", "normal")))
    assert hold(Note(), digest, [], at("2026-11-20 09:00")) == Hold(at("2026-11-21 08:30"), Why.DIGEST)
    assert hold(Note(priority=Priority.HIGH), digest, [], at("2026-11-20 09:00")) is None


def test_ops_and_drills_are_never_held() -> None:
    assert hold(Note(kind=Kind.OPS), manners(NIGHT), [], at("2026-11-20 23:00")) is None


def test_one_held_notice_goes_out_as_itself_and_several_as_one_message() -> None:
    assert gathered_as([Why.QUIET], 1) is None
    assert gathered_as([Why.QUIET, Why.CAP], 2) is Kind.CATCH_UP
    assert gathered_as([Why.DIGEST], 1) is Kind.HUDDLE
