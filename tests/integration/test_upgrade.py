"""The upgrade drill: a later version migrates a store with data in it while the version of today still works on it."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import MovableClock
from tests.support.flow import RULES, Flow
from tests.support.process import Done, Innerloop
from tests.support.shared import ROOT
from worker.clock import SystemClock
from worker.errors import SchemaMismatch
from worker.store.engine import Store, open_store
from worker.store.migrate import check_schema, head, migrate
from worker.store.reconcile import reconcile

# What later versions may do: a column, an index, a table. It never takes away what the version before still uses.
NEXT = f'''
"""The schema of a version that does not exist yet."""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", "{head()}", None, None


def upgrade():
    op.add_column("responses", sa.Column("mood", sa.Text(), nullable=True))
    op.add_column("follow_ups", sa.Column("calls", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_responses_received", "responses", ["received_at"])
    op.create_table("moods", sa.Column("name", sa.Text(), primary_key=True))
'''


class Later:
    """The program of a later version, as a program of its own."""

    def __init__(self, home: Path, url: str) -> None:
        shutil.copytree(ROOT / "worker", home / "worker", ignore=shutil.ignore_patterns("__pycache__"))
        (home / "worker" / "store" / "migrations" / "versions" / "v9999_next.py").write_text(NEXT, encoding="utf-8")
        self._program = Innerloop(home)
        self._program.settings = {"INNERLOOP_STORE_URL": url, "INNERLOOP_RULES_DIR": str(home / "rules")}
        (home / "rules").mkdir()
        for name, text in RULES.items():
            (home / "rules" / name).write_text(text, encoding="utf-8")

    def __call__(self, *arguments: str) -> Done:
        return self._program(*arguments, PYTHONPATH=str(self._program.cwd))


@pytest.fixture
def flow(fresh_store: Store) -> Flow:
    """The version of today at work: it has looked at the schema, and reads."""
    return Flow(fresh_store, MovableClock(SystemClock().now()))


@pytest.fixture
def later(flow: Flow, tmp_path: Path) -> Later:
    return Later(tmp_path / "next", flow.store.url.render_as_string(hide_password=False))


def problems(flow: Flow) -> list[str]:
    with flow.store.read() as conn:
        found: list[str] = reconcile(conn)["problems"]
    return found


def test_the_old_version_goes_on_while_and_after_a_later_one_migrates(flow: Flow, later: Later) -> None:
    flow.feed(flow.event("r-1"), flow.event("r-2", score=9), b"no json")

    migrated = later("migrate")
    assert (migrated.code, "9999" in migrated.err + migrated.out) == (0, True), migrated.err
    flow.feed(flow.event("r-3", customer={"id": "c-8"}), flow.event("r-1", score=0, updated_at=flow.now().isoformat()))

    assert flow.rows("follow_ups", "id", "state") == [(1, "open"), (2, "open")]
    assert problems(flow) == []


def test_the_later_version_finds_everything_and_works_beside_the_old_one(flow: Flow, later: Later) -> None:
    flow.feed(flow.event("r-1"))
    later("migrate")
    line = json.dumps(flow.event("r-2", customer={"id": "c-9"}))
    (later._program.cwd / "more.jsonl").write_text(f"{line}\n", encoding="utf-8")

    assert later("import", "more.jsonl", "--source", "ccaas").code == 0
    flow.feed(flow.event("r-2", customer={"id": "c-9"}), flow.event("r-3", customer={"id": "c-10"}))

    rows: list[dict[str, Any]] = later("follow-ups", "list", "--json").json
    assert [row["response"]["id"] for row in rows] == ["r-1", "r-2", "r-3"]
    assert later("reconcile").code == 0


def test_an_old_version_that_is_started_again_says_why_it_will_not(flow: Flow, later: Later) -> None:
    later("migrate")
    for look in (check_schema, migrate):
        with pytest.raises(SchemaMismatch, match="a later innerloop made it"):
            look(flow.store)


def test_migrating_twice_and_at_once_is_migrating_once(empty_store_url: str) -> None:
    with closing(open_store(empty_store_url)) as store:
        assert migrate(store) == (None, head())
        assert migrate(store) == (head(), head())
        check_schema(store)
