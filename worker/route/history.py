"""What a customer's other responses say: the facts behind `history.*` and `customer.open_follow_ups`.

Counted before this response's `responded_at`, so that a decision does not depend on when it was taken or on what
else was in the batch.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from worker.model.decision import Facts
from worker.model.response import Number, Response

WINDOW = timedelta(days=90)


class Earlier(Struct, frozen=True, order=True):
    """One response of a customer, as far as history needs it."""

    responded_at: datetime
    source: str
    external_id: str
    klass: str | None = None
    score: Number | None = None


class History:
    """The earlier responses and live follow-ups of the customers of one batch, growing as the batch is decided."""

    def __init__(self, earlier: Iterable[tuple[str, Earlier]] = (), live: Iterable[str] = ()) -> None:
        """`earlier` pairs customer keys with responses; `live` has one customer key per live follow-up."""
        self._earlier: dict[str, list[Earlier]] = defaultdict(list)
        self._live: dict[str, int] = defaultdict(int)
        for key, response in earlier:
            self._earlier[key].append(response)
        for responses in self._earlier.values():
            responses.sort(key=_when)
        for key in live:
            self._live[key] += 1

    def add(self, key: str | None, response: Earlier) -> None:
        """A response of this batch was accepted, or replaced by a later version."""
        if key is None:
            return
        others = [e for e in self._earlier[key] if (e.source, e.external_id) != (response.source, response.external_id)]
        insort(others, response, key=_when)
        self._earlier[key] = others

    def opened(self, key: str | None) -> None:
        """A follow-up of this customer was opened."""
        if key is not None:
            self._live[key] += 1

    def facts(self, response: Response) -> Facts:
        """Facts for one response. Everything is None for an unknown customer."""
        key = response.customer.key
        if key is None:
            return Facts()
        before = self._before(key, response)
        recent = [e for e in before if e.responded_at >= response.responded_at - WINDOW]
        last = before[-1] if before else None
        return Facts(
            responses_90d=len(recent),
            detractors_90d=sum(e.klass == "detractor" for e in recent),
            previous_class=last.klass if last else None,
            previous_score=last.score if last else None,
            open_follow_ups=self._live.get(key, 0),
        )

    def _before(self, key: str, response: Response) -> list[Earlier]:
        everything = self._earlier.get(key, [])
        end = bisect_left(everything, response.responded_at, key=_when)
        return [e for e in everything[:end] if (e.source, e.external_id) != (response.source, response.id)]


def _when(response: Earlier) -> datetime:
    return response.responded_at
