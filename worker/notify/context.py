"""What the store knows about the things that notices speak of: read for a whole batch in a few queries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import BindParameter, Connection, Row, bindparam, exists, select

from worker.model.followup import LIVE, State
from worker.model.notice import Kind
from worker.model.playbook import Playbook
from worker.model.response import Contact, Response
from worker.model.span import Span, Unit
from worker.model.verdict import Verdict
from worker.notify.obsolete import Now
from worker.store import deliveries, notices, schema, threads
from worker.store.deliveries import Delivery, Earlier
from worker.store.notices import Notice, Told
from worker.store.threads import Thread

T = TypeVar("T")
_STATES = select(
    *(schema.follow_ups.c[name] for name in ("id", "state", "owner", "cycle", "version", "snoozed_until"))
).where(schema.follow_ups.c.id.in_(bindparam("ids", expanding=True)))

# Built once: they run for every handful of messages, and building a statement costs more than running it.
_ids: BindParameter[Any] = bindparam("ids", expanding=True)
_SAID = (
    select(schema.responses.c.id, schema.responses.c.verdict, schema.responses.c.contact, schema.versions.c.content)
    .join(
        schema.versions,
        (schema.versions.c.response_id == schema.responses.c.id) & (schema.versions.c.n == schema.responses.c.version),
    )
    .where(schema.responses.c.id.in_(_ids))
)
_WORKS = select(schema.follow_ups).where(schema.follow_ups.c.id.in_(_ids))
_RESPONSES_OF = (
    select(schema.follow_up_responses.c.follow_up_id, schema.follow_up_responses.c.response_id)
    .where(schema.follow_up_responses.c.follow_up_id.in_(_ids))
    .order_by(*(schema.follow_up_responses.c[name] for name in ("follow_up_id", "at", "response_id")))
)
_SKIPS = (
    select(schema.decisions.c.response_id, schema.decisions.c.skips)
    .where(schema.decisions.c.response_id.in_(_ids))
    .order_by(schema.decisions.c.version)
)
_HISTORY = (
    select(schema.history)
    .where(schema.history.c.follow_up_id.in_(_ids))
    .order_by(schema.history.c.follow_up_id, schema.history.c.version)
)
_STEPS = (
    select(*(schema.timers.c[name] for name in ("follow_up_id", "cycle", "step", "fire_at")))
    .where(schema.timers.c.follow_up_id.in_(_ids), schema.timers.c.state == "pending")
    .order_by(schema.timers.c.fire_at)
)
_BEFORE = (
    select(
        *(schema.responses.c[name] for name in ("id", "customer_key", "responded_at", "metric", "score")),
        schema.follow_ups.c.state,
        schema.follow_ups.c.outcome,
    )
    .outerjoin(schema.follow_ups, schema.follow_ups.c.response_id == schema.responses.c.id)
    .where(
        schema.responses.c.customer_key.in_(_ids),
        schema.responses.c.test.is_(False),
        schema.responses.c.score.is_not(None),
    )
    .order_by(schema.responses.c.responded_at.desc())
)
_OTHERS = (
    select(*(schema.follow_ups.c[name] for name in ("customer_key", "id", "playbook", "owner")))
    .where(
        schema.follow_ups.c.customer_key.in_(_ids),
        schema.follow_ups.c.state.in_([state.value for state in LIVE]),
        schema.follow_ups.c.test.is_(False),
    )
    .order_by(schema.follow_ups.c.id)
)
_MOST_BEFORE = 3  # earlier answers that a message names
_LISTS = frozenset({Kind.CATCH_UP, Kind.HUDDLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One response as it stands: its words (redacted), its verdict, and ways to reach the customer."""

    id: int
    response: Response
    verdict: Verdict
    contact: Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A follow-up, as messages need it."""

    id: int
    response_id: int
    customer_key: str | None
    revision: str
    rule: str
    playbook: Playbook
    priority: int
    state: State
    cycle: int
    version: int
    owner: str | None
    owner_via: str | None
    stands_in_for: str | None
    test: bool
    due_span: str
    due_calendar: str | None
    due_at: datetime
    due_from: datetime
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    contacted_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None
    snoozed_until: datetime | None
    tries: int = 0
    cancel_reason: str | None
    outcome: str | None
    root_cause: str | None
    closing: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of history."""

    version: int
    at: datetime
    what: str
    by: str
    note: str | None
    via: str = ""
    to: str | None = None  # who was told by it, or owns it since


