"""What follows from each answer: a table of what happened, and the next step."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.clock import FRIDAY
from worker.model.notice import WORKER_STOPPED
from worker.model.notice import AttemptOutcome as Out
from worker.notify.retry import (
    CANNOT_READ,
    MAY_NOT_READ,
    NO_ANSWER,
    NO_ANSWER_TWICE,
    NOT_THERE,
    Action,
    Again,
    Attempt,
    Done,
    GiveUp,
    NextChannel,
    Plan,
    Step,
    action,
    step,
)

NOW = FRIDAY


def past(*outcomes: tuple[Out | None, str] | Out | None, ago: timedelta = timedelta(seconds=10)) -> list[Attempt]:
    """Attempts that began `ago`, a second apart."""
    made = []
    for n, item in enumerate(outcomes):
        outcome, reason = item if isinstance(item, tuple) else (item, "x")
        made.append(Attempt(started_at=NOW - ago + timedelta(seconds=n), outcome=outcome, reason=reason))
    return made


def plan(*, look: bool = False, more: bool = False, after: float = 600) -> Plan:
    return Plan(can_look=look, has_next=more, next_channel_after=timedelta(seconds=after))


def after(outcome: Out, before: list[Attempt], with_: Plan, reason: str = "x", wait: float | None = None) -> Step:
    return step(outcome, reason, timedelta(seconds=wait) if wait else None, before, with_, NOW, 0.5)


def test_a_yes_is_the_end() -> None:
    assert after(Out.ACCEPTED, [], plan()) == Done()


def test_a_refusal_for_good_goes_to_the_next_channel_now() -> None:
    assert after(Out.REFUSED, [], plan(more=True), "channel_not_found") == NextChannel("channel_not_found")
    assert after(Out.REFUSED, [], plan(), "channel_not_found") == GiveUp("channel_not_found")


@pytest.mark.parametrize(("tries", "seconds"), [(0, 2), (1, 4), (2, 8), (3, 16), (20, 300)])
def test_waits_double_up_to_five_minutes(tries: int, seconds: float) -> None:
    assert after(Out.LATER, past(*[Out.LATER] * tries), plan()) == Again(NOW + timedelta(seconds=seconds))


def test_jitter_makes_a_wait_a_quarter_shorter_or_longer() -> None:
    soon = step(Out.LATER, "x", None, [], plan(), NOW, 0.0)
    late = step(Out.LATER, "x", None, [], plan(), NOW, 1.0)
    assert (soon, late) == (Again(NOW + timedelta(seconds=1.5)), Again(NOW + timedelta(seconds=2.5)))


def test_the_providers_own_wait_is_obeyed() -> None:
    assert after(Out.LATER, [], plan(), wait=42) == Again(NOW + timedelta(seconds=42))


def test_the_next_channel_does_not_wait_for_the_providers_wish() -> None:
    assert after(Out.LATER, [], plan(more=True, after=60), wait=3600) == Again(NOW + timedelta(seconds=60))


def test_the_next_channel_comes_when_its_time_has_passed_since_the_first_failure() -> None:
    tried = past(Out.LATER, ago=timedelta(minutes=10))
    assert action(tried, plan(more=True), NOW) is Action.NEXT
    assert after(Out.LATER, tried, plan(more=True), "http_503") == NextChannel("http_503")


def test_without_another_channel_it_goes_on_for_three_days() -> None:
    long_ago = past(Out.LATER, ago=timedelta(days=3))
    assert isinstance(after(Out.LATER, past(Out.LATER, ago=timedelta(days=2)), plan()), Again)
    assert after(Out.LATER, long_ago, plan(), "http_503") == GiveUp("http_503")


def test_a_channel_that_is_down_is_left_at_once_or_waited_for() -> None:
    assert after(Out.CHANNEL_DOWN, [], plan(more=True), "token_revoked") == NextChannel("token_revoked")
    assert after(Out.CHANNEL_DOWN, [], plan()) == Again(NOW)


def test_a_lost_message_is_looked_for_where_that_is_possible() -> None:
    assert after(Out.UNKNOWN, [], plan(look=True)) == Again(NOW + timedelta(seconds=3))
    assert action(past(Out.UNKNOWN), plan(look=True), NOW) is Action.LOOK


def test_a_call_whose_worker_died_counts_as_lost() -> None:
    assert action(past(None), plan(look=True), NOW) is Action.LOOK
    assert action(past(None), plan(), NOW) is Action.REPEAT


def test_what_is_not_there_is_sent_again_at_once() -> None:
    lost = past(Out.UNKNOWN)
    assert after(Out.LATER, lost, plan(look=True), NOT_THERE) == Again(NOW)
    assert action([*lost, *past((Out.LATER, NOT_THERE))], plan(look=True), NOW) is Action.SEND


@pytest.mark.parametrize(
    ("lost", "wait"),
    [((Out.UNKNOWN, WORKER_STOPPED), 0), (None, 0), ((Out.UNKNOWN, "timeout"), 16)],
    ids=["worker died", "and nobody noted it", "provider silent"],
)
def test_only_a_provider_that_is_silent_again_makes_the_next_send_wait(
    lost: tuple[Out, str] | None, wait: float
) -> None:
    before = past((Out.UNKNOWN, "timeout"), (Out.LATER, NOT_THERE), lost)
    assert after(Out.LATER, before, plan(look=True), NOT_THERE) == Again(NOW + timedelta(seconds=wait))


def test_a_mail_without_answer_is_repeated_after_two_minutes() -> None:
    assert after(Out.UNKNOWN, [], plan()) == Again(NOW + timedelta(minutes=2))
    assert action(past(Out.UNKNOWN), plan(), NOW) is Action.REPEAT


def test_what_must_not_arrive_twice_ends_with_the_first_silence() -> None:
    once = Plan(can_look=False, has_next=False, next_channel_after=timedelta(minutes=10), only_once=True)
    assert after(Out.UNKNOWN, [], once) == GiveUp(NO_ANSWER)
    assert [action(past(end), once, NOW) for end in (None, Out.UNKNOWN)] == [Action.STOP, Action.STOP]
    assert action(past(Out.LATER), once, NOW) is Action.SEND


def test_a_second_silence_goes_to_the_next_channel() -> None:
    lost = past(Out.UNKNOWN)
    assert after(Out.UNKNOWN, lost, plan(more=True)) == NextChannel(NO_ANSWER_TWICE)
    assert after(Out.UNKNOWN, lost, plan()) == GiveUp(NO_ANSWER_TWICE)


def test_a_provider_that_cannot_be_read_now_is_read_again_for_ten_minutes() -> None:
    lost = past(Out.UNKNOWN, ago=timedelta(minutes=9, seconds=50))
    assert after(Out.UNKNOWN, lost, plan(look=True), CANNOT_READ) == Again(NOW + timedelta(seconds=10))
    blind = past(Out.UNKNOWN, (Out.UNKNOWN, CANNOT_READ), ago=timedelta(minutes=10))
    assert action(blind, plan(look=True), NOW) is Action.REPEAT


def test_a_provider_that_may_not_be_read_is_treated_like_mail() -> None:
    lost = past(Out.UNKNOWN)
    assert after(Out.UNKNOWN, lost, plan(look=True), MAY_NOT_READ) == Again(lost[0].started_at + timedelta(minutes=2))
    assert action([*lost, *past((Out.UNKNOWN, MAY_NOT_READ))], plan(look=True), NOW) is Action.REPEAT
    assert after(Out.UNKNOWN, [*lost, *past((Out.UNKNOWN, MAY_NOT_READ))], plan(look=True)) == GiveUp(NO_ANSWER_TWICE)


def test_a_repeat_stays_marked_after_a_short_refusal() -> None:
    assert action(past(Out.UNKNOWN, Out.LATER), plan(), NOW) is Action.REPEAT
