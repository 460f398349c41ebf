"""The Kafka that other tests stand on does what it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, Message
from confluent_kafka.admin import AclOperation, ResourceType

from tests.support.kafka.cluster import Kafka
from tests.support.waiting import until

pytestmark = pytest.mark.kafka


def test_what_is_produced_is_read_in_order_with_key_headers_and_time(kafka: Kafka) -> None:
    topic = kafka.create_topic()
    stored = kafka.produce(
        topic, {"id": "r-1"}, "text", None, key="c-77", headers={"a": "b"}, partition=0, timestamp_ms=1000
    )
    assert stored == [(0, 0), (0, 1), (0, 2)]
    records = kafka.read(topic)
    assert [record.value() for record in records] == [b'{"id": "r-1"}', b"text", None]
    assert (records[0].key(), records[0].headers(), records[0].timestamp()[1]) == (b"c-77", [("a", b"b")], 1000)


def test_a_cut_log_begins_later(real_kafka: Kafka) -> None:
    topic = real_kafka.create_topic(partitions=2)
    real_kafka.produce(topic, *["x"] * 10, partition=1)
    real_kafka.delete_records(topic, {1: 7})
    assert real_kafka.begin_offsets(topic) == {0: 0, 1: 7}
    assert real_kafka.end_offsets(topic) == {0: 0, 1: 10}


def test_a_topic_made_again_has_another_id(real_kafka: Kafka) -> None:
    topic = real_kafka.create_topic()
    first = real_kafka.topic_id(topic)
    real_kafka.delete_topic(topic)
    real_kafka.create_topic(topic)
    assert real_kafka.topic_id(topic) != first


def test_a_broker_may_be_killed_frozen_and_started_again_and_keeps_its_records(
    private_kafka: Callable[..., Kafka],
) -> None:
    kafka = private_kafka()
    topic = kafka.create_topic()
    kafka.produce(topic, "before")
    kafka.kill()
    kafka.start()
    kafka.pause()
    kafka.resume()
    kafka.produce(topic, "after")
    assert [record.value() for record in kafka.read(topic)] == [b"before", b"after"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_the_secured_door_lets_in_whom_it_knows_and_was_granted(
    private_kafka: Callable[..., Kafka], mechanism: str
) -> None:
    kafka = private_kafka(security={"mechanism": mechanism, "acl": True})
    topic = kafka.create_topic()
    kafka.produce(topic, "secret")
    consumer = _secured(kafka, kafka.secure_settings())
    consumer.subscribe([topic])
    assert "AUTHORIZATION" in str(_poll(consumer).error())
    kafka.allow("innerloop", AclOperation.READ, ResourceType.TOPIC, topic)
    kafka.allow("innerloop", AclOperation.READ, ResourceType.GROUP, "g")
    until(lambda: _poll(consumer).value() == b"secret", 20)
    consumer.close()


def test_client_certificates_are_asked_for(private_kafka: Callable[..., Kafka]) -> None:
    kafka = private_kafka(security={"protocol": "SSL", "client_certificates": True})
    topic = kafka.create_topic()
    kafka.produce(topic, "secret")
    consumer = _secured(kafka, kafka.secure_settings())
    consumer.subscribe([topic])
    until(lambda: _poll(consumer).value() == b"secret", 20)
    consumer.close()


def _poll(consumer: Consumer) -> Message:
    message = until(lambda: consumer.poll(0.2), 20, what="a record or an error")
    assert message is not None
    return message


def _secured(kafka: Kafka, settings: dict[str, str]) -> Consumer:
    names = {
        "BOOTSTRAP_SERVERS": "bootstrap.servers", "SECURITY_PROTOCOL": "security.protocol",
        "SSL_CAFILE": "ssl.ca.location", "SSL_CERTFILE": "ssl.certificate.location", "SSL_KEYFILE": "ssl.key.location",
        "SASL_MECHANISM": "sasl.mechanism", "SASL_USERNAME": "sasl.username", "SASL_PASSWORD": "sasl.password",
    }  # fmt: skip
    config = {names[name.removeprefix("INNERLOOP_KAFKA_")]: value for name, value in settings.items()}
    return Consumer({**config, "group.id": "g", "auto.offset.reset": "earliest", "log_level": 0})
