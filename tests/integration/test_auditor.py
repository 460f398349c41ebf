"""Nobody is forgotten: every live follow-up has a next step, whatever happens to it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, event, select, update

from tests.support.timeline import BERLIN, Timeline, berlin
from worker.errors import NotAllowed, UsageError
from worker.followup.closing import CloseOut
from worker.store.engine import Store
from worker.store.follow_ups import without_next_step
from worker.store.schema import follow_ups, notices, timers

CLOSING = CloseOut(outcome="recovered", root_cause="billing", action="Fee credited.")


@pytest.fixture
def friday(fresh_store: Store) -> Timeline:
    return Timeline(fresh_store, "2026-11-20 16:30")


def test_a_follow_up_that_lost_its_timers_is_found_and_shown_to_the_default_owner(friday: Timeline) -> None:
    one = friday.answer()
    with friday.store.write() as conn:
        conn.execute(delete(timers))
    assert (friday.auditor.run(), friday.auditor.run()) == (1, 0)
    assert friday.row(one).next_step_at.astimezone(BERLIN) == berlin("2026-11-24 16:30")
    assert friday.until("2026-11-24 16:30") == ["Tue 16:30 escalation to bo"]


def test_a_snooze_that_nothing_ends_is_found_too(friday: Timeline) -> None:
    one = friday.answer()
    until = berlin("2026-11-23 09:00")
    with friday.store.write() as conn:
        conn.execute(update(follow_ups).values(snoozed_until=until))
    assert (friday.auditor.run(), friday.auditor.run()) == (1, 0)
    friday.until("2026-11-23 09:00")
    assert friday.row(one).snoozed_until is None


@pytest.mark.parametrize("seed", range(4))
def test_whatever_people_do_nothing_live_is_without_a_next_step(friday: Timeline, seed: int) -> None:
    rng = random.Random(seed)
    friday.answer_of("Ines")
    for n in range(40):
        _anything(friday, rng, n)
        friday.clock.advance(timedelta(minutes=rng.choice((1, 45, 400))))
        while friday.timers.run():
            pass
        assert friday.auditor.run() == 0


def _anything(line: Timeline, rng: random.Random, n: int) -> None:
    """One move by somebody, possible or not; or a customer's answer."""
    act, later = line.service, line.clock.now() + timedelta(hours=rng.choice((1, 30)))
    who = {"by": rng.choice(("ana", "bo", "hana")), "via": "cli"}
    moves: list[Callable[[], object]] = [
        lambda: act.acknowledge(1, **who),
        lambda: act.contact(1, **who),
        lambda: act.tried(1, next_at=rng.choice((None, later)), **who),
        lambda: act.close(1, CLOSING, **who),
        lambda: act.cancel(1, note="a test of ours", **who),
        lambda: act.reassign(1, to=rng.choice(("ana", "bo", "team:billing")), **who),
        lambda: act.not_mine(1, note="not my call", **who),
        lambda: act.snooze(1, until=later, for_customer=rng.choice((True, False)), by=who["by"], via="cli"),
        lambda: act.unsnooze(1, **who),
        lambda: act.reopen(1, **who),
        lambda: act.recalculate(1, **who),
        lambda: line.answer(f"r-{n}", rng.choice((1, 9)), customer={"id": "c-ines"}),
    ]
    with suppress(NotAllowed, UsageError):
        rng.choice(moves)()


def test_ops_hear_once_a_day_of_a_rule_that_finds_no_owner(friday: Timeline) -> None:
    for name in ("Ines", "Jonas"):
        friday.answer_of(name, interaction={"agent": "a-999"})
    friday.until("2026-11-21 12:00")
    friday.answer_of("Marta", interaction={"agent": "a-999"})
    with friday.store.read() as conn:
        told = conn.execute(select(notices).where(notices.c.kind == "ops").order_by(notices.c.id)).all()
    assert [row.cause for row in told] == [
        "ops/default_owner/any-detractor/2026-11-20", "ops/default_owner/any-detractor/2026-11-21",
    ]  # fmt: skip
    assert all(said in told[0].data["broke"] for said in ("(agent: ", "a-999", "manager: "))


def test_the_auditor_reads_live_work_by_its_index_and_nothing_else(friday: Timeline) -> None:
    friday.answer()
    asked: list[tuple[str, Any]] = []
    with friday.store.read() as conn:
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")  # one row is always read faster without an index

        def note(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
            asked.append((statement, values))

        event.listen(conn, "before_cursor_execute", note)
        assert without_next_step(conn) == []
        event.remove(conn, "before_cursor_execute", note)
        (query,) = asked
        explain = "EXPLAIN " if conn.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
        plan = "\n".join(str(row) for row in conn.exec_driver_sql(explain + query[0], query[1]))
    # Which index PostgreSQL takes hangs on its statistics; SQLite has one way, and takes it or reads everything.
    assert "ix_follow_ups_owner" in plan or "uq_follow_ups_live" in plan or friday.store.dialect == "postgresql"
    assert not re.search(r"SCAN follow_ups'|Seq Scan on (follow_ups|timers)", plan)
