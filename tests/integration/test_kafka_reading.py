"""The loop on a Kafka: start, redelivery, rebalances, end."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.kafka.cluster import Kafka
from tests.support.reading import QUICK, ReaderThread, numbers, read_until_idle, set_committed
from tests.support.recording_sink import RecordingSink
from tests.support.waiting import until
from worker import settings
from worker.clock import SystemClock
from worker.ingest import client
from worker.ingest.kafka import Loop

pytestmark = pytest.mark.kafka


def test_everything_is_read_once_and_what_comes_later_too(kafka: Kafka, sink: RecordingSink) -> None:
    topic = kafka.create_topic(partitions=2)
    kafka.produce(topic, *numbers(0, 50))
    with ReaderThread(kafka, sink, topic, group=topic):
        until(lambda: len(sink.values(topic)) == 50, what="what was there")
        kafka.produce(topic, *numbers(50, 70))
        until(lambda: len(sink.values(topic)) == 70, what="what came later")
    assert sorted(sink.values(topic)) == numbers(0, 70)
    assert not sink.broken_chains(topic)
    if kafka.is_real:
        assert kafka.committed(topic, topic) == kafka.end_offsets(topic)


def test_a_quiet_topic_is_asked_less_often_until_something_comes(kafka: Kafka, sink: RecordingSink) -> None:
    topic = kafka.create_topic()
    values = {**kafka.settings(), "INNERLOOP_KAFKA_TOPICS": topic, "INNERLOOP_KAFKA_GROUP_ID": topic}
    known, timing, stop = settings.load(values), replace(QUICK, quiet=0.2), threading.Event()
    consumer = client.connect(known, timing, stop, print)
    loop = Loop(consumer, known, sink, SystemClock(), timing, SystemClock().monotonic, stop)
    waits = []

    def turn_until(done: Callable[[], bool]) -> None:
        def turned() -> bool:
            loop.turn()
            return done()

        until(turned)
        waits.append(consumer._fetcher.config["fetch_max_wait_ms"])

    loop.begin()
    turn_until(lambda: consumer._fetcher.config["fetch_max_wait_ms"] == 200)
    kafka.produce(topic, b"first")
    turn_until(lambda: sink.values(topic) == [b"first"])
    loop.end()
    assert waits == [200, 50]


def test_until_idle_reads_to_the_end_and_returns(kafka: Kafka, sink: RecordingSink) -> None:
    topic = kafka.create_topic(partitions=3)
    kafka.produce(topic, *numbers(0, 100))
    read_until_idle(kafka, sink, topic, group=topic)
    assert sorted(sink.values(topic)) == numbers(0, 100)
    read_until_idle(kafka, sink, topic, group=topic)
    assert "again" not in sink.kinds(topic)


def test_until_idle_does_not_wait_for_a_topic_that_is_missing(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = real_kafka.create_topic()
    real_kafka.produce(topic, b"here")
    read_until_idle(real_kafka, sink, f"{topic}-absent", topic, group=topic)
    assert sink.values(topic) == [b"here"]
    read_until_idle(real_kafka, sink, f"{topic}-absent", group=topic)


def test_a_rewound_group_only_counts_as_read_again(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = real_kafka.create_topic()
    real_kafka.produce(topic, *numbers(0, 30))
    read_until_idle(real_kafka, sink, topic, group=topic)
    set_committed(real_kafka, topic, topic, {0: 0})
    read_until_idle(real_kafka, sink, topic, group=topic)
    assert Counter(sink.values(topic)) == Counter(numbers(0, 30))
    assert sink.kinds(topic)["again"] >= 1


def test_a_second_member_takes_over_without_loss_or_doubling(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = real_kafka.create_topic(partitions=4)
    with ReaderThread(real_kafka, sink, topic, group=topic) as first:
        first.until_joined(4)
        real_kafka.produce(topic, *numbers(0, 200))
        with ReaderThread(real_kafka, sink, topic, group=topic) as second:
            second.until_joined(2)
            first.until_joined(2)
            real_kafka.produce(topic, *numbers(200, 400))
            until(lambda: len(sink.values(topic)) == 400)
        first.until_joined(4)
        real_kafka.produce(topic, *numbers(400, 500))
        until(lambda: len(sink.values(topic)) == 500)
    assert Counter(sink.values(topic)) == Counter(numbers(0, 500))
    assert not sink.broken_chains(topic)


def test_joins_that_outlast_their_polls_come_to_an_end(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = real_kafka.create_topic(partitions=2)
    hasty = replace(QUICK, poll=0.01)
    with ReaderThread(real_kafka, sink, topic, group=topic, timing=hasty) as first:
        first.until_joined(2)
        with ReaderThread(real_kafka, sink, topic, group=topic, timing=hasty) as second:
            second.until_joined(1)
        first.until_joined(2)
        if real_kafka.is_real:
            real_kafka.add_partitions(topic, 4)
            first.until_joined(4)


def test_a_missing_topic_is_named_and_read_once_it_is_there(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = f"{real_kafka.create_topic()}-later"
    with ReaderThread(real_kafka, sink, topic, group=topic) as reader:
        until(lambda: f"topic {topic} is missing" in reader.status.failing)
        real_kafka.create_topic(topic)
        real_kafka.produce(topic, b"here")
        until(lambda: sink.values(topic) == [b"here"])
        until(lambda: not reader.status.failing)


def test_a_stopped_reader_leaves_the_group_at_once(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = real_kafka.create_topic()
    reader = ReaderThread(real_kafka, sink, topic, group=topic, timing=QUICK)
    reader.until_joined(1)
    reader.join()
    assert real_kafka.members(topic) == 0
