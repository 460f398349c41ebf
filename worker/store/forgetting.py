"""Forgetting in place: text and person go, rows stay.

Identity and content hashes outlive what was said, so that a topic that is read again brings nothing back and opens
nothing twice; the ledger can be recounted; figures keep their scores. The same blanking serves retention and erasure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, func, select, update

from worker.model.blank import blank_response, blank_verdict
from worker.store.responses import read_response, read_verdict
from worker.store.schema import (
    attempts,
    clicks,
    deliveries,
    follow_up_responses,
    follow_ups,
    history,
    notices,
    responses,
    threads,
    versions,
)

GONE = "erased"  # stands where a text may not be absent
_ENDED_AT = func.coalesce(follow_ups.c.closed_at, follow_ups.c.cancelled_at)
_KEPT_OF_CLOSING = ("arose",)  # a word from a list; the rest is what people wrote


# What is old enough ----------------------------------------------------------------------------------------------


def old_responses(conn: Connection, before: datetime, limit: int | None) -> list[int]:
    """Responses that were read before then and whose follow-up, if any, had ended by then, oldest first."""
    ended = before > _ENDED_AT
    query = (
        select(responses.c.id)
        .outerjoin(follow_up_responses, follow_up_responses.c.response_id == responses.c.id)
        .outerjoin(follow_ups, follow_ups.c.id == follow_up_responses.c.follow_up_id)
        .where(
            responses.c.erased_at.is_(None), responses.c.received_at < before, responses.c.status == "decided",
            follow_ups.c.id.is_(None) | ended,
        )
        .order_by(responses.c.id)
        .limit(limit)
    )  # fmt: skip
    return list(conn.execute(query).scalars())


def old_notices(conn: Connection, before: datetime, limit: int | None) -> list[int]:
    """Notices that ended before then, still say to whom and what, and are about no live work."""
    addressed = exists().where(deliveries.c.notice_id == notices.c.id, deliveries.c.address != GONE)
    live = exists().where(follow_ups.c.id == notices.c.follow_up_id, _ENDED_AT.is_(None))
    query = select(notices.c.id).where(notices.c.ended_at < before, addressed | notices.c.data.is_not(None), ~live)
    return list(conn.execute(query.order_by(notices.c.id).limit(limit)).scalars())


def follow_ups_of(conn: Connection, response_ids: Sequence[int]) -> list[int]:
    """Follow-ups that hold one of these responses, and none that is still remembered."""
    mine, other = follow_up_responses.c, follow_up_responses.alias().c
    remembered = exists().where(
        other.follow_up_id == mine.follow_up_id, responses.c.id == other.response_id, responses.c.erased_at.is_(None)
    )
    query = select(mine.follow_up_id).distinct().where(mine.response_id.in_(response_ids), ~remembered)
    return list(conn.execute(query.order_by(mine.follow_up_id)).scalars())


# Blanking --------------------------------------------------------------------------------------------------------


def blank_responses(conn: Connection, ids: Sequence[int], now: datetime) -> None:
    """Blank these responses with all their versions. A waiting one has to be decided first."""
    if not ids:
        return
    locked = select(responses.c.id, responses.c.verdict).where(responses.c.id.in_(ids))
    verdicts = conn.execute(locked.order_by(responses.c.id).with_for_update(key_share=True)).all()
    _blank_contents(conn, ids)
    c = responses.c
    statement = (
        update(responses)
        .where(c.id == bindparam("of"))
        .values(verdict=bindparam("blank", type_=c.verdict.type), contact=None, customer_key=None, erased_at=now)
    )
    conn.execute(statement, [{"of": row.id, "blank": blank_verdict(read_verdict(row.verdict))} for row in verdicts])


def _blank_contents(conn: Connection, ids: Sequence[int]) -> None:
    c = versions.c
    rows = conn.execute(select(c.response_id, c.n, c.content).where(c.response_id.in_(ids))).all()
    statement = (
        update(versions)
        .where(c.response_id == bindparam("of"), c.n == bindparam("nth"))
        .values(content=bindparam("blank", type_=c.content.type))
    )
    blank = [{"of": row.response_id, "nth": row.n, "blank": blank_response(read_response(row.content))} for row in rows]
    if blank:
        conn.execute(statement, blank)


def blank_follow_ups(conn: Connection, ids: Sequence[int]) -> None:
    """Blank what people wrote in follow-ups that have ended, and whom they were about."""
    if not ids:
        return
    c = follow_ups.c
    for row in conn.execute(select(c.id, c.closing, c.cancel_reason).where(c.id.in_(ids)).order_by(c.id)).all():
        closing = {name: (row.closing or {}).get(name) for name in _KEPT_OF_CLOSING}
        values: dict[str, Any] = {
            "customer_key": None,
            "dedupe_key": None,
            "closing": {name: value for name, value in closing.items() if value} or None,
            "cancel_reason": GONE if row.cancel_reason else None,
        }
        conn.execute(update(follow_ups).where(c.id == row.id).values(values))
    conn.execute(update(history).where(history.c.follow_up_id.in_(ids)).values(note=None, detail=None))
    conn.execute(update(threads).where(threads.c.follow_up_id.in_(ids)).values(subject=None))


def blank_notices(conn: Connection, ids: Sequence[int]) -> None:
    """Forget what notices that have ended said, to which address, and how the calls went."""
    if not ids:
        return
    conn.execute(update(notices).where(notices.c.id.in_(ids)).values(data=None))
    mine = select(deliveries.c.id).where(deliveries.c.notice_id.in_(ids))
    conn.execute(delete(attempts).where(attempts.c.delivery_id.in_(mine)))
    values = {"address": GONE, "reason": None, "provider_id": None}
    conn.execute(update(deliveries).where(deliveries.c.notice_id.in_(ids)).values(values))


def forget_threads(conn: Connection, before: datetime) -> int:
    """Forget where the messages of follow-ups are that ended before then: nobody will edit them any more."""
    ended = select(follow_ups.c.id).where(before > _ENDED_AT)
    return conn.execute(delete(threads).where(threads.c.follow_up_id.in_(ended))).rowcount


def forget_clicks(conn: Connection, before: datetime) -> int:
    """Forget clicks that were done before then. They were kept so that one is not done twice."""
    return conn.execute(delete(clicks).where(clicks.c.done_at < before)).rowcount
