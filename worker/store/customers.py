"""Customers as such: for now, the marks of those who were erased."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, exists, select

from worker.store.engine import upsert
from worker.store.prepared import Prepared
from worker.store.schema import customers

_MOST_KEYS = 500  # in one IN list
_ANY_ERASED = Prepared(select(exists().where(customers.c.erased_at.is_not(None))))


def any_erased(conn: Connection) -> bool:
    """Whether anybody ever was: asked for every batch, where the answer is nearly always no."""
    return bool(_ANY_ERASED.rows(conn)[0][0])


def erased_at(conn: Connection, marks: Iterable[str]) -> dict[str, datetime]:
    """When the customers behind these marks were erased."""
    wanted = sorted(set(marks))
    found: dict[str, datetime] = {}
    for start in range(0, len(wanted), _MOST_KEYS):
        query = select(customers.c.customer_key, customers.c.erased_at).where(
            customers.c.customer_key.in_(wanted[start : start + _MOST_KEYS]), customers.c.erased_at.is_not(None)
        )
        found.update((row[0], row[1]) for row in conn.execute(query))
    return found


def erase(conn: Connection, keys: Iterable[str], marks: Iterable[str], now: datetime) -> None:
    """Forget what outside systems said of these customers, and remember their marks."""
    conn.execute(delete(customers).where(customers.c.customer_key.in_(list(keys))))
    for mark in sorted(set(marks)):
        statement = upsert(customers, conn.dialect.name).values(customer_key=mark, facts={}, as_of=now, erased_at=now)
        values = {"as_of": now, "erased_at": now}
        conn.execute(statement.on_conflict_do_update(index_elements=["customer_key"], set_=values))
