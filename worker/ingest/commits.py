"""Offsets committed to Kafka: a hint for whoever places these partitions next. The store's head is the truth."""

from __future__ import annotations

from collections.abc import Callable

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from worker import log, metrics
from worker.ingest import client
from worker.ingest.client import Timing

_log = log.get(__name__)


class Commits:
    """At most one a second; none for five seconds after one that failed, since it may have blocked the loop."""

    def __init__(self, consumer: KafkaConsumer, timing: Timing, monotonic: Callable[[], float]) -> None:
        self._consumer = consumer
        self._timing = timing
        self._monotonic = monotonic
        self._waiting: dict[TopicPartition, int] = {}
        self._next = 0.0

    def note(self, at: TopicPartition, offset: int) -> None:
        """Everything before `offset` is stored."""
        self._waiting[at] = offset

    def commit(self, *, final: bool = False) -> None:
        """Commit what was noted, if it is time. Raises ConfigError for fencing and missing permission."""
        if not self._waiting or (self._monotonic() < self._next and not final):
            return
        ours = self._consumer.assignment()
        offsets = {at: OffsetAndMetadata(offset, "", -1) for at, offset in self._waiting.items() if at in ours}
        self._waiting.clear()
        try:
            if offsets:
                self._consumer.commit(offsets, timeout_ms=int(self._timing.request * 1000))
            self._next = self._monotonic() + self._timing.commit_every
        except Exception as error:  # noqa: BLE001  # a hint that cannot be left is no reason to stop
            self._failed(error, final)

    def _failed(self, error: Exception, final: bool) -> None:
        if (clear := client.fatal(error)) and not final:
            raise clear from error
        metrics.COMMIT_FAILURES.inc()
        _log.info("offsets not committed; the store has them", error=repr(error))
        self._next = self._monotonic() + self._timing.commit_pause
