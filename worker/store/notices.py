"""Notices: what to tell whom. Written in the transaction of whatever they tell about; delivered later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, exists, func, or_, select, update

from worker.model.notice import CUSTOMER, SURVEY, DeliveryState, Kind, NewNotice, NoticeState
from worker.model.playbook import Priority, Say
from worker.store import schema
from worker.store.engine import upsert
from worker.store.ids import allocate

LINE = "/line/"  # in the cause of a notice that is one line in a thread
WAKE = "innerloop_notices"  # the channel of LISTEN and NOTIFY on PostgreSQL

_TABLE = schema.notices
FOR_SURVEYS = (_TABLE.c.kind == Kind.CUSTOMER.value) & (_TABLE.c.recipient == SURVEY)
_WAITING = (_TABLE.c.state == NoticeState.PENDING.value, _TABLE.c.started_at.is_(None), ~FOR_SURVEYS)
_UNPUBLISHED = (_TABLE.c.state == NoticeState.PENDING.value, FOR_SURVEYS)
_CLAIM = timedelta(minutes=1)  # publishing takes less

# Built once: these run in every turn of the outbox, and building a statement costs more than running it.
_BY_IDS = select(_TABLE).where(_TABLE.c.id.in_(bindparam("ids", expanding=True)))
_FIRST_WAITING = (
    select(_TABLE)
    .where(*_WAITING, _TABLE.c.not_before <= bindparam("now"))
    .order_by(_TABLE.c.priority.desc(), _TABLE.c.not_before, _TABLE.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_ANY_WAITING = select(exists().where(*_WAITING, _TABLE.c.not_before <= bindparam("now")))
_NEXT_WAITING = select(func.min(_TABLE.c.not_before)).where(*_WAITING)
_END = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("of"), _TABLE.c.state == NoticeState.PENDING.value)
    .values(
        state=bindparam("to"), reason=bindparam("why"), ended_at=bindparam("now"),
        started_at=func.coalesce(_TABLE.c.started_at, bindparam("now", type_=_TABLE.c.started_at.type)),
    )
)  # fmt: skip
_LEASED = exists().where(schema.deliveries.c.notice_id == _TABLE.c.id, schema.deliveries.c.lease_token.is_not(None))
_ALERTS_UNDER_WAY = select(_TABLE.c.follow_up_id, _TABLE.c.recipient, _LEASED.label("leased")).where(
    _TABLE.c.follow_up_id.in_(bindparam("ids", expanding=True)),
    _TABLE.c.kind == Kind.ALERT.value,
    _TABLE.c.state == NoticeState.PENDING.value,
)
_TOLD = (
    select(_TABLE.c.follow_up_id, _TABLE.c.recipient, schema.deliveries.c.channel, schema.deliveries.c.delivered_at)
    .join(schema.deliveries, schema.deliveries.c.notice_id == _TABLE.c.id)
    .where(
        _TABLE.c.follow_up_id.in_(bindparam("ids", expanding=True)),
        _TABLE.c.kind.in_([Kind.ALERT.value, Kind.REMINDER.value, Kind.HANDED_OVER.value]),
        schema.deliveries.c.delivered_at.is_not(None),
    )
    .order_by(schema.deliveries.c.delivered_at)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A row of notices. `recipient` is a person's id, `team:ID`, `customer` or `ops`.

    `next_channel_after` is in seconds.
    """

    id: int
    cause: str
    recipient: str
    kind: Kind
    priority: Priority
    channels: tuple[str, ...]
    next_channel_after: int
    follow_up_id: int | None
    response_id: int | None
    data: Mapping[str, Any]
    created_at: datetime
    not_before: datetime

    @property
    def is_line(self) -> bool:
        """One line in the thread of a message; it asks nobody for anything."""
        return LINE in self.cause

    @property
    def says(self) -> Say:
        """What a customer is told by it."""
        return Say(self.cause.rpartition("/")[2])


@dataclass(frozen=True, slots=True)
class Ended:
    """How a notice ended. Failed and skipped ones say why."""

    notice: Notice
    state: NoticeState
    reason: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """A message about a follow-up that arrived."""

    at: datetime
    recipient: str
    channel: str


