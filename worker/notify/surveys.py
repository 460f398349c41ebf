"""Asking once more: when a loop is closed, the survey tool can hear of it as a CloudEvent on a Kafka topic.

The event is written as a notice in the transaction that closes, and published afterwards, at least once: whoever
reads the topic knows a repeated one by its id. It holds no way to reach the customer; the survey tool has its own.
"""

from __future__ import annotations

from typing import Any

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from worker import log
from worker.clock import Clock
from worker.ingest.client import Timing, check_certificates, let_go, open_client, options
from worker.settings import Settings
from worker.store import notices
from worker.store.engine import Store

TYPE = "innerloop.recovery_survey"
_AT_ONCE = 100
_SECONDS = 10.0
_TIMING = Timing()
_log = log.get(__name__)


class Surveys:
    """Publishes what waits for the survey tool. Any number of workers may run it."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, timing: Timing = _TIMING) -> None:
        self._store = store
        self._timing = timing
        self._settings = settings
        self._clock = clock
        self._producer: KafkaProducer | None = None

    def run(self) -> int:
        """Publish what is due. Gives how many the brokers have stored; the others wait for the next time."""
        with self._store.read() as conn:
            due = notices.for_surveys(conn, self._clock.now(), _AT_ONCE)
        stored = self._publish(due) if due else []
        if stored:
            with self._store.write() as conn:
                notices.published(conn, stored, self._clock.now())
        return len(stored)

    def close(self) -> None:
        """Let go of the brokers."""
        if self._producer is not None:
            self._producer.close(timeout=1)
            self._producer = None

    def _publish(self, due: list[notices.Notice]) -> list[int]:
        try:
            self._producer = self._producer or self._connect()
            sent = [(one.id, self._send(self._producer, one)) for one in due]
            self._producer.flush(timeout=_SECONDS)
        except (KafkaError, OSError) as error:
            _log.warning("recovery surveys wait for Kafka", waiting=len(due), problem=type(error).__name__)
            sent = []
            self.close()
        if not sent:
            let_go()
        return [number for number, future in sent if future.succeeded()]

    def _send(self, producer: KafkaProducer, one: notices.Notice) -> Any:
        return producer.send(
            self._settings.kafka_events_topic,
            key=f"F-{one.follow_up_id}".encode(),
            value=msgspec.json.encode(event(one)),
            headers=[("content-type", b"application/cloudevents+json")],
        )

    def _connect(self) -> KafkaProducer:
        check_certificates(self._settings)
        known = options(self._settings, self._timing)
        ours = {name: value for name, value in known.items() if name in KafkaProducer.DEFAULT_CONFIG}
        return open_client(KafkaProducer, {**ours, "acks": "all", "retries": 3, "max_block_ms": int(_SECONDS * 1000)})


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
