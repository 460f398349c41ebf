"""Finding the end of what cannot be decoded, by reading at later offsets: first in growing steps, then by halves."""

from __future__ import annotations

from collections.abc import Callable

from kafka import KafkaConsumer, TopicPartition

from worker.ingest import client
from worker.ingest.guard import place_of

_PROBE_SECONDS = 2.0


class Interrupted(Exception):
    """The search could not be finished now: no broker, or the partition is no longer ours."""


def first_readable(can_read: Callable[[int], bool], start: int, end: int) -> int:
    """The first offset in (start, end) that can be read, or `end` when there is none. `start` itself cannot."""
    good, step = end, 1
    while start + step < end:
        if can_read(start + step):
            good = start + step
            break
        step *= 2
    bad = start
    while good - bad > 1:
        middle = (bad + good) // 2
        if can_read(middle):
            good = middle
        else:
            bad = middle
    return good


def prober(consumer: KafkaConsumer, at: TopicPartition, monotonic: Callable[[], float]) -> Callable[[int], bool]:
    """Reads at one offset of `at`, which is the only partition not paused meanwhile. Raises Interrupted."""

    def can_read(offset: int) -> bool:
        if client.position(consumer, at) is None:
            raise Interrupted
        client.seek(consumer, at, offset)
        deadline = monotonic() + _PROBE_SECONDS
        while monotonic() < deadline:
            try:
                if consumer.poll(timeout_ms=100, max_records=1) or _moved(consumer, at, offset):
                    return True
            except Exception as error:  # noqa: BLE001  # decoders raise what they like
                return _judge(error, at)
        raise Interrupted

    return can_read


def _moved(consumer: KafkaConsumer, at: TopicPartition, offset: int) -> bool:
    """Markers of transactions are read too, and bring no record."""
    now = client.position(consumer, at)
    return now is not None and now > offset


def _judge(error: Exception, at: TopicPartition) -> bool:
    place = place_of(error)
    if place is None or place[0] != at:
        raise Interrupted from error
    return False
