"""Notices on their way: from a row in the store to a message at a provider."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.support.clock import MovableClock
from tests.support.sendgrid_server import SendGridServer
from tests.support.slack_server import SlackServer
from tests.support.smtp_server import SmtpServer
from tests.support.telling import INES, Telling, live_set
from tests.support.waiting import until
from worker.clock import SystemClock
from worker.followup.service import Service
from worker.model.notice import Kind
from worker.ruleset import LiveSet
from worker.store.engine import Store
from worker.store.schema import follow_ups

OPS = ("slack:#cx-ops", "email:ops@example.com")


def _run_on(told: Telling) -> None:
    """Deliver, second by second: edits and lines keep a channel's pace."""
    for _ in range(6):
        told.run()
        told.clock.advance(seconds=1)


@pytest.fixture(scope="module")
def live() -> LiveSet:
    return live_set()


@pytest.fixture
def store(fresh_store: Store) -> Store:
    """On both engines."""
    return fresh_store


@pytest.fixture
def told(store: Store, clock: MovableClock, live: LiveSet, slack: SlackServer, smtp: SmtpServer) -> Telling:
    """Slack and mail, and ops on both."""
    return Telling(store, clock, live, {**slack.settings(), **smtp.settings()}, ops=OPS)


def test_an_alert_reaches_its_owner_once(told: Telling, slack: SlackServer) -> None:
    told.follow_up()
    notice = told.tell()
    told.run()
    told.run()
    assert [m.asked for m in slack.messages] == ["U01ANA"]
    assert told.notice(notice).state == "delivered"
    assert slack.messages[0].delivery_id == told.deliveries(notice)[0].key


def test_a_copy_by_mail_carries_the_delivery_as_its_message_id(told: Telling, smtp: SmtpServer) -> None:
    told.follow_up()
    notice = told.tell(kind=Kind.COPY, to="bo", channels=("email",))
    told.run()
    assert smtp.messages[0].delivery_id == told.deliveries(notice)[0].key
    assert smtp.messages[0].message["To"] == "bo@example.com"


def test_mail_goes_by_sendgrid_when_its_key_is_set(
    store: Store, clock: MovableClock, live: LiveSet, sendgrid: SendGridServer
) -> None:
    told = Telling(store, clock, live, sendgrid.settings())
    told.follow_up()
    notice = told.tell(to="eve")
    told.run()
    mail = sendgrid.messages[0]
    assert mail.to == ["eve@example.com"]
    assert mail.delivery_id == told.deliveries(notice)[0].key
    assert mail.subject == "Reply by Mon 12:00: NPS 2 from Ines Ferrer, Berlin [F-42]"


def test_a_queue_gets_its_alert_in_the_teams_channel(told: Telling, slack: SlackServer) -> None:
    told.follow_up(owner="team:billing-emea")
    told.tell(to="team:billing-emea")
    told.run()
    assert [m.asked for m in slack.messages] == ["#billing-alerts"]


def test_a_person_without_slack_is_told_by_mail(told: Telling, slack: SlackServer, smtp: SmtpServer) -> None:
    told.follow_up()
    notice = told.tell(to="eve")
    told.run()
    assert not slack.messages
    assert told.deliveries(notice)[0].channel == "email"
    assert len(smtp.messages) == 1


def test_a_notice_for_nobody_fails_visibly_and_ops_hear(told: Telling, slack: SlackServer) -> None:
    told.follow_up()
    notice = told.tell(to="nobody")
    told.run()
    assert (told.notice(notice).state, told.notice(notice).reason) == ("failed", "no_address")
    assert [m.asked for m in slack.messages] == ["#cx-ops"]


def test_without_ops_channels_an_ops_message_is_in_the_log_only(
    store: Store, clock: MovableClock, live: LiveSet, slack: SlackServer
) -> None:
    told = Telling(store, clock, live, slack.settings())
    told.follow_up()
    told.tell(to="nobody")
    told.run()
    assert [row.state for row in told.all_notices(Kind.OPS)] == ["skipped"]


def test_a_notice_waits_for_its_time(told: Telling, slack: SlackServer, clock: MovableClock) -> None:
    told.follow_up()
    told.tell(not_before=clock.now() + timedelta(hours=1))
    told.run()
    assert not slack.messages
    clock.advance(hours=1)
    told.run()
    assert len(slack.messages) == 1


def test_a_reminder_joins_the_alerts_thread(told: Telling, slack: SlackServer, clock: MovableClock) -> None:
    told.follow_up()
    told.tell()
    told.run()
    clock.advance(minutes=10)
    told.tell(kind=Kind.REMINDER, data={"n": 2})
    told.run()
    alert, reminder = slack.messages
    assert reminder.thread_ts == alert.ts
    assert "*Reminder 2.* Not acknowledged yet." in reminder.all_text


