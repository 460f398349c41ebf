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
    head = heads.get((origin.topic, origin.partition))
    return head is None or (origin.incarnation == head.incarnation and origin.offset >= head.next_offset)


def account(
    conn: Connection, part: Slice, head: ledger.Head | None, counts: Mapping[Partition, Counter[str]], now: datetime
) -> None:
    """Grow the ledger by one slice and move the partition's head."""
    key, day = (part.topic, part.partition), now.date()
    if head is None:
        ledger.start(conn, key, part.incarnation, part.first)
        head = ledger.Head(part.incarnation, part.first)
    if head.incarnation != part.incarnation:
        return  # a zombie of a topic that was deleted and created again
    below = sum(record.offset < head.next_offset for record in part.records)
    if below:
        ledger.again(conn, key, part.incarnation, day, head.next_offset, below)
        metrics.RECORDS.labels("again").inc(below)
    start = max(part.first, head.next_offset)
    if start > head.next_offset:
        ledger.gap(conn, key, part.incarnation, day, head.next_offset, start, "unexplained")
    if part.next > start:
        mine = counts.get(key, Counter())
        absent = part.next - start - sum(mine.values())
        ledger.move(conn, key, part.incarnation, day, start, part.next, {**mine, "absent": absent})


def piece(part: Slice, first: int, next_: int, *records: Record) -> Slice:
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
