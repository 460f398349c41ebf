"""A notice: what to tell whom. A delivery: that notice over one channel to one address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct

from worker.model.playbook import Priority
from worker.model.response import Json


class Kind(StrEnum):
    ALERT = "alert"
    COPY = "copy"
    UPDATE = "update"
    REMINDER = "reminder"
    DUE_SOON = "due_soon"
    ESCALATION = "escalation"
    HANDED_OVER = "handed_over"
    TAKEN_OVER = "taken_over"
    CATCH_UP = "catch_up"
    HUDDLE = "huddle"
    LATE_ANSWERS = "late_answers"
    KUDOS = "kudos"
    CLOSED = "closed"
    CUSTOMER = "customer"
    OPS = "ops"
    DRILL = "drill"


class NoticeState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"


class AttemptOutcome(StrEnum):
    """What a provider's answer means."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # for good: this address, this message
    LATER = "later"  # for now; a wait may be given
    CHANNEL_DOWN = "channel_down"  # the whole channel: a revoked token, a wrong password
    UNKNOWN = "unknown"  # no answer: it may or may not have arrived


CUSTOMER = "customer"
"""The receiver of what a customer is told. Where that is, only the answer's contact data say."""
SURVEY = "survey"
"""The receiver of what is not for a person but for the survey tool."""
WORKER_STOPPED = "worker_stopped"  # the reason of an attempt that its worker did not live to end


CHANNELS: Mapping[str, tuple[str, ...]] = MappingProxyType({"slack": ("slack",), "email": ("email.txt", "email.html")})
"""Every channel by its word in the rules' `by`, with the parts of its messages: each is a template of every notice."""
PARTS = tuple(part for parts in CHANNELS.values() for part in parts)


def parts_of(kind: Kind) -> tuple[str, ...]:
    """The templates of a kind of notice. Customers are told by mail only."""
    return CHANNELS["email"] if kind is Kind.CUSTOMER else PARTS


class NewNotice(Struct, frozen=True, kw_only=True, gc=False):
    """A notice to be written. (`cause`, `recipient`) is unique: telling the same thing twice is impossible.

    `cause` is `follow-up/ID/cycle/STEP`, `follow-up/ID/response/ID` (update, copy), `digest/RECIPIENT/DAY`
    `follow-up/ID/customer/SAY` or `ops/KIND/EPISODE`. `recipient` is a person's id, `team:ID`, `customer` or `ops`.
    `next_channel_after` is in seconds.
    """

    cause: str
    recipient: str
    kind: Kind
    priority: Priority
    not_before: datetime
    channels: tuple[str, ...] = ("slack", "email")
    next_channel_after: int = 600
    follow_up_id: int | None = None
    response_id: int | None = None
    data: Mapping[str, Json] | None = None