def test_a_second_mail_to_the_same_reader_joins_the_thread(
    told: Telling, smtp: SmtpServer, clock: MovableClock
) -> None:
    told.follow_up()
    told.tell(to="eve")
    told.run()
    told.tell(to="eve", kind=Kind.REMINDER)
    told.run()
    first, second = smtp.messages
    assert second.subject == f"Re: {first.subject}"
    assert second.message["References"] == first.message_id


def test_an_acknowledged_follow_up_is_shown_so_in_the_same_message(
    told: Telling, slack: SlackServer, clock: MovableClock
) -> None:
    told.follow_up()
    told.tell()
    told.run()
    clock.advance(minutes=10)
    Service(told.store, lambda: told.live, clock).acknowledge(42, by="ana", via="cli")
    told.run()
    (message,) = slack.messages
    until(lambda: "*Acknowledged* by Ana, Fri 16:10" in message.all_text, 5)
    assert "First step" not in message.all_text


def test_who_did_what_stands_in_the_thread_one_line_each(
    told: Telling, slack: SlackServer, clock: MovableClock
) -> None:
    told.follow_up()
    told.tell()
    told.run()
    service = Service(told.store, lambda: told.live, clock)
    service.acknowledge(42, by="ana", via="slack")
    clock.advance(minutes=10)
    service.tried(42, by="ana", via="cli", note="Rang twice.")
    _run_on(told)
    lines = [m for m in slack.messages if m.thread_ts == slack.messages[0].ts]
    assert [m.text for m in lines] == ["Ana acknowledged this from Slack.", "Ana tried, no answer. “Rang twice.”"]
    assert {m.payload["reply_broadcast"] for m in lines} == {False}
    assert len({m.delivery_id for m in slack.messages}) == 3


def test_a_message_is_edited_only_where_it_would_look_different(
    told: Telling, slack: SlackServer, clock: MovableClock
) -> None:
    told.follow_up()
    told.tell()
    sender = told.deliverer()
    sender.run_until_idle(10)
    edits = []
    for change in ({}, {"priority": 4}, {}):
        clock.advance(minutes=20)
        with told.store.write() as conn:
            conn.execute(follow_ups.update().values(version=follow_ups.c.version + 1, **change))
        sender.run_until_idle(10)
        edits.append(len(slack.updates))
    assert edits == [0, 1, 1]


def test_a_new_owner_is_shown_to_the_whole_channel(told: Telling, slack: SlackServer, clock: MovableClock) -> None:
    told.follow_up(owner="team:billing-emea")
    told.tell(to="team:billing-emea")
    told.run()
    Service(told.store, lambda: told.live, clock).reassign(42, to="dora", by="bo", via="cli")
    _run_on(told)
    alert, taken = [m for m in slack.messages if m.channel == slack.messages[0].channel]
    assert (taken.thread_ts, taken.payload["reply_broadcast"]) == (alert.ts, True)
    assert taken.text.startswith("Dora has taken this over.")


def test_a_line_in_a_thread_waits_for_no_quiet_hours_and_tells_ops_nothing(
    told: Telling, slack: SlackServer, smtp: SmtpServer, clock: MovableClock
) -> None:
    told.follow_up()
    told.tell()
    told.run()
    Service(told.store, lambda: told.live, clock).acknowledge(42, by="ana", via="cli")
    slack.fail_next(error="cannot_reply_to_message", path="chat.postMessage")
    _run_on(told)
    (line,) = told.all_notices(Kind.UPDATE)
    assert (line.state, line.reason) == ("failed", "cannot_reply_to_message")
    assert told.all_notices(Kind.OPS) == []
    assert not smtp.messages


def test_a_message_that_reached_nobody_is_told_in_the_thread(
    told: Telling, slack: SlackServer, clock: MovableClock
) -> None:
    told.follow_up()
    told.tell()
    told.run()
    told.tell(kind=Kind.COPY, to="nobody")
    _run_on(told)
    assert "A message about this did not reach nobody: no address." in [m.text for m in slack.messages]


def test_of_private_work_a_channel_reads_no_line(told: Telling, slack: SlackServer, clock: MovableClock) -> None:
    told.follow_up(plan=told.playbook(private=True))
    told.tell(to="team:billing-emea")
    told.run()
    Service(told.store, lambda: told.live, clock).acknowledge(42, by="ana", via="cli", note="A word about Ines.")
    _run_on(told)
    assert len(slack.messages) == 1


def test_what_has_become_pointless_is_skipped_with_its_reason(told: Telling, slack: SlackServer) -> None:
    told.follow_up(state="closed")
    notice = told.tell()
    told.run()
    assert (told.notice(notice).state, told.notice(notice).reason) == ("skipped", "the follow-up is closed")
    assert not slack.messages