def add(conn: Connection, notices: Sequence[NewNotice], now: datetime) -> list[int]:
    """Write notices and return the ids of those that are new: a (cause, recipient) told before is left out.

    On PostgreSQL the senders of every process hear of it when the transaction commits.
    """
    if not notices:
        return []
    ids = allocate(conn, "notices", len(notices))
    rows = [_row(number, notice, now) for number, notice in zip(ids, notices, strict=True)]
    statement = (
        upsert(_TABLE, conn.dialect.name)
        .on_conflict_do_nothing(index_elements=["cause", "recipient"])
        .returning(_TABLE.c.id)
    )
    added = sorted(conn.execute(statement, rows).scalars())
    if added:
        announce(conn)
    return added


def announce(conn: Connection) -> None:
    """On PostgreSQL, let every process's senders know when this transaction commits. SQLite is one process."""
    if conn.dialect.name == "postgresql":
        conn.execute(select(func.pg_notify(WAKE, "")))


def waiting(conn: Connection, now: datetime, limit: int) -> list[Notice]:
    """Lock and return notices whose first delivery is not planned yet: the most urgent first."""
    return [from_row(row) for row in conn.execute(_FIRST_WAITING, {"now": now, "most": limit})]


def others_waiting(conn: Connection, recipient: str, known: Sequence[int], now: datetime) -> list[Notice]:
    """Lock and return what else waits for one receiver."""
    statement = (
        select(_TABLE)
        .where(*_WAITING, _TABLE.c.not_before <= now, _TABLE.c.recipient == recipient, _TABLE.c.id.not_in(known))
        .order_by(_TABLE.c.not_before, _TABLE.c.id)
        .with_for_update(skip_locked=True)
    )
    return [from_row(row) for row in conn.execute(statement)]


def put_off(conn: Connection, later: Sequence[tuple[int, datetime, Mapping[str, Any]]]) -> None:
    """Let notices wait until a later moment: (id, until, data with the reason)."""
    if not later:
        return
    to, why = bindparam("to", type_=_TABLE.c.not_before.type), bindparam("why", type_=_TABLE.c.data.type)
    statement = update(_TABLE).where(_TABLE.c.id == bindparam("of")).values(not_before=to, data=why)
    conn.execute(statement, [{"of": number, "to": until, "why": dict(data)} for number, until, data in later])


def sent_since(conn: Connection, recipients: Sequence[str], since: datetime) -> dict[str, list[datetime]]:
    """When messages to these receivers were begun; those that were never sent are left out."""
    statement = select(_TABLE.c.recipient, _TABLE.c.started_at).where(
        _TABLE.c.recipient.in_(recipients),
        _TABLE.c.started_at >= since,
        _TABLE.c.cause.not_like(f"%{LINE}%"),
        _TABLE.c.state != NoticeState.SKIPPED.value,
    )
    found: dict[str, list[datetime]] = {}
    for recipient, at in conn.execute(statement):
        found.setdefault(recipient, []).append(at)
    return found


def oldest_undelivered(conn: Connection, now: datetime) -> datetime | None:
    """Since when the oldest notice that is due has been waiting to be delivered."""
    return _oldest(conn, now, _TABLE.c.state == NoticeState.PENDING.value, ~FOR_SURVEYS)


def _oldest(conn: Connection, now: datetime, *which: ColumnElement[bool]) -> datetime | None:
    due = (*which, _TABLE.c.not_before <= now)
    found: datetime | None = conn.execute(select(func.min(_TABLE.c.not_before)).where(*due)).scalar()
    return found


def any_waiting(conn: Connection, now: datetime) -> bool:
    return bool(conn.execute(_ANY_WAITING, {"now": now}).scalar())


def next_waiting_at(conn: Connection) -> datetime | None:
    """When the next notice asks to be told."""
    at: datetime | None = conn.execute(_NEXT_WAITING).scalar()
    return at


