"""`innerloop drill`: a marked test response through the real pipe, against the clock."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from worker.cli import opening, output
from worker.cli.lazy import FOUND_SOMETHING
from worker.clock import Clock, SystemClock
from worker.errors import ConfigError, NotFound, StoreUnavailable

if TYPE_CHECKING:
    from worker.settings import Settings
    from worker.store.engine import Store

T = TypeVar("T")
SOURCE = "innerloop-drill"
_LOOK_SECONDS = 0.25


@click.command(name="drill")
@click.option("--within", default=60, show_default=True, metavar="SECONDS", help="How long the whole way may take.")
@click.option("--topic", metavar="NAME", help="Where to write it. Default: the first of INNERLOOP_KAFKA_TOPICS.")
@click.option("--metrics-file", type=click.Path(path_type=Path), help="Also write the result for node_exporter.")
@click.option("--json", "as_json", is_flag=True, help="One object.")
@click.pass_context
def command(ctx: click.Context, within: int, topic: str | None, metrics_file: Path | None, as_json: bool) -> None:
    """Send a test response through Kafka, the rules, the store and a message to ops, and time each step.

    It is marked as a test: no customer, no owner and no figure ever sees it. Needs a running worker. Ends with 1 when
    it did not arrive in time, saying how far it came.
    """
    settings = opening.settings()
    with opening.store() as store:
        drill = Drill(store, SystemClock(), within)
        drill.run(settings, topic or settings.kafka_topics[0])
    if metrics_file is not None:
        _write_metrics(metrics_file, drill)
    if as_json:
        output.write_json(drill.as_json())
    else:
        _write(drill)
    ctx.exit(0 if drill.arrived else FOUND_SOMETHING)


@dataclass(slots=True)
class Drill:
    """One drill. `steps` are the seconds from its start to each thing that happened; `missing` is what did not."""

    store: Store
    clock: Clock
    within: float
    id: str = field(default_factory=lambda: f"drill-{secrets.token_hex(6)}")
    steps: dict[str, float] = field(default_factory=dict)
    missing: str | None = None
    note: str | None = None
    _began: float = 0.0

    @property
    def arrived(self) -> bool:
        return self.missing is None

    @property
    def seconds(self) -> float:
        return max(self.steps.values(), default=0.0)

    def as_json(self) -> dict[str, Any]:
        return {"ok": self.arrived, "id": self.id, "steps": self.steps, "missing": self.missing, "note": self.note}

    def run(self, settings: Settings, topic: str) -> None:
        """Go all the way, or as far as it goes in time. Raises ConfigError where nothing can be written to Kafka."""
        self._began = self.clock.monotonic()
        send(settings, topic, self.id, self._event())
        self._done("written to Kafka")
        row = self._await("read and decided", self._decided)
        if row is None:
            return
        follow_up = row["follow_up"]
        causes = self._told(follow_up)
        if self._await("delivered to ops", lambda: self._delivered(causes)) is not None and follow_up:
            self._cancel(int(follow_up))

    def _event(self) -> bytes:
        event = {
            "id": self.id, "source": SOURCE, "metric": "nps", "score": 0, "test": True,
            "comment": "Drill. A test by ops. No customer is waiting.", "language": "en",
            "responded_at": self.clock.now().isoformat(),
        }  # fmt: skip
        return json.dumps(event).encode()

    def _await(self, step: str, look: Callable[[], T | None]) -> T | None:
        """Look until there is something; None and `missing` when the time is up."""
        pause = threading.Event()
        while self.clock.monotonic() - self._began < self.within:
            found = self._looked(look)
            if found is not None:
                self._done(step)
                return found
            pause.wait(_LOOK_SECONDS)
        self.missing = step
        return None

    def _looked(self, look: Callable[[], T | None]) -> T | None:
        try:
            return look()
        except (NotFound, StoreUnavailable):
            return None

    def _done(self, step: str) -> None:
        self.steps[step] = round(self.clock.monotonic() - self._began, 3)

    def _decided(self) -> Mapping[str, Any] | None:
        from worker.store.listing import response_row

        with self.store.read() as conn:
            row = response_row(conn, f"{SOURCE}/{self.id}")
        return row if row["decision"] else None

    def _told(self, follow_up: str | None) -> str:
        """The beginning of the causes of the notices that must arrive.

        Rules may well ignore tests; then ops are told by a notice of the drill's own, so that sending is tried, too.
        """
        from worker.notify import ops
        from worker.store import notices

        if follow_up is not None:
            return f"follow-up/{follow_up}/"
        told = ops.notice(
            "drill", self.id, self.clock.now(),
            broke="Nothing. This is a drill: a test response went through the whole pipe.",
            works="Kafka, the rules and the store; this message shows that sending works, too.",
            todo="Nothing. No customer is waiting.",
        )  # fmt: skip
        with self.store.write() as conn:
            notices.add(conn, [told], self.clock.now())
        return told.cause

    def _delivered(self, cause: str) -> bool | None:
        """True once every notice has ended well; None as long as one waits."""
        from sqlalchemy import select

        from worker.store.schema import notices

        with self.store.read() as conn:
            c = notices.c
            rows = conn.execute(select(c.state, c.reason).where(c.cause.startswith(cause, autoescape=True))).all()
        if not rows or any(row.state == "pending" for row in rows):
            return None
        self.note = next((row.reason for row in rows if row.state != "delivered"), None)
        return True if any(row.state == "delivered" for row in rows) else None

    def _cancel(self, follow_up: int) -> None:
        """A drill leaves nothing open behind."""
        from worker.cli import rule_files
        from worker.followup.service import Service

        live = rule_files.in_use(self.store, opening.settings())
        Service(self.store, lambda: live, self.clock).cancel(follow_up, by="drill", via="cli", note="the drill is over")


def send(settings: Settings, topic: str, key: str, value: bytes) -> None:
    """Write one record and wait until it is stored. Raises ConfigError."""
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    from worker.ingest.client import Timing, check_certificates, options

    if not settings.kafka_bootstrap_servers:
        raise ConfigError("INNERLOOP_KAFKA_BOOTSTRAP_SERVERS is not set, and a drill goes through Kafka.")
    check_certificates(settings)
    known = {name: value for name, value in options(settings, Timing()).items() if name in KafkaProducer.DEFAULT_CONFIG}
    try:
        producer = KafkaProducer(**known, acks="all", retries=3)
        try:
            producer.send(topic, key=key.encode(), value=value).get(timeout=15)
        finally:
            producer.close(timeout=5)
    except (KafkaError, OSError) as error:
        raise ConfigError(f"Nothing could be written to {topic}: {error}. `innerloop doctor` says more.") from None


def _write(drill: Drill) -> None:
    out = output.console()
    for step, seconds in drill.steps.items():
        out.print(output.gutter(f"{seconds:.2f} s", step))
    if drill.missing:
        out.print(
            output.gutter("Missing", f"not {drill.missing} within {drill.within} s. Is a worker running and ready?")
        )
        if drill.note:
            out.print(output.gutter("Because", drill.note))
    else:
        out.print(output.gutter("Arrived", f"{drill.id}, all the way in {drill.seconds:.2f} s."))


def _write_metrics(path: Path, drill: Drill) -> None:
    """Gauges of this drill for node_exporter's textfile collector."""
    from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

    registry = CollectorRegistry()
    for name, text, value in (
        ("success", "1 when the last drill arrived in time.", float(drill.arrived)),
        ("seconds", "How long the last drill took, as far as it came.", drill.seconds),
        ("timestamp_seconds", "When the last drill ended.", drill.clock.now().timestamp()),
    ):
        Gauge(f"innerloop_drill_{name}", text, registry=registry).set(value)
    write_to_textfile(str(path), registry)
