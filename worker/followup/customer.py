"""What a customer is told about their follow-up, where its playbook asks for it. Pure.

A notice is written with what it tells about; whether the customer may be told is looked at when it is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from worker.errors import NotAllowed, UsageError
from worker.model.followup import ClosingOutcome, FollowUp, short_id
from worker.model.notice import CUSTOMER, Kind, NewNotice
from worker.model.playbook import Playbook, Priority, Say, TellCustomer
from worker.model.response import Contact, Json, Response

MOST_WORDS = 2000


def first_word(plan: Playbook, follow_up_id: int, response_id: int, now: datetime) -> list[NewNotice]:
    """What the customer is told when a follow-up opens."""
    say = Say.THANKS if plan.closes_itself else Say.RECOVERY_REPLY
    return [_notice(say, follow_up_id, response_id, now)] if plan.tells_customer(say) else []


def fixed(words: str, follow_up: FollowUp, by: str, now: datetime) -> NewNotice:
    """What whoever closes it wants the customer to know."""
    return _notice(Say.WE_FIXED_IT, follow_up.id, follow_up.response_id, now, {"words": words, "by": by})


def check_fixed(
    words: str, outcome: str, follow_up: FollowUp, opener: Response, contact: Contact, severity: Sequence[str]
) -> TellCustomer:
    """The playbook's entry for it. Raises UsageError and NotAllowed where the customer would not be told."""
    name, plan = short_id(follow_up.id), follow_up.playbook
    if not words.strip() or len(words) > MOST_WORDS:
        raise UsageError(f"What the customer is told has 1 to {MOST_WORDS} characters; got {len(words)}.")
    if outcome != ClosingOutcome.RECOVERED:
        raise NotAllowed(f'Only who was won back is told what was changed; the outcome of {name} is "{outcome}".')
    entry = plan.tells_customer(Say.WE_FIXED_IT)
    if entry is None:
        fix = "tell_customer: [{say: we_fixed_it}]"
        raise NotAllowed(f"Playbook {plan.id}, as {name} began with it, does not tell customers so. It needs {fix}.")
    if follow_up.test:
        raise NotAllowed(f"{name} is a test: there is no customer to be told.")
    if opener.customer.may_contact is not True:
        known = "The customer must not be contacted"
        if opener.customer.may_contact is None:
            known = "Whether the customer may be contacted is not known"
        raise NotAllowed(f"{known}. Close {name} without telling them.")
    if not contact.email:
        raise NotAllowed(f"No e-mail address of the customer is known. Close {name} without telling them.")
    grave = "private" if plan.private and "private" not in entry.even_if else next(iter(severity), None)
    if grave == "private" or (grave and "severity" not in entry.even_if):
        raise NotAllowed(f"{name} is {grave}: its customer is not told by mail. Close it without telling them.")
    return entry


def _notice(
    say: Say, follow_up_id: int, response_id: int, now: datetime, data: dict[str, Json] | None = None
) -> NewNotice:
    # Without the cycle: whoever is told once is not told again because it was opened again.
    return NewNotice(
        cause=f"follow-up/{follow_up_id}/customer/{say}", recipient=CUSTOMER, kind=Kind.CUSTOMER,
        priority=Priority.LOW, not_before=now, channels=("email",), follow_up_id=follow_up_id,
        response_id=response_id, data=data,
    )  # fmt: skip
