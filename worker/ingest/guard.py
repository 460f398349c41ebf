"""A guard for the client's decoding.

After a batch that cannot be decoded, kafka-python 3.0 keeps the broken batch as the next one to drain: its decoder is
a dead generator then, and every further `poll()` spins for ever. The guard lets go of the batch, so that each poll
raises instead, and says where it lies.
"""

from __future__ import annotations

from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import Fetcher


class GuardedRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # the client is untyped
    """One partition's part of a fetch, which drops what it cannot decode."""

    def take(self, n: int | None = None) -> list[Any]:
        try:
            return list(super().take(n))
        except Exception as error:
            error.at = (self.topic_partition, self.next_fetch_offset)  # type: ignore[attr-defined]
            self.drain()
            raise


def guard(consumer: KafkaConsumer) -> None:
    """Make this consumer raise at each poll for a batch it cannot decode."""
    consumer._fetcher.PartitionRecords = GuardedRecords  # noqa: SLF001  # there is no other door


def place_of(error: Exception) -> tuple[TopicPartition, int] | None:
    """Partition and offset of what could not be decoded; None for every other error."""
    at: tuple[TopicPartition, int] | None = getattr(error, "at", None)
    return at
