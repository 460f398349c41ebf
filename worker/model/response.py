"""A response: one customer's answers, as one survey gave them.

The shape mirrors the event of the outside world (docs: reference/event), so that a stored response reads like
the event that brought it. Times are aware UTC; a number is an int, or a Decimal where it has a fraction.

Values never hold themselves, so none is shown to the garbage collector (`gc=False`): a batch makes thousands.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

Number = int | Decimal
Json = Any  # what a JSON document holds; attributes and answers are open by design
NOTHING: Mapping[str, Json] = {}


class Status(StrEnum):
    FINAL = "final"
    PARTIAL = "partial"


class Value(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the customer is worth a year, as the sender says it."""

    amount: Number
    currency: str | None = None


class ContactWish(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """How and when the customer wants to be reached. `window` is `HH:MM-HH:MM` in `timezone`."""

    prefer: str | None = None
    window: str | None = None
    timezone: str | None = None


class Customer(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Who answered. `key` is the identity used for history and merging; None means unknown and never merges."""

    key: str | None = None
    id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    language: str | None = None
    country: str | None = None
    tier: str | None = None
    segment: str | None = None
    persona: str | None = None
    value: Value | None = None
    account_manager: str | None = None
    may_contact: bool | None = None
    contact: ContactWish | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict)


class Interaction(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the survey asked about. `wait_seconds` is in seconds."""

    id: str | None = None
    channel: str | None = None
    agent: str | None = None
    team: str | None = None
    unit: str | None = None
    brand: str | None = None
    product: str | None = None
    region: str | None = None
    ended_at: datetime | None = None
    wait_seconds: Number | None = None
    transfers: Number | None = None
    url: str | None = None


class Response(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One version of one response. Identity is (`source`, `id`)."""

    id: str
    source: str
    responded_at: datetime
    survey: str | None = None
    metric: str | None = None
    score: Number | None = None
    comment: str | None = None
    question: str | None = None
    answers: Mapping[str, Json] = field(default_factory=dict)
    status: Status = Status.FINAL
    updated_at: datetime | None = None
    language: str | None = None
    comment_translated: str | None = None
    callback_requested: bool | None = None
    public: bool = False
    test: bool = False
    customer: Customer = Customer()
    interaction: Interaction = Interaction()
    attributes: Mapping[str, Json] = field(default_factory=dict)

    @property
    def has_comment(self) -> bool:
        """A comment counts as given when it holds a character that is not white space."""
        return bool(self.comment and self.comment.strip())


class Origin(Struct, frozen=True, kw_only=True, gc=False):
    """Where a record was read: the coordinates that the ledger and `reconcile` count by.

    An import is `import:NAME`, partition 0, file as incarnation, line as offset. `timestamp` is Kafka's.
    """

    topic: str
    partition: int
    incarnation: str
    offset: int
    how: str = "kafka"  # kafka, import, replay
    timestamp: datetime | None = None

    @property
    def name(self) -> str:
        return record_name(self.topic, self.partition, self.offset)


def record_name(topic: str, partition: int, offset: int) -> str:
    """A record as logs, messages and `responses show` name it."""
    return f"{topic}:{partition}:{offset}"


class Contact(Struct, frozen=True, kw_only=True, gc=False):
    """Ways to reach the customer: what the event gave and what the comment held before redaction."""

    email: str | None = None
    phone: str | None = None
    emails_in_comment: tuple[str, ...] = ()
    phones_in_comment: tuple[str, ...] = ()
