"""Reading for people and programs: rows as the commands and the API show them.

Ids are strings, times ISO 8601 with an offset, an owner or recipient a person's id or `team:ID`. Every list is
complete and oldest first. No contact data of a customer is in any row.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import structs
from sqlalchemy import Connection, RowMapping, Select, and_, func, select

from worker.errors import NotFound, UsageError
from worker.model.followup import short_id
from worker.model.playbook import Priority
from worker.model.response import Response, record_name
from worker.model.verdict import Verdict
from worker.store.schema import (
    dead_letters,
    decisions,
    deliveries,
    follow_up_responses,
    follow_ups,
    history,
    notices,
    responses,
    versions,
)

Json = dict[str, Any]
_CONTACT = ("key", "email", "phone")  # of the event's customer: identity of ours, and ways to reach them
_MOST_IDS = 500  # in one IN list


# Responses -----------------------------------------------------------------------------------------------------


def response_rows(conn: Connection, *, customer: str | None = None) -> list[Json]:
    """Every response, as `response_row` shows one; with `customer` (an id, or a key such as `crm/c-77`) theirs."""
    query = _responses()
    if customer is not None:
        query = query.where(responses.c.customer_key.in_(_keys(conn, customer)))
    return [_response(row) for row in conn.execute(query).mappings()]


def response_row(conn: Connection, reference: str) -> Json:
    """One response by `SOURCE/ID`, or by a bare ID when only one source has it.

    The event as stored, plus `class`, `decision`, `follow_up`, `versions`, and the `record` that first brought it.
    Raises NotFound, UsageError.
    """
    return _response(conn.execute(_responses().where(responses.c.id == response_id(conn, reference))).mappings().one())


def response_id(conn: Connection, reference: str) -> int:
    """Our number of the response that `SOURCE/ID` or a bare ID names. Raises NotFound, UsageError."""
    parts = reference.split("/")
    # An id or a source may hold a slash itself, so every place to cut is tried.
    cuts = [("/".join(parts[:n]), "/".join(parts[n:])) for n in range(1, len(parts))]
    exact = [found for source, ident in cuts for found in _identities(conn, ident, source)]
    found = exact or _identities(conn, reference, None)
    if not found:
        raise NotFound(f'There is no response "{reference}". `innerloop responses list` shows all.')
    if len(found) > 1:
        names = ", ".join(f"{row['source']}/{row['external_id']}" for row in found)
        raise UsageError(f'"{reference}" is not unique. Say which: {names}.')
    return int(found[0]["id"])


def _identities(conn: Connection, ident: str, source: str | None) -> Sequence[RowMapping]:
    query = select(responses.c.id, responses.c.source, responses.c.external_id).where(responses.c.external_id == ident)
    if source is not None:
        query = query.where(responses.c.source == source)
    return conn.execute(query.order_by(responses.c.id)).mappings().all()


def _keys(conn: Connection, customer: str) -> list[str]:
    """Keys a customer's id may stand for: the key itself, or the id in any namespace. Raises NotFound."""
    suffix = "/" + customer.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    query = select(responses.c.customer_key).distinct()
    column = responses.c.customer_key
    found = conn.execute(query.where((column == customer) | column.like(f"%{suffix}", escape="\\"))).scalars().all()
    keys = [key for key in found if key == customer or key.partition("/")[2] == customer]
    if not keys:
        raise NotFound(f'No response of a customer "{customer}" is stored.')
    return [customer] if customer in keys else keys


def _responses() -> Select[Any]:
    newest = (
        select(decisions.c.response_id, func.max(decisions.c.version).label("version"))
        .group_by(decisions.c.response_id)
        .subquery()
    )
    counts = select(versions.c.response_id, func.count().label("count")).group_by(versions.c.response_id).subquery()
    current = and_(versions.c.response_id == responses.c.id, versions.c.n == responses.c.version)
    return (
        select(
            responses,
            versions.c.content,
            counts.c.count.label("version_count"),
            follow_up_responses.c.follow_up_id,
            *[decisions.c[name].label(f"d_{name}") for name in _DECISION],
        )
        .join(versions, current)
        .join(counts, counts.c.response_id == responses.c.id)
        .outerjoin(newest, newest.c.response_id == responses.c.id)
        .outerjoin(
            decisions,
            and_(decisions.c.response_id == newest.c.response_id, decisions.c.version == newest.c.version),
        )
        .outerjoin(follow_up_responses, follow_up_responses.c.response_id == responses.c.id)
        .order_by(responses.c.id)
    )


_DECISION = (
    "revision", "now", "rule", "outcome", "reason", "playbook", "priority", "owner", "also", "skips", "rest", "facts",
    "too_old",
)  # fmt: skip


