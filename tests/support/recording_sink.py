"""A sink that keeps heads, ledger rows and records in SQLite, and can be told to fail."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from worker.errors import StoreUnavailable
from worker.ingest.records import Batch, Head, Partition, Pause, Slice

_SCHEMA = """
CREATE TABLE heads (topic, partition, incarnation, next_offset, paused_reason, PRIMARY KEY (topic, partition));
CREATE TABLE rows (kind, topic, partition, incarnation, first, next, records, reason);
CREATE TABLE records (topic, partition, incarnation, offset, value, UNIQUE (topic, partition, incarnation, offset));
"""


class RecordingSink:
    """The ledger's rules in a few lines: split at the head, rows form a chain, everything in one transaction.

    `before` runs before each transaction that processes a batch: it may raise, wait or kill.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self.before: Callable[[Batch], None] = lambda batch: None
        self.pauses: list[Pause] = []
        self.away = threading.Event()
        new = not path.exists()
        with self._transaction() as db:
            if new:
                db.executescript(_SCHEMA)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        try:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT") if db.in_transaction else None
        finally:
            db.close()

    # What the loop calls

    def heads(self, topics: Collection[str]) -> Mapping[Partition, Head]:
        self._check()
        rows = self.query("SELECT * FROM heads")
        return {
            (row[0], row[1]): Head(incarnation=row[2], next_offset=row[3], paused_reason=row[4])
            for row in rows
            if row[0] in topics
        }

    def process(self, batch: Batch) -> Sequence[Pause]:
        self.before(batch)
        self._check()
        with self._lock, self._transaction() as db:
            for part in batch.slices:
                self._write(db, part)
            return self._take_pauses(db)

    def start_partition(self, topic: str, partition: int, incarnation: str, offset: int, reason: str) -> None:
        self._check()
        with self._lock, self._transaction() as db:
            db.execute("REPLACE INTO heads VALUES (?, ?, ?, ?, NULL)", (topic, partition, incarnation, offset))
            db.execute(
                "INSERT INTO rows VALUES ('start', ?, ?, ?, ?, ?, 0, ?)",
                (topic, partition, incarnation, offset, offset, reason),
            )

    def gap(self, topic: str, partition: int, incarnation: str, from_: int, to: int, reason: str) -> None:
        self._check()
        with self._lock, self._transaction() as db:
            db.execute("REPLACE INTO heads VALUES (?, ?, ?, ?, NULL)", (topic, partition, incarnation, to))
            values = (topic, partition, incarnation, from_, to, reason)
            db.execute("INSERT INTO rows VALUES ('gap', ?, ?, ?, ?, ?, 0, ?)", values)

    def _check(self) -> None:
        if self.away.is_set():
            raise StoreUnavailable

    def _write(self, db: sqlite3.Connection, part: Slice) -> None:
        at = (part.topic, part.partition)
        head = db.execute("SELECT next_offset FROM heads WHERE topic = ? AND partition = ?", at).fetchone()[0]
        below = [record for record in part.records if record.offset < head]
        above = [record for record in part.records if record.offset >= head]
        where = (part.topic, part.partition, part.incarnation)
        if part.first < head:
            self._row(db, "again", where, part.first, min(head, part.next), len(below))
        if part.first > head:
            self._row(db, "unexplained", where, head, part.first, 0)
        if part.next > head:
            self._row(db, "read", where, max(head, part.first), part.next, len(above))
            values = [(*where, record.offset, record.value) for record in above]
            db.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", values)
            db.execute("UPDATE heads SET next_offset = ? WHERE topic = ? AND partition = ?", (part.next, *at))

    def _row(
        self, db: sqlite3.Connection, kind: str, where: tuple[str, int, str], first: int, next_: int, count: int
    ) -> None:
        db.execute("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", (kind, *where, first, next_, count))

    def _take_pauses(self, db: sqlite3.Connection) -> Sequence[Pause]:
        pauses, self.pauses = self.pauses, []
        for pause in pauses:
            db.execute(
                "UPDATE heads SET next_offset = ?, paused_reason = ? WHERE topic = ? AND partition = ?",
                (pause.next_offset, pause.reason, pause.topic, pause.partition),
            )
        return pauses

    # What tests do and ask

    def accept(self, topic: str, partition: int) -> None:
        """As ops would after a storm."""
        with self._lock, self._transaction() as db:
            sql = "UPDATE heads SET paused_reason = NULL WHERE topic = ? AND partition = ?"
            db.execute(sql, (topic, partition))

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, self._transaction() as db:
            return db.execute(sql, values).fetchall()

    def values(self, topic: str) -> list[bytes]:
        """Values of all records, by partition and offset, each as often as it was stored."""
        sql = "SELECT value FROM records WHERE topic = ? ORDER BY incarnation, partition, offset"
        return [row[0] for row in self.query(sql, topic)]

    def kinds(self, topic: str) -> dict[str, int]:
        """How many ledger rows of each kind."""
        found = self.query("SELECT kind, count(*) FROM rows WHERE topic = ? GROUP BY kind", topic)
        return dict(found)

    def gaps(self, topic: str) -> list[tuple[Any, ...]]:
        return self.query("SELECT first, next, reason FROM rows WHERE topic = ? AND kind = 'gap' ORDER BY first", topic)

    def head(self, topic: str, partition: int = 0) -> int | None:
        rows = self.query("SELECT next_offset FROM heads WHERE topic = ? AND partition = ?", topic, partition)
        return rows[0][0] if rows else None

    def broken_chains(self, topic: str) -> list[tuple[Any, ...]]:
        """Rows that do not begin where the one before them ended, per partition and incarnation."""
        sql = (
            "SELECT * FROM (SELECT *, lag(next) OVER (PARTITION BY partition, incarnation ORDER BY rowid) AS before "
            "FROM rows WHERE topic = ? AND kind <> 'again') WHERE before <> first"
        )
        return self.query(sql, topic)


@pytest.fixture
def sink(tmp_path: Path) -> RecordingSink:
    return RecordingSink(tmp_path / "sink.db")
