"""`run` as a process: ready, reload, stop; and what ends it before it began."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

import pytest

from tests.support.commands import Commands
from tests.support.flow import RULES
from tests.support.kafka.cluster import Kafka
from tests.support.process import Innerloop, RunningWorker
from tests.support.smtp_server import SmtpServer
from tests.support.waiting import until


@pytest.fixture
def ready(innerloop: Innerloop) -> Innerloop:
    """A migrated store and rules, in the program's own directory."""
    rules = innerloop.cwd / "rules"
    rules.mkdir()
    for name, text in RULES.items():
        (rules / name).write_text(text, encoding="utf-8")
    assert innerloop("migrate").code == 0
    return innerloop


def test_an_unmigrated_store_is_one_sentence_and_2(innerloop: Innerloop) -> None:
    done = innerloop("run", "--only", "serve", INNERLOOP_HTTP_LISTEN="127.0.0.1:0")

    assert done.code == 2
    assert done.err.splitlines()[-1].endswith("Run: innerloop migrate")
    assert "Traceback" not in done.err


def test_no_usable_rules_are_one_sentence_and_2(ready: Innerloop) -> None:
    (ready.cwd / "rules" / "routing.yaml").write_text("format: 1\nrules: []\n", encoding="utf-8")

    done = ready("run", "--only", "serve", INNERLOOP_HTTP_LISTEN="127.0.0.1:0")

    assert done.code == 2
    assert done.err.splitlines()[-1].startswith("innerloop: ")
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INNERLOOP_SENDERS", "many"),
        ("INNERLOOP_SLACK_BASE_URL", "https://slack.com"),
        ("INNERLOOP_SECRET_KEYS", "short"),
    ],
)
def test_wrong_settings_are_one_sentence_and_2(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    result = commands("run")

    assert result.exit_code == 2
    assert name in result.stderr


def test_an_unknown_role_is_named(commands: Commands) -> None:
    result = commands("run", "--only", "consume,delivr")

    assert result.exit_code == 2
    assert result.stderr == 'innerloop: --only: "delivr" is no role. Roles: consume, deliver, schedule, serve.\n'


def test_a_taken_port_is_one_sentence_and_2(ready: Innerloop) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        done = ready("run", "--only", "serve", INNERLOOP_HTTP_LISTEN=f"127.0.0.1:{taken.getsockname()[1]}")

    assert done.code == 2
    assert "INNERLOOP_HTTP_LISTEN: cannot listen on" in done.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order_even_where_its_parent_ignores_them(
    ready: Innerloop, number: signal.Signals
) -> None:
    worker = ready.run("--only", "serve,deliver,schedule", ignoring="INT TERM")

    worker.process.signal(number)

    assert worker.process.wait(60) == 0  # 20 s are promised; a machine that runs other tests as well may need more


def test_sighup_reads_the_rules_again(ready: Innerloop) -> None:
    worker = ready.run("--only", "serve")
    before = _revision(worker)
    routing = ready.cwd / "rules" / "routing.yaml"
    routing.write_text(routing.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")

    worker.process.signal(signal.SIGHUP)

    until(lambda: _revision(worker) != before, 20, what="the new revision")
    assert worker.failing() == []


def test_a_run_that_ends_by_itself_tells_of_refused_rules_and_goes_on(ready: Innerloop, smtp: SmtpServer) -> None:
    ready.settings |= {
        "INNERLOOP_SMTP_URL": smtp.url,
        "INNERLOOP_EMAIL_FROM": "innerloop <loop@example.com>",
        "INNERLOOP_OPS_CHANNELS": "email:ops@example.com",
    }
    assert ready("run", "--only", "deliver,schedule", "--until-idle").code == 0
    routing = ready.cwd / "rules" / "routing.yaml"
    routing.write_text(routing.read_text(encoding="utf-8").replace("when: always", "wehn: always"), encoding="utf-8")

    done = ready("run", "--only", "deliver,schedule", "--until-idle")

    assert done.code == 0, done.err
    assert [mail.message["To"] for mail in smtp.messages] == ["ops@example.com"]
    assert 'E101 unknown key "wehn"' in " ".join(smtp.messages[0].text.split())


def _revision(worker: RunningWorker) -> list[str]:
    return re.findall(r'innerloop_rule_set_info\{revision="(\w+)"\}', worker.get("/metrics")[1])


@pytest.mark.kafka
def test_a_drill_goes_all_the_way(ready: Innerloop, kafka: Kafka, smtp: SmtpServer, tmp_path: Path) -> None:
    ready.settings |= kafka.settings() | {
        "INNERLOOP_KAFKA_TOPICS": kafka.create_topic(),
        "INNERLOOP_KAFKA_GROUP_ID": "drill",
        "INNERLOOP_SMTP_URL": smtp.url,
        "INNERLOOP_EMAIL_FROM": "innerloop <loop@example.com>",
        "INNERLOOP_OPS_CHANNELS": "email:ops@example.com",
    }
    ready.run()

    done = ready("drill", "--json", "--within", "45", "--metrics-file", str(tmp_path / "drill.prom"))

    assert done.code == 0, done.out + done.err
    assert list(done.json["steps"]) == ["written to Kafka", "read and decided", "delivered to ops"]
    assert "innerloop_drill_success 1.0" in (tmp_path / "drill.prom").read_text()
    assert [row["state"] for row in ready("follow-ups", "list", "--json").json] == ["cancelled"]


@pytest.mark.kafka
def test_a_drill_without_a_worker_says_how_far_it_came(ready: Innerloop, kafka: Kafka) -> None:
    ready.settings |= kafka.settings() | {"INNERLOOP_KAFKA_TOPICS": kafka.create_topic()}

    done = ready("drill", "--json", "--within", "2")

    assert done.code == 1
    assert done.json["missing"] == "read and decided"
