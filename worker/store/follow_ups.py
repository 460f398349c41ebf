"""Follow-ups one at a time: as people's moves and timers need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, func, insert, select, text, update

from worker.errors import ConflictError, NotFound
from worker.model.followup import FollowUp, NewHistory, NewTimer, State, short_id
from worker.model.playbook import Priority
from worker.model.response import Contact, Response
from worker.store.responses import read_contact, read_plan, read_response
from worker.store.schema import (
    LIVE,
    follow_up_responses,
    follow_ups,
    history,
    notices,
    pauses,
    responses,
    timers,
    versions,
)

# Word for word as in the partial indexes: with bound values SQLite would read every follow-up there ever was.
_LIVE = text(f"follow_ups.{LIVE}")


def lock(conn: Connection, follow_up_id: int, *, skip_locked: bool = False) -> Row[Any] | None:
    """The row, locked until the transaction ends; None where it is not there (or held, with `skip_locked`)."""
    return conn.execute(
        select(follow_ups).where(follow_ups.c.id == follow_up_id).with_for_update(skip_locked=skip_locked)
    ).first()


def get(conn: Connection, follow_up_id: int) -> FollowUp:
    """Raises NotFound."""
    row = conn.execute(select(follow_ups).where(follow_ups.c.id == follow_up_id)).first()
    if row is None:
        raise NotFound(f"There is no follow-up {short_id(follow_up_id)}.")
    return read(row)


def change(conn: Connection, follow_up_id: int, version: int, values: Mapping[str, object], line: NewHistory) -> None:
    """Change a row that is still at `version`, and write the line of its history. Raises ConflictError otherwise."""
    done = conn.execute(
        update(follow_ups)
        .where(follow_ups.c.id == follow_up_id, follow_ups.c.version == version)
        .values(version=line.version, **values)
    )
    if done.rowcount != 1:
        raise ConflictError(f"{short_id(follow_up_id)} was changed by somebody else at the same moment. Look again.")
    conn.execute(
        insert(history).values(
            follow_up_id=follow_up_id, version=line.version, at=line.at, what=line.what, by=line.by, via=line.via,
            note=line.note, detail=line.detail,
        )
    )  # fmt: skip


def last_line(conn: Connection, follow_up_id: int, words: Sequence[str]) -> Row[Any] | None:
    """The newest line of history with one of these words."""
    query = select(history).where(history.c.follow_up_id == follow_up_id, history.c.what.in_(words))
    return conn.execute(query.order_by(history.c.version.desc()).limit(1)).first()


def lines_after(conn: Connection, follow_up_id: int, version: int) -> list[Row[Any]]:
    """What was written into the history after a version, newest first."""
    query = select(history).where(history.c.follow_up_id == follow_up_id, history.c.version > version)
    return list(conn.execute(query.order_by(history.c.version.desc())))


def version_of(conn: Connection, follow_up_id: int) -> int | None:
    """The version as it stands, unlocked."""
    found: int | None = conn.execute(select(follow_ups.c.version).where(follow_ups.c.id == follow_up_id)).scalar()
    return found


def themes_of(conn: Connection, follow_up_id: int) -> tuple[str, ...]:
    """What its answers are about, in the order they came."""
    return _labels(conn, follow_up_id, "themes")


def severity_of(conn: Connection, follow_up_id: int) -> tuple[str, ...]:
    """How grave its answers are, in the same order."""
    return _labels(conn, follow_up_id, "severity")


def _labels(conn: Connection, follow_up_id: int, which: str) -> tuple[str, ...]:
    joined = follow_up_responses.c.response_id == responses.c.id
    query = select(responses.c.verdict).join(follow_up_responses, joined)
    found = conn.execute(query.where(follow_up_responses.c.follow_up_id == follow_up_id).order_by(responses.c.id))
    return tuple(dict.fromkeys(label for verdict in found.scalars() for label in verdict.get(which) or ()))


def void_timers(conn: Connection, follow_up_id: int, now: datetime, reason: str, *steps: str) -> None:
    """These pending steps (all of them without `steps`) are no longer due."""
    mine = (timers.c.follow_up_id == follow_up_id) & (timers.c.state == "pending")
    if steps:
        mine &= timers.c.step.in_(steps)
    conn.execute(update(timers).where(mine).values(state="void", done_at=now, reason=reason))


def add_timer(conn: Connection, follow_up_id: int, cycle: int, new: NewTimer) -> None:
    conn.execute(
        insert(timers).values(
            follow_up_id=follow_up_id, cycle=cycle, step=new.step, n=new.n, fire_at=new.fire_at, state="pending"
        )
    )


def next_n(conn: Connection, follow_up_id: int, cycle: int, step: str) -> int:
    """The number of the next timer of this step."""
    last = conn.execute(
        select(func.max(timers.c.n)).where(
            timers.c.follow_up_id == follow_up_id, timers.c.cycle == cycle, timers.c.step == step
        )
    ).scalar()
    return (last or 0) + 1


def refresh_next_step(conn: Connection, follow_up_id: int) -> None:
    """Repeat the earliest pending timer in the row itself, where lists and the auditor read it.

    While it is snoozed nothing else is due: the end of the snooze is its next step.
    """
    earliest = (
        select(func.min(timers.c.fire_at))
        .where(timers.c.follow_up_id == follow_up_id, timers.c.state == "pending")
        .scalar_subquery()
    )
    conn.execute(
        update(follow_ups)
        .where(follow_ups.c.id == follow_up_id)
        .values(next_step_at=func.coalesce(follow_ups.c.snoozed_until, earliest))
    )


def pending_timers(conn: Connection, follow_up_id: int) -> list[Row[Any]]:
    """What is still due for this follow-up, earliest first."""
    return list(
        conn.execute(
            select(timers)
            .where(timers.c.follow_up_id == follow_up_id, timers.c.state == "pending")
            .order_by(timers.c.fire_at)
        )
    )


def due_timers(conn: Connection, now: datetime, limit: int) -> list[Row[Any]]:
    """Timers that are due, each with its owner, in due order, unlocked.

    A snoozed follow-up's other steps wait for the snooze to end.
    """
    awake = follow_ups.c.snoozed_until.is_(None) | (timers.c.step == "snooze")
    return list(
        conn.execute(
            select(timers, follow_ups.c.owner)
            .join(follow_ups, follow_ups.c.id == timers.c.follow_up_id)
            .where(timers.c.state == "pending", timers.c.fire_at <= now, awake)
            .order_by(timers.c.fire_at, timers.c.follow_up_id)
            .limit(limit)
        )
    )


def coming(conn: Connection, step: str, owners: Sequence[str], after: datetime, until: datetime) -> list[Row[Any]]:
    """Timers of one step that will be due soon for these owners' follow-ups, as `due_timers` gives them."""
    if not owners:
        return []
    return list(
        conn.execute(
            select(timers, follow_ups.c.owner)
            .join(follow_ups, follow_ups.c.id == timers.c.follow_up_id)
            .where(
                timers.c.state == "pending", timers.c.step == step, timers.c.fire_at > after,
                timers.c.fire_at <= until, follow_ups.c.owner.in_(owners), follow_ups.c.snoozed_until.is_(None),
            )
            .order_by(timers.c.fire_at, timers.c.follow_up_id)
        )
    )  # fmt: skip


