"""The ledger's side of a batch: what is fresh, what came again, and where the heads move to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from worker import metrics
from worker.ingest.records import Partition, Record, Slice
from worker.model.response import Origin
from worker.store import ledger


def is_fresh(origin: Origin, heads: Mapping[Partition, ledger.Head]) -> bool:
    """Not yet accounted for. A frozen worker that wakes up brings what others have long written."""
    head = heads[origin.topic, origin.partition]
    return origin.incarnation == head.incarnation and origin.offset >= head.next_offset


def write_gap(
    conn: Connection, key: Partition, incarnation: str, lost: tuple[int, int], reason: str, now: datetime
) -> tuple[int, int] | None:
    """Account for what nobody can read any more, as far as nobody has accounted for it. Gives that range.

    An empty range ends the chain of a log that began anew: how much of the old one went unread nobody knows.
    """
    head = ledger.lock(conn, [key]).get(key) or ledger.Head(incarnation, lost[0])
    from_, to = max(lost[0], head.next_offset), lost[1]
    if head.incarnation != incarnation or to < from_:
        return None  # written by another worker, or long behind us
    if ledger.has_gap(conn, key, incarnation, from_, to, reason) or (to == from_ and lost[0] < lost[1]):
        return None
    if from_ > head.next_offset:
        ledger.gap(conn, key, incarnation, now.date(), head.next_offset, from_, "unexplained")
    ledger.gap(conn, key, incarnation, now.date(), from_, to, reason)
    return from_, to


def account(
    conn: Connection, part: Slice, head: ledger.Head, counts: Mapping[Partition, Counter[str]], now: datetime
) -> None:
    """Grow the ledger by one slice and move the partition's head."""
    key, day = (part.topic, part.partition), now.date()
    if head.incarnation != part.incarnation:
        return  # a zombie of a topic that was deleted and created again
    below = sum(record.offset < head.next_offset for record in part.records)
    if below:
        ledger.again(conn, key, part.incarnation, day, head.next_offset, below)
        metrics.RECORDS.labels("again").inc(below)
    if part.next <= head.next_offset:
        return
    start = max(part.first, head.next_offset)
    if start > head.next_offset:
        ledger.gap(conn, key, part.incarnation, day, head.next_offset, start, "unexplained")
    mine = counts.get(key, Counter())
    absent = part.next - start - sum(mine.values())
    ledger.move(conn, key, part.incarnation, day, start, part.next, {**mine, "absent": absent})


def cut(part: Slice, end: int) -> Slice:
    """The slice up to an offset."""
    return _piece(part, part.first, end, *(record for record in part.records if record.offset < end))


def halves(part: Slice) -> tuple[Slice, Slice]:
    """The slice in two, between two of its records."""
    middle = len(part.records) // 2
    at = part.records[middle].offset
    return (
        _piece(part, part.first, at, *part.records[:middle]),
        _piece(part, at, part.next, *part.records[middle:]),
    )


def _piece(part: Slice, first: int, next_: int, *records: Record) -> Slice:
    return Slice(
        topic=part.topic,
        partition=part.partition,
        incarnation=part.incarnation,
        first=first,
        next=next_,
        records=records,
    )


def partition_of(origin: Origin) -> Partition:
    return origin.topic, origin.partition