@dataclass(frozen=True, slots=True)
class Step:
    """A pending timer: what happens when, unless somebody acts."""

    step: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Before:
    """An earlier answer of the same customer, with what became of it."""

    responded_at: datetime
    metric: str
    score: str | None
    state: str | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Other:
    """Another live follow-up of the same customer."""

    id: int
    playbook: str
    owner: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything the store says about one notice on its way to one address.

    `said` begins with the answer that opened the follow-up; `news` is the one that the notice is about.
    """

    notice: Notice
    channel: str
    address: str
    position: int = 0
    earlier: tuple[Earlier, ...] = ()
    thread: Thread | None = None
    work: Work | None = None
    said: tuple[Said, ...] = ()
    news: Said | None = None
    skips: tuple[Mapping[str, Any], ...] = ()
    history: tuple[Line, ...] = ()
    steps: tuple[Step, ...] = ()
    before: tuple[Before, ...] = ()
    others: tuple[Other, ...] = ()
    told: tuple[Told, ...] = ()  # for somebody who was not there: what reached the owners
    late: tuple[Said, ...] = ()
    withdrawn: bool = False  # for a customer: another answer of theirs, not older, says that they must not be contacted
    gathered: tuple[Context, ...] = ()  # what a catch-up or huddle sheet tells instead of single messages


def states(conn: Connection, ids: Collection[int]) -> dict[int, Now]:
    """What these follow-ups are at this moment."""
    if not ids:
        return {}
    return {
        row.id: Now(
            state=State(row.state),
            owner=row.owner,
            cycle=row.cycle,
            version=row.version,
            snoozed_until=row.snoozed_until,
        )
        for row in conn.execute(_STATES, {"ids": list(ids)})
    }


def load(conn: Connection, claimed: Sequence[Delivery]) -> dict[int, Context]:
    """The contexts of claimed deliveries, by delivery id."""
    failed = deliveries.earlier(conn, {d.notice.id for d in claimed if d.position})
    bare = [
        Context(
            notice=d.notice, channel=d.channel, address=d.address, position=d.position,
            earlier=tuple(e for e in failed.get(d.notice.id, []) if e.position < d.position),
        )
        for d in claimed
    ]  # fmt: skip
    return {d.id: full for d, full in zip(claimed, fill(conn, bare), strict=True)}


def fill(conn: Connection, contexts: Sequence[Context]) -> list[Context]:
    """Add what the store knows about the follow-ups and responses that these name."""
    ids = sorted({c.notice.follow_up_id for c in contexts if c.notice.follow_up_id is not None})
    work = _works(conn, ids)
    of_work = _responses_of(conn, ids)
    wanted = {n for numbers in of_work.values() for n in numbers}
    wanted |= {c.notice.response_id for c in contexts if c.notice.response_id is not None}
    said = read_said(conn, wanted)
    skips, history, steps = _skips(conn, work.values()), _history(conn, ids), _steps(conn, work)
    keys = {w.customer_key for w in work.values() if w.customer_key}
    before, others = _before(conn, keys), _others(conn, keys)
    found_threads = {(t.follow_up_id, t.channel, t.address): t for t in threads.of_follow_ups(conn, ids)}
    told = notices.told_owners(conn, [number for number in ids if number in _escalated(contexts)])
    filled = []
    for context in contexts:
        number = context.notice.follow_up_id
        it = work.get(number or 0)
        mine = of_work.get(number or 0, [])
        filled.append(
            replace(
                context,
                work=it,
                said=tuple(said[n] for n in mine if n in said),
                news=said.get(context.notice.response_id or 0),
                skips=skips.get(it.response_id, ()) if it else (),
                history=tuple(history.get(number or 0, ())),
                steps=tuple(steps.get(number or 0, ())),
                before=_earlier_than(before.get(it.customer_key or "", []), mine, said) if it else (),
                others=tuple(o for o in others.get(it.customer_key or "", []) if o.id != number) if it else (),
                thread=found_threads.get((number or 0, context.channel, context.address)),
                told=tuple(told.get(number or 0, ())),
                late=_late(conn, context.notice) if context.notice.kind is Kind.LATE_ANSWERS else (),
                withdrawn=it is not None and context.notice.kind is Kind.CUSTOMER and _withdrawn(conn, it, said),
                gathered=_gathered(conn, context) if context.notice.kind in _LISTS else (),
            )
        )
    return filled


def _escalated(contexts: Sequence[Context]) -> set[int | None]:
    return {c.notice.follow_up_id for c in contexts if c.notice.kind is Kind.ESCALATION}


def read_said(conn: Connection, ids: Iterable[int]) -> dict[int, Said]:
    """Responses in their current version."""
    wanted = sorted(ids)
    if not wanted:
        return {}
    return {
        row.id: Said(
            id=row.id,
            response=msgspec.convert(row.content, Response, strict=False),
            verdict=msgspec.convert(row.verdict, Verdict, strict=False),
            contact=msgspec.convert(row.contact or {}, Contact, strict=False),
        )
        for row in conn.execute(_SAID, {"ids": wanted})
    }


def _works(conn: Connection, ids: Sequence[int]) -> dict[int, Work]:
    if not ids:
        return {}
    return {row.id: _work(row) for row in conn.execute(_WORKS, {"ids": list(ids)})}


def _work(row: Row[Any]) -> Work:
    same = {
        name: getattr(row, name)
        for name in Work.__dataclass_fields__
        if name not in {"playbook", "state", "closing"}
    }  # fmt: skip
    return Work(**same, playbook=_playbook(row), state=State(row.state), closing=row.closing or {})


def _playbook(row: Row[Any]) -> Playbook:
    try:
        return msgspec.convert(row.plan, Playbook, strict=False)
    except msgspec.ValidationError:
        # Frozen by another version of the program: its name is all that is needed to tell somebody.
        return Playbook(id=row.playbook, name=row.playbook, owner=(), due=Span(1, Unit.DAYS))


def _responses_of(conn: Connection, ids: Sequence[int]) -> dict[int, list[int]]:
    if not ids:
        return {}
    return _grouped((row.follow_up_id, row.response_id) for row in conn.execute(_RESPONSES_OF, {"ids": list(ids)}))


def _skips(conn: Connection, work: Iterable[Work]) -> dict[int, tuple[Mapping[str, Any], ...]]:
    ids = sorted({one.response_id for one in work})
    if not ids:
        return {}
    return {row.response_id: tuple(row.skips) for row in conn.execute(_SKIPS, {"ids": ids})}


def _history(conn: Connection, ids: Sequence[int]) -> dict[int, list[Line]]:
    if not ids:
        return {}
    return _grouped(
        (row.follow_up_id, Line(row.version, row.at, row.what, row.by, row.note, row.via, (row.detail or {}).get("to")))
        for row in conn.execute(_HISTORY, {"ids": list(ids)})
    )


def _steps(conn: Connection, work: Mapping[int, Work]) -> dict[int, list[Step]]:
    if not work:
        return {}
    return _grouped(
        (row.follow_up_id, Step(row.step, row.fire_at))
        for row in conn.execute(_STEPS, {"ids": list(work)})
        if row.cycle == work[row.follow_up_id].cycle
    )


def _before(conn: Connection, keys: Collection[str]) -> dict[str, list[tuple[int, Before]]]:
    """Every answer of these customers, newest first, with the follow-up it opened."""
    if not keys:
        return {}
    return _grouped(
        (row.customer_key, (row.id, Before(row.responded_at, row.metric, row.score, row.state, row.outcome)))
        for row in conn.execute(_BEFORE, {"ids": list(keys)})
    )


def _earlier_than(
    before: Sequence[tuple[int, Before]], mine: Sequence[int], said: Mapping[int, Said]
) -> tuple[Before, ...]:
    first = min((said[n].response.responded_at for n in mine if n in said), default=None)
    found = (b for n, b in before if n not in mine and first and b.responded_at < first)
    return tuple(found)[:_MOST_BEFORE]


def _others(conn: Connection, keys: Collection[str]) -> dict[str, list[Other]]:
    if not keys:
        return {}
    return _grouped(
        (row.customer_key, Other(row.id, row.playbook, row.owner)) for row in conn.execute(_OTHERS, {"ids": list(keys)})
    )


def _gathered(conn: Connection, context: Context) -> tuple[Context, ...]:
    """The notices that a list names, each with what the store knows about it, in the order they were written."""
    named = notices.by_ids(conn, context.notice.data.get("notices", ()))
    bare = [Context(notice=named[number], channel=context.channel, address=context.address) for number in sorted(named)]
    return tuple(fill(conn, bare)) if bare else ()


def _late(conn: Connection, notice: Notice) -> tuple[Said, ...]:
    """The answers of a list of late ones: decided in its span, too old to alert, and in no list before."""
    since, until = (datetime.fromisoformat(str(notice.data[word])) for word in ("from", "to"))
    table, before = schema.decisions, schema.decisions.alias()
    late = (table.c.too_old.is_(True)) & (table.c.outcome == "open")
    told = (before.c.response_id == table.c.response_id) & (before.c.now < since)
    statement = (
        select(table.c.response_id)
        .where(late, table.c.now >= since, table.c.now < until)
        .where(~exists().where(told, before.c.too_old.is_(True), before.c.outcome == "open"))
        .order_by(table.c.response_id)
    )
    said = read_said(conn, conn.execute(statement).scalars())
    return tuple(said[number] for number in sorted(said))


def _withdrawn(conn: Connection, work: Work, said: Mapping[int, Said]) -> bool:
    opener, table = said.get(work.response_id), schema.responses
    if opener is None or work.customer_key is None:
        return False
    others = select(table.c.id).where(
        table.c.customer_key == work.customer_key, table.c.id != opener.id, table.c.test.is_(False),
        table.c.responded_at >= opener.response.responded_at,
    )  # fmt: skip
    found = read_said(conn, conn.execute(others).scalars())
    return any(one.response.customer.may_contact is False for one in found.values())


def _grouped(pairs: Iterable[tuple[Any, T]]) -> dict[Any, list[T]]:
    groups: dict[Any, list[T]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups
