"""The store, the brokers and the group may be away: nothing is lost, nothing is written twice."""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.kafka.cluster import Kafka
from tests.support.kafka.fixtures import PrivateKafka
from tests.support.reading import QUICK, ReaderThread, numbers
from tests.support.recording_sink import RecordingSink
from tests.support.servers import free_port
from tests.support.waiting import until
from worker import metrics, settings
from worker.clock import SystemClock
from worker.ingest.kafka import KafkaReader
from worker.ingest.records import Batch, Pause

pytestmark = [pytest.mark.kafka, pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")]


@pytest.fixture(autouse=True)
def _sockets_of_refused_connections(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The client leaves them to the garbage collector, and log records hold on to them: let them go here."""
    yield
    caplog.get_records("call").clear()
    gc.collect()


def oldest_unread() -> float:
    return metrics.REGISTRY.get_sample_value("innerloop_kafka_oldest_unread_seconds") or 0.0


def test_while_the_store_is_away_the_batch_is_held_and_the_member_stays(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = real_kafka.create_topic()
    timing = replace(QUICK, session=1.5, poll_interval=2)
    with ReaderThread(real_kafka, sink, topic, group=topic, timing=timing) as reader:
        reader.until_joined(1)
        sink.away.set()
        real_kafka.produce(topic, *numbers(0, 50))
        until(lambda: reader.status.store_away)
        real_kafka.produce(topic, *numbers(50, 80))
        gone = threading.Event()
        gone.wait(4)  # longer than session and poll interval
        assert reader.status.joined
        assert oldest_unread() > 2
        sink.away.clear()
        until(lambda: sink.head(topic) == 80)
        until(lambda: oldest_unread() == 0)
    assert sink.values(topic) == numbers(0, 80)
    assert "again" not in sink.kinds(topic)


def test_a_stop_while_the_store_is_away_ends_soon(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = real_kafka.create_topic()
    reader = ReaderThread(real_kafka, sink, topic, group=topic)
    reader.until_joined(1)
    sink.away.set()
    real_kafka.produce(topic, b"held")
    until(lambda: reader.status.store_away)
    reader.join(timeout=5)
    assert real_kafka.committed(topic, topic) == {}


def test_a_partition_lost_while_its_batch_is_held_is_left_to_its_new_owner(
    real_kafka: Kafka, sink: RecordingSink
) -> None:
    topic = real_kafka.create_topic(partitions=2)
    with ReaderThread(real_kafka, sink, topic, group=topic) as first:
        first.until_joined(2)
        sink.away.set()
        for partition in (0, 1):
            real_kafka.produce(topic, *numbers(partition * 10, partition * 10 + 10), partition=partition)
        until(lambda: first.status.store_away)
        with ReaderThread(real_kafka, sink, topic, group=topic) as second:
            until(lambda: second.status.joined)
            until(lambda: first.status.partitions == 1)
            sink.away.clear()
            until(lambda: len(sink.values(topic)) == 20)
    assert Counter(sink.values(topic)) == Counter(numbers(0, 20))
    assert not sink.broken_chains(topic)


def test_a_member_away_for_longer_than_its_session_doubles_nothing(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = real_kafka.create_topic()
    timing = replace(QUICK, session=1.5, poll_interval=2)
    awake, caught = threading.Event(), threading.Event()
    frozen_sink = RecordingSink(sink.path)

    def freeze(_: Batch) -> None:
        if not awake.is_set():
            caught.set()
            awake.wait(30)

    with ReaderThread(real_kafka, frozen_sink, topic, group=topic, timing=timing) as frozen:
        frozen.until_joined(1)
        frozen_sink.before = freeze
        real_kafka.produce(topic, *numbers(0, 30))
        assert caught.wait(10)
        with ReaderThread(real_kafka, sink, topic, group=topic) as other:
            other.until_joined(1)
            until(lambda: sink.head(topic) == 30)
            real_kafka.produce(topic, *numbers(30, 60))
            until(lambda: sink.head(topic) == 60)
            awake.set()
            until(lambda: frozen_sink.kinds(topic).get("again"), what="the batch of the one who was away")
        real_kafka.produce(topic, *numbers(60, 70))
        until(lambda: sink.head(topic) == 70, 20)
    assert sink.values(topic) == numbers(0, 70)
    assert not sink.broken_chains(topic)


def test_a_partition_that_the_sink_pauses_rests_until_its_head_says_otherwise(
    real_kafka: Kafka, sink: RecordingSink
) -> None:
    topic = real_kafka.create_topic(partitions=2)
    real_kafka.produce(topic, *numbers(0, 10), partition=0)
    sink.pauses = [Pause(topic=topic, partition=0, next_offset=10, reason="50 unreadable in a row")]
    with ReaderThread(real_kafka, sink, topic, group=topic) as reader:
        until(lambda: reader.status.resting == {f"{topic}:0": "50 unreadable in a row"})
        assert reader.status.failing == [f"storm {topic}:0"]
        real_kafka.produce(topic, *numbers(10, 20), partition=0)
        real_kafka.produce(topic, b"flows", partition=1)
        until(lambda: sink.head(topic, 1) == 1)
        assert sink.head(topic, 0) == 10
        sink.accept(topic, 0)
        until(lambda: sink.head(topic, 0) == 20)
        until(lambda: not reader.status.failing)


def test_a_reader_that_finds_a_resting_partition_at_its_start_leaves_it_alone(
    real_kafka: Kafka, sink: RecordingSink
) -> None:
    topic = real_kafka.create_topic()
    real_kafka.produce(topic, *numbers(0, 10))
    sink.pauses = [Pause(topic=topic, partition=0, next_offset=10, reason="storm")]
    with ReaderThread(real_kafka, sink, topic, group=topic) as first:
        until(lambda: first.status.resting)
    real_kafka.produce(topic, *numbers(10, 20))
    with ReaderThread(real_kafka, sink, topic, group=topic) as second:
        until(lambda: second.status.resting)
        assert sink.head(topic) == 10
        sink.accept(topic, 0)
        until(lambda: sink.head(topic) == 20)


def test_what_was_fetched_before_a_rest_does_not_block_the_partition_after_it(
    real_kafka: Kafka, sink: RecordingSink
) -> None:
    topic = real_kafka.create_topic(partitions=2)
    real_kafka.produce(topic, *numbers(0, 200), partition=0)
    sink.pauses = [Pause(topic=topic, partition=0, next_offset=10, reason="storm")]
    few = {"INNERLOOP_KAFKA_MAX_POLL_RECORDS": "10"}
    with ReaderThread(real_kafka, sink, topic, group=topic, env=few) as reader:
        until(lambda: reader.status.resting)
        real_kafka.produce(topic, *numbers(0, 50), partition=1)
        until(lambda: sink.head(topic, 1) == 50)
        sink.accept(topic, 0)
        until(lambda: sink.head(topic, 0) == 200)
    assert len(sink.values(topic)) == 250


def test_brokers_that_go_and_come_back(private_kafka: PrivateKafka, sink: RecordingSink) -> None:
    kafka = private_kafka()
    topic = kafka.create_topic()
    with ReaderThread(kafka, sink, topic, group=topic) as reader:
        kafka.produce(topic, *numbers(0, 10))
        until(lambda: sink.head(topic) == 10)
        kafka.kill()
        until(lambda: "kafka" in reader.status.failing, 15)
        kafka.start()
        kafka.produce(topic, *numbers(10, 20))
        until(lambda: sink.head(topic) == 20, 30)
        until(lambda: not reader.status.failing, 30)
    assert sink.values(topic) == numbers(0, 20)


def test_a_start_before_the_brokers_waits_and_says_for_what(sink: RecordingSink) -> None:
    port = free_port()
    values = {"INNERLOOP_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}"}
    reader = KafkaReader(settings.load(values), sink, SystemClock(), timing=replace(QUICK, bootstrap=0.5))
    stop = threading.Event()
    thread = threading.Thread(target=reader.run, args=(stop,), daemon=True)
    before = threading.active_count()
    thread.start()
    until(lambda: "nothing listens there" in (reader.status().waiting_for or ""))
    assert "kafka" in reader.status().failing
    threading.Event().wait(2)  # several attempts
    assert threading.active_count() <= before + 2, "attempts leak threads"
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
