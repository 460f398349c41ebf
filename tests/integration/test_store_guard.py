"""A store that stands still but keeps its connections, as a paused container or a frozen machine does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import literal, select, text

from tests.support.clock import MovableClock
from tests.support.postgres import Postgres
from tests.support.waiting import until
from worker.errors import StoreUnavailable
from worker.store.engine import Store, open_store
from worker.store.guard import LONG, Guard
from worker.store.prepared import Prepared

pytestmark = pytest.mark.postgres
ONE = text("SELECT 1")


@pytest.fixture
def server(private_postgres: Callable[[], Postgres]) -> Postgres:
    return private_postgres()


@pytest.fixture
def store(server: Postgres) -> Iterator[Store]:
    store = open_store(server.create_database())
    yield store
    store.close()


def test_whoever_waits_for_a_frozen_store_is_let_go_and_it_is_used_again_afterwards(
    server: Postgres, store: Store
) -> None:
    clock = MovableClock()
    frozen: list[int] = []
    guard = Guard(store, clock.monotonic)

    def wait() -> None:
        with store.read() as conn:
            conn.execute(ONE)
            frozen.extend(server.freeze())
            clock.advance(seconds=LONG + 1)
            conn.execute(ONE)  # for ever, were it not cut

    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(wait)
        until(lambda: frozen, 20)
        with pytest.raises(StoreUnavailable, match="stands still"):
            until(guard.look, 20)  # not before the clock is ahead
        with pytest.raises(StoreUnavailable):
            waiting.result(20)
    server.thaw(frozen)
    store.ping()


def test_a_long_transaction_on_a_store_that_answers_is_left_alone(store: Store) -> None:
    clock = MovableClock()
    guard = Guard(store, clock.monotonic)
    with store.read() as conn:
        clock.advance(minutes=5)
        guard.look()
        assert conn.execute(ONE).scalar() == 1


def test_a_worker_that_stood_still_in_a_transaction_tries_again(postgres_url: str) -> None:
    store = open_store(postgres_url)

    def is_there(pid: int) -> bool:
        with store.read() as look:
            return bool(look.execute(text("SELECT 1 FROM pg_stat_activity WHERE pid = :pid"), {"pid": pid}).scalar())

    def stand_still() -> None:
        with store.write() as conn:
            conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            pid = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
            until(lambda: not is_there(pid))
            conn.execute(ONE)

    with pytest.raises(StoreUnavailable):
        stand_still()
    store.ping()
    store.close()


def test_after_one_failure_on_a_broken_connection_no_other_broken_one_is_used(store: Store) -> None:
    pid, kill = text("SELECT pg_backend_pid()"), text("SELECT pg_terminate_backend(:pid, 20000)")
    with store.read() as one, store.read() as other:
        pids = [conn.execute(pid).scalar_one() for conn in (one, other)]
    admin = Store(store.url)
    with admin.read() as conn:
        assert all(conn.execute(kill, {"pid": each}).scalar_one() for each in pids)
    admin.close()
    straight = Prepared(select(literal(1).label("one")))  # SQLAlchemy hears nothing of what the driver raises
    with pytest.raises(StoreUnavailable), store.read() as conn:
        straight.rows(conn)
    with store.read() as conn:
        assert straight.rows(conn)[0].one == 1
