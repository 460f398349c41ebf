"""The guides do what they say: their blocks are run, with servers of our own in the place of the reader's."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.clock import MovableClock
from tests.support.documents import ROOT, Block, WorkingCopy, blocks, matches
from tests.support.flow import Flow
from tests.support.kafka.cluster import Kafka
from tests.support.postgres import Postgres, binaries
from tests.support.process import Innerloop, environment
from tests.support.scripts import script
from tests.support.shell import run_block
from tests.support.smtp_server import SmtpServer
from tests.support.waiting import until
from worker.cli.main import main
from worker.clock import SystemClock
from worker.store.engine import Store, open_store
from worker.store.migrate import migrate
from worker.store.schema import metadata

DOCS = ROOT / "docs"
PG_TOOLS = next((at for at in (binaries(), Path("/usr/bin")) if at and (at / "pg_dump").exists()), None)


class Reader:
    """Somebody who follows a page, in the present directory. `instead` is what they write for the page's addresses.

    ```console          commands, and what they print
    ```KIND file NAME   is written into a file
    ```yaml add to …    is added to a file of the rules
    ```sh run           is run by a shell
    ```sh second terminal, ```sh produce FILE   start the worker; write the file's answer to the topic
    Any other ```sh is for reading only.
    """

    def __init__(self, innerloop: Innerloop, instead: dict[str, str]) -> None:
        self.innerloop = innerloop
        self.home = innerloop.cwd
        self.instead = instead
        self.produced: list[str] = []
        self.ran = 0

    def read(self, page: str) -> None:
        for block in blocks(DOCS / page):
            self._do(block)

    def _do(self, block: Block) -> None:
        match block.info.split():
            case ["console"]:
                self._commands(block)
            case ["yaml", "add", "to", name, *where]:
                WorkingCopy(self.home).add(name, block.text, where)
            case [_, "file", name]:
                (self.home / name).write_text(self._mine(block.text), encoding="utf-8")
            case ["sh", "run"]:
                self._shell(block)
            case ["sh", "second", "terminal"]:
                assert block.text == "innerloop run\n"
                self.innerloop.run()
            case ["sh", "produce", name]:
                self.produced.append((self.home / name).read_text(encoding="utf-8"))
                self.told()

    def told(self) -> None:
        """What happens when an answer is written to the topic."""

    def _commands(self, block: Block) -> None:
        for part in block.text.split("$ innerloop ")[1:]:
            command, _, expected = part.partition("\n")
            done = CliRunner().invoke(main, shlex.split(command))
            self.ran += 1
            assert done.exit_code in {0, 1}, f"line {block.line}: innerloop {command}: {done.output}"
            assert matches(done.output, expected), f"line {block.line}: {command} printed\n{done.output}"

    def _shell(self, block: Block) -> None:
        run_block(block.text, self.home, environment())
        self.ran += 1

    def _mine(self, text: str) -> str:
        for theirs, ours in self.instead.items():
            text = text.replace(theirs, ours)
        return text


@pytest.fixture
def clone(innerloop: Innerloop, monkeypatch: pytest.MonkeyPatch) -> Innerloop:
    """A directory as a clone is, with the rules and templates that ship; and the present one."""
    for name in ("rules", "templates"):
        shutil.copytree(ROOT / name, innerloop.cwd / name)
    monkeypatch.chdir(innerloop.cwd)
    return innerloop


@pytest.mark.kafka
def test_the_first_alert_arrives_as_the_page_says(
    clone: Innerloop, kafka: Kafka, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = kafka.create_topic()
    servers = {"localhost:9092": kafka.bootstrap, "smtp://localhost:1025?starttls=false": smtp.url}
    clone.settings = kafka.settings() | {"INNERLOOP_KAFKA_GROUP_ID": topic}
    for name, value in clone.settings.items():
        monkeypatch.setenv(name, value)
    reader = Reader(clone, servers | {"feedback.responses": topic})

    def told() -> None:
        kafka.produce(topic, reader.produced[-1].replace("2026-11-20T15:29:00Z", f"{SystemClock().now().isoformat()}"))
        until(lambda: bool(smtp.to("you@example.com")), 30, what="the alert")

    reader.told = told  # type: ignore[method-assign]
    reader.read("first-alert.md")

    assert reader.ran >= 8
    alert = smtp.to("you@example.com")[0]
    assert "Third call about the same invoice." in alert.text


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="the page uses sqlite3's shell")
def test_a_sqlite_store_comes_back_as_the_page_says(clone: Innerloop) -> None:
    answer = '{"id": "a", "metric": "nps", "score": 1, "responded_at": "2026-11-20T15:29:00Z"}'
    (clone.cwd / "a.jsonl").write_text(answer, encoding="utf-8")
    for command in ("migrate", "import a.jsonl --source backup"):
        assert CliRunner().invoke(main, command.split()).exit_code == 0

    reader = Reader(clone, {})
    reader.read("platform/backup.md")

    assert reader.ran == 4
    found = CliRunner().invoke(main, ["responses", "list", "--json"]).stdout
    assert [row["id"] for row in json.loads(found)] == ["a"]


@pytest.mark.postgres
@pytest.mark.skipif(PG_TOOLS is None, reason="the page uses pg_dump and pg_restore")
def test_a_postgresql_store_comes_back_as_the_page_says(postgres: Postgres, tmp_path: Path) -> None:
    old, new = postgres.create_database(), postgres.create_database()
    with closing(migrated(old)) as store:
        before = Flow(store, MovableClock())
        before.feed(before.event("r-1", score=1), before.event("r-2", score=9), b"no json")
    env = {"PATH": f"{PG_TOOLS}:/usr/bin:/bin", "INNERLOOP_STORE_URL": old, "NEW_STORE_URL": new}

    steps = [block.text for block in blocks(DOCS / "platform" / "backup.md") if block.info == "sh run on postgresql"]
    for step in steps:
        subprocess.run(["bash", "-euo", "pipefail", "-c", step], cwd=tmp_path, env=env, check=True)

    assert len(steps) == 2
    assert contents(new) == contents(old)
    for url in (old, new):
        postgres.drop_database(url)


@pytest.mark.postgres
def test_a_store_moves_from_a_file_to_postgresql_with_everything_in_it(sqlite_url: str, postgres_url: str) -> None:
    clock = MovableClock()
    with closing(open_store(sqlite_url)) as old:
        before = Flow(old, clock)
        batch = before.feed(before.event("r-1", score=1), before.event("r-2", score=9), b"no json")
    migrated(postgres_url).close()

    script("deploy/copy_store.py").copy(sqlite_url, postgres_url)

    with closing(open_store(postgres_url)) as new:
        after = Flow(new, clock)
        after.pipeline.process(batch)  # read again: nothing is doubled
        assert contents(postgres_url) == contents(sqlite_url)
        after.feed(*[after.event(f"r-{n}", customer={"id": f"c-{n}"}) for n in (3, 4)], partition=1)
        assert after.rows("follow_ups", "id") == [(1,), (2,), (3,)]


@pytest.mark.postgres
def test_a_store_moves_back_to_a_file_and_goes_on_counting(sqlite_url: str, postgres_url: str) -> None:
    with closing(migrated(postgres_url)) as old:
        before = Flow(old, MovableClock())
        before.feed(before.event("r-1"), before.event("r-2", customer={"id": "c-8"}))

    script("deploy/copy_store.py").copy(postgres_url, sqlite_url)

    with closing(open_store(sqlite_url)) as new:
        after = Flow(new, MovableClock())
        after.feed(after.event("r-3", customer={"id": "c-9"}), partition=1)
        assert after.rows("follow_ups", "id") == [(1,), (2,), (3,)]


def test_a_store_with_something_in_it_is_not_copied_over(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(open_store(sqlite_url)) as store:
        flow = Flow(store, MovableClock())
        flow.feed(flow.event("r-1"))

    assert script("deploy/copy_store.py").main([sqlite_url, sqlite_url]) == 2

    assert "Copy into an empty one" in capsys.readouterr().err


def migrated(url: str) -> Store:
    store = open_store(url)
    migrate(store)
    return store


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """What must survive a move: every row of these tables."""
    tables = ("responses", "versions", "decisions", "follow_ups", "timers", "notices", "dead_letters", "partitions")
    with closing(open_store(url)) as store:
        flow = Flow(store, MovableClock())
        return {table: flow.rows(table, *metadata.tables[table].columns.keys()) for table in tables}
