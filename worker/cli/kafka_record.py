"""Reading one record from Kafka once more, by its coordinates."""

from __future__ import annotations

from datetime import UTC, datetime

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from worker.ingest.client import Timing, check_certificates, options, topic_id
from worker.ingest.placing import of_topic
from worker.ingest.records import Record
from worker.settings import Settings

_POLLS = 20
_POLL_MS = 500


def read_again(settings: Settings, topic: str, partition: int, incarnation: str, offset: int) -> Record | None:
    """The record at these coordinates; None where it is gone, or the topic is another one now."""
    if not settings.kafka_bootstrap_servers or topic.startswith("import:"):
        return None
    check_certificates(settings)
    # No group: nothing is joined, and nothing can be committed by mistake.
    configured = {**options(settings, Timing()), "group_id": None, "auto_offset_reset": "none"}
    consumer = KafkaConsumer(**configured)
    try:
        return _read(consumer, TopicPartition(topic, partition), incarnation, offset)
    except KafkaError:
        return None
    finally:
        consumer.close()


def _read(consumer: KafkaConsumer, at: TopicPartition, incarnation: str, offset: int) -> Record | None:
    consumer.assign([at])
    consumer.seek(at, offset)
    for _ in range(_POLLS):
        for record in consumer.poll(_POLL_MS, max_records=1).get(at, []):
            if record.offset != offset or not _is_same(consumer, at.topic, incarnation):
                return None
            return Record(
                topic=at.topic, partition=at.partition, offset=offset, incarnation=incarnation, key=record.key,
                value=record.value, headers=tuple((name, value) for name, value in record.headers),
                timestamp=datetime.fromtimestamp(record.timestamp / 1000, UTC), how="replay",
            )  # fmt: skip
    return None


def _is_same(consumer: KafkaConsumer, topic: str, incarnation: str) -> bool:
    """Whether the topic is still the one it was; brokers before 2.8 cannot tell."""
    found = topic_id(consumer, topic)
    return not (found and incarnation) or found == of_topic(incarnation)
