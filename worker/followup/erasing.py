"""Erasing a customer: their work ends, then everything they said and were is blanked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from sqlalchemy import insert, select, update

from worker.clock import Clock
from worker.errors import NotAllowed
from worker.followup.service import Service
from worker.model.followup import LIVE
from worker.store import customers, persons
from worker.store.engine import Store
from worker.store.persons import Person
from worker.store.schema import follow_ups, history

_WHY = "the customer was erased"


class Erasing:
    """Erases in an order that holds also when it is stopped half-way and done again.

    1. The customer's marks: what of theirs is still unread stays out from now on.
    2. Live follow-ups about nobody else are cancelled; their owners are told.
    3. Everything is blanked in one transaction. Messages that can be edited are drawn again, without the customer.
    """

    def __init__(self, store: Store, service: Service, clock: Clock, mark_of: Callable[[str], str]) -> None:
        self._store = store
        self._service = service
        self._clock = clock
        self._mark_of = mark_of

    def run(self, person: Person, *, by: str, revision: str) -> None:
        now = self._clock.now()
        marks = [self._mark_of(key) for key in person.keys]
        with self._store.write() as conn:
            customers.erase(conn, person.keys, marks, now)
        for id_ in self._live(person):
            self._cancel(id_, by)
        with self._store.write() as conn:
            persons.erase(conn, person, marks, revision=revision, now=now)
            for id_ in person.own:
                c = follow_ups.c
                version = conn.execute(
                    update(follow_ups).where(c.id == id_).values(version=c.version + 1).returning(c.version)
                ).scalar_one()
                line = {"at": now, "what": "erased", "by": by, "via": "cli"}
                conn.execute(insert(history).values(follow_up_id=id_, version=version, **line))

    def _live(self, person: Person) -> list[int]:
        c = follow_ups.c
        live = c.id.in_(person.own) & c.state.in_([state.value for state in LIVE])
        with self._store.read() as conn:
            return list(conn.execute(select(c.id).where(live).order_by(c.id)).scalars())

    def _cancel(self, id_: int, by: str) -> None:
        with contextlib.suppress(NotAllowed):  # somebody closed it in the same moment
            self._service.cancel(id_, by=by, via="cli", note=_WHY)
