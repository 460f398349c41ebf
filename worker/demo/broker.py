"""librdkafka's in-process broker: enough of Kafka for one demo, gone with the process.

It keeps 5 MiB a partition and silently drops the oldest records beyond that, so this class refuses to send more.
It cannot be asked for its version and knows no topic ids: readers pin INNERLOOP_KAFKA_API_VERSION to API_VERSION.
"""

from __future__ import annotations

from datetime import datetime
from zlib import crc32

from worker.errors import ConfigError

try:
    from confluent_kafka import KafkaError, Message, Producer
except ImportError as error:  # the extra is not installed; said by name instead of a traceback
    raise ConfigError(
        "The demo needs its extra, which brings a small Kafka broker and a mail server. "
        "Run: pip install 'innerloop[demo]' (in a checkout: make demo)."
    ) from error

API_VERSION = "2.3"
PARTITIONS = 4
LIMIT = 5 * 1024 * 1024
_OVERHEAD = 100  # bytes a record needs beside key and value, rounded up


class Broker:
    """One broker, and the producer that lives in it."""

    def __init__(self) -> None:
        self._producer = Producer({"bootstrap.servers": "in-process", "test.mock.num.brokers": 1, "log_level": 2})
        self._used = [0] * PARTITIONS
        self._failed: list[str] = []
        broker = next(iter(self._producer.list_topics(timeout=10).brokers.values()))
        self.address = f"{broker.host}:{broker.port}"

    def create(self, topic: str) -> None:
        """Topics appear when they are first asked about."""
        self._producer.list_topics(topic, timeout=10)

    def send(self, topic: str, key: str, value: bytes, at: datetime) -> None:
        """Queue one record; the same key always meets the same partition. `flush` makes it certain."""
        partition = crc32(key.encode()) % PARTITIONS
        self._used[partition] += len(key) + len(value) + _OVERHEAD
        if self._used[partition] > LIMIT:
            raise OverflowError(f"partition {partition} of the demo's broker would hold more than {LIMIT} bytes")
        self._producer.produce(
            topic, value, key, partition, on_delivery=self._delivered, timestamp=int(at.timestamp() * 1000)
        )
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until everything queued is stored. Raises OSError naming the first record that is not."""
        left = self._producer.flush(10)
        if left or self._failed:
            raise OSError(f"the demo's broker refused a record: {self._failed[0] if self._failed else 'no answer'}")

    def close(self) -> None:
        """Librdkafka takes the broker down together with its producer."""
        self._producer.purge()
        self._producer.flush(1)
        del self._producer

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failed.append(str(error))
