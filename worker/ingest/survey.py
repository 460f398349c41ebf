"""A look at the brokers every few seconds: whether they answer, how far behind we are, which topics are there.

`poll()` on dead brokers looks like `poll()` on an idle topic; only a question that needs an answer tells them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import kafka.errors
from kafka import KafkaConsumer, TopicPartition

from worker import log, metrics
from worker.ingest import client
from worker.ingest.holdings import Holdings, Reading
from worker.ingest.placing import of_topic

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """`recreated` are partitions whose topic is no longer the one they were placed on."""

    reachable: bool
    missing: tuple[str, ...] = ()
    lag: int | None = None
    recreated: tuple[TopicPartition, ...] = ()


def survey(consumer: KafkaConsumer, topics: Sequence[str], holdings: Holdings, now: datetime, timeout: float) -> Seen:
    """Ask, set the gauges, and tell. Takes at most 2 * `timeout` seconds."""
    try:
        client.refresh_metadata(consumer, timeout)
        ends = client.ends(consumer, list(holdings.placed), timeout)
    except kafka.errors.KafkaError as error:
        _log.warning("brokers cannot be reached", error=repr(error))
        metrics.KAFKA_REACHABLE.set(0)
        client.let_go()
        return Seen(reachable=False)
    metrics.KAFKA_REACHABLE.set(1)
    return Seen(
        reachable=True,
        missing=tuple(topic for topic in topics if not client.partitions(consumer, topic)),
        lag=_measure(consumer, holdings, ends, now),
        recreated=tuple(at for at, reading in holdings.placed.items() if is_another(consumer, reading)),
    )


def is_another(consumer: KafkaConsumer, reading: Reading) -> bool:
    """Whether the topic of this name is no longer the one that is being read, as far as is known here."""
    found = client.topic_id(consumer, reading.at.topic)
    return bool(found) and found != of_topic(reading.incarnation)


def _measure(consumer: KafkaConsumer, holdings: Holdings, ends: dict[TopicPartition, int], now: datetime) -> int:
    metrics.LAG.clear()
    metrics.BEHIND_OPEN_TRANSACTION.clear()
    behind, oldest = 0, 0.0
    for at, reading in holdings.placed.items():
        lag = max(0, ends[at] - reading.position)
        behind += lag
        if not lag:
            reading.read_until = now
        elif reading.read_until:
            oldest = max(oldest, (now - reading.read_until).total_seconds())
        metrics.LAG.labels(at.topic, str(at.partition)).set(lag)
        hidden = max(0, (consumer.highwater(at) or 0) - ends[at])
        metrics.BEHIND_OPEN_TRANSACTION.labels(at.topic, str(at.partition)).set(hidden)
    metrics.OLDEST_UNREAD_SECONDS.set(oldest)
    return behind