def _response(row: RowMapping) -> Json:
    return {
        **event(row["content"]),
        "source": row["source"],
        "id": row["external_id"],
        "class": row["class"],
        "decision": _decision(row),
        "follow_up": text_id(row["follow_up_id"]),
        "versions": row["version_count"],
        "record": record_name(row["origin_topic"], row["origin_partition"], row["origin_offset"]),
    }


def event(content: Any) -> Json:
    """A stored version in the shape of the event that brought it, without contact data."""
    shown: Json = _every_field(msgspec.convert(content, Response, strict=False))
    shown["customer"] = {name: value for name, value in shown["customer"].items() if name not in _CONTACT}
    return shown


def _every_field(value: Any) -> Any:
    """A struct as a dictionary of all its fields, so that absent ones read as null; times as text."""
    if isinstance(value, msgspec.Struct):
        return {name: _every_field(inner) for name, inner in structs.asdict(value).items()}
    return iso(value) if isinstance(value, datetime) else value


def _decision(row: RowMapping) -> Json | None:
    """As `rules explain` shows it, without the trace: that is recomputed where it is asked for."""
    if row["d_rule"] is None:
        return None
    rest = row["d_rest"] or {}
    return {
        "source": row["source"],
        "id": row["external_id"],
        "verdict": verdict(msgspec.convert(row["verdict"], Verdict, strict=False)),
        "revision": row["d_revision"],
        "rule": row["d_rule"],
        "ignored": row["d_reason"] if row["d_outcome"] == "ignore" else None,
        "also": row["d_also"],
        "playbook": row["d_playbook"],
        "priority": row["d_priority"],
        "owner": row["d_owner"],
        "owner_skips": [skip(item) for item in row["d_skips"]],
        "copies": list(rest.get("copies", ())),
        "tags": list(rest.get("tags", ())),
        "due_at": iso(rest.get("due_at")),
        "now": iso(row["d_now"]),
        "facts": row["d_facts"],
        "too_old": row["d_too_old"],
    }


def verdict(found: Verdict) -> Json:
    """A verdict in six words."""
    return {
        "metric": found.metric,
        "score": found.score,
        "class": found.klass,
        "sentiment": found.sentiment,
        "themes": list(found.themes),
        "severity": list(found.severity),
    }


def skip(item: Any) -> Json:
    """A candidate that was passed over: stored as an object or as a row of three."""
    if isinstance(item, Mapping):
        return {name: item.get(name) for name in ("candidate", "person", "reason")}
    return dict(zip(("candidate", "person", "reason"), item, strict=True))


# Follow-ups ----------------------------------------------------------------------------------------------------


def follow_up_rows(conn: Connection, ids: Iterable[int] | None = None) -> list[Json]:
    """Every follow-up in every state; with `ids`, those."""
    query = _follow_ups()
    if ids is not None:
        query = query.where(follow_ups.c.id.in_(list(ids)))
    return [_follow_up(row) for row in conn.execute(query).mappings()]


def follow_up_row(conn: Connection, number: int) -> Json:
    """One follow-up with its `history` and its `notices`. Raises NotFound."""
    row = conn.execute(_follow_ups().where(follow_ups.c.id == number)).mappings().first()
    if row is None:
        raise NotFound(f"There is no follow-up {short_id(number)}. `innerloop follow-ups list` shows all.")
    return {**_follow_up(row), "history": history_rows(conn, number), "notices": notice_rows(conn, follow_up=number)}


def history_rows(conn: Connection, number: int) -> list[Json]:
    """What happened to a follow-up, in order."""
    c = history.c
    query = select(c.at, c.what, c.by, c.via, c.note).where(c.follow_up_id == number).order_by(c.version)
    return [{**row, "at": iso(row["at"])} for row in conn.execute(query).mappings()]


def _follow_ups() -> Select[Any]:
    counts = (
        select(follow_up_responses.c.follow_up_id, func.count().label("count"))
        .group_by(follow_up_responses.c.follow_up_id)
        .subquery()
    )
    current = and_(versions.c.response_id == responses.c.id, versions.c.n == responses.c.version)
    return (
        select(
            follow_ups,
            responses.c.source,
            responses.c.external_id,
            versions.c.content,
            func.coalesce(counts.c.count, 0).label("response_count"),
        )
        .join(responses, responses.c.id == follow_ups.c.response_id)
        .join(versions, current)
        .outerjoin(counts, counts.c.follow_up_id == follow_ups.c.id)
        .order_by(follow_ups.c.id)
    )


