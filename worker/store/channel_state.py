"""What all senders share about a channel: its pace per address, and whether it is held back as a whole.

A row with an empty address speaks of the whole channel. `next_send_at` is the earliest next message there;
`open_until` is set while the channel's circuit is open, and is the time of the next trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, exists, func, or_, select, update

from worker.store import schema
from worker.store.engine import upsert
from worker.store.types import UtcTime

_TABLE = schema.channels
WHOLE = ""

# Built once: these run for every message, and building a statement costs more than running it.
_OPEN = select(_TABLE.c.channel, _TABLE.c.open_until).where(_TABLE.c.address == WHOLE, _TABLE.c.open_until.is_not(None))
_NEXT_FREE = select(func.min(_TABLE.c.next_send_at)).where(_TABLE.c.next_send_at > bindparam("now"))


def blocks(
    channel: ColumnElement[str], address: ColumnElement[str], now: ColumnElement[datetime]
) -> ColumnElement[bool]:
    """True in SQL where a delivery over `channel` to `address` must wait."""
    return exists().where(
        _TABLE.c.channel == channel,
        or_(_TABLE.c.address == WHOLE, _TABLE.c.address == address),
        or_(_TABLE.c.next_send_at > now, _TABLE.c.open_until > now),
    )


Slot = tuple[str, str, datetime]  # channel, address, until


def take_slots(conn: Connection, slots: Sequence[Slot], now: datetime) -> set[tuple[str, str]]:
    """Reserve the next message to each of these addresses; gives those where no other sender was faster."""
    if not slots:
        return set()
    rows = [{**row, "now": now} for row in _rows(slots)]
    return {(row.channel, row.address) for row in conn.execute(_take(conn.dialect.name), rows)}


def hold(conn: Connection, slots: Sequence[Slot]) -> None:
    """Send nothing there before `until`: the pace or the provider asks for it."""
    if slots:
        conn.execute(_hold(conn.dialect.name), _rows(slots))


def open_circuit(conn: Connection, channel: str, reason: str, trial_at: datetime) -> bool:
    """Hold the whole channel back until a trial. True when it was closed before: an episode begins."""
    was_open = conn.execute(select(exists().where(*_whole(channel), _TABLE.c.open_until.is_not(None)))).scalar()
    statement = upsert(_TABLE, conn.dialect.name).values(
        channel=channel, address=WHOLE, open_until=trial_at, refusals=1, reason=reason
    )  # fmt: skip
    statement = statement.on_conflict_do_update(
        index_elements=["channel", "address"],
        set_={"open_until": trial_at, "refusals": _TABLE.c.refusals + 1, "reason": reason},
    )
    conn.execute(statement)
    return not was_open


def close_circuit(conn: Connection, channel: str) -> bool:
    """The channel works again. True when it was held back."""
    statement = (
        update(_TABLE)
        .where(*_whole(channel), _TABLE.c.open_until.is_not(None))
        .values(open_until=None, refusals=0, reason=None)
    )
    return conn.execute(statement).rowcount == 1


def take_trial(conn: Connection, channel: str, now: datetime, next_trial_at: datetime) -> bool:
    """Claim the one message that tries an open channel; False when another sender has it."""
    statement = (
        update(_TABLE).where(*_whole(channel), _TABLE.c.open_until <= now).values(open_until=next_trial_at)
    )  # fmt: skip
    return conn.execute(statement).rowcount == 1


def open_circuits(conn: Connection) -> dict[str, datetime]:
    """The channels held back as a whole, with the time of their next trial."""
    return {row.channel: row.open_until for row in conn.execute(_OPEN)}


def try_now(conn: Connection, now: datetime) -> None:
    """Bring the trial of every open channel forward: a process has started, perhaps with a mended secret."""
    conn.execute(update(_TABLE).where(_TABLE.c.address == WHOLE, _TABLE.c.open_until > now).values(open_until=now))


def next_free_at(conn: Connection, now: datetime) -> datetime | None:
    """When the next held address or channel is free again."""
    at: datetime | None = conn.execute(_NEXT_FREE, {"now": now}).scalar()
    return at


@cache
def _take(dialect: str) -> Any:
    statement = _until(dialect, _TABLE.c.next_send_at <= bindparam("now", type_=UtcTime))
    return statement.returning(_TABLE.c.channel, _TABLE.c.address)  # psycopg counts no rows of such an insert


@cache
def _hold(dialect: str) -> Any:
    return _until(dialect, _TABLE.c.next_send_at < upsert(_TABLE, dialect).excluded.next_send_at)


def _until(dialect: str, before: ColumnElement[bool]) -> Any:
    """Put a row's `next_send_at` where it has none, or one for which `before` holds."""
    statement = upsert(_TABLE, dialect)
    return statement.on_conflict_do_update(
        index_elements=["channel", "address"],
        set_={"next_send_at": statement.excluded.next_send_at},
        where=or_(_TABLE.c.next_send_at.is_(None), before),
    )


def _rows(slots: Sequence[Slot]) -> list[dict[str, Any]]:
    """In one order everywhere, so that two processes do not wait for each other."""
    return [
        {"channel": channel, "address": address, "next_send_at": until} for channel, address, until in sorted(slots)
    ]


def _whole(channel: str) -> tuple[ColumnElement[bool], ...]:
    return (_TABLE.c.channel == channel, _TABLE.c.address == WHOLE)
