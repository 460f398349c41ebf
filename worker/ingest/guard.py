"""Guards for two habits of the client that would hide what is wrong.

After a batch that cannot be decoded, kafka-python 3.0 keeps the broken batch as the next one to drain: its decoder is
a dead generator then, and every further `poll()` spins for ever. The guard lets go of the batch, so that each poll
raises instead, and says where it lies.

A broker that refuses a sign-in says so and hangs up. When both arrive together, the client throws the words away and
reports a lost connection, so that a wrong password looks like a network fault every other time. The guarded network
reads the words first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.net.compat import KafkaNetClient


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
    consumer._fetcher.PartitionRecords = GuardedRecords


def place_of(error: Exception) -> tuple[TopicPartition, int] | None:
    """Partition and offset of what could not be decoded; None for every other error."""
    at: tuple[TopicPartition, int] | None = getattr(error, "at", None)
    return at


def network(**given: Any) -> KafkaNetClient:
    """What a client takes as `kafka_client`: its own network, which reads a broker's last words."""
    made = KafkaNetClient(**given)
    build = made._manager._build_transport

    async def build_transport(*args: Any, **named: Any) -> Any:
        transport = await build(*args, **named)
        transport._sock_recv = functools.partial(_words_first, transport._sock_recv)
        return transport

    made._manager._build_transport = build_transport
    return made


def _words_first(receive: Callable[[], tuple[bytes, Exception | None]]) -> tuple[bytes, Exception | None]:
    """An end that came with words waits for the next look: it will still be there."""
    words, end = receive()
    return words, None if words else end