def test_an_update_before_its_alert_is_told_in_the_alert(told: Telling, slack: SlackServer) -> None:
    told.follow_up()
    told.tell()
    update = told.tell(kind=Kind.UPDATE)
    told.run()
    assert told.notice(update).reason == "told in the alert"
    assert len(slack.messages) == 1


def test_a_private_follow_up_shows_nothing_in_a_channel(told: Telling, slack: SlackServer) -> None:
    told.follow_up(plan=told.playbook(private=True))
    told.tell(to="team:billing-emea")
    told.run()
    assert "Sensitive: open to read" in slack.messages[0].all_text
    assert "Ines" not in slack.messages[0].all_text
    assert "invoice" not in slack.messages[0].all_text


def test_a_customer_who_must_not_be_contacted_offers_no_way(told: Telling, smtp: SmtpServer) -> None:
    customer = {**INES["customer"], "may_contact": False}
    told.follow_up(content={**INES, "customer": customer})
    told.tell(to="eve")
    told.run()
    mail = smtp.messages[0]
    assert "Must not be contacted. Fix it without contact." in " ".join(mail.text.split())
    assert "5550" not in mail.text + mail.html
    assert "tel:" not in mail.html


def test_a_queues_mailbox_shows_no_number(told: Telling, smtp: SmtpServer) -> None:
    told.follow_up()
    told.tell(to="team:billing-emea", channels=("email",))
    told.run()
    assert "5550" not in smtp.messages[0].text + smtp.messages[0].html


def test_a_broken_template_sends_the_built_in_text_and_tells_ops(
    store: Store, clock: MovableClock, slack: SlackServer
) -> None:
    # A mistake that no sample shows, or the set would have been refused.
    only_pia = b"{% call section() %}{% if name == 'Pia Stahl' %}{{ no_such_thing }}{% endif %}x{% endcall %}"
    broken = live_set({"alert/slack.j2": only_pia})
    told = Telling(store, clock, broken, slack.settings(), ops=OPS)
    told.follow_up(content={**INES, "customer": {**INES["customer"], "name": "Pia Stahl"}})
    told.tell()
    told.run()
    alert = next(m for m in slack.messages if m.asked == "U01ANA")
    ops = next(m for m in slack.messages if m.asked == "#cx-ops")
    assert "Third call about the same invoice." in alert.all_text
    assert "alert/slack.j2" in ops.all_text


def test_a_running_sender_hears_of_an_alert_at_once(told: Telling, slack: SlackServer) -> None:
    deliverer = told.deliverer(SystemClock())
    told.clock.set(SystemClock().now())
    told.follow_up(due_at=told.clock.now() + timedelta(days=1))
    deliverer.start()
    try:
        told.tell()
        deliverer.wake()
        assert slack.wait_for(1, timeout=5)
    finally:
        deliverer.stop(5)


def test_a_notice_of_another_process_is_heard_of_at_once(told: Telling, slack: SlackServer) -> None:
    if told.store.dialect != "postgresql":
        pytest.skip("SQLite is one process")
    told.clock.set(SystemClock().now())
    told.follow_up(due_at=told.clock.now() + timedelta(days=1))
    deliverer = told.deliverer(SystemClock())
    deliverer._pause = lambda: 60.0  # type: ignore[method-assign] # no poll: only the notification can wake it
    deliverer.start()
    try:
        until(lambda: deliverer._tried_open, 5)
        told.tell()
        assert slack.wait_for(1, timeout=5)
    finally:
        deliverer.stop(5)


def test_many_alerts_to_many_people_are_all_delivered(told: Telling, smtp: SmtpServer) -> None:
    notices = []
    for number in range(1, 61):
        told.follow_up(number)
        notices.append(told.tell(number, to="eve"))
    told.run()
    assert {told.notice(notice).state for notice in notices} == {"delivered"}
    assert len({mail.delivery_id for mail in smtp.messages}) == 60


@pytest.fixture
def two(told: Telling) -> Callable[[], None]:
    """Two processes' senders over one store."""

    def run() -> None:
        senders = [told.deliverer(SystemClock()) for _ in range(2)]
        for sender in senders:
            sender.start()
        until(lambda: not [r for r in told.all_notices(Kind.ALERT) if r.state == "pending"], 20)
        for sender in senders:
            sender.stop(5)

    return run


def test_two_senders_share_the_work_and_send_nothing_twice(
    told: Telling, two: Callable[[], None], smtp: SmtpServer
) -> None:
    for number in range(1, 41):
        told.follow_up(number)
        told.tell(number, to="eve")
    two()
    assert len(smtp.messages) == len({mail.delivery_id for mail in smtp.messages}) == 40
