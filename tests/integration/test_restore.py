"""A backup into an empty store, and the topic read again from its beginning: nothing new is opened or told."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from tests.integration.test_docs_commands import PG_TOOLS
from tests.support.documents import ROOT, blocks
from tests.support.flow import RULES
from tests.support.kafka.cluster import Kafka
from tests.support.postgres import Postgres
from tests.support.process import Innerloop, environment
from tests.support.shell import run_block
from worker.clock import SystemClock
from worker.store import listing
from worker.store.engine import open_store
from worker.store.reconcile import reconcile

pytestmark = pytest.mark.timeout(300)
PAGE = ROOT / "docs" / "platform" / "backup.md"
Restore = Callable[[Innerloop], None]


def steps(info: str) -> list[str]:
    return [block.text for block in blocks(PAGE) if block.info == info]


def answer(n: int) -> dict[str, object]:
    who, agent = {"id": f"c-{n}", "name": "Ines Ferrer"}, {"agent": "a-417"}
    said = {"metric": "nps", "score": n % 3, "responded_at": SystemClock().now().isoformat()}
    return {"id": f"r-{n}", "source": "ccaas", "customer": who, "interaction": agent, **said}


def everything(innerloop: Innerloop) -> dict[str, list[Any]]:
    """What must be the same afterwards: who has to get back to whom, and who was told what."""
    with closing(open_store(innerloop.settings["INNERLOOP_STORE_URL"])) as store, store.read() as conn:
        assert reconcile(conn)["problems"] == []
        rows = (listing.follow_up_rows(conn), listing.notice_rows(conn), listing.response_rows(conn))
    return dict(zip(("follow-ups", "notices", "responses"), rows, strict=True))


@pytest.fixture
def worked(innerloop: Innerloop, kafka: Kafka) -> Innerloop:
    """Four answers and one record that is none were read from a topic, and decided."""
    topic = kafka.create_topic(partitions=2)
    innerloop.settings |= kafka.settings() | {"INNERLOOP_KAFKA_TOPICS": topic, "INNERLOOP_KAFKA_GROUP_ID": topic}
    (innerloop.cwd / "rules").mkdir()
    for name, text in RULES.items():
        (innerloop.cwd / "rules" / name).write_text(text, encoding="utf-8")
    kafka.produce(topic, *[answer(n) for n in range(4)], b"no json")
    return innerloop


def read(innerloop: Innerloop) -> None:
    done = innerloop("run", "--only", "consume,schedule", "--until-idle")
    assert done.code == 0, done.err


def prove(innerloop: Innerloop, restore: Restore) -> None:
    assert innerloop("migrate").code == 0
    read(innerloop)
    before = everything(innerloop)
    assert [row["state"] for row in before["follow-ups"]] == ["open"] * 4
    restore(innerloop)
    # A group of its own has committed nothing: Kafka hands out the whole topic once more.
    innerloop.settings["INNERLOOP_KAFKA_GROUP_ID"] += "-again"
    read(innerloop)
    assert everything(innerloop) == before


@pytest.mark.kafka
@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="the page uses sqlite3's shell")
def test_a_sqlite_backup_and_the_topic_once_more(worked: Innerloop) -> None:
    worked.settings["INNERLOOP_STORE_URL"] = f"sqlite:///{worked.cwd}/innerloop.db"

    def restore(innerloop: Innerloop) -> None:
        for step in steps("sh run"):
            run_block(step, innerloop.cwd, environment(innerloop.settings))

    prove(worked, restore)


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.skipif(PG_TOOLS is None, reason="the page uses pg_dump and pg_restore")
def test_a_postgresql_backup_and_the_topic_once_more(worked: Innerloop, postgres: Postgres) -> None:
    old, new = postgres.create_database(), postgres.create_database()
    worked.settings["INNERLOOP_STORE_URL"] = old

    def restore(innerloop: Innerloop) -> None:
        env = {"PATH": f"{PG_TOOLS}:/usr/bin:/bin", "INNERLOOP_STORE_URL": old, "NEW_STORE_URL": new}
        for step in steps("sh run on postgresql"):
            subprocess.run(["bash", "-euo", "pipefail", "-c", step], cwd=innerloop.cwd, env=env, check=True)
        innerloop.settings["INNERLOOP_STORE_URL"] = new

    prove(worked, restore)
    for url in (old, new):
        postgres.drop_database(url)
