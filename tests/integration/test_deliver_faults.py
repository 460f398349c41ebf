"""A provider's bad day delays an alert and never loses or doubles it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.clock import MovableClock
from tests.support.sendgrid_server import SendGridServer
from tests.support.slack_server import SlackServer
from tests.support.smtp_server import SmtpServer
from tests.support.telling import Telling, live_set, telling_store
from tests.support.waiting import until
from worker.model.notice import AttemptOutcome, Kind
from worker.notify.channel import Answer
from worker.notify.channels import build
from worker.notify.claims import Claim
from worker.notify.context import Context
from worker.notify.context import load as load_contexts
from worker.notify.deliver import _Begun, _rest
from worker.ruleset import LiveSet
from worker.settings import load
from worker.store.engine import Store
from worker.store.schema import deliveries, follow_ups

OPS = ("slack:#cx-ops", "email:ops@example.com")


@pytest.fixture(scope="module")
def live() -> LiveSet:
    return live_set()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with telling_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def told(store: Store, clock: MovableClock, live: LiveSet, slack: SlackServer, smtp: SmtpServer) -> Telling:
    """Slack and mail, ops on both, one follow-up."""
    telling = Telling(store, clock, live, {**slack.settings(), **smtp.settings()}, ops=OPS)
    telling.follow_up()
    return telling


@pytest.fixture
def only_slack(store: Store, clock: MovableClock, live: LiveSet, slack: SlackServer) -> Telling:
    telling = Telling(store, clock, live, slack.settings())
    telling.follow_up()
    return telling


@pytest.fixture
def only_sendgrid(store: Store, clock: MovableClock, live: LiveSet, sendgrid: SendGridServer) -> Telling:
    telling = Telling(store, clock, live, sendgrid.settings())
    telling.follow_up()
    return telling


def test_a_short_outage_is_waited_out(told: Telling, slack: SlackServer, clock: MovableClock) -> None:
    slack.fail_next(status=503)
    notice = told.tell()
    told.run()
    assert told.notice(notice).state == "pending"
    clock.advance(seconds=5)
    told.run()
    assert told.notice(notice).state == "delivered"
    assert len(slack.messages) == 1


def test_a_long_outage_goes_to_the_next_channel_and_says_so(
    told: Telling, slack: SlackServer, smtp: SmtpServer, clock: MovableClock
) -> None:
    slack.fail_always(status=503)
    notice = told.tell()
    for _ in range(14):
        told.run()
        clock.advance(minutes=1)
    assert [(d.channel, d.state) for d in told.deliveries(notice)] == [("slack", "failed"), ("email", "delivered")]
    mail = next(m for m in smtp.messages if m.message["To"] == "ana@example.com")
    assert "10 min late. Slack refused it, so it comes by mail. Ops know." in " ".join(mail.text.split())


def test_an_address_refused_for_good_goes_to_the_next_channel_at_once(
    told: Telling, slack: SlackServer, smtp: SmtpServer
) -> None:
    slack.fail_next(error="channel_not_found")
    notice = told.tell()
    told.run()
    assert [d.reason for d in told.deliveries(notice)] == ["channel_not_found", None]
    assert smtp.to("ana@example.com")
    assert any("U01ANA" in m.all_text for m in slack.messages if m.asked == "#cx-ops")


def test_a_rate_limit_is_obeyed_by_everything_on_the_channel(
    only_slack: Telling, slack: SlackServer, clock: MovableClock
) -> None:
    told = only_slack
    slack.fail_next(retry_after=30)
    told.tell(to="ana")
    told.run()
    told.tell(to="bo", kind=Kind.COPY)
    told.run()
    clock.advance(seconds=29)
    told.run()
    assert not slack.messages
    clock.advance(seconds=3)
    told.run()
    assert {m.asked for m in slack.messages} == {"U01ANA", "U02BO"}


def test_a_revoked_token_opens_the_circuit_and_everything_goes_by_mail(
    told: Telling, slack: SlackServer, smtp: SmtpServer
) -> None:
    slack.fail_always(error="token_revoked")
    notices = [told.tell()] + [told.tell(kind=Kind.COPY, to=who) for who in ("bo", "cyd")]
    told.run()
    assert {told.notice(notice).state for notice in notices} == {"delivered"}
    assert 1 <= len(slack.requests) <= 3
    (ops,) = told.all_notices(Kind.OPS)
    assert ops.data["broke"] == "Slack refuses every message: token revoked."
    assert [m.subject for m in smtp.to("ops@example.com")] == ["Ops: Slack refuses every message: token revoked."]


def test_what_has_no_other_channel_waits_for_the_trial_each_minute(
    only_slack: Telling, slack: SlackServer, clock: MovableClock
) -> None:
    told = only_slack
    slack.fail_always(error="invalid_auth")
    notices = [told.tell()] + [told.tell(kind=Kind.COPY, to=who) for who in ("bo", "cyd", "dora")]
    for _ in range(4):
        told.run(senders=1)
        clock.advance(seconds=61)
    assert len(slack.requests) == 4
    slack.mend()
    told.run(senders=1)
    assert {told.notice(notice).state for notice in notices} == {"delivered"}


def test_a_mended_secret_is_read_again_at_the_trial(
    store: Store, clock: MovableClock, live: LiveSet, slack: SlackServer, tmp_path: Path
) -> None:
    secret = tmp_path / "token"
    secret.write_text("xoxb-wrong")
    env = {"INNERLOOP_SLACK_BOT_TOKEN_FILE": str(secret), "INNERLOOP_SLACK_BASE_URL": slack.url}
    told = Telling(store, clock, live, channels=build(load(env), lambda: load(env)))
    told.follow_up()
    notice = told.tell()
    told.run()
    secret.write_text(slack.token)
    clock.advance(seconds=61)
    told.run()
    assert told.notice(notice).state == "delivered"


def test_a_line_cut_after_slack_said_yes_is_settled_by_reading_back(
    only_slack: Telling, slack: SlackServer, clock: MovableClock
) -> None:
    told = only_slack
    slack.fail_next(cut_after_accept=True)
    notice = told.tell()
    told.run()
    assert told.notice(notice).state == "pending"
    clock.advance(seconds=4)
    told.run()
    assert told.notice(notice).state == "delivered"
    assert len(slack.messages) == 1
    assert told.deliveries(notice)[0].provider_id == slack.messages[0].ts


def test_a_thread_reply_is_found_in_its_thread(only_slack: Telling, slack: SlackServer, clock: MovableClock) -> None:
    told = only_slack
    told.tell()
    told.run()
    clock.advance(minutes=1)
    slack.fail_next(cut_after_accept=True)
    notice = told.tell(kind=Kind.REMINDER)
    told.run()
    clock.advance(seconds=4)
    told.run()
    assert told.notice(notice).state == "delivered"
    assert len(slack.messages) == 2


def test_a_line_cut_before_slack_heard_sends_again(
    only_slack: Telling, slack: SlackServer, clock: MovableClock
) -> None:
    told = only_slack
    slack.fail_next(cut_before_accept=True)
    notice = told.tell()
    told.run()
    clock.advance(seconds=4)
    told.run()
    assert told.notice(notice).state == "delivered"
    assert len(slack.messages) == 1


def test_a_slack_that_may_not_be_read_gets_one_marked_repeat(
    only_slack: Telling, slack: SlackServer, clock: MovableClock
) -> None:
    told = only_slack
    slack.fail_next(cut_after_accept=True)
    slack.fail_always(error="missing_scope", path="conversations.open")
    notice = told.tell()
    for _ in range(4):
        told.run()
        clock.advance(minutes=1)
    assert told.notice(notice).state == "delivered"
    assert "Sent again;" not in slack.messages[0].all_text
    assert "Sent again;" in slack.messages[1].all_text
    assert len({m.delivery_id for m in slack.messages}) == 1


def test_a_mail_without_an_answer_is_sent_once_more_and_says_so(
    only_sendgrid: Telling, sendgrid: SendGridServer, clock: MovableClock
) -> None:
    told = only_sendgrid
    sendgrid.fail_next(cut_after_accept=True)
    notice = told.tell()
    told.run()
    clock.advance(seconds=119)
    told.run()
    assert len(sendgrid.messages) == 1
    clock.advance(seconds=2)
    told.run()
    first, second = sendgrid.messages
    assert told.notice(notice).state == "delivered"
    assert second.delivery_id == first.delivery_id
    assert second.subject == f"Re: {first.subject}"
    assert "Sent again;" in second.text


def test_after_a_mail_sent_twice_the_next_one_answers_the_first_subject(
    only_sendgrid: Telling, sendgrid: SendGridServer, clock: MovableClock
) -> None:
    told = only_sendgrid
    sendgrid.fail_next(cut_after_accept=True)
    told.tell()
    told.run()
    clock.advance(seconds=121)
    told.run()
    told.tell(kind=Kind.REMINDER, data={"n": 2})
    told.run()
    first, again, reminder = sendgrid.messages
    assert again.subject == reminder.subject == f"Re: {first.subject}"


def test_a_mail_lost_twice_goes_to_the_next_channel(
    told: Telling, smtp: SmtpServer, slack: SlackServer, clock: MovableClock
) -> None:
    smtp.fail_next(times=2, cut_after_accept=True)
    notice = told.tell(channels=("email", "slack"))
    told.run()
    clock.advance(minutes=3)
    told.run()
    assert [(d.channel, d.state) for d in told.deliveries(notice)] == [("email", "failed"), ("slack", "delivered")]
    assert "E-mail gave no answer, so it comes by Slack." in slack.to("U01ANA")[0].all_text


def test_a_worker_that_died_in_a_call_leaves_an_unknown_outcome_behind(
    only_slack: Telling, slack: SlackServer, clock: MovableClock
) -> None:
    told = only_slack
    notice = told.tell()
    # given: a claim whose process is gone, its message at the provider
    dying = told.deliverer()
    claims = dying._record([], 1).claims
    message = dying._compose(claims[0], _context(told, claims[0]), told.channels["slack"]).message
    told.channels["slack"].send(message)
    # when its lease has ended
    _end_leases(told)
    clock.advance(seconds=2)
    told.run()
    # then nothing was sent a second time
    assert told.notice(notice).state == "delivered"
    assert len(slack.messages) == 1


def test_only_calls_under_way_can_have_arrived_when_a_process_dies(
    store: Store, clock: MovableClock, live: LiveSet, smtp: SmtpServer
) -> None:
    told = Telling(store, clock, live, smtp.settings())
    for number in range(1, 7):
        told.follow_up(number)
        told.tell(number)
    # given: a process that claimed six, may make two calls at once, and dies before the first
    assert len(told.deliverer(senders=2)._record([], 6).claims) == 6
    # when the leases have ended
    _end_leases(told)
    clock.advance(seconds=2)
    told.run()
    # then
    assert len(smtp.messages) == 6
    assert sum("Sent again;" in mail.text for mail in smtp.messages) == 2


def test_a_call_begins_when_another_one_is_written_down(only_slack: Telling) -> None:
    for number in range(1, 4):
        only_slack.follow_up(number, owner=f"person:{number}")
        only_slack.tell(number, to=("ana", "bo", "cyd")[number - 1])
    sender = only_slack.deliverer(senders=1)
    sender._turn()
    until(lambda: len(sender._reports) == 1)
    assert len(sender._queue) == 2  # the other two wait, whatever the first one was told
    sender.run_until_idle(10)
    assert not sender._queue


def test_a_sender_that_lost_its_lease_sends_nothing(only_slack: Telling, slack: SlackServer) -> None:
    told = only_slack
    told.tell()
    frozen = told.deliverer()
    (claim,) = frozen._record([], 1).claims
    _end_leases(told)
    for begun in (_Begun(claim, _context(told, claim), None, at=0.0), _Begun(claim, None, None, at=0.0)):
        assert frozen._deliver(begun).answer is None
    assert not slack.messages


def test_a_sender_that_stood_still_within_its_lease_goes_on(only_slack: Telling, slack: SlackServer) -> None:
    told = only_slack
    told.tell()
    slow = told.deliverer()
    (claim,) = slow._record([], 1).claims
    with told.store.write() as conn:
        conn.execute(follow_ups.update().values(version=follow_ups.c.version + 1, owner="bo"))
    # when the follow-up has moved on since the turn that let it begin
    report = slow._deliver(_Begun(claim, _context(told, claim), None, at=0.0))
    assert report.answer is not None
    assert slack.messages


def test_a_mailbox_that_does_not_exist_ends_as_a_visible_failure(
    store: Store, clock: MovableClock, live: LiveSet, smtp: SmtpServer
) -> None:
    told = Telling(store, clock, live, smtp.settings(), ops=("email:ops@example.com",))
    told.follow_up()
    smtp.fail_next(code=550, stage="rcpt")
    notice = told.tell(to="eve")
    told.run()
    assert (told.notice(notice).state, told.notice(notice).reason) == ("failed", "smtp_550")
    assert f"innerloop notices retry {notice}" in " ".join(smtp.messages[-1].text.split())


def test_messages_to_one_channel_keep_a_second_apart(
    only_slack: Telling, slack: SlackServer, clock: MovableClock
) -> None:
    told = only_slack
    for number in range(1, 5):
        told.follow_up(number, owner="team:billing-emea")
        told.tell(number, to="team:billing-emea")
    counts = []
    for _ in range(5):
        told.run()
        counts.append(len(slack.messages))
        clock.advance(seconds=1)
    assert counts == [1, 2, 3, 4, 4]


def test_a_channel_rests_from_the_end_of_a_call_for_every_process(
    only_slack: Telling, slack: SlackServer, clock: MovableClock
) -> None:
    for number in (1, 2):
        only_slack.follow_up(number)
        only_slack.tell(number)
    one, other = only_slack.deliverer(), only_slack.deliverer()
    # given: two processes that have claimed a message to the same place, the first takes its time
    one._turn()
    clock.advance(milliseconds=400)
    until(lambda: len(one._reports) == 1)
    one._reports[0] = replace(one._reports[0], ended_at=clock.now())
    one._turn()
    # then
    clock.advance(milliseconds=900)
    other._turn()
    assert len(slack.messages) == 1
    clock.advance(milliseconds=100)
    other.run_until_idle(10)
    assert len(slack.messages) == 2


def test_two_claims_for_one_place_do_not_both_begin(only_slack: Telling) -> None:
    for number in (1, 2):
        only_slack.follow_up(number)
        only_slack.tell(number)
    # given: two processes that have claimed a message to the same place, and had nobody free to send it
    one, other = (only_slack.deliverer(senders=0) for _ in range(2))
    for sender in (one, other):
        sender._queue_up(sender._record([], 1).claims)
        sender._senders = 4
    # when both have
    first, second = one._record([], 0), other._record([], 0)
    # then
    assert (len(first.begun), len(second.begun)) == (1, 0)
    assert second.lost == other._queue.keys()


@pytest.mark.parametrize(("asked", "rest"), [(1, 1.0), (30, 5.0), (0, 0.0)])
def test_a_process_rests_no_longer_than_it_was_asked_to(asked: int, rest: float) -> None:
    wait = timedelta(seconds=asked)
    answer = Answer(outcome=AttemptOutcome.LATER, reason="ratelimited", retry_after=wait, whole_channel=True)
    assert _rest(answer) == rest


def test_one_paced_channel_does_not_hold_up_another(only_slack: Telling, slack: SlackServer) -> None:
    told = only_slack
    for number in range(1, 30):
        told.follow_up(number, owner="team:billing-emea")
        told.tell(number, to="team:billing-emea")
    told.tell(to="cyd", kind=Kind.COPY)
    told.run()
    assert {m.asked for m in slack.messages} == {"#billing-alerts", "U03CYD"}


def test_a_restart_tries_an_open_channel_at_once(only_slack: Telling, slack: SlackServer, clock: MovableClock) -> None:
    told = only_slack
    slack.fail_next(error="token_revoked")
    notice = told.tell()
    told.run()
    clock.advance(seconds=2)
    told.run()  # a new process
    assert told.notice(notice).state == "delivered"


def test_three_days_without_any_channel_are_a_failure(
    only_slack: Telling, slack: SlackServer, clock: MovableClock
) -> None:
    told = only_slack
    slack.fail_always(status=503)
    notice = told.tell()
    told.run()
    clock.advance(timedelta(days=3, minutes=1))
    told.run()
    assert told.notice(notice).state == "failed"


def _context(told: Telling, claim: Claim) -> Context:
    with told.store.read() as conn:
        return next(iter(load_contexts(conn, [claim.delivery]).values()))


def _end_leases(told: Telling) -> None:
    with told.store.write() as conn:
        past = told.store.now(conn) - timedelta(seconds=1)
        conn.execute(deliveries.update().values(lease_until=past))
