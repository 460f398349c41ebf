"""Secured brokers: what works, and one clear sentence for each fault."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka.admin import AclOperation, ResourceType

from tests.support.certificates import Authority
from tests.support.kafka.cluster import Kafka
from tests.support.kafka.fixtures import PrivateKafka
from tests.support.reading import QUICK
from tests.support.recording_sink import RecordingSink
from tests.support.waiting import until
from worker import settings
from worker.clock import SystemClock
from worker.errors import ConfigError
from worker.ingest.kafka import KafkaReader

pytestmark = [pytest.mark.kafka, pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")]
TIMING = replace(QUICK, bootstrap=2, request=3)


@pytest.fixture(autouse=True)
def _sockets_of_refused_connections(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    caplog.get_records("call").clear()
    gc.collect()


def reader(kafka: Kafka, topic: str, sink: RecordingSink, **changes: str) -> KafkaReader:
    values = kafka.secure_settings(**changes)
    values |= {"INNERLOOP_KAFKA_TOPICS": topic, "INNERLOOP_KAFKA_GROUP_ID": topic}
    return KafkaReader(settings.load(values), sink, SystemClock(), timing=TIMING)


def fatal(kafka: Kafka, topic: str, sink: RecordingSink, **changes: str) -> str:
    with pytest.raises(ConfigError) as caught:
        reader(kafka, topic, sink, **changes).run_until_idle()
    return str(caught.value)


def waits_saying(words: str, kafka: Kafka, topic: str, sink: RecordingSink, **changes: str) -> bool:
    """Whether a reader that waits says these words. Not with its first try, maybe: what it sees of a hang-up varies."""
    stop, one = threading.Event(), reader(kafka, topic, sink, **changes)
    thread = threading.Thread(target=one.run, args=(stop,), daemon=True)
    thread.start()
    try:
        return until(lambda: words in (one.status().waiting_for or ""), 30, what=words)
    finally:
        stop.set()
        thread.join(20)


def test_scram_over_tls_with_access_lists(private_kafka: PrivateKafka, tmp_path: Path) -> None:
    kafka, sink = private_kafka(security={"mechanism": "SCRAM-SHA-512", "acl": True}), RecordingSink(tmp_path / "db")
    topic = kafka.create_topic()
    kafka.produce(topic, b"secret")
    kafka.allow("innerloop", AclOperation.DESCRIBE, ResourceType.TOPIC, topic)
    assert "READ on the group" in fatal(kafka, topic, sink)
    kafka.allow("innerloop", AclOperation.READ, ResourceType.GROUP, topic)
    assert "READ on the topic" in fatal(kafka, topic, sink)
    kafka.allow("innerloop", AclOperation.READ, ResourceType.TOPIC, topic)
    reader(kafka, topic, sink).run_until_idle()
    assert sink.values(topic) == [b"secret"]
    stranger = Authority(tmp_path / "other").cert
    assert "INNERLOOP_KAFKA_SSL_CAFILE" in fatal(kafka, topic, sink, ssl_cafile=str(stranger))
    for wrong in ({"sasl_password": "wrong"}, {"sasl_username": "nobody"}):
        assert "user name or the password" in fatal(kafka, topic, sink, **wrong)
    assert waits_saying("hangs up", kafka, topic, sink, security_protocol="PLAINTEXT")


def test_plain_over_tls_with_client_certificates(private_kafka: PrivateKafka, tmp_path: Path) -> None:
    kafka = private_kafka(security={"mechanism": "PLAIN", "client_certificates": True})
    sink = RecordingSink(tmp_path / "db")
    topic = kafka.create_topic()
    kafka.produce(topic, b"secret")
    reader(kafka, topic, sink).run_until_idle()
    assert sink.values(topic) == [b"secret"]
    assert "user name or the password" in fatal(kafka, topic, sink, sasl_password="wrong")
    assert waits_saying("client certificate", kafka, topic, sink, ssl_certfile="", ssl_keyfile="")
