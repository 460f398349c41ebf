"""Follow-ups one at a time: as people's moves and timers need them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from worker.errors import ConflictError, NotFound
from worker.model.followup import FollowUp, NewHistory, NewTimer, State, short_id
from worker.model.playbook import Priority
from worker.store.responses import read_plan
from worker.store.schema import follow_ups, history, timers


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
    """Repeat the earliest pending timer in the row itself, where lists and the auditor read it."""
    earliest = (
        select(func.min(timers.c.fire_at))
        .where(timers.c.follow_up_id == follow_up_id, timers.c.state == "pending")
        .scalar_subquery()
    )
    conn.execute(update(follow_ups).where(follow_ups.c.id == follow_up_id).values(next_step_at=earliest))


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
    )
