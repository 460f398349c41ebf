"""What is read, what becomes of it, and to whom it is handed.

A Record is one message as it lies in Kafka (or one line of a file). A Batch is what one poll brought: one Slice per
partition that moved. Reading turns each Record into Accepted, Dead or NotResponse. A Sink takes batches and keeps the
ledger's heads.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from worker.model.response import Origin, Response

Partition = tuple[str, int]  # topic, number
Headers = tuple[tuple[str, bytes | None], ...]

MAX_VALUE_BYTES = 256 * 1024


class Record(Struct, frozen=True, kw_only=True, gc=False):
    """One message. `incarnation` is the topic's id ("" where the broker knows none); `timestamp` is Kafka's.

    An import is topic `import:NAME`, partition 0, file as incarnation, line as offset.
    """

    topic: str
    partition: int
    offset: int
    incarnation: str = ""
    timestamp: datetime | None = None
    key: bytes | None = None
    value: bytes | None = None
    headers: Headers = ()
    how: str = "kafka"  # kafka, import, replay

    @property
    def origin(self) -> Origin:
        return Origin(
            topic=self.topic, partition=self.partition, incarnation=self.incarnation, offset=self.offset,
            how=self.how, timestamp=self.timestamp,
        )  # fmt: skip


class Slice(Struct, frozen=True, kw_only=True):
    """What one poll brought of one partition: every record lies in [first, next).

    `first` is the consumer's position before the poll and `next` the one after it, not the last offset + 1: markers
    of transactions, aborted and compacted records own offsets and are never delivered. `records` may be empty.
    """

    topic: str
    partition: int
    incarnation: str
    first: int
    next: int
    records: tuple[Record, ...] = ()


class Batch(Struct, frozen=True, kw_only=True):
    """What one poll brought, at most one slice per partition."""

    slices: tuple[Slice, ...]


class Reason(StrEnum):
    """Why a record is a dead letter. Where two fit, the earlier one is said. Also the metric's label."""

    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    UNKNOWN_SHAPE = "unknown_shape"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    BAD_TIME = "bad_time"
    UNKNOWN_SCALE = "unknown_scale"
    SCORE_OUT_OF_SCALE = "score_out_of_scale"
    NO_ANSWERS = "no_answers"
    IDENTITY_CONFLICT = "identity_conflict"
    UNDECODABLE = "undecodable"
    STORE_REFUSED = "store_refused"


class Accepted(Struct, frozen=True, kw_only=True, gc=False):
    """A response, not yet redacted or classified.

    `event_id` tells redeliveries apart, `order` is sortable text from `updated_at` or the mapping's order value.
    `vendor_class` is what the survey tool called it: kept, compared, never trusted. `unknown_keys` and
    `ignored_values` name places (`customer.shoe_size`), never values. With `part`, the event carries some of the
    answers only: what it does not mention stays as earlier events of the same response said.
    """

    origin: Origin
    response: Response
    event_id: str | None = None
    order: str | None = None
    vendor_class: str | None = None
    unknown_keys: tuple[str, ...] = ()
    ignored_values: tuple[str, ...] = ()
    part: bool = False
    mapping: str | None = None


class Dead(Struct, frozen=True, kw_only=True, gc=False):
    """A record nobody can use as it is. `message` names the place, the value and the fix, and no personal data."""

    origin: Origin
    source: str | None
    reason: Reason
    message: str
    stage: str = "read"  # decode, read, store


class NotResponse(Struct, frozen=True, kw_only=True, gc=False):
    """A record that is no response and is not meant to be one: a tombstone, or what a mapping ignores."""

    origin: Origin
    why: str


Outcome = Accepted | Dead | NotResponse


class Head(Struct, frozen=True, kw_only=True):
    """Where the ledger of one partition ends. With `paused_reason`, nothing is read until ops accept it."""

    incarnation: str
    next_offset: int
    paused_reason: str | None = None


class Pause(Struct, frozen=True, kw_only=True):
    """A sink's answer: this partition was written up to `next_offset` only and rests until its head says otherwise."""

    topic: str
    partition: int
    next_offset: int
    reason: str


class Sink(Protocol):
    """Takes what was read. Every method is one transaction, may be repeated, and raises StoreUnavailable."""

    def heads(self, topics: Collection[str]) -> Mapping[Partition, Head]:
        """Heads of all known partitions of these topics."""

    def process(self, batch: Batch) -> Sequence[Pause] | None:
        """Write the batch and move the heads. What lies below a head only counts as read again."""

    def start_partition(self, topic: str, partition: int, incarnation: str, offset: int, reason: str) -> None:
        """Begin a chain: head = `offset` under `incarnation`, whatever it was before.

        `reason`: new, recreated (another topic of the same name), shorter (the log ends before what was read).
        """

    def gap(self, topic: str, partition: int, incarnation: str, from_: int, to: int, reason: str) -> None:
        """Nobody can read [from_, to) any more: write it down, move the head to `to`, tell ops.

        `reason`: retention, unreadable; and recreated or shorter, with an empty range at the end of the old chain,
        since nobody knows how many records went unread with it.
        """
