"""Absences that people entered by command, beside those in the directory's files."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from msgspec import Struct
from sqlalchemy import Connection, insert, select, update

from worker.store.ids import allocate
from worker.store.schema import absences

_KEPT = timedelta(days=7)  # an absence that is over for this long changes nothing any more


class Absent(Struct, frozen=True, kw_only=True):
    """Somebody is away: both days included, on the person's calendar."""

    person: str
    since: date
    until: date
    delegate: str | None = None


def add(conn: Connection, absent: Absent, *, by: str, now: datetime) -> None:
    """Write an absence down."""
    number = allocate(conn, "absences", 1)[0]
    conn.execute(
        insert(absences).values(
            id=number, person=absent.person, since=absent.since, until=absent.until, delegate=absent.delegate,
            entered_by=by, entered_at=now,
        )
    )  # fmt: skip


def end(conn: Connection, person: str, now: datetime) -> int:
    """Somebody is back, or not going after all. Gives how many absences that ended."""
    mine = (absences.c.person == person) & absences.c.ended_at.is_(None) & (absences.c.until >= now.date())
    return conn.execute(update(absences).where(mine).values(ended_at=now)).rowcount


def current(conn: Connection, today: date) -> tuple[Absent, ...]:
    """Absences that hold now or later, in the order they were entered."""
    query = (
        select(absences.c.person, absences.c.since, absences.c.until, absences.c.delegate)
        .where(absences.c.ended_at.is_(None), absences.c.until >= today - _KEPT)
        .order_by(absences.c.id)
    )
    return tuple(
        Absent(person=row.person, since=row.since, until=row.until, delegate=row.delegate)
        for row in conn.execute(query)
    )
