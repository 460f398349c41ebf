"""What happens to a log: transactions, retention, topics made again, other codecs, other partitions."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.support.kafka.cluster import Kafka, produce_all
from tests.support.kafka.fixtures import PrivateKafka
from tests.support.reading import ReaderThread, numbers, read_until_idle
from tests.support.recording_sink import RecordingSink
from tests.support.waiting import until
from worker.errors import ConfigError

pytestmark = pytest.mark.kafka


def in_transaction(kafka: Kafka, topic: str, values: list[bytes], *, abort: bool = False) -> None:
    producer = kafka.producer(transactional_id=f"{topic}-{values[0].decode()}")
    producer.init_transactions()
    producer.begin_transaction()
    produce_all(producer, topic, values)
    producer.abort_transaction() if abort else producer.commit_transaction()


def test_the_chain_steps_over_markers_and_aborted_records(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = real_kafka.create_topic()
    real_kafka.produce(topic, *numbers(0, 10))
    in_transaction(real_kafka, topic, numbers(10, 20))
    in_transaction(real_kafka, topic, numbers(20, 30), abort=True)
    real_kafka.produce(topic, *numbers(30, 35))
    in_transaction(real_kafka, topic, numbers(35, 42), abort=True)
    with ReaderThread(real_kafka, sink, topic, group=topic, env={"INNERLOOP_KAFKA_MAX_POLL_RECORDS": "4"}):
        until(lambda: sink.head(topic) == real_kafka.end_offsets(topic)[0])
    assert sink.values(topic) == [*numbers(0, 20), *numbers(30, 35)]
    assert not sink.broken_chains(topic)
    assert real_kafka.committed(topic, topic) == {0: sink.head(topic)}


def test_records_of_an_open_transaction_come_with_its_commit(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = real_kafka.create_topic()
    producer = real_kafka.producer(transactional_id=topic)
    producer.init_transactions()
    producer.begin_transaction()
    produce_all(producer, topic, numbers(0, 5))
    with ReaderThread(real_kafka, sink, topic, group=topic) as reader:
        reader.until_joined(1)
        assert sink.values(topic) == []
        producer.commit_transaction()
        until(lambda: sink.values(topic) == numbers(0, 5))


def test_what_retention_took_while_stopped_is_a_gap(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = real_kafka.create_topic()
    real_kafka.produce(topic, *numbers(0, 20))
    read_until_idle(real_kafka, sink, topic, group=topic)
    real_kafka.produce(topic, *numbers(20, 60))
    real_kafka.delete_records(topic, {0: 50})
    read_until_idle(real_kafka, sink, topic, group=topic)
    assert sink.gaps(topic) == [(20, 50, "retention")]
    assert sink.values(topic) == [*numbers(0, 20), *numbers(50, 60)]
    assert not sink.broken_chains(topic)


def test_what_retention_took_under_way_is_a_gap(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = real_kafka.create_topic()
    real_kafka.produce(topic, *numbers(0, 10))
    with ReaderThread(real_kafka, sink, topic, group=topic):
        until(lambda: sink.head(topic) == 10)
        sink.away.set()  # so that it cannot keep up
        real_kafka.produce(topic, *numbers(10, 30))
        until(lambda: len(real_kafka.read(topic)) == 30)
        real_kafka.delete_records(topic, {0: 30})
        real_kafka.produce(topic, *numbers(30, 35))
        sink.away.clear()
        until(lambda: sink.head(topic) == 35)
    assert not sink.broken_chains(topic)
    stored, gaps = len(sink.values(topic)), sum(gap[1] - gap[0] for gap in sink.gaps(topic))
    assert stored + gaps == 35


def test_a_topic_made_again_between_two_runs_is_read_from_its_beginning(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = real_kafka.create_topic()
    real_kafka.produce(topic, *numbers(0, 20))
    read_until_idle(real_kafka, sink, topic, group=topic)
    real_kafka.delete_topic(topic)
    real_kafka.create_topic(topic)
    real_kafka.produce(topic, *numbers(100, 150))
    read_until_idle(real_kafka, sink, topic, group=topic)
    assert sorted(sink.values(topic)) == [*numbers(0, 20), *numbers(100, 150)]
    starts = sink.query("SELECT incarnation, reason FROM rows WHERE topic = ? AND kind = 'start'", topic)
    assert starts[1] == (real_kafka.topic_id(topic), "recreated")
    assert sink.gaps(topic) == [(20, 20, "recreated")]


def test_a_topic_made_again_in_a_moment_under_way_loses_nothing_new(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = real_kafka.create_topic()
    old = real_kafka.topic_id(topic)
    real_kafka.produce(topic, *numbers(0, 20))
    with ReaderThread(real_kafka, sink, topic, group=topic):
        until(lambda: sink.head(topic) == 20)
        real_kafka.delete_topic(topic)
        real_kafka.create_topic(topic)
        real_kafka.produce(topic, *numbers(100, 160))  # longer than what was read
        new = real_kafka.topic_id(topic)
        sql = "SELECT value FROM records WHERE topic = ? AND incarnation = ? ORDER BY offset"
        until(lambda: [row[0] for row in sink.query(sql, topic, new)] == numbers(100, 160), 20)
    assert [row[0] for row in sink.query(sql, topic, old)] == numbers(0, 20)
    assert sink.gaps(topic) == [(20, 20, "recreated")]


def test_what_compaction_removed_is_stepped_over(private_kafka: PrivateKafka, sink: RecordingSink) -> None:
    kafka = private_kafka(properties={"log.cleaner.backoff.ms": "100"})
    eager = {"min.cleanable.dirty.ratio": "0.01", "segment.ms": "200", "max.compaction.lag.ms": "200"}
    topic = kafka.create_topic(config={"cleanup.policy": "compact", **eager})
    for n in range(5):
        kafka.produce(topic, *numbers(n * 12, n * 12 + 12), key=b"%d" % n)
    threading.Event().wait(0.3)  # the age at which a segment is closed
    kafka.produce(topic, b"closes the segment", key=b"last")
    until(lambda: len(kafka.read(topic)) == 6, 60, what="the log cleaner")
    read_until_idle(kafka, sink, topic, group=topic)
    assert sink.head(topic) == kafka.end_offsets(topic)[0] == 61
    assert sink.values(topic) == [record.value() for record in kafka.read(topic)]
    assert not sink.broken_chains(topic)
    assert sink.gaps(topic) == []


def test_new_partitions_are_read_from_their_beginning(real_kafka: Kafka, sink: RecordingSink) -> None:
    topic = real_kafka.create_topic()
    with ReaderThread(real_kafka, sink, topic, group=topic) as reader:
        reader.until_joined(1)
        real_kafka.add_partitions(topic, 3)
        real_kafka.produce(topic, b"early", partition=2)
        until(lambda: sink.values(topic) == [b"early"], 20)


@pytest.mark.parametrize("ahead", [True, False], ids=["commit ahead of the store", "store ahead of the commit"])
def test_the_head_in_the_store_is_the_truth(real_kafka: Kafka, tmp_path: Path, ahead: bool) -> None:
    topic = real_kafka.create_topic()
    real_kafka.produce(topic, *numbers(0, 10))
    old, sink = RecordingSink(tmp_path / "old.db"), RecordingSink(tmp_path / "sink.db")
    read_until_idle(real_kafka, old if ahead else sink, topic, group=topic)
    read_until_idle(real_kafka, sink, topic, group=topic if ahead else f"{topic}-fresh")
    assert sink.values(topic) == numbers(0, 10)
    assert sink.kinds(topic).get("again", 0) == 0


def test_every_codec_is_read(kafka: Kafka, sink: RecordingSink) -> None:
    topic = kafka.create_topic()
    codecs = ["none", "gzip", "snappy", "lz4", "zstd"]
    for codec in codecs:
        produce_all(kafka.producer(compression_type=codec), topic, [f"{codec} {'x' * 500}".encode()])
    read_until_idle(kafka, sink, topic, group=topic)
    assert sorted(value.split()[0].decode() for value in sink.values(topic)) == sorted(codecs)


def test_a_missing_codec_library_stops_with_its_name_and_skips_nothing(
    kafka: Kafka, sink: RecordingSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = kafka.create_topic()
    produce_all(kafka.producer(compression_type="snappy"), topic, [b"x" * 500])
    monkeypatch.setattr("kafka.codec.snappy", None)  # as if it had never been installed
    with pytest.raises(ConfigError, match=r"pip install python-snappy"):
        read_until_idle(kafka, sink, topic, group=topic)
    assert sink.values(topic) == []
    assert sink.gaps(topic) == []
