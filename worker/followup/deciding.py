"""Deciding the responses of one transaction in order, each seeing what the ones before it did."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Row

from worker.followup.joining import Decided, Effects, Joining, Work
from worker.followup.late import late_notices
from worker.followup.people import People
from worker.model.decision import Decision, Facts, Outcome
from worker.model.followup import State
from worker.model.playbook import OnePer, Priority
from worker.model.response import Response
from worker.model.verdict import Verdict
from worker.route.decide import Decider
from worker.route.history import WINDOW, Earlier, History
from worker.store import batch
from worker.store.ids import allocate
from worker.store.responses import read_plan

_LOOK_BACK = timedelta(days=400)
"""How far back closed follow-ups are looked for that could open again."""
_NO_FACTS = Facts()


class ToDecide(Struct, frozen=True, gc=False):
    """A version of a response. `waits`: its other half is still to come. `read_at`: when it was first read."""

    response_id: int
    version: int
    response: Response
    verdict: Verdict
    read_at: datetime
    waits: bool = False
    belongs_to: int | None = None


class Deciding:
    """Rules, people and limits that hold for one transaction."""

    def __init__(self, decider: Decider, people: People, alert_max_age: timedelta | None, now: datetime) -> None:
        self._decider = decider
        self._people = people
        self._max_age = alert_max_age
        self._now = now

    def run(self, conn: Connection, items: Sequence[ToDecide]) -> tuple[list[Decided], Effects]:
        """Decide `items` in their order. Reads and locks what they need; writes nothing."""
        history = self._history(conn, items)
        joining = Joining(
            self._work(conn, items),
            ids=_numbers(conn),
            resolver=lambda response: self._people.resolver(response, self._now),
            add=self._people.add,
            stays=lambda owner: self._people.can_own(owner, self._now, self._now),
        )
        if self._decider.needs_facts:
            decided = [one for item in items if (one := self._one(item, history, joining))]
        else:
            # Nothing that one does changes what the next one decides: all are decided, then all take effect.
            decided = [self._decided(item, _NO_FACTS) for item in items if not item.waits]
            for one in decided:
                joining.apply(one)
        joining.effects.notices.extend(late_notices(self._newly_late(conn, decided), self._people, self._now))
        return decided, joining.effects

    def _newly_late(self, conn: Connection, decided: Sequence[Decided]) -> list[Decided]:
        """Late answers that no list has told of yet: an edit of one that is in a list already is no news."""
        late = [one for one in decided if one.decision.too_old and one.belongs_to is None]
        told = batch.late_before(conn, [one.response_id for one in late if one.version > 1])
        return [one for one in late if one.response_id not in told]

    def _one(self, item: ToDecide, history: History, joining: Joining) -> Decided | None:
        key, response = item.response.customer.key, item.response
        facts = history.facts(response)
        if self._decider.needs_history and not response.test:
            history.add(key, _earlier(item))
        if item.waits:
            return None
        decided = self._decided(item, facts)
        opened = len(joining.effects.opened)
        joining.apply(decided)
        if len(joining.effects.opened) > opened and not response.test:
            history.opened(key)
        return decided

    def _decided(self, item: ToDecide, facts: Facts) -> Decided:
        decision = self._decider.decide(item.response, item.verdict, facts, self._now, self._people.reachable)
        return Decided(item.response_id, item.version, item.response, self._aged(decision, item), item.belongs_to)

    def _aged(self, decision: Decision, item: ToDecide) -> Decision:
        old = self._max_age is not None and item.read_at - item.response.responded_at > self._max_age
        return msgspec.structs.replace(decision, too_old=True) if old else decision

    def _history(self, conn: Connection, items: Sequence[ToDecide]) -> History:
        keys = {key for item in items if (key := item.response.customer.key)}
        if not keys or not self._decider.needs_facts:
            return History()
        times = [item.response.responded_at for item in items]
        earlier = (
            batch.earlier_responses(conn, keys, min(times) - WINDOW, max(times)) if self._decider.needs_history else ()
        )
        live = batch.live_customers(conn, keys) if self._decider.needs_open_follow_ups else ()
        return History(
            ((key, Earlier(at, source, id_, klass, score)) for key, at, source, id_, klass, score in earlier), live
        )

    def _work(self, conn: Connection, items: Sequence[ToDecide]) -> list[Work]:
        """The follow-ups that these responses may touch, locked."""
        deciding = [item for item in items if not item.waits]
        rows = batch.lock_work(
            conn,
            customers=[key for item in deciding if (key := item.response.customer.key)],
            keys=[key for item in deciding for key in _possible_keys(item.response, self._decider.merges_by)],
            ids=[item.belongs_to for item in deciding if item.belongs_to is not None],
            closed_since=self._now - _LOOK_BACK,
        )
        found = {row.id: _work(row) for row in rows}
        for follow_up_id, response_id, responded_at, outcome, too_old in batch.parts(conn, list(found)):
            work = found[follow_up_id]
            work.first_responded_at = min(work.first_responded_at, responded_at)
            if outcome == Outcome.OPEN.value and not too_old:
                work.openers.add(response_id)
        return list(found.values())


def _possible_keys(response: Response, kinds: Collection[OnePer]) -> list[str]:
    # Every key that a playbook of these rules could ask for (opening.dedupe_key): the decision is not known yet.
    keys = []
    if OnePer.RESPONSE in kinds:
        keys.append(f"response:{response.source}/{response.id}")
    if OnePer.CUSTOMER in kinds and response.customer.key:
        keys.append(f"customer:{response.customer.key}")
    if OnePer.INTERACTION in kinds and response.interaction.id:
        keys.append(f"interaction:{response.interaction.id}")
    return keys


def _earlier(item: ToDecide) -> Earlier:
    verdict = item.verdict
    return Earlier(
        item.response.responded_at,
        item.response.source,
        item.response.id,
        None if verdict.klass is None else verdict.klass.value,
        verdict.score,
    )


def _numbers(conn: Connection) -> Iterator[int]:
    # How many will open is known only while deciding: blocks that double ask the store seldom and waste few.
    size = 1
    while True:
        yield from allocate(conn, "follow_ups", size)
        size *= 2


def _work(row: Row[Any]) -> Work:
    return Work(
        id=row.id,
        customer_key=row.customer_key,
        dedupe_key=row.dedupe_key,
        plan=read_plan(row.plan),
        state=State(row.state),
        cycle=row.cycle,
        version=row.version,
        priority=Priority(row.priority),
        owner=row.owner,
        tags=tuple(row.tags),
        test=row.test,
        first_responded_at=row.opened_at,
        due_at=row.due_at,
        closed_at=row.closed_at,
        snoozed=row.snoozed_until is not None,
        cancel_reason=row.cancel_reason,
        read_version=row.version,
    )