def take_for_surveys(conn: Connection, now: datetime, limit: int) -> list[Notice]:
    """Claim what waits for the survey tool, oldest first: other workers leave it alone for a while."""
    free = or_(_TABLE.c.started_at.is_(None), _TABLE.c.started_at <= now - _CLAIM, _TABLE.c.started_at > now)
    due = (*_UNPUBLISHED, _TABLE.c.not_before <= now, free)
    query = select(_TABLE).where(*due).order_by(_TABLE.c.id).limit(limit).with_for_update(skip_locked=True)
    taken = [from_row(row) for row in conn.execute(query)]
    start(conn, [one.id for one in taken], now)
    return taken


def unpublished_since(conn: Connection, now: datetime) -> datetime | None:
    """Since when the oldest of what waits for the survey tool has been waiting."""
    return _oldest(conn, now, *_UNPUBLISHED)


def exists_for(conn: Connection, cause: str) -> bool:
    """Whether there is a notice of that cause, whatever became of it."""
    return bool(conn.execute(select(exists().where(_TABLE.c.cause == cause))).scalar())


def lock_customers(conn: Connection, keys: Iterable[str]) -> None:
    """One sender at a time says something to a customer, until its transaction ends. SQLite has one writer anyway."""
    if conn.dialect.name == "postgresql":
        for key in sorted(set(keys)):
            conn.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


def told_customer(conn: Connection, customer_key: str, says: Say, since: datetime, but: int | None = None) -> bool:
    """Whether a notice (another one than `but`) says that to a customer: it is under way, or was since then."""
    follow_ups = schema.follow_ups
    statement = select(
        exists().where(
            follow_ups.c.customer_key == customer_key,
            _TABLE.c.follow_up_id == follow_ups.c.id,
            _TABLE.c.recipient == CUSTOMER,
            _TABLE.c.kind == Kind.CUSTOMER.value,
            _TABLE.c.cause.like(f"%/customer/{says}"),
            _TABLE.c.state != NoticeState.SKIPPED.value,
            _TABLE.c.started_at > since,
            _TABLE.c.id != (but or 0),
        )
    )
    return bool(conn.execute(statement).scalar())


def take_back(conn: Connection, about: ColumnElement[bool], reason: str, now: datetime) -> None:
    """End what a customer, or the survey tool about one, would have been told."""
    waiting = (about, _TABLE.c.kind == Kind.CUSTOMER.value, _TABLE.c.state == NoticeState.PENDING.value)
    ended = {"state": NoticeState.SKIPPED.value, "reason": reason, "ended_at": now}
    ids = list(conn.execute(update(_TABLE).where(*waiting).values(ended).returning(_TABLE.c.id)).scalars())
    sent = schema.deliveries
    conn.execute(
        update(sent)
        .where(sent.c.notice_id.in_(ids), sent.c.state == DeliveryState.PENDING.value)
        .values(state=DeliveryState.SKIPPED.value, reason=reason, next_at=None, lease_until=None, lease_token=None)
    )


def published(conn: Connection, ids: Sequence[int], now: datetime) -> None:
    """The survey tool's topic has them."""
    conn.execute(
        update(_TABLE).where(_TABLE.c.id.in_(ids), *_UNPUBLISHED).values(
            state=NoticeState.DELIVERED.value, started_at=now, ended_at=now
        )
    )  # fmt: skip


def give_back(conn: Connection, ids: Sequence[int]) -> None:
    """These could not be published now."""
    conn.execute(update(_TABLE).where(_TABLE.c.id.in_(ids), *_UNPUBLISHED).values(started_at=None))


def by_ids(conn: Connection, ids: Iterable[int]) -> dict[int, Notice]:
    rows = conn.execute(_BY_IDS, {"ids": list(ids)})
    return {row.id: from_row(row) for row in rows}


def start(conn: Connection, ids: Sequence[int], now: datetime) -> None:
    """Note that the first delivery of these is planned."""
    if ids:
        conn.execute(update(_TABLE).where(_TABLE.c.id.in_(ids)).values(started_at=now))


def end(conn: Connection, ended: Sequence[Ended], now: datetime) -> None:
    """End notices that are still pending; one that ended before keeps its end."""
    if not ended:
        return
    rows = [{"of": e.notice.id, "to": e.state.value, "why": e.reason, "now": now} for e in ended]
    conn.execute(_END, rows)


