"""Keeping out what erased customers said before they were erased: unread records, imports, replays."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from sqlalchemy import Connection

from worker.ingest.records import NotResponse
from worker.ingest.versions import Candidate, Identity, Part, Understood
from worker.store import customers


def without_erased(
    conn: Connection, understood: Sequence[Understood], known: Container[Identity], mark_of: Callable[[str], str]
) -> Sequence[Understood]:
    """Answers of erased customers become no responses, where they are older than the erasure and never were stored.

    A stored one is left to the comparison: it is a duplicate, or stale. What somebody says after they were erased is
    a new beginning.
    """
    if not customers.any_erased(conn):
        return understood
    answers = [one for one in understood if isinstance(one, Candidate | Part) and one.identity not in known]
    marks = {key: mark_of(key) for one in answers if (key := one.response.customer.key)}
    erased = customers.erased_at(conn, marks.values())

    def is_forgotten(one: Understood) -> bool:
        if not isinstance(one, Candidate | Part) or one.identity in known:
            return False
        at = erased.get(marks.get(one.response.customer.key or "", ""))
        return at is not None and one.response.responded_at <= at

    return [NotResponse(origin=one.origin, why="erased") if is_forgotten(one) else one for one in understood]
