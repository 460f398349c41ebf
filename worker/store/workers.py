"""Which processes are at work, as they say themselves while all is well with them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from worker.store.engine import upsert
from worker.store.schema import workers

SEEN = timedelta(seconds=60)  # who has not been heard of for longer is not at work
_KEPT = timedelta(days=1)


def at_work(
    conn: Connection,
    name: str,
    roles: Collection[str],
    rules: tuple[str | None, str | None],
    started_at: datetime,
    now: datetime,
) -> None:
    """Note that a process is ready, now, and its rules: the revision in use, and why the newest set is refused.

    Rows of processes that ended without a word go after a day.
    """
    values = {
        "roles": sorted(roles),
        "revision": rules[0],
        "refused": rules[1],
        "started_at": started_at,
        "seen_at": now,
    }
    statement = upsert(workers, conn.dialect.name).values(name=name, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
    conn.execute(delete(workers).where(workers.c.seen_at < now - _KEPT))


def leave(conn: Connection, name: str) -> None:
    """Note that a process ends as it should."""
    conn.execute(delete(workers).where(workers.c.name == name))


def roles_at_work(conn: Connection, now: datetime) -> dict[str, int]:
    """How many processes play each role and are ready."""
    found: dict[str, int] = {}
    for (roles,) in conn.execute(select(workers.c.roles).where(workers.c.seen_at > now - SEEN)):
        for role in roles:
            found[role] = found.get(role, 0) + 1
    return found
