"""`doctor` on a real Kafka: topics, permissions, retention, and what it says when there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import AclOperation, ResourceType

from tests.support.kafka.cluster import Kafka
from tests.support.process import Innerloop
from worker.cli.doctor.check import Check, State
from worker.cli.doctor.kafka import kafka_checks
from worker.settings import load

pytestmark = pytest.mark.kafka


def look(env: dict[str, str], topics: str) -> dict[tuple[str, State], Check]:
    checks = kafka_checks(load({**env, "INNERLOOP_KAFKA_TOPICS": topics}))
    return {(check.name, check.state): check for check in checks}


def test_a_topic_that_is_there_is_fine(kafka: Kafka) -> None:
    topic = kafka.create_topic(partitions=3)

    found = look(kafka.settings(), topic)

    assert {state for _, state in found} == {State.OK}
    assert "has 3 partitions" in found["topic", State.OK].what


def test_a_missing_topic_is_named(real_kafka: Kafka) -> None:
    found = look(real_kafka.settings(), "nobody-made-this")

    assert found["topic", State.ERROR].what == "nobody-made-this does not exist."
    assert "INNERLOOP_KAFKA_TOPICS" in found["topic", State.ERROR].fix


def test_short_retention_and_compaction_are_warned_about(real_kafka: Kafka) -> None:
    topic = real_kafka.create_topic(config={"retention.ms": "3600000"})
    compacted = real_kafka.create_topic(config={"cleanup.policy": "compact"})

    assert "kept for 0.0 days" in look(real_kafka.settings(), topic)["retention", State.WARNING].what
    assert "is compacted" in look(real_kafka.settings(), compacted)["retention", State.WARNING].what


def test_what_the_user_may_not_do_is_said(private_kafka: Callable[..., Kafka]) -> None:
    cluster = private_kafka(security={"acl": True})
    cluster.create_topic("answers")
    cluster.create_topic("secrets")
    cluster.allow("innerloop", AclOperation.READ, ResourceType.TOPIC, "answers")
    cluster.allow("innerloop", AclOperation.DESCRIBE, ResourceType.TOPIC, "secrets")

    found = look(cluster.secure_settings(), "answers,secrets")

    assert "answers has 1 partition" in found["topic", State.OK].what
    assert "may not read secrets" in found["topic", State.ERROR].what
    assert "may not join the group innerloop" in found["group", State.ERROR].what


def test_no_broker_is_one_line_with_its_cause(innerloop: Innerloop) -> None:
    # A process of its own: the client leaves the sockets of refused connections behind.
    done = innerloop("doctor", INNERLOOP_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")

    (line,) = [line for line in done.out.splitlines() if line.startswith("error   kafka")]
    assert "127.0.0.1:1" in line
    assert done.code == 1


def test_a_missing_certificate_is_named(tmp_path: Path) -> None:
    env = {
        "INNERLOOP_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "INNERLOOP_KAFKA_SECURITY_PROTOCOL": "SSL",
        "INNERLOOP_KAFKA_SSL_CAFILE": f"{tmp_path}/ca.pem",
    }

    assert "INNERLOOP_KAFKA_SSL_CAFILE" in look(env, "answers")["kafka", State.ERROR].what
