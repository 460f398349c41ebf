"""Ids are handed out before the insert, so that parents and children are written without asking back."""

from __future__ import annotations

from sqlalchemy import BigInteger, Connection, column, text

from worker.store.prepared import Prepared

# PostgreSQL: a sequence per table takes no lock that a slow transaction could hold. SQLite: one writer at a time
# anyway, so a row of `ids` does, inside the same transaction.
NUMBERED = ("responses", "follow_ups", "notices", "deliveries", "dead_letters", "clicks", "tokens", "audit", "absences")


def _next(name: str) -> Prepared:
    own = text("UPDATE ids SET next = next + :n WHERE name = :name RETURNING next")
    sequence = text(f"SELECT nextval('{name}_ids') AS next FROM generate_series(1, :n)")  # noqa: S608 - our own names
    return Prepared(own.columns(_NUMBER), postgresql=sequence.columns(_NUMBER))


_NUMBER = column("next", BigInteger)
_NEXT = {name: _next(name) for name in NUMBERED}


def allocate(conn: Connection, table: str, n: int) -> list[int]:
    """`n` fresh ids of `table`, ascending. Ids of a transaction that rolls back may be lost or come again."""
    if n <= 0:
        return []
    found = [row.next for row in _NEXT[table].rows(conn, n=n, name=table)]
    return sorted(found) if conn.dialect.name == "postgresql" else list(range(found[0] - n, found[0]))
