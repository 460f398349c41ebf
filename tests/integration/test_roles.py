"""From a laptop to a cluster: the store moves with its data, each role is a process of its own, several of each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.flow import RULES
from tests.support.kafka.cluster import Kafka
from tests.support.postgres import Postgres
from tests.support.process import Innerloop
from tests.support.scripts import script
from tests.support.smtp_server import SmtpServer
from tests.support.waiting import until
from worker.clock import SystemClock

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.timeout(300)]
NOW = SystemClock().now().isoformat()  # one for all: an answer that is sent twice is the same answer
MAIL = ("INNERLOOP_SMTP_URL", "INNERLOOP_EMAIL_FROM")


def answer(n: int) -> dict[str, object]:
    who, agent = {"id": f"c-{n}", "name": "Ines Ferrer"}, {"agent": "a-417"}
    said = {"metric": "nps", "score": n % 3, "responded_at": NOW}
    return {"id": f"r-{n}", "source": "ccaas", "customer": who, "interaction": agent, **said}


@pytest.fixture
def laptop(innerloop: Innerloop, kafka: Kafka, smtp: SmtpServer) -> Innerloop:
    """One process, one file, six answers of which every alert has gone out."""
    topic = kafka.create_topic(partitions=3)
    (innerloop.cwd / "rules").mkdir()
    for name, text in RULES.items():
        (innerloop.cwd / "rules" / name).write_text(text, encoding="utf-8")
    innerloop.settings |= kafka.settings() | {"INNERLOOP_KAFKA_TOPICS": topic, "INNERLOOP_KAFKA_GROUP_ID": topic}
    innerloop.settings |= {"INNERLOOP_SMTP_URL": smtp.url, "INNERLOOP_EMAIL_FROM": "innerloop <loop@example.com>"}
    kafka.produce(topic, *[answer(n) for n in range(6)])
    assert innerloop("migrate").code == 0
    assert innerloop("run", "--until-idle").code == 0
    assert len(smtp.to("ana@example.com")) == 6
    return innerloop


@pytest.fixture
def moved(laptop: Innerloop, postgres: Postgres) -> Iterator[Innerloop]:
    """The same, in PostgreSQL."""
    file, database = laptop.settings["INNERLOOP_STORE_URL"], postgres.create_database()
    laptop.settings["INNERLOOP_STORE_URL"] = database
    assert laptop("migrate").code == 0
    script("deploy/copy_store.py").copy(file, database)
    yield laptop
    laptop.close()
    postgres.drop_database(database)


def follow_ups(program: Innerloop) -> list[str]:
    return sorted(row["response"]["id"] for row in program("follow-ups", "list", "--json").json)


def test_three_replicas_go_on_where_the_laptop_stopped_also_when_one_of_them_ends(
    moved: Innerloop, kafka: Kafka, smtp: SmtpServer
) -> None:
    replicas = [moved.run() for _ in range(3)]
    assert replicas[0].process.terminate() == 0
    kafka.produce(moved.settings["INNERLOOP_KAFKA_TOPICS"], *[answer(n) for n in range(3, 12)])  # three of them again

    until(lambda: len(smtp.to("ana@example.com")) >= 12, 120, what="an alert for each of the six new answers")

    assert [replica.process.terminate() for replica in replicas[1:]] == [0, 0]
    assert follow_ups(moved) == sorted(f"r-{n}" for n in range(12))
    assert moved("reconcile").code == 0
    assert len(smtp.to("ana@example.com")) == 12


def test_each_role_alone_needs_only_its_own_settings_and_together_they_are_the_whole(
    moved: Innerloop, kafka: Kafka, smtp: SmtpServer
) -> None:
    settings = dict(moved.settings)
    topic = settings["INNERLOOP_KAFKA_TOPICS"]
    kafka_only = {name: value for name, value in settings.items() if name not in MAIL}
    mail_only = {name: value for name, value in settings.items() if "KAFKA" not in name}
    neither = {name: value for name, value in mail_only.items() if name not in MAIL}
    workers = []
    for roles, own in (("consume", kafka_only), ("deliver", mail_only), ("schedule", neither), ("serve", neither)):
        moved.settings = own
        workers.append(moved.run("--only", roles))
    moved.settings = settings

    kafka.produce(topic, answer(6))
    until(lambda: len(smtp.to("ana@example.com")) == 7, 120, what="the alert of an answer read by another process")

    assert [worker.process.terminate() for worker in workers] == [0] * 4
