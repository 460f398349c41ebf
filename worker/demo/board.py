"""What the store says, as the demo's board shows it: whole numbers and short sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, func, select

from worker.store import schema
from worker.store.reconcile import reconcile

_CLASSES = ("detractor", "passive", "promoter")
_COUNTED = ("accepted", "updated", "duplicate", "stale", "not_response", "dead", "absent")
_ALWAYS = ("accepted", "updated", "duplicate", "dead")


@dataclass(frozen=True, slots=True)
class Work:
    """Follow-ups of one owner."""

    owner: str
    live: int
    overdue: int
    ended: int


@dataclass(frozen=True, slots=True)
class Sent:
    """Deliveries over one channel."""

    channel: str
    delivered: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Account:
    """What became of every offset, as `innerloop reconcile` recounts it."""

    counts: Mapping[str, int]
    problems: tuple[str, ...]

    @property
    def read(self) -> int:
        return sum(self.counts.values())

    @property
    def line(self) -> str:
        """As in: read 412 = 405 accepted + 5 updated + 1 duplicate + 1 dead"""
        parts = [f"{n} {name.replace('_', ' ')}" for name, n in self.counts.items() if n or name in _ALWAYS]
        return f"read {self.read} = {' + '.join(parts)}"


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that is counted, at one moment."""

    classes: Mapping[str, int]
    dead: int
    work: tuple[Work, ...]
    sent: tuple[Sent, ...]
    failed_over: int
    account: Account


def look(conn: Connection, now: datetime) -> Board:
    """Count it all. `now` decides what is overdue."""
    column = schema.responses.c["class"]
    classes = {row[0]: row[1] for row in conn.execute(select(column, func.count()).group_by(column))}
    return Board(
        classes={name: classes.get(name, 0) for name in _CLASSES},
        dead=conn.execute(select(func.count()).select_from(schema.dead_letters)).scalar_one(),
        work=_work(conn, now),
        sent=_sent(conn),
        failed_over=_failed_over(conn),
        account=account(conn),
    )


def account(conn: Connection) -> Account:
    found = reconcile(conn)
    counts = {name: sum(place[name] for place in found["partitions"]) for name in _COUNTED}
    return Account(counts, tuple(found["problems"]))


def is_quiet(conn: Connection, now: datetime, sent: int) -> bool:
    """Is everything read that was sent, and everything done that is due by `now`?"""
    t = schema
    read = conn.execute(select(func.coalesce(func.sum(t.ledger.c.to_offset - t.ledger.c.from_offset), 0))).scalar_one()
    due = (
        select(t.responses.c.id).where(t.responses.c.settle_at <= now),
        select(t.notices.c.id).where(
            t.notices.c.state == "pending", t.notices.c.started_at.is_(None), t.notices.c.not_before <= now
        ),
        select(t.deliveries.c.id).where(t.deliveries.c.state == "pending", t.deliveries.c.next_at <= now),
    )
    return int(read) >= sent and not any(conn.execute(query.limit(1)).first() for query in due)


def is_waited_for(conn: Connection, now: datetime) -> bool:
    """Is a timer due that has not fired yet?"""
    c = schema.timers.c
    due = select(c.follow_up_id).where(c.state == "pending", c.fire_at <= now)
    return conn.execute(due.limit(1)).first() is not None


def is_sending(conn: Connection) -> bool:
    """Is a message on its way right now, claimed by a worker?"""
    held = select(schema.deliveries.c.id).where(schema.deliveries.c.lease_until.is_not(None))
    return conn.execute(held.limit(1)).first() is not None


def _work(conn: Connection, now: datetime) -> tuple[Work, ...]:
    c = schema.follow_ups.c
    live = c.state.in_(("open", "acknowledged", "contacted"))
    late = live & (c.due_at < now) & (c.state != "contacted")
    query = (
        select(c.owner, *[func.sum(case((test, 1), else_=0)) for test in (live, late, ~live)])
        .group_by(c.owner)
        .order_by(func.count().desc(), c.owner)
    )
    return tuple(Work(row[0] or "nobody yet", *row[1:]) for row in conn.execute(query))


def _sent(conn: Connection) -> tuple[Sent, ...]:
    c = schema.deliveries.c
    counts = [func.sum(case((c.state == state, 1), else_=0)) for state in ("delivered", "pending")]
    query = select(c.channel, *counts).group_by(c.channel).order_by(c.channel.desc())
    return tuple(Sent(*row) for row in conn.execute(query))


def _failed_over(conn: Connection) -> int:
    """Notices that one channel refused and another delivered."""
    c = schema.deliveries.c
    arrived = select(c.notice_id).where(c.state == "delivered", c.position > 0)
    query = select(func.count(c.notice_id.distinct())).where(c.state == "failed", c.notice_id.in_(arrived))
    return conn.execute(query).scalar_one()
