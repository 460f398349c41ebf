"""Forgetting what is old enough: as a duty, and by `innerloop prune`.

What a piece holds is locked only while that piece is blanked, so pruning never keeps a batch waiting for long; any
number of workers may prune at once, since blanking twice is the same as once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from worker import log, metrics
from worker.clock import Clock
from worker.errors import Clash
from worker.store import dead_letters, forgetting
from worker.store.engine import Store

_AT_ONCE = 200
_log = log.get(__name__)

Find = Callable[[Connection, int | None], Sequence[int]]
Blank = Callable[[Connection, Sequence[int]], None]


@dataclass(frozen=True, slots=True)
class Ageing:
    """One kind of thing that is forgotten: in which words, which rows, and how."""

    name: str
    find: Find
    blank: Blank


class Retention:
    """Blanks what is older than its span. A span of None keeps for ever; dead letters know their own day."""

    def __init__(self, store: Store, clock: Clock, *, responses: timedelta | None, notices: timedelta | None) -> None:
        self._store = store
        self._clock = clock
        self._responses = responses
        self._notices = notices

    def due(self) -> dict[str, int]:
        """How much of each kind would be forgotten now. Changes nothing."""
        now = self._clock.now()
        with self._store.read() as conn:
            return {kind.name: len(kind.find(conn, None)) for kind in self._kinds(now)}

    def run(self) -> int:
        """Forget a piece of each kind. Gives how much that was; 0 when nothing is left."""
        now = self._clock.now()
        done = {kind.name: self._piece(kind) for kind in self._kinds(now)}
        for name, count in done.items():
            metrics.PRUNED.labels(name).inc(count)
        if any(done.values()):
            _log.info("pruned", **done)
        return sum(done.values())

    def run_to_the_end(self) -> dict[str, int]:
        """Forget everything that is old enough. Gives how much of each kind."""
        total: dict[str, int] = {}
        for kind in self._kinds(self._clock.now()):
            total[kind.name] = 0
            while piece := self._piece(kind):
                total[kind.name] += piece
        return total

    def _piece(self, kind: Ageing) -> int:
        with self._store.read() as conn:  # looked for without a lock: most times there is nothing
            ids = kind.find(conn, _AT_ONCE)
        if not ids:
            return 0
        try:
            with self._store.write() as conn:
                kind.blank(conn, ids)
        except Clash:
            return 0  # somebody works on one of them; the next round takes it
        return len(ids)

    def _kinds(self, now: datetime) -> list[Ageing]:
        kinds = [Ageing("dead_letters", lambda conn, n: dead_letters.to_purge(conn, now, n), dead_letters.purge)]
        if self._responses is not None:
            before = now - self._responses
            kinds.append(
                Ageing(
                    "responses",
                    lambda conn, n: forgetting.old_responses(conn, before, n),
                    lambda conn, ids: _forget_responses(conn, ids, now),
                )
            )
        if self._notices is not None:
            until = now - self._notices
            kinds.append(
                Ageing(
                    "notices",
                    lambda conn, n: forgetting.old_notices(conn, until, n),
                    lambda conn, ids: _forget_notices(conn, ids, until),
                )
            )
        return kinds


def _forget_responses(conn: Connection, ids: Sequence[int], now: datetime) -> None:
    forgetting.blank_responses(conn, ids, now)
    forgetting.blank_follow_ups(conn, forgetting.follow_ups_of(conn, ids))


def _forget_notices(conn: Connection, ids: Sequence[int], before: datetime) -> None:
    forgetting.blank_notices(conn, ids)
    forgetting.forget_threads(conn, before)
    forgetting.forget_clicks(conn, before)
