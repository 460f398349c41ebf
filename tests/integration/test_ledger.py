from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from worker.errors import RowRefused
from worker.store import ledger
from worker.store.engine import Store
from worker.store.reconcile import reconcile
from worker.store.schema import ledger as table

KEY = ("feedback.responses", 3)
FRIDAY, SATURDAY = date(2026, 11, 20), date(2026, 11, 21)


def rows(store: Store) -> list[tuple[int, int, int, int, str | None]]:
    columns = (table.c.from_offset, table.c.to_offset, table.c.accepted, table.c.again, table.c.gap_reason)
    with store.read() as conn:
        return [tuple(row) for row in conn.execute(select(*columns).order_by(table.c.day, table.c.seq))]


def test_a_row_grows_in_place_through_the_day_and_a_new_one_begins_at_midnight(fresh_store: Store) -> None:
    with fresh_store.write() as conn:
        ledger.start(conn, KEY, "t1", 0)
        ledger.move(conn, KEY, "t1", FRIDAY, 0, 10, {"accepted": 10})
        ledger.move(conn, KEY, "t1", FRIDAY, 10, 15, {"accepted": 4, "absent": 1})
        ledger.move(conn, KEY, "t1", SATURDAY, 15, 16, {"accepted": 1})
    assert rows(fresh_store) == [(0, 15, 14, 0, None), (15, 16, 1, 0, None)]


def test_a_gap_is_a_row_of_its_own_and_the_chain_goes_on_behind_it(fresh_store: Store) -> None:
    with fresh_store.write() as conn:
        ledger.start(conn, KEY, "t1", 0)
        ledger.move(conn, KEY, "t1", FRIDAY, 0, 10, {"accepted": 10})
        ledger.gap(conn, KEY, "t1", FRIDAY, 10, 30, "retention")
        ledger.move(conn, KEY, "t1", FRIDAY, 30, 31, {"dead": 1})
        assert ledger.lock(conn, [KEY])[KEY].next_offset == 31
    assert rows(fresh_store) == [(0, 10, 10, 0, None), (10, 30, 0, 0, "retention"), (30, 31, 0, 0, None)]


def test_records_read_again_are_counted_and_move_nothing(fresh_store: Store) -> None:
    with fresh_store.write() as conn:
        ledger.start(conn, KEY, "t1", 0)
        ledger.move(conn, KEY, "t1", FRIDAY, 0, 10, {"accepted": 10})
        ledger.again(conn, KEY, "t1", FRIDAY, 10, 7)
    assert rows(fresh_store) == [(0, 10, 10, 7, None)]


def test_about_midnight_two_workers_days_may_differ_and_the_chain_is_whole(fresh_store: Store) -> None:
    with fresh_store.write() as conn:
        ledger.start(conn, KEY, "t1", 0)
        ledger.move(conn, KEY, "t1", FRIDAY, 0, 4, {"absent": 4})
        ledger.again(conn, KEY, "t1", SATURDAY, 4, 2)
        ledger.move(conn, KEY, "t1", FRIDAY, 4, 7, {"absent": 3})  # it looked at the clock before it waited
        ledger.move(conn, KEY, "t1", SATURDAY, 7, 8, {"absent": 1})
        assert reconcile(conn)["problems"] == []
    assert rows(fresh_store) == [(0, 7, 0, 0, None), (4, 4, 0, 2, None), (7, 8, 0, 0, None)]


def test_counts_that_do_not_add_up_are_refused_by_the_store_itself(fresh_store: Store) -> None:
    with fresh_store.write() as conn:
        ledger.start(conn, KEY, "t1", 0)
    with pytest.raises(RowRefused, match="adds_up"), fresh_store.write() as conn:
        ledger.move(conn, KEY, "t1", FRIDAY, 0, 10, {"accepted": 9})


def test_a_re_created_topic_begins_a_chain_of_its_own(fresh_store: Store) -> None:
    with fresh_store.write() as conn:
        ledger.start(conn, KEY, "t1", 0)
        ledger.move(conn, KEY, "t1", FRIDAY, 0, 10, {"accepted": 10})
        ledger.start(conn, KEY, "t2", 0)
        ledger.move(conn, KEY, "t2", FRIDAY, 0, 3, {"accepted": 3})
        head = ledger.heads(conn, [KEY[0]])[KEY]
    assert (head.incarnation, head.next_offset) == ("t2", 3)
    assert len(rows(fresh_store)) == 2
