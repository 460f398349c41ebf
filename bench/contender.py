"""One way to read a topic, in a process of its own, and what it cost: a line of JSON on stdout.

python -m bench.contender decode|rows|job BOOTSTRAP TOPIC EVENTS [STORE_URL [RULES_DIRECTORY]]

The first batch is warm-up; processor time is that of the whole process from its end on.
"""

from __future__ import annotations

import json
import resource
import secrets
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import psycopg
from kafka import KafkaConsumer
from pydantic import AwareDatetime, BaseModel, Field

from worker import log
from worker.clock import SystemClock
from worker.ingest.kafka import KafkaReader
from worker.ingest.records import Batch, Head, Partition, Pause
from worker.pipeline import Pipeline
from worker.settings import load

BATCH = 1000


class Meter:
    """Counts events and takes the time from the end of the first batch on."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._seen = self._warm = 0
        self._began = (0.0, 0.0)
        self.done = threading.Event()

    def add(self, events: int) -> None:
        self._seen += events
        if not self._warm and events:
            self._warm, self._began = self._seen, (time.process_time(), time.monotonic())
        if self._seen >= self._wanted and not self.done.is_set():
            self.say()
            self.done.set()

    def say(self) -> None:
        counted = self._seen - self._warm
        cpu, wall = time.process_time() - self._began[0], time.monotonic() - self._began[1]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"cpu_us": cpu / counted * 1e6, "per_second": counted / wall, "peak_mb": peak}), flush=True)


# (a) and (b): the loops a user would write -------------------------------------------------------------------------


class Value(BaseModel):
    amount: int | float
    currency: str | None = None


class Wish(BaseModel):
    prefer: str | None = None
    window: str | None = None
    timezone: str | None = None


class Customer(BaseModel):
    id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    language: str | None = None
    country: str | None = None
    tier: str | None = None
    segment: str | None = None
    persona: str | None = None
    value: Value | None = None
    account_manager: str | None = None
    may_contact: bool | None = None
    contact: Wish | None = None
    attributes: dict[str, Any] = {}


class Interaction(BaseModel):
    id: str | None = None
    channel: str | None = None
    agent: str | None = None
    team: str | None = None
    unit: str | None = None
    brand: str | None = None
    product: str | None = None
    region: str | None = None
    ended_at: AwareDatetime | None = None
    wait_seconds: int | float | None = None
    transfers: int | None = None
    url: str | None = None


class Event(BaseModel):
    """The event of the reference, as a user of pydantic would write it down."""

    id: str
    source: str
    survey: str | None = None
    metric: str | None = None
    score: int | None = Field(default=None, ge=0, le=10)
    comment: str | None = None
    question: str | None = None
    answers: dict[str, Any] = {}
    status: Literal["final", "partial"] = "final"
    responded_at: AwareDatetime
    updated_at: AwareDatetime | None = None
    language: str | None = None
    comment_translated: str | None = None
    callback_requested: bool | None = None
    public: bool = False
    test: bool = False
    customer: Customer = Customer()
    interaction: Interaction = Interaction()
    attributes: dict[str, Any] = {}


Row = tuple[str, str, str | None, int | None, str | None, str, str]
_CREATE = (
    "CREATE TABLE plain (source text, id text, customer text, score integer, comment text, responded_at text, "
    "body text, PRIMARY KEY (source, id))"
)


def polls(bootstrap: str, topic: str, meter: Meter) -> Iterator[list[bytes]]:
    """The values of one poll after the other; offsets are committed once the caller is done with them."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=f"bench-{secrets.token_hex(4)}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    while not meter.done.is_set():
        found = consumer.poll(timeout_ms=500, max_records=BATCH)
        values = [record.value for records in found.values() for record in records]
        yield values
        if values:
            consumer.commit()
    consumer.close()


