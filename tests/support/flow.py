"""A pipeline on a real store, fed by hand: what Kafka would bring, without Kafka."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tests.support.clock import MovableClock
from worker.ingest.records import Batch, Record, Slice
from worker.pipeline import Pipeline
from worker.ruleset import LiveSet, compose, read_files
from worker.store.dead_letters import Seal
from worker.store.engine import Store
from worker.store.schema import metadata

TOPIC = "feedback.responses"

ROUTING = """
format: 1
timezone: Europe/Berlin
rules:
  - id: urgent
    name: Legal threats go to the desk
    when: {response.comment: {mentions: [solicitor]}}
    then: {open: complaint, priority: urgent}
  - id: repeat
    name: A second bad score in 90 days goes to the manager
    when: {response.class: detractor, history.detractors_90d: at least 1}
    then: {open: recover, owner: manager, priority: high}
  - id: any-detractor
    name: Every other detractor goes to the agent
    when: {response.class: detractor}
    then: {open: recover}
  - id: rest
    name: No follow-up needed
    when: always
    then: {ignore: not a detractor}
"""

PLAYBOOKS = """
format: 1
playbooks:
  recover:
    name: Win the customer back
    owner: [agent, manager]
    due: 1 business day
    if_already_open: raise_priority
    reopen_within: 14 days
    to_close: [root_cause, action, outcome]
  complaint: {name: Answer the complaint, owner: ["person:hana"], due: 2 business hours}
"""

DIRECTORY = """
format: 1
default_owner: "person:bo"
default_calendar: berlin
calendars:
  berlin: {timezone: Europe/Berlin, hours: {mon-fri: ["09:00-17:30"]}}
teams:
  billing: {lead: bo, calendar: berlin}
people:
  ana: {name: Ana Keller, email: ana@example.com, slack: U01ANA, known_as: [a-417], team: billing, manager: bo}
  bo: {name: Bo Marsh, email: bo@example.com, team: billing}
  hana: {name: Hana Vogel, email: hana@example.com, team: billing}
"""

RULES = {"routing.yaml": ROUTING, "playbooks.yaml": PLAYBOOKS, "directory.yaml": DIRECTORY}


def live_set(rules: Mapping[str, str] = RULES) -> LiveSet:
    """The rules as text, with the shipped templates, composed as the program does it."""
    shipped = read_files(Path("rules"), Path("templates"))
    files = {name: content for name, content in shipped.items() if name.startswith("templates/")}
    files |= {f"rules/{name}": text.encode() for name, text in rules.items()}
    verdict = compose(files, reachable=lambda _: True, hash_key=b"test")
    assert verdict.live is not None, verdict.findings
    return verdict.live


class Flow:
    """Feeds events to a pipeline, one partition's offsets counting up by themselves."""

    def __init__(self, store: Store, clock: MovableClock, live: LiveSet | None = None) -> None:
        self.store = store
        self.clock = clock
        self.live = live or live_set()
        self.woken = 0
        self._next: dict[int, int] = {}
        self.pipeline = Pipeline(
            store, lambda: self.live, clock, alert_max_age=timedelta(days=7), seal=Seal(["k" * 32]), told=self._wake
        )

    def _wake(self) -> None:
        self.woken += 1

    def event(self, named: str = "r-1", score: int | None = 2, minutes_ago: int = 5, **fields: Any) -> dict[str, Any]:
        """One event of a known customer about Ana's call."""
        return {
            "id": named,
            "source": "ccaas",
            "metric": "nps",
            "score": score,
            "responded_at": (self.clock.now() - timedelta(minutes=minutes_ago)).isoformat(),
            "customer": {"id": "c-77", "name": "Ines Ferrer", "email": "ines@example.com"},
            "interaction": {"id": "i-9", "agent": "a-417"},
            **fields,
        }

    def records(self, *values: Any, partition: int = 0, at: int | None = None) -> Batch:
        """A batch of one partition. A value is an event, raw bytes, or None for a tombstone."""
        first = self._next.get(partition, 0) if at is None else at
        records = tuple(
            Record(
                topic=TOPIC, partition=partition, offset=first + n, incarnation="t1", timestamp=self.clock.now(),
                value=value if value is None or isinstance(value, bytes) else json.dumps(value).encode(),
            )
            for n, value in enumerate(values)
        )  # fmt: skip
        end = first + len(records)
        self._next[partition] = max(self._next.get(partition, 0), end)
        return Batch(
            slices=(Slice(topic=TOPIC, partition=partition, incarnation="t1", first=first, next=end, records=records),)
        )

    def feed(self, *values: Any, partition: int = 0) -> Batch:
        """Make a batch and let the pipeline write it."""
        batch = self.records(*values, partition=partition)
        self.pipeline.process(batch)
        return batch

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """These columns of every row, in the order of the primary key."""
        found = metadata.tables[table]
        order = [*found.primary_key.columns]
        with self.store.read() as conn:
            return [tuple(row) for row in conn.execute(select(*(found.c[c] for c in columns)).order_by(*order))]

    def now(self) -> datetime:
        return self.clock.now()
