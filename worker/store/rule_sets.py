"""Accepted rule sets: never forgotten while a decision refers to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from worker.store.schema import rule_sets


def accept(
    conn: Connection, revision: str, files: Mapping[str, bytes], author: str | None, now: datetime, warnings: int
) -> None:
    """Remember a set; one that is in use again becomes the newest again."""
    done = conn.execute(update(rule_sets).where(rule_sets.c.revision == revision).values(accepted_at=now))
    if not done.rowcount:
        texts = {name: content.decode("utf-8") for name, content in files.items()}
        conn.execute(
            insert(rule_sets).values(
                revision=revision, files=texts, author=author, accepted_at=now, verdict={"warnings": warnings}
            )
        )


def latest(conn: Connection) -> tuple[str, dict[str, bytes]] | None:
    """Revision and files of the set that was accepted last."""
    newest = select(func.max(rule_sets.c.accepted_at)).scalar_subquery()
    row = conn.execute(select(rule_sets).where(rule_sets.c.accepted_at == newest)).first()
    return None if row is None else (row.revision, _bytes(row.files))


def files_of(conn: Connection, revision: str) -> dict[str, bytes] | None:
    """The files of one revision."""
    found = conn.execute(select(rule_sets.c.files).where(rule_sets.c.revision == revision)).scalar()
    return None if found is None else _bytes(found)


def _bytes(files: Mapping[str, str]) -> dict[str, bytes]:
    return {name: text.encode("utf-8") for name, text in files.items()}
