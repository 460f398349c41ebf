"""A KafkaReader in a thread, with short waits, and everything a test wants to know of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.support.kafka.cluster import Kafka
from tests.support.waiting import until
from worker import settings
from worker.clock import SystemClock
from worker.ingest.client import Timing
from worker.ingest.kafka import KafkaReader, Status
from worker.ingest.records import Sink

# As in life, but short: the broker of the tests allows sessions of a second.
QUICK = Timing(
    poll=0.1, session=3, heartbeat=0.3, poll_interval=6, metadata_age=1, bootstrap=5, survey=0.5, commit_every=0.1,
    commit_pause=0.5, look_again=0.2, unreadable_after=1, backoff=0.1, backoff_max=0.5, storm=0.2,
)  # fmt: skip


def numbers(first: int, beyond: int) -> list[bytes]:
    """Values that sort as they were written."""
    return [b"%06d" % n for n in range(first, beyond)]


class ReaderThread:
    """Starts at once. Leaving the block stops it; an error of the loop is raised there."""

    def __init__(
        self,
        kafka: Kafka,
        sink: Sink,
        *topics: str,
        group: str,
        timing: Timing = QUICK,
        env: Mapping[str, str] | None = None,
    ) -> None:
        values = {**kafka.settings(), "INNERLOOP_KAFKA_TOPICS": ",".join(topics), "INNERLOOP_KAFKA_GROUP_ID": group}
        self.reader = KafkaReader(settings.load({**values, **(env or {})}), sink, SystemClock(), timing=timing)
        self.stop = threading.Event()
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"reader {group}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.reader.run(self.stop)
        except Exception as error:  # noqa: BLE001  # told where the test waits
            self.error = error

    @property
    def status(self) -> Status:
        if self.error:
            raise self.error
        return self.reader.status()

    def until_joined(self, partitions: int | None = None, timeout: float = 20) -> None:
        def joined() -> bool:
            status = self.status
            return status.joined and (partitions is None or status.partitions == partitions)

        until(joined, timeout, what="the group")

    def join(self, timeout: float = 20) -> None:
        self.stop.set()
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "the reader did not stop"

    def __enter__(self) -> ReaderThread:
        return self

    def __exit__(self, *_: Any) -> None:
        self.join()
        if self.error and not _[0]:
            raise self.error


def read_until_idle(kafka: Kafka, sink: Sink, *topics: str, group: str, timing: Timing = QUICK) -> None:
    """One run to the end of the topics, in this thread."""
    values = {**kafka.settings(), "INNERLOOP_KAFKA_TOPICS": ",".join(topics), "INNERLOOP_KAFKA_GROUP_ID": group}
    KafkaReader(settings.load(values), sink, SystemClock(), timing=timing).run_until_idle()


def set_committed(kafka: Kafka, group: str, topic: str, offsets: Mapping[int, int]) -> None:
    """What an operator does with Kafka's own tools while the group is empty."""
    wanted = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, wanted)])[group].result(10)
