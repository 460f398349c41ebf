"""The shell blocks of README and guides are run by a shell, and none is left that nobody runs without saying so."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from tests.support.documents import ROOT, Block, blocks
from tests.support.kafka.cluster import Kafka
from tests.support.postgres import Postgres
from tests.support.process import Innerloop, environment
from tests.support.shell import run_block
from tests.support.slack_server import SlackServer
from tests.support.smtp_server import SmtpServer
from worker.cli.main import main
from worker.clock import SystemClock
from worker.store.engine import open_store

pytestmark = pytest.mark.timeout(300)  # a shell starts the program anew for each line
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "reference" not in path.parts)
KINDS = ("run", "run on postgresql", "run at work", "run with kafka", "second terminal", "elsewhere")
INES = """{"id": "r-1", "metric": "nps", "score": 2, "responded_at": "NOW", "comment": "Third call.", "customer":
 {"id": "c-77", "name": "Ines Ferrer"}, "interaction": {"agent": "ana"}}""".replace("\n", "")


def of_kind(page: str, kind: str) -> list[Block]:
    found = [block for block in blocks(DOCS / page) if block.info == f"sh {kind}"]
    assert found, f"{page} has no block of that kind"
    return found


def shell(program: Innerloop, text: str, **settings: str) -> str:
    return run_block(text, program.cwd, environment(program.settings, settings))


@pytest.fixture
def clone(innerloop: Innerloop) -> Innerloop:
    """A directory as a clone is; everything else is as the page leaves it."""
    for name in ("rules", "templates", "deploy"):
        shutil.copytree(ROOT / name, innerloop.cwd / name)
    return innerloop


@pytest.fixture
def at_work(clone: Innerloop, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Innerloop:
    """Ines was unhappy with Ana, and F-42 is open."""
    clone.settings["INNERLOOP_STORE_URL"] = sqlite_url
    monkeypatch.setenv("INNERLOOP_STORE_URL", sqlite_url)
    monkeypatch.chdir(clone.cwd)
    with closing(open_store(sqlite_url)) as store, store.write() as conn:
        conn.exec_driver_sql("UPDATE ids SET next = 42 WHERE name = 'follow_ups'")
    answer = INES.replace("NOW", SystemClock().now().isoformat())
    (clone.cwd / "ines.jsonl").write_text(answer, encoding="utf-8")
    typed("innerloop import ines.jsonl --source crm")
    return clone


def typed(line: str) -> None:
    """A line of innerloop, run in this process: a shell would start twenty."""
    words = shlex.split(line.split(" > ", maxsplit=1)[0], comments=True)
    done = CliRunner().invoke(main, words[1:])
    assert done.exit_code == 0, f"{line}: {done.output}"


def test_what_people_type_at_work_works(at_work: Innerloop) -> None:
    for page in ("managers/index.md", "platform/data.md", "platform/secrets.md"):  # the second one ends in an erasure
        for line in "".join(block.text for block in of_kind(page, "run at work")).splitlines():
            typed(line) if line.startswith("innerloop") else shell(at_work, line)


@pytest.mark.kafka
def test_the_first_start_is_as_the_page_says(clone: Innerloop, kafka: Kafka, smtp: SmtpServer) -> None:
    topic = kafka.create_topic()
    clone.settings |= kafka.settings() | {"INNERLOOP_KAFKA_TOPICS": topic, "INNERLOOP_KAFKA_GROUP_ID": topic}
    clone.settings |= {"INNERLOOP_SMTP_URL": smtp.url, "INNERLOOP_EMAIL_FROM": "Care <care@example.com>"}
    clone.settings |= {"INNERLOOP_OPS_CHANNELS": "email:ops@example.com"}
    before, after = of_kind("platform/index.md", "run with kafka")
    shell(clone, before.text)
    (started,) = of_kind("platform/index.md", "second terminal")
    assert started.text == "innerloop run\n"
    clone.run()

    assert "Arrived" in shell(clone, after.text)


@pytest.mark.kafka
def test_ten_lines_of_the_readme_point_it_at_a_kafka(
    clone: Innerloop, kafka: Kafka, smtp: SmtpServer, slack: SlackServer
) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Point it at your Kafka")[1].split("\n## ")[0]
    text = "\n".join(line.strip() for line in section.splitlines() if line.startswith("    "))
    for theirs, ours in {
        "pip install .\n": "",
        "kafka-1:9092,kafka-2:9092": kafka.bootstrap,
        "feedback.responses": kafka.create_topic(),
        "postgresql://innerloop@db/innerloop": clone.settings["INNERLOOP_STORE_URL"],
        "smtp://user:pass@mail:587": shlex.quote(smtp.url),
        "innerloop run": "innerloop run --until-idle",
    }.items():
        assert theirs in text
        text = text.replace(theirs, ours)

    shell(clone, text, INNERLOOP_SLACK_BASE_URL=slack.url)


@pytest.mark.postgres
def test_the_store_is_moved_as_the_page_says(at_work: Innerloop, postgres: Postgres) -> None:
    database = postgres.create_database()
    (block,) = [block for block in blocks(DOCS / "platform" / "roles.md") if block.info == "sh run on postgresql"]
    file = at_work.settings["INNERLOOP_STORE_URL"]
    text = block.text.replace("postgresql://innerloop@db/innerloop", database)
    shell(at_work, text.replace("sqlite:///innerloop.db", file))

    at_work.settings["INNERLOOP_STORE_URL"] = database
    assert [row["id"] for row in at_work("follow-ups", "list", "--json").json] == ["42"]
    postgres.drop_database(database)


def test_helm_renders_the_values_of_the_page(tmp_path: Path) -> None:
    helm = shutil.which("helm")
    if not helm:
        pytest.skip("no helm here")
    (values,) = [block for block in blocks(DOCS / "platform" / "kubernetes.md") if block.info == "yaml"]
    (tmp_path / "values.yaml").write_text(values.text, encoding="utf-8")
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    (line,) = [
        line
        for block in of_kind("platform/kubernetes.md", "elsewhere")
        for line in block.text.splitlines()
        if line.startswith("helm template")
    ]
    done = subprocess.run(["bash", "-c", f"{line} --kube-version 1.31.0"], cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert "kind: Deployment" in (tmp_path / "innerloop.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_shell_block_says_how_it_is_run(page: Path) -> None:
    for block in blocks(page):
        words = block.info.removeprefix("sh").strip()
        if block.info.startswith("sh"):
            assert words in KINDS or words.startswith("produce "), f"{page.name}:{block.line}: ```{block.info}"
        if words == "elsewhere":  # docker, kubectl, helm and pip are not ours; the files they are given are
            for name in re.findall(r"deploy/[\w./-]+\w", block.text):
                assert (ROOT / name).exists(), f"{page.name}:{block.line}: {name}"


def commands(page: Path) -> Iterator[str]:
    """Every command that a page mentions, also in the middle of a sentence."""
    inline = re.findall(r"`innerloop ([^`]+)`", page.read_text(encoding="utf-8"))
    shells = [block.text for block in blocks(page) if block.info.startswith(("sh", "console"))]
    for found in inline + re.findall(r"^(?:\$ )?innerloop (.+)$", "".join(shells), re.MULTILINE):
        yield re.sub(r"\s+", " ", re.split(r" +#| [<>|] ", found)[0]).strip().rstrip(".")


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_every_command_that_is_mentioned_exists_with_its_options(page: Path) -> None:
    for line in commands(page):
        found: Any = main
        words = shlex.split(line)
        while isinstance(found, click.Group) and words and not words[0].startswith("-"):
            found = found.get_command(click.Context(found), words.pop(0))
        assert found is not None, f"{page.name}: innerloop {line}"
        options = {name for parameter in found.params for name in (*parameter.opts, "--help")}
        assert {word.split("=")[0] for word in words if word.startswith("--")} <= options, f"{page.name}: {line}"
