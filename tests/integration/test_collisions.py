"""Two workers at the same instant on the same customers, responses and partitions, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.collisions import Collisions
from tests.support.postgres import Postgres
from worker.store.engine import open_store

pytestmark = pytest.mark.postgres
ROUNDS = 60


@pytest.fixture(params=range(5), ids=lambda seed: f"seed {seed}")
def collisions(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[Collisions]:
    url = postgres.create_database("innerloop_template")
    store = open_store(url)
    yield Collisions(store, seed=request.param)
    store.close()
    postgres.drop_database(url)


def test_nothing_is_doubled_lost_or_deadlocked_in_many_interleavings(collisions: Collisions) -> None:
    for number in range(ROUNDS):
        collisions.round(number)
        assert collisions.problems == []
    collisions.check()
    assert collisions.problems == []