def decode(bootstrap: str, topic: str, meter: Meter) -> None:
    for values in polls(bootstrap, topic, meter):
        for value in values:
            json.loads(value)
        meter.add(len(values))


def rows(bootstrap: str, topic: str, meter: Meter, url: str) -> None:
    write = _sqlite(url) if url.startswith("sqlite") else _postgresql(url)
    for values in polls(bootstrap, topic, meter):
        if values:
            write([_row(Event.model_validate(json.loads(value))) for value in values])
        meter.add(len(values))


def _row(event: Event) -> Row:
    return (
        event.source, event.id, event.customer.id, event.score, event.comment, event.responded_at.isoformat(),
        event.model_dump_json(exclude_none=True),
    )  # fmt: skip


def _sqlite(url: str) -> Callable[[Sequence[Row]], None]:
    conn = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    conn.execute("PRAGMA journal_mode=WAL")
    conn.execute("PRAGMA synchronous=FULL")
    conn.execute(_CREATE)

    def write(batch: Sequence[Row]) -> None:
        conn.execute("BEGIN IMMEDIATE")
        conn.executemany("INSERT INTO plain VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", batch)
        conn.execute("COMMIT")

    return write


def _postgresql(url: str) -> Callable[[Sequence[Row]], None]:
    conn = psycopg.connect(url)
    conn.execute(_CREATE)

    def write(batch: Sequence[Row]) -> None:
        with conn.cursor() as cursor:
            cursor.executemany("INSERT INTO plain VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING", batch)
        conn.commit()

    return write


# (c): the whole job ------------------------------------------------------------------------------------------------


class Counted:
    """The pipeline as a sink that counts."""

    def __init__(self, pipeline: Pipeline, meter: Meter) -> None:
        self._pipeline = pipeline
        self._meter = meter

    def heads(self, topics: Collection[str]) -> Mapping[Partition, Head]:
        return self._pipeline.heads(topics)

    def process(self, batch: Batch) -> Sequence[Pause] | None:
        pauses = self._pipeline.process(batch)
        self._meter.add(sum(len(part.records) for part in batch.slices))
        return pauses

    def start_partition(self, topic: str, partition: int, incarnation: str, offset: int, reason: str) -> None:
        self._pipeline.start_partition(topic, partition, incarnation, offset, reason)

    def gap(self, topic: str, partition: int, incarnation: str, from_: int, to: int, reason: str) -> None:
        self._pipeline.gap(topic, partition, incarnation, from_, to, reason)


def job(bootstrap: str, topic: str, meter: Meter, url: str, directory: str) -> None:
    """`innerloop run --only consume`, with its reader's sink counted."""
    from worker.app import build, collect_seldom  # noqa: PLC0415 - the plain loops must not pay for our imports

    log.configure("error", "json")
    settings = load(
        {
            "INNERLOOP_STORE_URL": url,
            "INNERLOOP_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "INNERLOOP_KAFKA_TOPICS": topic,
            "INNERLOOP_RULES_DIR": str(Path(directory) / "rules"),
            "INNERLOOP_TEMPLATES_DIR": str(Path(directory) / "templates"),
            "INNERLOOP_HTTP_LISTEN": "127.0.0.1:0",
            "INNERLOOP_SECRET_KEYS": "k" * 32,
            "INNERLOOP_LOG_LEVEL": "error",
        }
    )
    app = build(settings, roles=frozenset({"consume"}))
    collect_seldom()
    app.kafka = KafkaReader(settings, Counted(app.pipeline, meter), SystemClock())
    app.start(on_failure=lambda _: meter.done.set())  # nothing on stdout: the caller sees that it failed
    meter.done.wait(300)
    app.stop()


def main() -> None:
    kind, bootstrap, topic, events, *more = sys.argv[1:]
    {"decode": decode, "rows": rows, "job": job}[kind](bootstrap, topic, Meter(int(events)), *more)  # type: ignore[operator]


if __name__ == "__main__":
    main()
