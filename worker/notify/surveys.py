"""Asking once more: when a loop is closed, the survey tool can hear of it as a CloudEvent on a Kafka topic.

The event is written as a notice in the transaction that closes, and published afterwards, at least once: whoever
reads the topic knows a repeated one by its id. It holds no way to reach the customer; the survey tool has its own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from worker import log
from worker.clock import Clock
from worker.ingest.client import Timing, check_certificates, end_producer, let_go, open_client, options
from worker.ingest.clientlog import ClientLog
from worker.settings import Settings
from worker.store import notices
from worker.store.engine import Store

TYPE = "innerloop.recovery_survey"
_AT_ONCE = 100
_TIMING = Timing(bootstrap=5)
_SECONDS = 5.0  # for what is sent at once; a stop waits for it
_log = log.get(__name__)


class Surveys:
    """Publishes what waits for the survey tool. Any number of workers may run it: what one has taken, others leave."""

    def __init__(
        self, store: Store, settings: Settings, clock: Clock, timing: Timing = _TIMING, seconds: float = _SECONDS
    ) -> None:
        self._store = store
        self._timing = timing
        self._seconds = seconds
        self._settings = settings
        self._clock = clock
        self._producer: KafkaProducer | None = None
        self._said: str | None = None

    def run(self) -> int:
        """Publish what is due. Gives how many the brokers have stored; the others wait for the next time."""
        with self._store.read() as conn:
            if notices.unpublished_since(conn, self._clock.now()) is None:
                return 0
        with self._store.write() as conn:
            taken = notices.take_for_surveys(conn, self._clock.now(), _AT_ONCE)
        stored = self._publish(taken) if taken else []
        with self._store.write() as conn:
            notices.published(conn, stored, self._clock.now())
            notices.give_back(conn, [one.id for one in taken if one.id not in stored])
        return len(stored)

    def close(self) -> None:
        """Let go of the brokers, and of what the producer still holds."""
        if self._producer is None:
            return
        end_producer(self._producer, self._seconds)
        self._producer = None
        let_go()

    def _publish(self, taken: Sequence[notices.Notice]) -> list[int]:
        sent: dict[int, Any] = {}
        problem: Exception | None = None
        try:
            self._producer = self._producer or self._connect()
            for one in taken:
                sent[one.id] = self._send(self._producer, one)
        except (KafkaError, OSError) as error:
            problem = error
        ends = time.monotonic() + self._seconds
        for future in sent.values():
            try:
                future.get(timeout=max(ends - time.monotonic(), 0))
            except KafkaError as error:
                problem = error
        stored = [number for number, future in sent.items() if future.succeeded()]
        if problem is not None:
            self.close()  # it would go on trying beside us, and publish everything once more
        self._say(len(taken) - len(stored), problem)
        return stored

    def _say(self, waiting: int, problem: Exception | None) -> None:
        """When it begins to fail, fails in another way, or works again."""
        why = repr(problem) if waiting else None
        topic = self._settings.kafka_events_topic
        if why is not None and why != self._said:
            _log.warning("recovery surveys wait for Kafka", topic=topic, waiting=waiting, problem=why)
        elif why is None and self._said is not None:
            _log.info("recovery surveys are published again", topic=topic)
        self._said = why

    def _send(self, producer: KafkaProducer, one: notices.Notice) -> Any:
        return producer.send(
            self._settings.kafka_events_topic,
            key=f"F-{one.follow_up_id}".encode(),
            value=msgspec.json.encode(event(one)),
            headers=[("content-type", b"application/cloudevents+json")],
        )

    def _connect(self) -> KafkaProducer:
        ClientLog.install()
        check_certificates(self._settings)
        known = options(self._settings, self._timing)
        ours = {name: value for name, value in known.items() if name in KafkaProducer.DEFAULT_CONFIG}
        return open_client(
            KafkaProducer, {**ours, "acks": "all", "retries": 3, "max_block_ms": int(self._seconds * 1000)}
        )


def event(one: notices.Notice) -> dict[str, Any]:
    """The CloudEvent, in its structured form."""
    return {
        "specversion": "1.0",
        "id": one.cause,
        "source": "innerloop",
        "type": TYPE,
        "subject": f"F-{one.follow_up_id}",
        "time": one.created_at.isoformat(),
        "datacontenttype": "application/json",
        "data": dict(one.data),
    }
