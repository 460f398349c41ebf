"""Deliveries and their attempts. A delivery is claimed with a lease; whoever holds the token may send it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Integer,
    Row,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)  # fmt: skip

from worker.model.notice import WORKER_STOPPED, AttemptOutcome, DeliveryState
from worker.store import channel_state, schema
from worker.store.engine import upsert
from worker.store.ids import allocate
from worker.store.notices import Notice
from worker.store.notices import by_ids as notices_by_ids
from worker.store.types import UtcTime

LEASE = timedelta(seconds=30)
Place = tuple[str, str]  # channel, address

_TABLE = schema.deliveries
_ATTEMPTS = schema.attempts
_NOTICES = schema.notices
_PENDING = _TABLE.c.state == DeliveryState.PENDING.value

# A lease that ends more than two lease lengths ahead was written before the clock was set back: void.
_FREE = or_(
    _TABLE.c.lease_until.is_(None),
    _TABLE.c.lease_until <= bindparam("lease_now"),
    _TABLE.c.lease_until > bindparam("lease_void"),
)
_NOW = bindparam("now", type_=UtcTime)
_DUE = (_PENDING, _TABLE.c.next_at <= _NOW, _FREE, ~channel_state.blocks(_TABLE.c.channel, _TABLE.c.address, _NOW))

# Built once: these run for every message, and building a statement costs more than running it.
_END_ATTEMPT = (
    update(_ATTEMPTS)
    .where(_ATTEMPTS.c.delivery_id == bindparam("of"), _ATTEMPTS.c.n == bindparam("number"))
    .values({name: bindparam(name) for name in ("ended_at", "outcome", "reason", "seconds")})
)
_ENDED: dict[str, Any] = {
    "state": bindparam("to"), "next_at": bindparam("next_at"), "reason": bindparam("reason"), "lease_until": None,
    "lease_token": None,
}  # fmt: skip
_SETTLE = (
    select(_TABLE.c.id, _TABLE.c.lease_token)
    .where(_TABLE.c.id.in_(bindparam("ids", expanding=True)), _PENDING)
    .order_by(_TABLE.c.id)
    .with_for_update()
)
_RECORD_ARRIVED = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("of"))
    .values(_ENDED | {"delivered_at": bindparam("at"), "provider_id": bindparam("provider_id")})
)
_RECORD = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("of"))
    .values(
        _ENDED
        | {
            "first_failed_at": func.coalesce(_TABLE.c.first_failed_at, bindparam("at", type_=UtcTime)),
            "unknown": _TABLE.c.unknown + bindparam("lost", type_=Integer),
        }
    )
)
_NEXT_DUE = select(func.min(_TABLE.c.next_at)).where(_PENDING)
_ANY_DUE = select(exists().where(*_DUE))
_FIRST_DUE = (
    select(_TABLE.c.id, _TABLE.c.channel, _TABLE.c.address, _TABLE.c.attempts, _NOTICES.c.follow_up_id)
    .join(_NOTICES, _NOTICES.c.id == _TABLE.c.notice_id)
    .where(*_DUE, tuple_(_TABLE.c.channel, _TABLE.c.address).not_in(bindparam("besides", expanding=True)))
    .order_by(_NOTICES.c.priority.desc(), _TABLE.c.next_at, _TABLE.c.id)
    .limit(bindparam("most"))
    .with_for_update(of=_TABLE, skip_locked=True)
)
_BY_IDS = select(_TABLE).where(_TABLE.c.id.in_(bindparam("ids", expanding=True)))
_LEASE = (
    update(_TABLE)
    .where(_TABLE.c.id.in_(bindparam("ids", expanding=True)))
    .values(lease_until=bindparam("until"), lease_token=bindparam("token"))
)
_BEGIN = (
    update(_TABLE)
    .where(
        _TABLE.c.id.in_(bindparam("ids", expanding=True)),
        _TABLE.c.lease_token.in_(bindparam("tokens", expanding=True)),
        _PENDING,
    )
    .values(lease_until=bindparam("until"), attempts=_TABLE.c.attempts + 1)
    .returning(_TABLE.c.id, _TABLE.c.lease_token)
)


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """One call so far, as recorded. No `outcome`: its worker died in the middle."""

    n: int
    started_at: datetime
    outcome: AttemptOutcome | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A pending delivery with its notice and its attempts so far. `key` is the id that the message carries."""

    id: int
    key: str
    position: int
    channel: str
    address: str
    first_failed_at: datetime | None
    notice: Notice
    past: tuple[PastAttempt, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery whose time has come. `tried`: an earlier call may have to be settled first."""

    id: int
    place: Place
    tried: bool
    follow_up_id: int | None


@dataclass(frozen=True, slots=True)
class Planned:
    """A delivery to be written: the notice over one channel to one address."""

    key: str
    notice_id: int
    position: int
    channel: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a claimed delivery. `attempt` 0: no call was made; `next_at` only while it stays pending."""

    delivery_id: int
    token: str
    attempt: int
    outcome: AttemptOutcome | None
    state: DeliveryState
    reason: str | None
    ended_at: datetime
    seconds: float | None = None
    next_at: datetime | None = None
    provider_id: str | None = None
    lost: bool = False

    @property
    def arrived(self) -> bool:
        return self.state is DeliveryState.DELIVERED


@dataclass(frozen=True, slots=True)
class Earlier:
    """A delivery of the same notice that failed before: what a late message says about itself."""

    position: int
    channel: str
    address: str
    reason: str | None
    attempts: int


def plan(conn: Connection, planned: Sequence[Planned], now: datetime) -> None:
    """Write deliveries, due at once."""
    if not planned:
        return
    rows = [
        {
            "id": number, "key": item.key, "notice_id": item.notice_id, "position": item.position,
            "channel": item.channel, "address": item.address, "state": DeliveryState.PENDING.value, "next_at": now,
        }
        for number, item in zip(allocate(conn, "deliveries", len(planned)), planned, strict=True)
    ]  # fmt: skip
    conn.execute(insert(_TABLE), rows)


def any_due(conn: Connection, now: datetime, lease_now: datetime) -> bool:
    """Whether a claim would find something that may be sent now."""
    return bool(conn.execute(_ANY_DUE, _times(now, lease_now)).scalar())


def due(conn: Connection, now: datetime, lease_now: datetime, limit: int, besides: Collection[Place]) -> list[Due]:
    """Lock due deliveries that nobody holds and no channel blocks, and say where they go: the most urgent first.

    `besides`: places where nothing more is wanted for now.
    """
    values = {**_times(now, lease_now), "most": limit, "besides": list(besides)}
    rows = conn.execute(_FIRST_DUE, values)
    return [Due(row.id, (row.channel, row.address), row.attempts > 0, row.follow_up_id) for row in rows]


def by_ids(conn: Connection, ids: Sequence[int]) -> list[Delivery]:
    """These deliveries, in this order."""
    found = {delivery.id: delivery for delivery in _with_parts(conn, conn.execute(_BY_IDS, {"ids": ids}).all())}
    return [found[number] for number in ids]


def stranded(conn: Connection, channels: Iterable[str], now: datetime, lease_now: datetime) -> list[Delivery]:
    """Lock and return deliveries over channels that are held back as a whole, so that they can go another way."""
    names = list(channels)
    if not names:
        return []
    statement = (
        select(_TABLE)
        .where(_PENDING, _TABLE.c.channel.in_(names), _FREE, _TABLE.c.next_at <= bindparam("now"))
        .limit(500)
        .with_for_update(skip_locked=True)
    )
    return _with_parts(conn, conn.execute(statement, _times(now + timedelta(minutes=1), lease_now)).all())


def lease(conn: Connection, claimed: Sequence[Delivery], token: str, lease_now: datetime) -> None:
    """Take deliveries, for as long as a lease lasts."""
    if claimed:
        ids = [delivery.id for delivery in claimed]
        conn.execute(_LEASE, {"ids": ids, "until": lease_now + LEASE, "token": token})


def begin(
    conn: Connection, held: Sequence[tuple[Delivery, str]], now: datetime, lease_now: datetime
) -> set[tuple[int, str]]:
    """Write the next attempt of claimed deliveries, before their calls are made; their leases start again.

    Gives ids and tokens of those that are still held. What was only claimed when a worker dies has no attempt: nobody
    has to find out whether it arrived.
    """
    if not held:
        return set()
    values = {"ids": [delivery.id for delivery, _ in held], "tokens": sorted({token for _, token in held})}
    rows = conn.execute(_BEGIN, {**values, "until": lease_now + LEASE}).all()
    begun = {(row.id, row.lease_token) for row in rows}
    attempts = [
        {"delivery_id": delivery.id, "n": next_number(delivery), "started_at": now}
        for delivery, token in held
        if (delivery.id, token) in begun
    ]
    if attempts:
        # One that is there already is ours, too: its transaction was taken for failed.
        conn.execute(_attempts(conn.dialect.name), attempts)
    return begun


@cache
def _attempts(dialect: str) -> Any:
    return upsert(_ATTEMPTS, dialect).on_conflict_do_nothing(index_elements=["delivery_id", "n"])


def next_number(delivery: Delivery) -> int:
    return delivery.past[-1].n + 1 if delivery.past else 1


def renew(conn: Connection, delivery_id: int, token: str, lease_now: datetime) -> bool:
    """Start a lease again that has not ended yet. False when somebody else has the delivery."""
    statement = (
        update(_TABLE)
        .where(_TABLE.c.id == delivery_id, _TABLE.c.lease_token == token, _TABLE.c.lease_until > lease_now, _PENDING)
        .values(lease_until=lease_now + LEASE)
    )
    return conn.execute(statement).rowcount == 1


def mark_lost(conn: Connection, delivery: Delivery) -> None:
    """Note that an attempt's worker died: nobody knows how it ended."""
    conn.execute(
        update(_ATTEMPTS)
        .where(_ATTEMPTS.c.delivery_id == delivery.id, _ATTEMPTS.c.outcome.is_(None))
        .values(outcome=AttemptOutcome.UNKNOWN.value, reason=WORKER_STOPPED)
    )
    conn.execute(update(_TABLE).where(_TABLE.c.id == delivery.id).values(unknown=_TABLE.c.unknown + 1))


def record(conn: Connection, results: Sequence[Result]) -> set[tuple[int, str]]:
    """Write what became of claimed deliveries; returns ids and tokens of those that this changed.

    A yes from the provider counts whoever holds the lease by now; everything else only from its holder.
    """
    if not results:
        return set()
    if ended := [_attempt_values(result) for result in results if result.attempt]:
        conn.execute(_END_ATTEMPT, ended)
    holders = {row.id: row.lease_token for row in conn.execute(_SETTLE, {"ids": [r.delivery_id for r in results]})}
    counts = {
        result.delivery_id: result
        for result in sorted(results, key=lambda result: result.arrived)  # a yes has the last word
        if result.delivery_id in holders and (result.arrived or result.token == holders[result.delivery_id])
    }
    for statement, arrived in ((_RECORD_ARRIVED, True), (_RECORD, False)):
        if values := [_values(result) for result in counts.values() if result.arrived is arrived]:
            conn.execute(statement, values)
    return {(result.delivery_id, result.token) for result in counts.values()}


def release(conn: Connection, held: Sequence[tuple[Delivery, str]], now: datetime) -> None:
    """Give back deliveries that were claimed and never sent: an attempt that was written for one never was."""
    for delivery, token in held:
        mine = (_TABLE.c.id == delivery.id, _PENDING)
        statement = update(_TABLE).where(*mine, _TABLE.c.lease_token == token)
        if not conn.execute(statement.values(next_at=now, lease_until=None, lease_token=None)).rowcount:
            continue
        attempt = (_ATTEMPTS.c.delivery_id == delivery.id, _ATTEMPTS.c.n == next_number(delivery))
        if conn.execute(delete(_ATTEMPTS).where(*attempt)).rowcount:
            conn.execute(update(_TABLE).where(*mine).values(attempts=_TABLE.c.attempts - 1))


def wait(conn: Connection, delivery_id: int, until: datetime) -> None:
    """Put a delivery off without an attempt."""
    conn.execute(update(_TABLE).where(_TABLE.c.id == delivery_id, _PENDING).values(next_at=until))


def fail(conn: Connection, delivery_ids: Sequence[int], reason: str) -> None:
    """End deliveries that are not tried any more."""
    if delivery_ids:
        _end_all(conn, delivery_ids, DeliveryState.FAILED, reason)


def skip(conn: Connection, delivery_ids: Sequence[int], reason: str) -> None:
    """End deliveries that nobody needs any more."""
    if delivery_ids:
        _end_all(conn, delivery_ids, DeliveryState.SKIPPED, reason)


def earlier(conn: Connection, notice_ids: Iterable[int]) -> dict[int, list[Earlier]]:
    """The deliveries of these notices that ended without arriving, in order."""
    statement = (
        select(_TABLE)
        .where(_TABLE.c.notice_id.in_(list(notice_ids)), _TABLE.c.state == DeliveryState.FAILED.value)
        .order_by(_TABLE.c.notice_id, _TABLE.c.position)
    )
    found: dict[int, list[Earlier]] = {}
    for row in conn.execute(statement):
        found.setdefault(row.notice_id, []).append(
            Earlier(row.position, row.channel, row.address, row.reason, row.attempts)
        )
    return found


def positions(conn: Connection, notice_ids: Sequence[int]) -> dict[int, int]:
    """How many deliveries each notice has had: more than none after a person opened it again."""
    statement = (
        select(_TABLE.c.notice_id, func.max(_TABLE.c.position))
        .where(_TABLE.c.notice_id.in_(notice_ids))
        .group_by(_TABLE.c.notice_id)
    )
    return {row[0]: row[1] + 1 for row in conn.execute(statement)}


def next_due_at(conn: Connection) -> datetime | None:
    """When the next pending delivery wants to be sent."""
    at: datetime | None = conn.execute(_NEXT_DUE).scalar()
    return at


def _times(now: datetime, lease_now: datetime) -> dict[str, datetime]:
    """What the statements of _DUE and _FREE are run with."""
    return {"now": now, "lease_now": lease_now, "lease_void": lease_now + 2 * LEASE}


def _with_parts(conn: Connection, rows: Sequence[Row[Any]]) -> list[Delivery]:
    """Each row with its notice and its attempts, in two more queries for all of them."""
    if not rows:
        return []
    notices = notices_by_ids(conn, {row.notice_id for row in rows})
    past: dict[int, list[PastAttempt]] = {}
    tried = [row.id for row in rows if row.attempts]
    if tried:
        statement = select(_ATTEMPTS).where(_ATTEMPTS.c.delivery_id.in_(tried)).order_by(_ATTEMPTS.c.n)
        for attempt in conn.execute(statement):
            outcome = AttemptOutcome(attempt.outcome) if attempt.outcome else None
            past.setdefault(attempt.delivery_id, []).append(
                PastAttempt(attempt.n, attempt.started_at, outcome, attempt.reason)
            )
    return [
        Delivery(
            id=row.id,
            key=row.key,
            position=row.position,
            channel=row.channel,
            address=row.address,
            first_failed_at=row.first_failed_at,
            notice=notices[row.notice_id],
            past=tuple(past.get(row.id, ())),
        )
        for row in rows
    ]


def _attempt_values(result: Result) -> dict[str, Any]:
    return {
        "of": result.delivery_id, "number": result.attempt, "ended_at": result.ended_at, "seconds": result.seconds,
        "outcome": result.outcome.value if result.outcome else None, "reason": result.reason,
    }  # fmt: skip


def _values(result: Result) -> dict[str, Any]:
    same = {
        "of": result.delivery_id, "to": result.state.value, "next_at": result.next_at, "at": result.ended_at,
        "reason": None if result.arrived else result.reason,
    }  # fmt: skip
    return same | ({"provider_id": result.provider_id} if result.arrived else {"lost": int(result.lost)})


def _end_all(conn: Connection, ids: Sequence[int], state: DeliveryState, reason: str) -> None:
    statement = (
        update(_TABLE)
        .where(_TABLE.c.id == bindparam("of"), _PENDING)
        .values(state=state.value, reason=reason, next_at=None, lease_until=None, lease_token=None)
    )
    conn.execute(statement, [{"of": number} for number in ids])
