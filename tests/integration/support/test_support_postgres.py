"""The stores that other tests stand on are fresh, separate and migrated."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from sqlalchemy import text

from tests.support.postgres import Postgres
from worker.store.engine import Store
from worker.store.migrate import check_schema


@pytest.mark.parametrize("turn", [1, 2])
def test_a_fresh_store_is_migrated_and_empty(fresh_store: Store, turn: int) -> None:
    check_schema(fresh_store)
    with fresh_store.write() as conn:
        assert conn.execute(text("SELECT count(*) FROM partitions")).scalar_one() == 0
        conn.execute(text("INSERT INTO partitions (topic, partition, incarnation, next_offset) VALUES ('t', 0, '', 1)"))


@pytest.mark.postgres
def test_an_empty_database_is_empty(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as conn:
        found = conn.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert found == (0,)


@pytest.mark.postgres
def test_a_private_server_may_be_killed_and_started_again(private_postgres: Callable[[], Postgres]) -> None:
    server = private_postgres()
    url = server.create_database()
    server.execute("CREATE TABLE kept (n integer)", url.rpartition("/")[2])
    server.kill()
    server.start()
    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT count(*) FROM kept").fetchone() == (0,)
