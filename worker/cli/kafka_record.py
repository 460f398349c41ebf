"""Reading single records from Kafka once more, by their coordinates."""

from __future__ import annotations

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from worker.errors import InnerloopError
from worker.ingest import client
from worker.ingest.client import Timing
from worker.ingest.clientlog import ClientLog
from worker.ingest.guard import guard
from worker.ingest.placing import of_topic
from worker.ingest.records import Record
from worker.model.response import record_name
from worker.settings import Settings

_POLLS = 20
_POLL_MS = 500
_ASK_SECONDS = 10.0


class Unreachable(InnerloopError):
    """Kafka cannot be reached. Nothing is lost: try again once it can."""


class KafkaAgain:
    """One connection for all records, made when the first of them is wanted."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: KafkaConsumer | None = None
        self._why: str | None = None  # no connection could be made

    def close(self) -> None:
        if self._consumer is not None:
            self._consumer.close()

    def read(self, topic: str, partition: int, incarnation: str, offset: int) -> Record | None:
        """The record at these coordinates; None where it is gone, or the topic is another one now.

        Raises Unreachable where nobody can tell, and ConfigError for wrong settings.
        """
        if not self._settings.kafka_bootstrap_servers or topic.startswith("import:"):
            return None
        at = TopicPartition(topic, partition)
        try:
            consumer = self._connected()
            return _read(consumer, at, offset, incarnation) if _is_there(consumer, at, offset, incarnation) else None
        except KafkaError as error:
            if clear := client.fatal(error):
                raise clear from error
            raise Unreachable(f"Kafka does not answer: {error!r}.") from error

    def _connected(self) -> KafkaConsumer:
        if self._why:
            raise Unreachable(self._why)
        if self._consumer is None:
            client.check_certificates(self._settings)
            causes = ClientLog.install()
            causes.forget()
            # No group: nothing is joined, and nothing can be committed by mistake.
            configured = client.options(self._settings, Timing()) | {"group_id": None}
            try:
                self._consumer = client.open_client(KafkaConsumer, configured)
            except KafkaError as error:
                self._why, _ = client.explain(error, causes.seen(), self._settings)
                raise Unreachable(self._why) from None
            guard(self._consumer)
        return self._consumer


def _is_there(consumer: KafkaConsumer, at: TopicPartition, offset: int, incarnation: str) -> bool:
    consumer.assign([at])
    client.refresh_metadata(consumer, _ASK_SECONDS)
    found = client.topic_id(consumer, at.topic)
    if at not in client.partitions(consumer, at.topic):
        return False
    if found and incarnation and found != of_topic(incarnation):  # brokers before 2.8 cannot tell
        return False
    low, high = client.beginnings(consumer, [at], _ASK_SECONDS)[at], client.ends(consumer, [at], _ASK_SECONDS)[at]
    return bool(low <= offset < high)


def _read(consumer: KafkaConsumer, at: TopicPartition, offset: int, incarnation: str) -> Record | None:
    client.seek(consumer, at, offset)
    for _ in range(_POLLS):
        for record in consumer.poll(_POLL_MS, max_records=1).get(at, []):
            return client.record_of(record, incarnation, "replay") if record.offset == offset else None
    raise Unreachable(f"Kafka does not hand over {record_name(at.topic, at.partition, offset)}.")
