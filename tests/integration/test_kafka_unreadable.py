"""A batch that nobody can decode: the rest of its partition, and every other one, is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from tests.support.kafka.cluster import Kafka, produce_all
from tests.support.reading import ReaderThread
from tests.support.recording_sink import RecordingSink
from tests.support.waiting import until

pytestmark = pytest.mark.kafka


def batches(kafka: Kafka, topic: str, *sizes: int, partition: int = 0) -> None:
    """One batch of numbered records for each size."""
    first = 0
    for size in sizes:
        values = [b"%d:%06d" % (partition, n) for n in range(first, first + size)]
        produce_all(kafka.producer(linger_ms=100), topic, values, partition=partition)
        first += size


def log_dir(kafka: Kafka) -> Path:
    """Where the broker keeps its logs."""
    broker = ConfigResource(ResourceType.BROKER, "1")
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    return Path(str(admin.describe_configs([broker])[broker].result(10)["log.dirs"].value))


def flip(kafka: Kafka, topic: str, text: bytes, partition: int = 0) -> None:
    """Change one byte of the record that holds `text`, as a bad disk would."""
    (segment,) = (log_dir(kafka) / f"{topic}-{partition}").glob("*.log")
    at = segment.read_bytes().index(text)
    with segment.open("r+b") as file:
        file.seek(at)
        file.write(bytes([text[0] ^ 1]))


def test_the_smallest_unreadable_range_becomes_a_gap_and_nothing_else_waits(
    real_kafka: Kafka, sink: RecordingSink
) -> None:
    kafka, topic = real_kafka, real_kafka.create_topic(partitions=2)
    batches(kafka, topic, 20, 10, 30)
    batches(kafka, topic, 25, partition=1)
    flip(kafka, topic, b"0:000025")
    with ReaderThread(kafka, sink, topic, group=topic) as reader:
        until(lambda: sink.head(topic, 1) == 25, what="the other partition")
        until(lambda: sink.gaps(topic), 20)
        until(lambda: sink.head(topic, 0) == 60)
        until(lambda: not reader.status.unreadable)
        produce_all(kafka.producer(), topic, [b"0:later"], partition=0)
        until(lambda: sink.head(topic, 0) == 61)
    assert sink.gaps(topic) == [(20, 30, "unreadable")]
    assert not sink.broken_chains(topic)
    assert len(sink.values(topic)) == 20 + 30 + 1 + 25


def test_damage_at_the_end_of_the_log_is_a_gap_to_the_end(real_kafka: Kafka, sink: RecordingSink) -> None:
    kafka, topic = real_kafka, real_kafka.create_topic()
    batches(kafka, topic, 5, 5)
    flip(kafka, topic, b"0:000007")
    with ReaderThread(kafka, sink, topic, group=topic):
        until(lambda: sink.head(topic) == 10, 20)
        produce_all(kafka.producer(), topic, [b"later"], partition=0)
        until(lambda: sink.head(topic) == 11)
    assert sink.gaps(topic) == [(5, 10, "unreadable")]


def test_damage_that_goes_away_costs_nothing(real_kafka: Kafka, sink: RecordingSink) -> None:
    kafka, topic = real_kafka, real_kafka.create_topic()
    batches(kafka, topic, 5, 5)
    flip(kafka, topic, b"0:000007")
    with ReaderThread(kafka, sink, topic, group=topic) as reader:
        until(lambda: reader.status.unreadable == (f"{topic}:0",))
        flip(kafka, topic, b"1:000007")  # the same byte back
        until(lambda: sink.head(topic) == 10)
    assert sink.gaps(topic) == []
    assert len(sink.values(topic)) == 10
