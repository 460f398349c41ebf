"""The ledger: what became of every offset, and how far each partition is written.

A row covers [from, to) of one partition of one topic (by topic id) on one UTC day and grows in place. Rows form a
chain; what could not be read is a gap row with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Connection,
    Date,
    Integer,
    Row,
    Select,
    Text,
    Update,
    and_,
    bindparam,
    func,
    insert,
    select,
    tuple_,
    update,
)  # fmt: skip

from worker.store import bulk
from worker.store.prepared import Prepared, bind_pairs, pairs_postgresql, pairs_sqlite
from worker.store.schema import ledger, partitions

Key = tuple[str, int]  # topic, partition
COUNTED = ("accepted", "updated", "duplicate", "stale", "not_response", "dead", "absent")


def _lock(keys: Select[Any]) -> Select[Any]:
    return (
        select(partitions)
        .where(tuple_(partitions.c.topic, partitions.c.partition).in_(keys))
        .order_by(partitions.c.topic, partitions.c.partition)
        .with_for_update()  # no-op on SQLite, where BEGIN IMMEDIATE holds everybody off
    )


_LOCK = Prepared(_lock(pairs_sqlite()), postgresql=_lock(pairs_postgresql(Integer)))
_MINE = and_(
    ledger.c.topic == bindparam("of_topic", type_=Text),
    ledger.c.partition == bindparam("of_partition", type_=Integer),
    ledger.c.incarnation == bindparam("of_incarnation", type_=Text),
    ledger.c.day == bindparam("of_day", type_=Date),
)
_LAST = select(func.max(ledger.c.seq)).where(_MINE)
_GROW = Prepared(
    update(ledger)
    .where(
        _MINE,
        ledger.c.seq == _LAST.scalar_subquery(),
        ledger.c.gap_reason.is_(None),
        ledger.c.to_offset == bindparam("reached", type_=BigInteger),
    )
    .values(
        to_offset=bindparam("until", type_=BigInteger),
        **{name: ledger.c[name] + bindparam(f"more_{name}", type_=BigInteger) for name in (*COUNTED, "again")},
    )
)
_MOVE = Prepared(
    update(partitions)
    .where(
        partitions.c.topic == bindparam("of_topic", type_=Text),
        partitions.c.partition == bindparam("of_partition", type_=Integer),
    )
    .values(
        incarnation=bindparam("now_incarnation", type_=Text),
        next_offset=bindparam("until", type_=BigInteger),
        paused_reason=None,
    )
)


class Head(Struct, frozen=True):
    """How far a partition is written: every offset below `next_offset` of `incarnation` is accounted for."""

    incarnation: str
    next_offset: int
    paused_reason: str | None = None
    accepted_until: int | None = None


def heads(conn: Connection, topics: Iterable[str]) -> dict[Key, Head]:
    """The heads of these topics' partitions, unlocked."""
    rows = conn.execute(select(partitions).where(partitions.c.topic.in_(list(topics))))
    return {(row.topic, row.partition): _head(row) for row in rows}


def lock(conn: Connection, keys: Iterable[Key]) -> dict[Key, Head]:
    """Lock the heads of `keys` in sorted order. A partition never seen before is absent."""
    wanted = sorted(keys)
    rows = _LOCK.rows(conn, **bind_pairs(conn, wanted)) if wanted else []
    return {(row.topic, row.partition): _head(row) for row in rows}


def start(conn: Connection, key: Key, incarnation: str, at: int) -> None:
    """Begin a chain: a partition seen for the first time, or one of a re-created topic.

    A chain that has begun already goes on: a worker that wakes up late must not set its head back.
    """
    values = {"incarnation": incarnation, "next_offset": at, "paused_reason": None, "accepted_until": None}
    done = conn.execute(_update(key).where(partitions.c.incarnation != incarnation).values(values))
    if not done.rowcount:
        begin(conn, key, incarnation, at)


def begin(conn: Connection, key: Key, incarnation: str, at: int) -> None:
    """Begin a chain where no topic of this name was ever read."""
    bulk.insert(conn, partitions, [(*key, incarnation, at, None, None)], skip_conflicts=True)


def move(
    conn: Connection, key: Key, incarnation: str, day: date, from_: int, to: int, counts: Mapping[str, int]
) -> None:
    """Account for [from_, to) and move the head there. `counts` must add up to `to - from_`."""
    if to > from_:
        _grow(conn, key, incarnation, day, from_, to, counts)
    topic, partition = key
    _MOVE.change(conn, of_topic=topic, of_partition=partition, now_incarnation=incarnation, until=to)


def gap(conn: Connection, key: Key, incarnation: str, day: date, from_: int, to: int, reason: str) -> None:
    """Account for offsets that nobody could read, and move the head past them."""
    _append(conn, key, incarnation, day, {"from_offset": from_, "to_offset": to, "gap_reason": reason})
    conn.execute(_update(key).values(incarnation=incarnation, next_offset=to))


def again(conn: Connection, key: Key, incarnation: str, day: date, head: int, n: int) -> None:
    """Count `n` records that came once more from below the head. They belong to no range."""
    _grow(conn, key, incarnation, day, head, head, {"again": n})


def pause(conn: Connection, key: Key, reason: str | None) -> None:
    """Remember that a partition is paused by a storm, or that it goes on (None)."""
    conn.execute(_update(key).values(paused_reason=reason))


def unpause_all(conn: Connection) -> int:
    """Let every paused partition go on. Gives how many did."""
    paused = select(partitions.c.topic, partitions.c.partition).where(partitions.c.paused_reason.is_not(None))
    keys = lock(conn, [(row.topic, row.partition) for row in conn.execute(paused)])
    for key in keys:
        pause(conn, key, None)
    return len(keys)


def has_gap(conn: Connection, key: Key, incarnation: str, from_: int, to: int, reason: str) -> bool:
    """Whether this very gap is written down already."""
    mine = (ledger.c.topic == key[0]) & (ledger.c.partition == key[1]) & (ledger.c.incarnation == incarnation)
    same = (ledger.c.from_offset == from_) & (ledger.c.to_offset == to) & (ledger.c.gap_reason == reason)
    return conn.execute(select(ledger.c.seq).where(mine, same).limit(1)).first() is not None


def _grow(
    conn: Connection, key: Key, incarnation: str, day: date, from_: int, to: int, counts: Mapping[str, int]
) -> None:
    more = {f"more_{name}": counts.get(name, 0) for name in (*COUNTED, "again")}
    if not _GROW.change(conn, **_mine(key, incarnation, day), reached=from_, until=to, **more):
        _append(conn, key, incarnation, day, {"from_offset": from_, "to_offset": to, **counts})


def _append(conn: Connection, key: Key, incarnation: str, day: date, values: Mapping[str, object]) -> None:
    last = conn.execute(_LAST, _mine(key, incarnation, day)).scalar()
    seq = 0 if last is None else last + 1
    conn.execute(
        insert(ledger).values(topic=key[0], partition=key[1], incarnation=incarnation, day=day, seq=seq, **values)
    )


def _mine(key: Key, incarnation: str, day: date) -> dict[str, object]:
    return {"of_topic": key[0], "of_partition": key[1], "of_incarnation": incarnation, "of_day": day}


def _update(key: Key) -> Update:
    return update(partitions).where(partitions.c.topic == key[0], partitions.c.partition == key[1])


def _head(row: Row[Any]) -> Head:
    return Head(row.incarnation, row.next_offset, row.paused_reason, row.accepted_until)