def alerts_under_way(conn: Connection, follow_up_ids: Sequence[int]) -> dict[tuple[int, str], bool]:
    """Alerts of these follow-ups that have not arrived, by (follow-up, recipient); true while one is in a call."""
    if not follow_up_ids:
        return {}
    rows = conn.execute(_ALERTS_UNDER_WAY, {"ids": list(follow_up_ids)})
    return {(row.follow_up_id, row.recipient): bool(row.leased) for row in rows}


def told_owners(conn: Connection, follow_up_ids: Sequence[int]) -> dict[int, list[Told]]:
    """The alerts and reminders of these follow-ups that arrived, in order."""
    found: dict[int, list[Told]] = {}
    for row in conn.execute(_TOLD, {"ids": list(follow_up_ids)}) if follow_up_ids else ():
        found.setdefault(row.follow_up_id, []).append(Told(row.delivered_at, row.recipient, row.channel))
    return found


def told_at(conn: Connection, follow_up_id: int, recipient: str) -> set[datetime]:
    """When one receiver was written to about a change of a follow-up: a notice is written with what it tells."""
    kinds = [kind.value for kind in (Kind.TAKEN_OVER, Kind.HANDED_OVER, Kind.CLOSED)]
    statement = select(_TABLE.c.created_at).where(
        _TABLE.c.follow_up_id == follow_up_id, _TABLE.c.recipient == recipient, _TABLE.c.kind.in_(kinds)
    )
    return set(conn.execute(statement).scalars())


def first_told(conn: Connection, follow_up_id: int, channel: str, address: str) -> Notice | None:
    """The notice whose message began the thread of a follow-up at an address."""
    deliveries = schema.deliveries
    statement = (
        select(_TABLE)
        .join(deliveries, deliveries.c.notice_id == _TABLE.c.id)
        .where(
            _TABLE.c.follow_up_id == follow_up_id,
            deliveries.c.channel == channel,
            deliveries.c.address == address,
            deliveries.c.delivered_at.is_not(None),
        )
        .order_by(deliveries.c.delivered_at, deliveries.c.id)
        .limit(1)
    )
    row = conn.execute(statement).first()
    return from_row(row) if row else None


def try_again(conn: Connection, notice_id: int, now: datetime) -> bool:
    """Open a failed notice once more, for a person who mended the cause. False when it has not failed.

    Its failed deliveries are put aside, so that every channel is tried again.
    """
    statement = (
        update(_TABLE)
        .where(_TABLE.c.id == notice_id, _TABLE.c.state == NoticeState.FAILED.value)
        .values(state=NoticeState.PENDING.value, reason=None, ended_at=None, started_at=None, not_before=now)
    )
    if conn.execute(statement).rowcount != 1:
        return False
    old = schema.deliveries
    conn.execute(
        update(old)
        .where(old.c.notice_id == notice_id, old.c.state == DeliveryState.FAILED.value)
        .values(state=DeliveryState.SKIPPED.value)
    )
    return True


def from_row(row: Row[Any]) -> Notice:
    return Notice(
        id=row.id,
        cause=row.cause,
        recipient=row.recipient,
        kind=Kind(row.kind),
        priority=Priority(row.priority),
        channels=tuple(row.channels),
        next_channel_after=row.next_channel_after,
        follow_up_id=row.follow_up_id,
        response_id=row.response_id,
        data=row.data or {},
        created_at=row.created_at,
        not_before=row.not_before,
    )


def _row(number: int, notice: NewNotice, now: datetime) -> dict[str, Any]:
    return {
        "id": number,
        "cause": notice.cause,
        "recipient": notice.recipient,
        "follow_up_id": notice.follow_up_id,
        "response_id": notice.response_id,
        "kind": notice.kind.value,
        "priority": int(notice.priority),
        "channels": list(notice.channels),
        "next_channel_after": notice.next_channel_after,
        "data": dict(notice.data) if notice.data is not None else None,
        "created_at": now,
        "not_before": notice.not_before,
        "state": NoticeState.PENDING.value,
    }
