"""Threads: where a follow-up's first message to an address is, so that later ones can join it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from worker.store import schema
from worker.store.engine import upsert

_TABLE = schema.threads
_COLUMNS = ("follow_up_id", "channel", "address", "provider_ref", "subject", "shown_version")
_OF_FOLLOW_UPS = select(_TABLE).where(_TABLE.c.follow_up_id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """`provider_ref` is channel/ts in Slack and the first Message-ID in mail; `shown_version` the state it shows."""

    follow_up_id: int
    channel: str
    address: str
    provider_ref: str
    subject: str | None
    shown_version: int


def of_follow_ups(conn: Connection, ids: Iterable[int]) -> list[Thread]:
    return [_read(row) for row in conn.execute(_OF_FOLLOW_UPS, {"ids": list(ids)})]


def begin(conn: Connection, begun: Sequence[Thread]) -> None:
    """Remember first messages; a later one to the same address leaves it as it is."""
    if begun:
        rows = [{name: getattr(thread, name) for name in _COLUMNS} for thread in begun]
        conn.execute(_begin(conn.dialect.name), rows)


def stale(conn: Connection, channel: str, limit: int) -> list[tuple[Thread, int]]:
    """Threads whose message shows an older state than the follow-up has, with the version to show."""
    follow_ups = schema.follow_ups
    statement = (
        select(_TABLE, follow_ups.c.version)
        .join(follow_ups, follow_ups.c.id == _TABLE.c.follow_up_id)
        .where(_TABLE.c.channel == channel, _TABLE.c.shown_version < follow_ups.c.version)
        .limit(limit)
    )
    return [(_read(row), row.version) for row in conn.execute(statement)]


def show(conn: Connection, thread: Thread, version: int, *, was: int) -> bool:
    """Note which version a message shows, if it still shows `was`: one sender edits it, not two."""
    statement = (
        update(_TABLE)
        .where(
            _TABLE.c.follow_up_id == thread.follow_up_id,
            _TABLE.c.channel == thread.channel,
            _TABLE.c.address == thread.address,
            _TABLE.c.shown_version == was,
        )
        .values(shown_version=version)
    )
    return conn.execute(statement).rowcount == 1


@cache
def _begin(dialect: str) -> Any:
    return upsert(_TABLE, dialect).on_conflict_do_nothing(index_elements=["follow_up_id", "channel", "address"])


def _read(row: Row[Any]) -> Thread:
    return Thread(
        follow_up_id=row.follow_up_id,
        channel=row.channel,
        address=row.address,
        provider_ref=row.provider_ref,
        subject=row.subject,
        shown_version=row.shown_version,
    )
