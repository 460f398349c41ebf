"""What a new follow-up consists of: itself, its timers, its first history line and its first notices. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct

from worker.followup.customer import first_word
from worker.followup.escalate import first_tell, first_timers
from worker.model.decision import Decision
from worker.model.followup import NewHistory, NewTimer
from worker.model.notice import Kind, NewNotice
from worker.model.playbook import OnePer, Playbook, Priority, Tell
from worker.model.response import Response
from worker.model.span import Span

OPS = "ops"
Resolve = Callable[[str, str | None], str | None]
"""(who as the rules write it, the follow-up's owner) -> person's id, team:ID or None."""


class Opening(Struct, frozen=True, kw_only=True, gc=False):
    """Everything that one transaction writes when a follow-up opens, or opens again (`cycle` > 1)."""

    id: int
    response_id: int
    customer_key: str | None
    dedupe_key: str | None
    decision: Decision
    plan: Playbook
    test: bool
    priority: Priority
    owner: str | None
    cycle: int
    opened_at: datetime
    due_at: datetime
    timers: tuple[NewTimer, ...]
    notices: tuple[NewNotice, ...]
    history: NewHistory

    @property
    def next_step_at(self) -> datetime | None:
        return min((timer.fire_at for timer in self.timers), default=None)


def dedupe_key(plan: Playbook, response: Response) -> str | None:
    """What at most one live follow-up of a playbook may share; None (unknown, or a test) never merges."""
    if response.test:
        return None
    if plan.one_open_per is OnePer.RESPONSE:
        return f"response:{response.source}/{response.id}"
    if plan.one_open_per is OnePer.INTERACTION:
        return f"interaction:{response.interaction.id}" if response.interaction.id else None
    return f"customer:{response.customer.key}" if response.customer.key else None


def opening(
    decision: Decision,
    response: Response,
    *,
    follow_up_id: int,
    response_id: int,
    resolve: Resolve,
    add: Callable[[datetime, Span], datetime],
    cycle: int = 1,
    version: int = 1,
    owner: str | None = None,
) -> Opening:
    """Put a follow-up together. `add` counts a span on the owner's calendar.

    `owner` keeps the owner of a follow-up that opens again; a new one gets the decision's.
    """
    plan = decision.playbook
    assert plan is not None
    assert decision.due_at is not None
    assert decision.priority is not None
    # Who keeps it may work by another calendar than who would have got it.
    due_at = add(decision.now, plan.due) if owner not in (None, decision.owner) else decision.due_at
    owner = owner or decision.owner
    priority = Priority.of(decision.priority)
    return Opening(
        id=follow_up_id,
        response_id=response_id,
        customer_key=response.customer.key,
        dedupe_key=dedupe_key(plan, response),
        decision=decision,
        plan=plan,
        test=response.test,
        priority=priority,
        owner=owner,
        cycle=cycle,
        opened_at=decision.now,
        due_at=due_at,
        timers=() if plan.closes_itself else first_timers(plan, decision.now, due_at, add),
        notices=_first_notices(decision, plan, response, follow_up_id, response_id, cycle, priority, owner, resolve),
        history=NewHistory(
            version=version,
            at=decision.now,
            what="opened" if cycle == 1 else "reopened",
            by="rules",
            via="response",
            note=f'rule "{decision.rule}"',
            detail={"owner": owner, "response": response_id},
        ),
    )


def _first_notices(
    decision: Decision,
    plan: Playbook,
    response: Response,
    follow_up_id: int,
    response_id: int,
    cycle: int,
    priority: Priority,
    owner: str | None,
    resolve: Resolve,
) -> tuple[NewNotice, ...]:
    def notice(kind: Kind, recipient: str, step: str, tell: Tell) -> NewNotice:
        return NewNotice(
            cause=f"follow-up/{follow_up_id}/{cycle}/{step}",
            recipient=recipient,
            kind=kind,
            priority=priority,
            not_before=decision.now,
            channels=tell.by,
            next_channel_after=seconds(tell.next_channel_after),
            follow_up_id=follow_up_id,
            response_id=response_id,
        )

    if response.test:
        return (notice(Kind.DRILL, OPS, "drill", Tell()),)
    first = Kind.KUDOS if plan.closes_itself else Kind.ALERT
    told: dict[str, NewNotice] = {}
    for tell in plan.notify:
        # An owner is never left out, even one nobody can reach: that shows as a failed notice, not as silence.
        recipient = owner if tell.to == "owner" else resolve(tell.to, owner)
        if recipient and recipient not in told:
            told[recipient] = notice(first, recipient, first.value, tell)
    for recipient in decision.copies:
        if recipient not in told:
            told[recipient] = notice(Kind.COPY, recipient, "copy", first_tell(plan))
    return (*told.values(), *first_word(plan, follow_up_id, response_id, decision.now))


def seconds(span: Span) -> int:
    """Whole seconds of a span of elapsed time."""
    # A channel is given up after elapsed time; the loader lets no business span in here.
    elapsed: timedelta = span.elapsed
    return int(elapsed.total_seconds())