def end_timer(conn: Connection, timer: Row[Any], now: datetime, reason: str | None = None) -> bool:
    """A step has been done, or (with a reason) overtaken. False where another worker was faster, or it was moved."""
    done = conn.execute(
        update(timers)
        .where(
            timers.c.follow_up_id == timer.follow_up_id, timers.c.cycle == timer.cycle, timers.c.step == timer.step,
            timers.c.n == timer.n, timers.c.state == "pending", timers.c.fire_at == timer.fire_at,
        )
        .values(state="void" if reason else "fired", done_at=now, reason=reason)
    )  # fmt: skip
    return done.rowcount == 1


def move_timer(conn: Connection, timer: Row[Any], fire_at: datetime) -> None:
    conn.execute(
        update(timers)
        .where(
            timers.c.follow_up_id == timer.follow_up_id, timers.c.cycle == timer.cycle, timers.c.step == timer.step,
            timers.c.n == timer.n,
        )
        .values(fire_at=fire_at)
    )  # fmt: skip


def live_owners(conn: Connection) -> list[str]:
    """Everybody who owns live work."""
    live = and_(_LIVE, follow_ups.c.owner.is_not(None))
    return list(conn.execute(select(follow_ups.c.owner).where(live).distinct()).scalars())


def count_live(conn: Connection) -> dict[str, int]:
    """How much live work each owner has."""
    live = and_(_LIVE, follow_ups.c.owner.is_not(None))
    query = select(follow_ups.c.owner, func.count()).where(live).group_by(follow_ups.c.owner)
    return {row[0]: row[1] for row in conn.execute(query)}


def owned_by(conn: Connection, owners: Sequence[str]) -> list[Row[Any]]:
    """(id, owner, due_at) of these owners' live work, in order of id."""
    if not owners:
        return []
    query = select(follow_ups.c.id, follow_ups.c.owner, follow_ups.c.due_at)
    live = and_(_LIVE, follow_ups.c.owner.in_(owners))
    return list(conn.execute(query.where(live).order_by(follow_ups.c.id)))


def without_next_step(conn: Connection) -> list[int]:
    """Live follow-ups that nothing would ever happen to, in order of id.

    No pending timer, none that lists could show, or a snooze that nothing ends (until then no other step is done).
    """
    mine = (
        (timers.c.follow_up_id == follow_ups.c.id)
        & (timers.c.cycle == follow_ups.c.cycle)
        & (timers.c.state == "pending")
    )
    asleep = follow_ups.c.snoozed_until.is_not(None) & ~exists().where(mine, timers.c.step == "snooze")
    forgotten = follow_ups.c.next_step_at.is_(None) | ~exists().where(mine) | asleep
    # Sorted here: an order by id would make SQLite walk the whole table instead of the index on live work.
    return sorted(conn.execute(select(follow_ups.c.id).where(_LIVE, forgotten)).scalars())


