"""Ids are handed out before the insert, so that parents and children are written without asking back."""

from __future__ import annotations

from sqlalchemy import Connection, text

# PostgreSQL: a sequence per table takes no lock that a slow transaction could hold. SQLite: one writer at a time
# anyway, so a row of `ids` does, inside the same transaction.
NUMBERED = ("responses", "follow_ups", "notices", "deliveries", "dead_letters", "clicks", "tokens", "audit", "absences")


def allocate(conn: Connection, table: str, n: int) -> list[int]:
    """`n` fresh ids of `table`, ascending. Ids of a transaction that rolls back may be lost or come again."""
    if n <= 0:
        return []
    if conn.dialect.name == "postgresql":
        rows = conn.execute(
            text(f"SELECT nextval('{table}_ids') FROM generate_series(1, :n)"),  # noqa: S608 - a name of NUMBERED
            {"n": n},
        )
        return sorted(row[0] for row in rows)
    last: int = conn.execute(
        text("UPDATE ids SET next = next + :n WHERE name = :name RETURNING next"), {"n": n, "name": table}
    ).scalar_one()
    return list(range(last - n, last))
