"""When people are not disturbed, and what they then read in one message instead of many."""

from __future__ import annotations

import pytest

from tests.support.flow import DIRECTORY
from tests.support.smtp_server import SmtpServer
from tests.support.timeline import PLAYBOOKS, Timeline
from worker.followup.closing import CloseOut
from worker.store.engine import Store

QUIET = (
    "quiet: {hours: outside_calendar, except: urgent}, at_most: {messages: 30, per: 1 hour}, "
    "digest: {at: '09:00', priorities: [low]}"
)
CLOSING = CloseOut(outcome="recovered", root_cause="billing", action="Fee credited.")


@pytest.fixture
def evening(fresh_store: Store, smtp: SmtpServer) -> Timeline:
    """Friday at six: the team has gone home, and only what is urgent disturbs it."""
    directory = DIRECTORY.replace("calendar: berlin}\npeople", f"calendar: berlin, {QUIET}}}\npeople")
    return Timeline(fresh_store, "2026-11-20 18:00", directory=directory, mail=smtp)


@pytest.fixture
def noon(fresh_store: Store, smtp: SmtpServer) -> Timeline:
    """Friday at noon, and nobody has wishes."""
    return Timeline(fresh_store, "2026-11-20 12:00", mail=smtp)


def test_an_alert_on_friday_evening_arrives_on_monday_at_nine(evening: Timeline, smtp: SmtpServer) -> None:
    evening.answer()
    evening.deliver_until("2026-11-23 08:59")
    assert smtp.messages == []
    evening.deliver_until("2026-11-23 09:00")
    assert [mail.subject for mail in smtp.to("ana@example.com")] == ["Reply by Mon 17:30: NPS 2 from Ines Ferrer [F-1]"]


def test_three_alerts_of_a_weekend_become_one_catch_up_that_names_each(evening: Timeline, smtp: SmtpServer) -> None:
    for name in ("Ines", "Jonas", "Marta"):
        evening.answer_of(name)
    evening.deliver_until("2026-11-23 09:00")
    (mail,) = smtp.to("ana@example.com")
    assert mail.subject == "While you were not disturbed: 3 follow-ups, reply by Mon 17:30"
    assert all(name in mail.text for name in ("Ines", "Jonas", "Marta", "F-1", "F-2", "F-3"))
    assert evening.ends("alert") == [("skipped", "told in the catch-up")] * 3


def test_what_was_closed_over_the_weekend_is_counted_and_not_named_as_open(evening: Timeline, smtp: SmtpServer) -> None:
    ids = [evening.answer_of(name) for name in ("Ines", "Jonas", "Marta")]
    for one in ids[:2]:
        evening.service.close(one, CLOSING, by="bo", via="cli")
    evening.deliver_until("2026-11-23 09:00")
    text = " ".join(smtp.to("ana@example.com")[0].text.split())
    assert "1 follow-up waits for you. 2 closed by Bo since Fri 18:00." in text
    assert "Marta" in text
    assert "Jonas" not in text


def test_a_weekend_that_others_worked_off_sends_nothing(evening: Timeline, smtp: SmtpServer) -> None:
    for name in ("Ines", "Jonas"):
        evening.service.cancel(evening.answer_of(name), by="ana", via="cli", note="a test of ours")
    evening.deliver_until("2026-11-23 09:00")
    assert smtp.messages == []
    assert evening.ends("alert") == [("skipped", "the follow-up is cancelled")] * 2


def test_what_is_urgent_passes(evening: Timeline, smtp: SmtpServer) -> None:
    evening.answer(comment="My solicitor will write to you.")
    evening.deliver()
    assert len(smtp.to("hana@example.com")) == 1


def test_the_thirty_first_message_in_an_hour_waits_and_the_rest_comes_as_one(
    evening: Timeline, smtp: SmtpServer
) -> None:
    evening.until("2026-11-23 10:00")
    for n in range(33):
        evening.answer_of(f"Customer {n}")
    evening.deliver()
    assert len(smtp.to("ana@example.com")) == 30
    evening.deliver_until("2026-11-23 11:00")
    assert smtp.to("ana@example.com")[30].subject.startswith("While you were not disturbed: 3 follow-ups")


