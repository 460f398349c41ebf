"""Rows of what is kept, and back: candidates to responses, versions and decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from worker.followup.deciding import ToDecide
from worker.followup.joining import Decided
from worker.ingest.records import Record
from worker.ingest.versions import Known, Version
from worker.store import batch, bulk, dead_letters
from worker.store.batch import KnownRow
from worker.store.responses import (
    decision_row,
    read_contact,
    read_response,
    response_change,
    response_row,
    version_row,
)
from worker.store.schema import responses, versions


def write_versions(conn: Connection, kept: Sequence[Version], now: datetime) -> None:
    """Rows of responses (the last version of each) and of versions (all of them)."""
    last = {version.known.id: version for version in kept}
    first = {version.known.id: version for version in reversed(kept)}
    new = [_response_row(last[id_], first[id_], now) for id_ in first if first[id_].before is None]
    batch.insert_planned(conn, responses, new)
    changed = [_response_change(last[id_], first[id_].before) for id_ in first if first[id_].before is not None]
    batch.update_planned(conn, responses, "id", "version", changed)
    batch.insert_planned(conn, versions, [_version_row(version, now) for version in kept])


def _response_row(last: Version, first: Version, now: datetime) -> bulk.Row:
    candidate, known = last.candidate, last.known
    return response_row(
        known.id, candidate.response, candidate.verdict, candidate.contact, first.candidate.origin,
        customer_key=known.customer_key, version=known.version, order_key=known.order_key, settle_at=known.settle_at,
        received_at=now,
    )  # fmt: skip


def _response_change(last: Version, before: int | None) -> dict[str, object]:
    candidate, known = last.candidate, last.known
    change = response_change(
        candidate.response, candidate.verdict, candidate.contact, customer_key=known.customer_key,
        version=known.version, order_key=known.order_key, settle_at=known.settle_at,
    )  # fmt: skip
    return {"key": known.id, "old": before, **change}


def _version_row(version: Version, now: datetime) -> bulk.Row:
    candidate, known = version.candidate, version.known
    return version_row(
        known.id, known.version, candidate.order_key, candidate.content, candidate.content_hash, candidate.origin, now
    )


def decision_row_of(decided: Decided) -> bulk.Row:
    return decision_row(decided.response_id, decided.version, decided.decision)


def to_decide(version: Version) -> ToDecide:
    known, candidate = version.known, version.candidate
    return ToDecide(
        known.id, known.version, candidate.response, candidate.verdict, known.read_at,
        waits=known.settle_at is not None, belongs_to=known.follow_up_id,
    )  # fmt: skip


def known(row: KnownRow, contents: Mapping[int, tuple[Any, Any]]) -> Known:
    """`contents`: content and contact data by id, of those that parts have to be added to."""
    content, contact = contents.get(row.id, (None, None))
    return Known(
        id=row.id,
        version=row.version,
        order_key=row.order_key,
        settle_at=row.settle_at,
        customer_key=row.customer_key,
        survey=row.survey,
        hashes=row.hashes,
        read_at=row.read_at,
        follow_up_id=row.follow_up_id,
        response=None if content is None else read_response(content),
        contact=read_contact(contact),
        erased=row.erased,
    )


def sealed(record: Record) -> dead_letters.Sealed:
    return dead_letters.Sealed(key=record.key, value=record.value, headers=record.headers, timestamp=record.timestamp)
