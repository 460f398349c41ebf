"""What passes between the outbox and the senders: claims, what became of their calls, what may begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from worker.model.notice import AttemptOutcome, DeliveryState, NewNotice
from worker.notify import retry
from worker.notify.channel import Answer
from worker.notify.obsolete import Now
from worker.notify.recipients import Target
from worker.notify.retry import Action
from worker.store import deliveries
from worker.store.deliveries import Delivery, Result
from worker.store.threads import Thread

ClaimKey = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that this process may send now: until its lease ends, and only with its token."""

    delivery: Delivery
    token: str
    action: Action
    trial: bool  # the message that tries a channel which was held back

    @property
    def attempt(self) -> int:
        return deliveries.next_number(self.delivery)

    @property
    def key(self) -> ClaimKey:
        """Which claim this is: a delivery whose lease has ended may be claimed again, also by this process."""
        return self.delivery.id, self.token


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a sender did with a claim. No `answer`: no call was made; then `skipped` says why, or it is given back."""

    claim: Claim
    answer: Answer | None
    ended_at: datetime
    seconds: float = 0.0
    skipped: str | None = None
    thread: Thread | None = None
    broken: Sequence[NewNotice] = ()  # templates that could not be rendered


@dataclass(frozen=True, slots=True)
class Turned:
    """What came of a turn: new claims, which claims' attempts are written, which are not ours any more."""

    claims: Sequence[Claim]
    begun: Mapping[ClaimKey, Now | None]  # these may be called now; their follow-ups as they are at this moment
    lost: frozenset[ClaimKey]
    more: bool  # another turn right away finds something to do


@dataclass(frozen=True, slots=True)
class Call:
    """A call that ended, what the policy makes of it, and where its notice had failed before."""

    report: Report
    answer: Answer
    step: retry.Step
    tried: set[Target]

    @property
    def result(self) -> Result:
        return _result(self.report, self.answer, self.step)


def past(delivery: Delivery) -> tuple[retry.Attempt, ...]:
    return tuple(retry.Attempt(started_at=a.started_at, outcome=a.outcome, reason=a.reason) for a in delivery.past)


def _result(report: Report, answer: Answer, step: retry.Step) -> Result:
    state = {
        retry.Done: DeliveryState.DELIVERED,
        retry.Again: DeliveryState.PENDING,
    }.get(type(step), DeliveryState.FAILED)
    lost = answer.outcome is AttemptOutcome.UNKNOWN and report.claim.action is not Action.LOOK
    return Result(
        delivery_id=report.claim.delivery.id,
        token=report.claim.token,
        attempt=report.claim.attempt,
        outcome=answer.outcome,
        state=state,
        reason=answer.reason,
        ended_at=report.ended_at,
        seconds=round(report.seconds, 4),
        next_at=step.at if isinstance(step, retry.Again) else None,
        provider_id=answer.provider_id,
        lost=lost,
    )
