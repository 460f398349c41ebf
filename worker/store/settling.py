"""Partial responses that wait for their other half."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, select, update

from worker.model.response import Response
from worker.model.verdict import Verdict
from worker.store.responses import read_response, read_verdict
from worker.store.schema import follow_up_responses, responses, versions


class Waiting(Struct, frozen=True):
    id: int
    version: int
    response: Response
    verdict: Verdict
    read_at: datetime
    follow_up_id: int | None


def due(conn: Connection, now: datetime, limit: int, only: int | None = None) -> list[Waiting]:
    """Responses whose window is over, in reading order, locked; those another worker holds are passed over.

    `only` looks at one response. The lock lets others refer to the row: a person's click must not wait here.
    """
    mine = (responses.c.status == "waiting") & (responses.c.settle_at <= now)
    rows = conn.execute(
        select(responses, versions.c.content, follow_up_responses.c.follow_up_id)
        .join(versions, (versions.c.response_id == responses.c.id) & (versions.c.n == responses.c.version))
        .outerjoin(follow_up_responses, follow_up_responses.c.response_id == responses.c.id)
        .where(mine if only is None else mine & (responses.c.id == only))
        .order_by(responses.c.responded_at, responses.c.id)
        .limit(limit)
        .with_for_update(of=responses, key_share=True, skip_locked=True)
    )
    return [
        Waiting(
            row.id,
            row.version,
            read_response(row.content),
            read_verdict(row.verdict),
            row.received_at,
            row.follow_up_id,
        )
        for row in rows
    ]


def postpone(conn: Connection, id_: int, until: datetime) -> None:
    """Look at this one again later, since it cannot be decided now, and let the others through meanwhile."""
    waiting = (responses.c.id == id_) & (responses.c.status == "waiting")
    conn.execute(update(responses).where(waiting).values(settle_at=until))


def done(conn: Connection, ids: Sequence[int]) -> None:
    """These have been decided."""
    if ids:
        conn.execute(update(responses).where(responses.c.id.in_(ids)).values(status="decided", settle_at=None))
