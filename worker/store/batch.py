"""What a batch reads before it decides, and how its effects are written: the hot path, straight on the drivers.

Lock order everywhere: partitions, responses, follow-ups by id, timers, notices, deliveries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Text,
    any_,
    bindparam,
    cast,
    func,
    or_,
    select,
    text,
    tuple_,
    update,
)  # fmt: skip

from worker.errors import Clash
from worker.model.notice import NewNotice
from worker.model.response import Number
from worker.store import bulk
from worker.store.ids import allocate
from worker.store.notices import announce
from worker.store.prepared import Prepared, bind_pairs, pairs_postgresql, pairs_sqlite
from worker.store.schema import (
    LIVE,
    decisions,
    follow_up_responses,
    follow_ups,
    notices,
    responses,
    versions,
)  # fmt: skip
from worker.store.types import UtcTime, encode_document

LIVE_STATES = ("open", "acknowledged", "contacted")
_NATURAL = {"responses": ("source", "external_id"), "follow_ups": ("playbook", "dedupe_key", "response_id")}


class Lost(Clash):
    """Fewer rows went in than planned: another worker was faster."""


class KnownRow(Struct, frozen=True):
    id: int
    source: str
    external_id: str
    version: int
    order_key: str
    settle_at: datetime | None
    customer_key: str | None
    survey: str | None
    hashes: frozenset[str]
    read_at: datetime
    follow_up_id: int | None
    erased: bool


def known_responses(conn: Connection, identities: Iterable[tuple[str, str]]) -> list[KnownRow]:
    """The stored responses among these identities, locked in order of id, with the hashes of all their versions.

    Locked, because what becomes of an edit depends on the follow-up its response is part of, and another worker may
    be opening that just now. What hangs on the rows is read after the locks are held.
    """
    pairs = sorted(set(identities))
    if not pairs:
        return []
    rows = _KNOWN.rows(conn, **bind_pairs(conn, pairs))
    ids = [row.id for row in rows]
    hashes, belongs = _hashes(conn, ids), _follow_ups_of(conn, ids)
    return [
        KnownRow(
            row.id, row.source, row.external_id, row.version, row.order_key, row.settle_at,
            row.customer_key, row.survey, frozenset(hashes.get(row.id, ())), row.received_at, belongs.get(row.id),
            row.erased_at is not None,
        )
        for row in rows
    ]  # fmt: skip


def contents(conn: Connection, ids: Sequence[int]) -> dict[int, tuple[Any, Any]]:
    """Content of the current version and contact data, as documents, by id."""
    if not ids:
        return {}
    current = (versions.c.response_id == responses.c.id) & (versions.c.n == responses.c.version)
    query = select(responses.c.id, versions.c.content, responses.c.contact).join(versions, current)
    return {row[0]: (row[1], row[2]) for row in conn.execute(query.where(responses.c.id.in_(ids)))}


def late_before(conn: Connection, ids: Sequence[int]) -> set[int]:
    """Those of these responses that an earlier decision found worth a follow-up, and too old for one."""
    if not ids:
        return set()
    late = decisions.c.too_old.is_(True) & (decisions.c.outcome == "open")
    query = select(decisions.c.response_id).where(decisions.c.response_id.in_(ids), late)
    return set(conn.execute(query).scalars())


def earlier_responses(
    conn: Connection, keys: Iterable[str], since: datetime, before: datetime
) -> list[tuple[str, datetime, str, str, str | None, Number | None]]:
    """(customer key, responded_at, source, external id, class, score) in [since, before), tests left out.

    For customers without any in that time the latest earlier one is given, for `history.previous_*`.
    """
    wanted = sorted(set(keys))
    if not wanted:
        return []
    columns = (
        responses.c.customer_key, responses.c.responded_at, responses.c.source, responses.c.external_id,
        responses.c["class"], responses.c.score,
    )  # fmt: skip
    mine = responses.c.customer_key.in_(_list(conn, wanted))
    real = responses.c.test.is_(False)
    rows = list(
        conn.execute(
            select(*columns).where(mine, real, responses.c.responded_at >= since, responses.c.responded_at < before)
        )
    )
    missing = sorted(set(wanted) - {row[0] for row in rows})
    if missing:
        last = (
            select(responses.c.customer_key, func.max(responses.c.responded_at).label("at"))
            .where(responses.c.customer_key.in_(_list(conn, missing)), real, responses.c.responded_at < since)
            .group_by(responses.c.customer_key)
            .subquery()
        )
        rows += conn.execute(
            select(*columns).join(
                last, (responses.c.customer_key == last.c.customer_key) & (responses.c.responded_at == last.c.at)
            )
        )
    return [(r[0], r[1], r[2], r[3], r[4], number(r[5])) for r in rows]


def live_customers(conn: Connection, keys: Iterable[str]) -> list[str]:
    """One customer key per live follow-up of these customers."""
    wanted = sorted(set(keys))
    if not wanted:
        return []
    rows = conn.execute(
        select(follow_ups.c.customer_key).where(
            follow_ups.c.customer_key.in_(_list(conn, wanted)),
            follow_ups.c.state.in_(LIVE_STATES),
            follow_ups.c.test.is_(False),
        )
    )
    return [row[0] for row in rows]


def lock_work(
    conn: Connection, *, customers: Iterable[str], keys: Iterable[str], ids: Iterable[int], closed_since: datetime
) -> list[Any]:
    """Rows of follow_ups that a batch may touch, locked in order of id.

    Live ones of these customers; live ones, and ones closed since then, under these dedupe keys; and these ids.
    """
    wanted: dict[str, list[Any]] = {
        "customers": sorted(set(customers)),
        "keys": sorted(set(keys)),
        "ids": sorted(set(ids)),
    }
    if not any(wanted.values()):
        return []
    bound = {name: _bound(conn, values) for name, values in wanted.items()}
    return _WORK.rows(conn, **bound, closed_since=closed_since)


def parts(conn: Connection, ids: Sequence[int]) -> list[Any]:
    """(follow_up_id, response_id, responded_at, outcome, too_old) of the responses in these follow-ups."""
    if not ids:
        return []
    return list(
        conn.execute(
            select(
                follow_up_responses.c.follow_up_id, responses.c.id, responses.c.responded_at, decisions.c.outcome,
                decisions.c.too_old,
            )
            .join(responses, responses.c.id == follow_up_responses.c.response_id)
            .join(
                decisions,
                (decisions.c.response_id == responses.c.id) & (decisions.c.version == responses.c.version),
                isouter=True,
            )
            .where(follow_up_responses.c.follow_up_id.in_(ids))
        ).all()
    )  # fmt: skip


def insert_planned(conn: Connection, table: Any, rows: Sequence[bulk.Row]) -> None:
    """Insert rows that nobody else should have written. Raises Lost where somebody has.

    In the order of their natural key: two workers that write the same things at once must not wait for each other.
    """
    places = [list(table.c.keys()).index(name) for name in _NATURAL.get(table.name, ())]
    rows = sorted(rows, key=lambda row: [str(row[place] or "") for place in places]) if places else rows
    if bulk.insert(conn, table, rows, skip_conflicts=True) < len(rows):
        raise Lost


def update_planned(conn: Connection, table: Any, key: str, version: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Update rows by id where the version is still `old`. Raises Lost where it is not."""
    for row in rows:
        values = {name: value for name, value in row.items() if name not in ("key", "old")}
        done = conn.execute(
            update(table).where(table.c[key] == row["key"], table.c[version] == row["old"]).values(**values)
        )
        if done.rowcount != 1:
            raise Lost