def _follow_up(row: RowMapping) -> Json:
    times = ("opened_at", "due_at", "acknowledged_at", "contacted_at", "closed_at", "snoozed_until")
    return {
        "id": str(row["id"]),
        "response": {"source": row["source"], "id": row["external_id"]},
        "customer": ((row["content"] or {}).get("customer") or {}).get("id"),
        "playbook": row["playbook"],
        "rule": row["rule"],
        "priority": Priority(row["priority"]).word,
        "state": row["state"],
        "owner": row["owner"],
        **{name: iso(row[name]) for name in times},
        "outcome": row["outcome"],
        "root_cause": row["root_cause"],
        "responses": row["response_count"],
        "next_step_at": iso(row["next_step_at"]),
    }


# Notices -------------------------------------------------------------------------------------------------------


def notice_rows(conn: Connection, *, follow_up: int | None = None) -> list[Json]:
    """Every notice with its deliveries; with `follow_up`, those about it."""
    query = select(notices).order_by(notices.c.id)
    if follow_up is not None:
        query = query.where(notices.c.follow_up_id == follow_up)
    rows = conn.execute(query).mappings().all()
    sent = _deliveries(conn, None if follow_up is None else [row["id"] for row in rows])
    return [_notice(row, sent.get(row["id"], [])) for row in rows]


def _deliveries(conn: Connection, ids: Sequence[int] | None) -> dict[int, list[RowMapping]]:
    found: dict[int, list[RowMapping]] = defaultdict(list)
    query = select(deliveries).order_by(deliveries.c.notice_id, deliveries.c.position)
    chunks = [None] if ids is None else [ids[n : n + _MOST_IDS] for n in range(0, len(ids), _MOST_IDS)]
    for chunk in chunks:
        part = query if chunk is None else query.where(deliveries.c.notice_id.in_(chunk))
        for row in conn.execute(part).mappings():
            found[row["notice_id"]].append(row)
    return found


def _notice(row: RowMapping, sent: Sequence[RowMapping]) -> Json:
    arrived = [one["delivered_at"] for one in sent if one["delivered_at"] is not None]
    return {
        "id": str(row["id"]),
        "follow_up": text_id(row["follow_up_id"]),
        "kind": row["kind"],
        "to": row["recipient"],
        "state": row["state"],
        "reason": row["reason"],
        "due_at": iso(row["not_before"]),
        "delivered_at": iso(min(arrived)) if row["state"] == "delivered" and arrived else None,
        "deliveries": [
            {"id": one["key"], **{name: one[name] for name in ("channel", "address", "state", "attempts")}}
            for one in sent
        ],
    }


# Dead letters --------------------------------------------------------------------------------------------------


def dead_letter_rows(conn: Connection) -> list[Json]:
    """Every dead letter in every state."""
    return [_dead_letter(row) for row in conn.execute(select(dead_letters).order_by(dead_letters.c.id)).mappings()]


def dead_letters_naming(conn: Connection, customer: str) -> list[Json]:
    """Dead letters that are still open and whose excerpt holds a customer's id, standing whole."""
    ident = customer.partition("/")[2] if customer.startswith("crm/") else customer
    literal = ident.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    holds = dead_letters.c.excerpt.like(f"%{literal}%", escape="\\") & (dead_letters.c.state == "open")
    whole = re.compile(rf"(?<![\w-]){re.escape(ident)}(?![\w-])")
    rows = conn.execute(select(dead_letters).where(holds).order_by(dead_letters.c.id)).mappings()
    return [_dead_letter(row) for row in rows if whole.search(row["excerpt"])]


def dead_letter_row(conn: Connection, number: int) -> Json:
    """One dead letter with its redacted excerpt and what became of it. Raises NotFound."""
    row = conn.execute(select(dead_letters).where(dead_letters.c.id == number)).mappings().first()
    if row is None:
        raise NotFound(f"There is no dead letter {number}. `innerloop dead-letters list` shows all.")
    query = select(responses.c.source, responses.c.external_id).where(responses.c.id == row["response_id"])
    became = conn.execute(query).mappings().first()
    return {
        **_dead_letter(row),
        "stage": row["stage"],
        "excerpt": row["excerpt"],
        "sealed": row["sealed"] is not None,
        "purge_at": iso(row["purge_at"]),
        "response": {"source": became["source"], "id": became["external_id"]} if became else None,
    }


def _dead_letter(row: RowMapping) -> Json:
    return {
        "id": str(row["id"]),
        "topic": row["topic"],
        "partition": row["partition"],
        "offset": row["offset"],
        "source": row["source"],
        "reason": row["reason"],
        "message": row["message"],
        "at": iso(row["at"]),
        "state": row["state"],
    }


# Words ---------------------------------------------------------------------------------------------------------


def iso(at: datetime | str | None) -> str | None:
    """ISO 8601 with an offset. A stored document holds its times as text already."""
    if at is None:
        return None
    return (datetime.fromisoformat(at) if isinstance(at, str) else at).isoformat()


def text_id(number: int | None) -> str | None:
    return None if number is None else str(number)
