"""The demo's in-process broker, read by the client that the worker uses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from kafka import KafkaConsumer

from tests.support.waiting import until
from worker.demo.broker import API_VERSION, LIMIT, PARTITIONS, Broker

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


@pytest.fixture
def broker() -> Iterator[Broker]:
    running = Broker()
    yield running
    running.close()


def test_what_is_sent_is_read_with_its_time_and_a_key_keeps_its_partition(broker: Broker) -> None:
    for n in range(20):
        broker.send("answers", f"c-{n % 3}", f"{n}".encode(), NOW)
    broker.flush()
    version = tuple(int(part) for part in API_VERSION.split("."))
    consumer = KafkaConsumer(
        "answers", bootstrap_servers=broker.address, api_version=version, group_id="g", auto_offset_reset="earliest"
    )
    records: list[Any] = []

    def all_read() -> bool:
        records.extend(record for batch in consumer.poll(200).values() for record in batch)
        return len(records) == 20

    until(all_read, 20)
    consumer.close()
    assert sorted(int(record.value) for record in records) == list(range(20))
    assert {record.timestamp for record in records} == {int(NOW.timestamp() * 1000)}
    assert len({(record.key, record.partition) for record in records}) == 3


def test_a_topic_is_there_before_its_first_record(broker: Broker) -> None:
    broker.create("answers")
    consumer = KafkaConsumer(bootstrap_servers=broker.address, api_version=(2, 3))
    assert consumer.partitions_for_topic("answers") == set(range(PARTITIONS))
    consumer.close()


def test_more_than_the_broker_can_keep_is_refused_instead_of_lost(broker: Broker) -> None:
    with pytest.raises(OverflowError, match="would hold more than"):
        broker.send("answers", "c-1", b"x" * LIMIT, NOW)
