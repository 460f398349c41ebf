"""What to do next with a delivery: a pure function of what happened so far. `now` and the jitter are arguments.

A call ends in one of five ways, and each has one way on:

accepted       done
refused        for good: the next channel now
later          again with growing waits; the next channel once `next_channel_after` has passed since the first failure
channel down   the next channel now; where there is none, again when the channel's circuit lets a trial through
unknown        no answer: it may have arrived. Where the provider can be read back, look; it is there (adopted) or it
               is not (sent again). Where it cannot be read, wait two minutes, send once more marked as a repeat, and
               after a second silence take the next channel. To a customer nothing is sent again: a message twice is
               worse than none
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from worker.model.notice import WORKER_STOPPED, AttemptOutcome

# Reasons of a look at the provider, told apart from reasons of a send.
NOT_THERE = "not_there"
CANNOT_READ = "cannot_read_back"
MAY_NOT_READ = "may_not_read_back"
NO_ANSWER_TWICE = "no_answer_twice"
NO_ANSWER = "no_answer"

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=5)
GIVE_UP_AFTER = timedelta(days=3)
TRIAL_EVERY = timedelta(minutes=1)
LOOK_AFTER = timedelta(seconds=3)  # a provider that lost the line may still be busy with the message
LOOK_FOR = timedelta(minutes=10)
LOOK_AGAIN_AFTER = timedelta(seconds=20)
REPEAT_AFTER = timedelta(minutes=2)


class Action(Enum):
    """What to do with a delivery whose time has come."""

    SEND = "send"
    REPEAT = "repeat"  # send, and say in the message that an earlier one may have arrived
    LOOK = "look"  # read back whether it arrived
    NEXT = "next"  # no call: the time for the next channel has come
    STOP = "stop"  # no call: it may have arrived, and must not arrive twice


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call so far. An `outcome` of None is a call whose worker died: nobody knows how it ended."""

    started_at: datetime
    outcome: AttemptOutcome | None
    reason: str | None = None

    @property
    def is_lost(self) -> bool:
        """A send without an answer (a look that failed is none)."""
        return self.outcome in {None, AttemptOutcome.UNKNOWN} and self.reason not in {CANNOT_READ, MAY_NOT_READ}

    @property
    def is_blind_look(self) -> bool:
        return self.reason in {CANNOT_READ, MAY_NOT_READ}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the policy must know beyond the attempts."""

    can_look: bool  # the channel can be read back
    has_next: bool  # the notice has another channel
    next_channel_after: timedelta
    only_once: bool = False  # a message twice is worse than none


@dataclass(frozen=True, slots=True)
class Done:
    """It arrived."""


@dataclass(frozen=True, slots=True)
class Again:
    """The same delivery once more, at a time."""

    at: datetime


@dataclass(frozen=True, slots=True)
class NextChannel:
    """The channel has had its chance."""

    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nothing is left to try."""

    reason: str


Step = Done | Again | NextChannel | GiveUp


def action(past: Sequence[Attempt], plan: Plan, now: datetime) -> Action:
    """What to do now, given every attempt so far."""
    if not past:
        return Action.SEND
    last = past[-1]
    if last.outcome in {None, AttemptOutcome.UNKNOWN}:
        if plan.only_once:
            return Action.STOP
        return Action.LOOK if plan.can_look and _may_look(past, now) else Action.REPEAT
    if plan.has_next and now >= past[0].started_at + plan.next_channel_after:
        return Action.NEXT
    return Action.REPEAT if _maybe_arrived(past) else Action.SEND


def step(
    outcome: AttemptOutcome,
    reason: str,
    retry_after: timedelta | None,
    past: Sequence[Attempt],
    plan: Plan,
    now: datetime,
    jitter: float,
) -> Step:
    """What follows from an answer. `past` holds the attempts before this one; `jitter` is from 0 to 1."""
    match outcome:
        case AttemptOutcome.ACCEPTED:
            return Done()
        case AttemptOutcome.REFUSED:
            return _on(reason, plan)
        case AttemptOutcome.CHANNEL_DOWN:
            # No wait of its own: the channel's circuit holds it until a trial.
            return NextChannel(reason) if plan.has_next else _wait(reason, timedelta(), past, plan, now)
        case AttemptOutcome.LATER:
            wait = max(_backoff(past, jitter), retry_after or timedelta())
            return _wait(reason, timedelta() if _was_just_lost(reason, past) else wait, past, plan, now)
        case AttemptOutcome.UNKNOWN:
            return _after_silence(reason, past, plan, now)


def _after_silence(reason: str, past: Sequence[Attempt], plan: Plan, now: datetime) -> Step:
    if plan.only_once:
        return GiveUp(NO_ANSWER)
    lost = _last_lost(past)
    if reason == CANNOT_READ and lost:
        return Again(max(now, min(now + LOOK_AGAIN_AFTER, lost.started_at + LOOK_FOR)))
    if reason == MAY_NOT_READ and lost:
        return Again(max(now, lost.started_at + REPEAT_AFTER))
    if plan.can_look and not any(attempt.is_blind_look for attempt in past):
        return Again(now + LOOK_AFTER)
    return _on(NO_ANSWER_TWICE, plan) if lost else Again(now + REPEAT_AFTER)


def _wait(reason: str, wait: timedelta, past: Sequence[Attempt], plan: Plan, now: datetime) -> Step:
    """Again after `wait`, or on to the next channel when its time comes first."""
    first = past[0].started_at if past else now
    if plan.has_next:
        until = first + plan.next_channel_after
        return NextChannel(reason) if now >= until else Again(min(now + wait, until))
    return GiveUp(reason) if now >= first + GIVE_UP_AFTER else Again(now + wait)


def _on(reason: str, plan: Plan) -> Step:
    return NextChannel(reason) if plan.has_next else GiveUp(reason)


def _backoff(past: Sequence[Attempt], jitter: float) -> timedelta:
    """2 s, 4 s, 8 s ... 5 minutes, each a quarter shorter or longer, so that a crowd does not come back at once."""
    doubled: timedelta = FIRST_WAIT * 2 ** min(len(past), 10)
    return min(doubled, LONGEST_WAIT) * (0.75 + jitter / 2)


def _may_look(past: Sequence[Attempt], now: datetime) -> bool:
    lost = _last_lost(past)
    return past[-1].reason != MAY_NOT_READ and lost is not None and now < lost.started_at + LOOK_FOR


def _last_lost(past: Sequence[Attempt]) -> Attempt | None:
    return next((attempt for attempt in reversed(past) if attempt.is_lost), None)


def _maybe_arrived(past: Sequence[Attempt]) -> bool:
    """A send was lost and nobody has found out what became of it."""
    for attempt in reversed(past):
        if attempt.reason == NOT_THERE:
            return False
        if attempt.is_lost:
            return True
    return False


def _was_just_lost(reason: str, past: Sequence[Attempt]) -> bool:
    """A message that never arrived, because its worker died or at the first silence: no reason to wait longer."""
    lost = _last_lost(past)
    if reason != NOT_THERE or lost is None:
        return False
    died = lost.outcome is None or lost.reason == WORKER_STOPPED
    return died or sum(attempt.is_lost for attempt in past) == 1