def opener(conn: Connection, follow_up_id: int) -> Response:
    """The response that opened it, as it is today."""
    content = conn.execute(
        select(versions.c.content)
        .join(responses, (responses.c.id == versions.c.response_id) & (responses.c.version == versions.c.n))
        .join(follow_ups, follow_ups.c.response_id == responses.c.id)
        .where(follow_ups.c.id == follow_up_id)
    ).scalar_one()
    return read_response(content)


def contact_of(conn: Connection, response_id: int) -> Contact:
    """Ways to reach the customer who gave that response."""
    return read_contact(conn.execute(select(responses.c.contact).where(responses.c.id == response_id)).scalar_one())


def last_told(conn: Connection, follow_up_id: int, cycle: int) -> str | None:
    """Whom the last escalation of this cycle told."""
    found: str | None = conn.execute(
        select(notices.c.recipient)
        .where(
            notices.c.follow_up_id == follow_up_id,
            notices.c.kind.in_(("escalation", "handed_over")),
            notices.c.cause.startswith(f"follow-up/{follow_up_id}/{cycle}/"),
        )
        .order_by(notices.c.id.desc())
        .limit(1)
    ).scalar()
    return found


WAITS_FOR_CUSTOMER = "waiting for the customer"
"""Why a clock stands that the customer's next answer sets going again."""
ANSWERED = "the customer answered"


def rename_pause(conn: Connection, follow_up_id: int, reason: str) -> None:
    """The clock goes on standing for another reason."""
    mine = (pauses.c.follow_up_id == follow_up_id) & pauses.c.ended_at.is_(None)
    conn.execute(update(pauses).where(mine).values(reason=reason))


def wake_waiting(conn: Connection, ids: Sequence[int], now: datetime) -> None:
    """The customers of these follow-ups have answered: the timer duty sets clocks going that waited for that."""
    waiting = (
        pauses.c.follow_up_id.in_(ids) & pauses.c.ended_at.is_(None) & (pauses.c.reason == WAITS_FOR_CUSTOMER)
    )  # fmt: skip
    found = list(conn.execute(select(pauses.c.follow_up_id).where(waiting)).scalars())
    if not found:
        return
    mine = timers.c.follow_up_id.in_(found) & (timers.c.step == "snooze") & (timers.c.state == "pending")
    conn.execute(update(timers).where(mine).values(fire_at=now, reason=ANSWERED))
    conn.execute(update(follow_ups).where(follow_ups.c.id.in_(found)).values(next_step_at=now))


def begin_pause(conn: Connection, follow_up_id: int, reason: str, now: datetime) -> None:
    """The clock stops. Already stopped: it stays so."""
    last = conn.execute(select(func.max(pauses.c.n)).where(pauses.c.follow_up_id == follow_up_id)).scalar() or 0
    conn.execute(insert(pauses).values(follow_up_id=follow_up_id, n=last + 1, reason=reason, started_at=now))


def end_pause(conn: Connection, follow_up_id: int, now: datetime) -> datetime | None:
    """The clock goes on. Gives since when it had stood."""
    started: datetime | None = conn.execute(
        update(pauses)
        .where(pauses.c.follow_up_id == follow_up_id, pauses.c.ended_at.is_(None))
        .values(ended_at=now)
        .returning(pauses.c.started_at)
    ).scalar()
    return started


def pauses_of(conn: Connection, follow_up_id: int) -> list[tuple[datetime, datetime | None]]:
    """When the clock stood: (since, until) in order; without an end, it still stands."""
    query = select(pauses.c.started_at, pauses.c.ended_at).where(pauses.c.follow_up_id == follow_up_id)
    return [(row[0], row[1]) for row in conn.execute(query.order_by(pauses.c.n))]


def read(row: Row[Any]) -> FollowUp:
    """A row as a value."""
    return FollowUp(
        id=row.id,
        response_id=row.response_id,
        customer_key=row.customer_key,
        revision=row.revision,
        rule=row.rule,
        playbook=read_plan(row.plan),
        priority=Priority(row.priority),
        state=State(row.state),
        cycle=row.cycle,
        version=row.version,
        owner=row.owner,
        opened_at=row.opened_at,
        due_at=row.due_at,
        acknowledged_at=row.acknowledged_at,
        contacted_at=row.contacted_at,
        closed_at=row.closed_at,
        snoozed_until=row.snoozed_until,
        outcome=row.outcome,
        root_cause=row.root_cause,
        closing=row.closing or {},
        owner_via=row.owner_via,
        due_from=row.due_from,
        passed_on=tuple(row.passed_on),
        tries=row.tries,
        test=row.test,
    )
