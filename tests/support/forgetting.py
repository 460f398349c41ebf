"""Looking for what must be gone: every value of every table, as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from tests.support.flow import Flow
from worker.followup.erasing import Erasing
from worker.followup.service import Service
from worker.ingest.reader import customer_key
from worker.store import persons
from worker.store.dead_letters import Seal
from worker.store.engine import Store
from worker.store.persons import Person
from worker.store.schema import metadata

SEAL = Seal(["k" * 32])  # the one of Flow
# Columns that hold who a customer is, what they said, or what people wrote about them.
PERSONAL = frozenset(
    {
        "responses.customer_key", "responses.contact", "versions.content", "dead_letters.excerpt",
        "dead_letters.sealed", "follow_ups.customer_key", "follow_ups.dedupe_key", "follow_ups.closing", "history.note",
    }
)  # fmt: skip


def everything(store: Store) -> str:
    """All rows of all tables. What is sealed is opened."""
    with store.read() as conn:
        rows = [row for table in metadata.sorted_tables for row in conn.execute(select(table)).all()]
    return "\n".join(str(_opened(value)) for row in rows for value in row)


def columns_with(store: Store, words: Iterable[str]) -> set[str]:
    """Where any of the words stands, as `table.column`."""
    held = set()
    with store.read() as conn:
        for table in metadata.sorted_tables:
            for row in conn.execute(select(table)).mappings():
                held |= {f"{table.name}.{name}" for name, value in row.items() if _holds(value, words)}
    return held


def _holds(value: Any, words: Iterable[str]) -> bool:
    text = str(_opened(value)).lower()
    return any(word.lower() in text for word in words)


def traces(store: Store, words: Iterable[str]) -> list[str]:
    """Those of the words that stand anywhere in the store."""
    text = everything(store).lower()
    return [word for word in words if word.lower() in text]


def found(flow: Flow, who: str, seal: Seal | None = SEAL) -> Person:
    with flow.store.read() as conn:
        return persons.find(conn, who, lambda address: str(customer_key("", None, address, b"test")), seal)


def erase(flow: Flow, who: str) -> Person:
    """What `innerloop people erase WHO --yes` does."""
    person = found(flow, who)
    service = Service(flow.store, lambda: flow.live, flow.clock)
    erasing = Erasing(flow.store, service, flow.clock, flow.live.reader.mark_of)
    erasing.run(person, by="bo", revision=flow.live.revision)
    return person


def _opened(value: Any) -> Any:
    return SEAL.open(value) or value if isinstance(value, bytes) else value
