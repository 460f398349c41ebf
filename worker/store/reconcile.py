"""Recounting: does the ledger agree with what the tables hold, and is every promise kept?

The ledger says what became of every offset. This module counts responses, versions and dead letters once more from
their own tables, by the coordinates they came from, and compares. It changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, and_, exists, func, or_, select

from worker.model.followup import LIVE, short_id
from worker.store.ledger import COUNTED
from worker.store.notices import FOR_SURVEYS
from worker.store.schema import (
    dead_letters,
    decisions,
    deliveries,
    follow_up_responses,
    follow_ups,
    ledger,
    notices,
    partitions,
    responses,
    timers,
    versions,
)

Json = dict[str, Any]
Place = tuple[str, str, int]  # topic, incarnation (topic id), partition
_SHOWN = 10  # ids named in one sentence
_IMPORT = "import:"  # lines of a file may stand outside the ledger: a file has no head to move


def reconcile(conn: Connection) -> Json:
    """The whole account: partitions, totals and every disagreement as a sentence. `ok` is false on any."""
    places = [_partition(place, rows) for place, rows in _ledger(conn).items()]
    problems = [
        *(problem for place in places for problem in place.pop("problems")),
        *_heads(conn, places),
        *_counts(conn, places),
        *_forgotten(conn),
        *_untold(conn),
    ]
    return {
        "ok": not problems,
        "partitions": places,
        "responses": _count(conn, responses),
        "follow_ups": _count(conn, follow_ups),
        "notices": {row["state"]: row["n"] for row in conn.execute(_by_state()).mappings()},
        "problems": problems,
    }


# The chain -----------------------------------------------------------------------------------------------------


def _ledger(conn: Connection) -> dict[Place, list[RowMapping]]:
    found: dict[Place, list[RowMapping]] = {}
    order = (ledger.c.topic, ledger.c.partition, ledger.c.incarnation, ledger.c.from_offset, ledger.c.day, ledger.c.seq)
    for row in conn.execute(select(ledger).order_by(*order)).mappings():
        found.setdefault((row["topic"], row["incarnation"], row["partition"]), []).append(row)
    return found


def _partition(place: Place, rows: Sequence[RowMapping]) -> Json:
    topic, incarnation, partition = place
    gaps = [row for row in rows if row["gap_reason"] is not None]
    name = f"{topic}/{partition}"
    return {
        "topic": topic,
        "topic_id": incarnation,
        "partition": partition,
        "from": rows[0]["from_offset"],
        "to": max(row["to_offset"] for row in rows),
        **{count: sum(row[count] for row in rows) for count in (*COUNTED, "again")},
        "gaps": [{"from": row["from_offset"], "to": row["to_offset"], "reason": row["gap_reason"]} for row in gaps],
        "problems": [*(_gap(name, row) for row in gaps), *_breaks(name, rows)],
    }


def _gap(name: str, row: RowMapping) -> str:
    if row["from_offset"] == row["to_offset"]:
        behind = f"what lay behind offset {row['from_offset']}"
        return f"{name}: {behind} was lost, nobody knows how much: {row['gap_reason']}."
    lost = f"offsets {row['from_offset']} to {row['to_offset'] - 1}"
    return f"{name}: {lost} were lost before they were read: {row['gap_reason']}."


def _breaks(name: str, rows: Sequence[RowMapping]) -> Iterable[str]:
    reached = rows[0]["from_offset"]
    for row in rows:
        if row["from_offset"] == row["to_offset"]:
            continue  # only counts what came again: about midnight, another worker's day may still have grown past it
        if row["from_offset"] > reached:
            yield f"{name}: nothing says what became of offsets {reached} to {row['from_offset'] - 1}."
        elif row["from_offset"] < reached:
            until = min(reached, row["to_offset"]) - 1
            yield f"{name}: offsets {row['from_offset']} to {until} are accounted for twice."
        reached = max(reached, row["to_offset"])


def _heads(conn: Connection, places: Sequence[Json]) -> Iterable[str]:
    ends = {(place["topic"], place["topic_id"], place["partition"]): place["to"] for place in places}
    for row in conn.execute(select(partitions).order_by(partitions.c.topic, partitions.c.partition)).mappings():
        end = ends.get((row["topic"], row["incarnation"], row["partition"]))
        if end is not None and end != row["next_offset"]:
            name = f"{row['topic']}/{row['partition']}"
            yield f"{name}: the head stands at {row['next_offset']}, the ledger ends at {end}."


# The recount ---------------------------------------------------------------------------------------------------


def _counts(conn: Connection, places: Sequence[Json]) -> Iterable[str]:
    recounts = {
        "accepted": _by_origin(conn, versions, versions.c.n == 1),
        "updated": _by_origin(conn, versions, versions.c.n > 1),
        "dead": _dead(conn),
    }
    known = {(place["topic"], place["topic_id"], place["partition"]): place for place in places}
    for what, found in recounts.items():
        for place in sorted({*known, *found}):
            yield from _compare(place, what, known.get(place), found.get(place, 0))
    yield from _versionless(conn)


def _compare(place: Place, what: str, counted: Mapping[str, Any] | None, found: int) -> Iterable[str]:
    topic, _, partition = place
    if counted is None:
        if not topic.startswith(_IMPORT):
            yield f"{topic}/{partition}: the tables hold {found} {what}, the ledger knows nothing of this partition."
    elif counted[what] != found:
        yield f"{topic}/{partition}: the ledger says {counted[what]} {what}, the tables hold {found}."


def _by_origin(conn: Connection, table: Table, which: Any) -> dict[Place, int]:
    """Rows by where they were read. What a replay brought in is the dead letter's, not the ledger's."""
    c = table.c
    keys = (c.origin_topic, c.origin_incarnation, c.origin_partition)
    rows = conn.execute(select(*keys, func.count()).where(which, c.origin_how != "replay").group_by(*keys))
    return {(row[0], row[1], row[2]): row[3] for row in rows}


def _dead(conn: Connection) -> dict[Place, int]:
    keys = (dead_letters.c.topic, dead_letters.c.incarnation, dead_letters.c.partition)
    return {(row[0], row[1], row[2]): row[3] for row in conn.execute(select(*keys, func.count()).group_by(*keys))}


def _versionless(conn: Connection) -> Iterable[str]:
    current = exists().where(versions.c.response_id == responses.c.id, versions.c.n == responses.c.version)
    lost = _names(conn, select(responses.c.source + "/" + responses.c.external_id).where(~current))
    if lost:
        yield f"These responses have no content: {lost}."
    decided = exists().where(decisions.c.response_id == responses.c.id)
    query = select(responses.c.source + "/" + responses.c.external_id).where(responses.c.status == "decided", ~decided)
    lost = _names(conn, query)
    if lost:
        yield f"These responses have no decision: {lost}."


# Promises ------------------------------------------------------------------------------------------------------


def _forgotten(conn: Connection) -> Iterable[str]:
    live = follow_ups.c.state.in_(sorted(LIVE))
    pending = exists().where(timers.c.follow_up_id == follow_ups.c.id, timers.c.state == "pending")
    for problem, condition in (
        ("have no pending timer", and_(live, ~pending)),
        ("have no next step with a time", and_(live, follow_ups.c.next_step_at.is_(None))),
        (
            "do not count the response that opened them",
            ~exists().where(follow_up_responses.c.response_id == follow_ups.c.response_id),
        ),
    ):
        found = _names(conn, select(follow_ups.c.id).where(condition).order_by(follow_ups.c.id), short_id)
        if found:
            yield f"These follow-ups {problem}: {found}."
    unsaid = select(follow_ups.c.id, follow_ups.c.plan).where(
        ~exists().where(notices.c.follow_up_id == follow_ups.c.id)
    )
    # A playbook may say that nobody is told at opening; then silence is what was asked for.
    silent = [
        short_id(row.id) for row in conn.execute(unsaid.order_by(follow_ups.c.id)) if row.plan.get("notify") != []
    ]
    if silent:
        yield f"These follow-ups have no notice at all: {_first(silent)}."


def _untold(conn: Connection) -> Iterable[str]:
    def has(state: str) -> Any:
        return exists().where(deliveries.c.notice_id == notices.c.id, deliveries.c.state == state)

    sent = ~FOR_SURVEYS  # what the survey tool hears is published, not delivered
    for problem, condition in (
        ("are delivered without a delivery that is", and_(notices.c.state == "delivered", sent, ~has("delivered"))),
        (
            "have ended with a delivery still waiting",
            and_(notices.c.state.in_(("failed", "skipped")), has("pending")),
        ),
        (
            "wait although no delivery of theirs does",
            and_(notices.c.state == "pending", sent, notices.c.started_at.is_not(None), ~has("pending")),
        ),
        ("are in no known state", ~notices.c.state.in_(("pending", "delivered", "failed", "skipped"))),
        (
            "failed or were skipped without a reason",
            and_(notices.c.state.in_(("failed", "skipped")), or_(notices.c.reason.is_(None), notices.c.reason == "")),
        ),
    ):
        found = _names(conn, select(notices.c.id).where(condition).order_by(notices.c.id))
        if found:
            yield f"These notices {problem}: {found}."


# Queries -------------------------------------------------------------------------------------------------------


def _names(conn: Connection, query: Select[Any], word: Callable[[Any], str] = str) -> str:
    return _first([word(row[0]) for row in conn.execute(query)])


def _first(names: Sequence[str]) -> str:
    """The first ten, and how many more."""
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def _count(conn: Connection, table: Table) -> int:
    return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def _by_state() -> Select[Any]:
    return select(notices.c.state, func.count().label("n")).group_by(notices.c.state).order_by(notices.c.state)