def test_low_priority_goes_into_the_sheet_of_the_next_morning(evening: Timeline, smtp: SmtpServer) -> None:
    evening.until("2026-11-23 10:00")
    evening.change(playbooks=PLAYBOOKS.replace("    due: 1 business day", "    due: 1 business day\n    priority: low"))
    for name in ("Ines", "Jonas"):
        evening.answer_of(name)
    evening.deliver_until("2026-11-23 17:00")
    assert smtp.to("ana@example.com") == []
    evening.deliver_until("2026-11-24 09:00")
    (mail,) = [mail for mail in smtp.to("ana@example.com") if mail.subject.startswith("Huddle")]
    assert mail.subject == "Huddle, Tue 24 Nov: 2 open, 0 overdue"
    assert mail.text.index("2 open, 0 overdue.") < mail.text.index("First three, due first")
    assert evening.ends("alert") == [("skipped", "told in the huddle sheet")] * 2


def test_reminders_within_a_quarter_of_an_hour_are_one_message(noon: Timeline, smtp: SmtpServer) -> None:
    noon.answer_of("Ines")
    noon.clock.advance(minutes=10)
    noon.answer_of("Jonas")
    noon.deliver_until("2026-11-20 16:30")
    reminders = [mail.subject for mail in smtp.to("ana@example.com") if "reminder" in mail.subject]
    assert reminders == ["2 reminders, reply by Mon 12:00"]
    assert noon.ends("reminder") == [("skipped", "told in the catch-up")] * 2


def test_two_reminders_of_one_follow_up_are_one_and_no_list(noon: Timeline, smtp: SmtpServer) -> None:
    noon.change(playbooks=PLAYBOOKS.replace("    tries:", "    due_soon: 270 business minutes\n    tries:"))
    noon.answer_of("Ines")
    noon.deliver_until("2026-11-20 16:30")  # at 16:00 the first reminder, and four and a half hours are left
    assert len(smtp.to("ana@example.com")) == 2
    assert sorted(noon.ends("reminder") + noon.ends("due_soon"), key=str) == [
        ("delivered", None), ("skipped", "told in the other reminder"),
    ]  # fmt: skip


def test_a_reminder_alone_stays_a_reminder(noon: Timeline, smtp: SmtpServer) -> None:
    noon.answer_of("Ines")
    noon.clock.advance(minutes=20)
    noon.answer_of("Jonas")
    noon.deliver_until("2026-11-20 17:00")
    assert noon.ends("reminder") == [("delivered", None)] * 2


def test_a_reminder_that_comes_with_its_alert_is_told_in_it(noon: Timeline, smtp: SmtpServer) -> None:
    noon.answer_of("Ines")
    noon.down_until("2026-11-20 16:05")
    noon.deliver()
    assert [mail.subject for mail in smtp.to("ana@example.com")] == ["Reply by Mon 12:00: NPS 2 from Ines [F-1]"]
    assert noon.ends("reminder") == [("skipped", "told in the alert")]


def test_a_german_reader_gets_a_german_sheet(fresh_store: Store, smtp: SmtpServer) -> None:
    quiet = f"calendar: berlin, language: de, {QUIET}}}\npeople"
    directory = DIRECTORY.replace("calendar: berlin}\npeople", quiet)
    evening = Timeline(fresh_store, "2026-11-20 18:00", directory=directory, mail=smtp)
    for name in ("Ines", "Jonas"):
        evening.answer_of(name)
    evening.deliver_until("2026-11-23 09:00")
    assert smtp.messages[0].subject == "Während Sie nicht gestört wurden: 2 Vorgänge, Antwort bis Mo. 17:30"
    assert "2 Vorgänge warten auf Sie." in smtp.messages[0].text