def add_notices(conn: Connection, new: Sequence[NewNotice], now: datetime) -> None:
    """Write notices; one that was already told (cause, recipient) is left as it is.

    In the order of their natural key, as `insert_planned`.
    """
    ids = allocate(conn, "notices", len(new))
    numbered = sorted(zip(ids, new, strict=True), key=lambda each: (each[1].cause, each[1].recipient))
    if bulk.insert(conn, notices, [notice_row(id_, one, now) for id_, one in numbered], skip_conflicts=True):
        announce(conn)


def notice_row(id_: int, new: NewNotice, now: datetime) -> bulk.Row:
    """A row of notices, in the order of its columns."""
    return (
        id_, new.cause, new.recipient, new.follow_up_id, new.response_id, new.kind.value, int(new.priority),
        encode_document(new.channels), new.next_channel_after,
        None if new.data is None else encode_document(new.data),
        now, new.not_before, None, "pending", None, None,
    )  # fmt: skip


def number(stored: str | None) -> Number | None:
    """A score as it was: an int, or a Decimal where it has a fraction."""
    if stored is None:
        return None
    return Decimal(stored) if "." in stored or "E" in stored else int(stored)


def _hashes(conn: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    if ids:
        query = select(versions.c.response_id, versions.c.content_hash).where(versions.c.response_id.in_(ids))
        for response_id, content_hash in conn.execute(query):
            found.setdefault(response_id, []).append(content_hash)
    return found


def _follow_ups_of(conn: Connection, ids: Sequence[int]) -> dict[int, int]:
    if not ids:
        return {}
    c = follow_up_responses.c
    query = select(c.response_id, c.follow_up_id).where(c.response_id.in_(ids))
    return {row[0]: row[1] for row in conn.execute(query)}


def _list(conn: Connection, values: Sequence[str]) -> Select[Any]:
    """The values as a sub-query with one bind, so that one prepared statement serves every batch."""
    if conn.dialect.name == "postgresql":
        return select(func.unnest(cast(list(values), ARRAY(Text))).column_valued("value"))
    return select(func.json_each(encode_document(values)).table_valued("value").c.value)


def _bound(conn: Connection, values: Sequence[Any]) -> Any:
    return list(values) if conn.dialect.name == "postgresql" else encode_document(values)


# Built once: these run for every batch, and building a statement costs more than running it. ------------------------


def _known(pairs: Select[Any]) -> Select[Any]:
    return (
        select(responses)
        .where(tuple_(responses.c.source, responses.c.external_id).in_(pairs))
        .order_by(responses.c.id)
        .with_for_update(key_share=True)
    )


def _among_postgresql(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    # Not IN (SELECT …): under an OR that would read the whole table.
    kind = ARRAY(BigInteger if name == "ids" else Text)
    return column == any_(cast(bindparam(name, type_=kind), kind))


def _among_sqlite(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return column.in_(select(func.json_each(bindparam(name, type_=Text)).table_valued("value").c.value))


def _work(among: Callable[[ColumnElement[Any], str], ColumnElement[bool]]) -> Select[Any]:
    c = follow_ups.c
    live = text(f"follow_ups.{LIVE}")
    same = among(c.dedupe_key, "keys") & or_(live, c.closed_at >= bindparam("closed_since", type_=UtcTime))
    touched = or_(among(c.customer_key, "customers") & live, same, among(c.id, "ids"))
    return select(follow_ups).where(touched).order_by(c.id).with_for_update(key_share=True)


_KNOWN = Prepared(_known(pairs_sqlite()), postgresql=_known(pairs_postgresql(Text)))
_WORK = Prepared(_work(_among_sqlite), postgresql=_work(_among_postgresql))
