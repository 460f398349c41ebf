"""Poison storms: when a source, or a whole partition, suddenly brings nothing but records nobody can use. Pure.

A storm of one source is told once and flows on into dead letters: they can be replayed. A partition in which not even
a source can be read stops instead, because its dead letters would say nothing and its retention is the better keeper.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from worker.ingest.records import Dead, Partition
from worker.ingest.versions import Candidate, Understood

IN_A_ROW = 50
OF_AT_LEAST = 200
SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Storm:
    """A storm that began: `sample` is one of its dead letters."""

    topic: str
    source: str
    dead: int
    of: int
    sample: Dead


@dataclass(slots=True)
class _Weather:
    in_a_row: int = 0
    recent: deque[bool] = field(default_factory=lambda: deque(maxlen=OF_AT_LEAST))
    storms: bool = False

    def see(self, dead: bool) -> bool:
        """Whether a storm begins with this record."""
        self.in_a_row = self.in_a_row + 1 if dead else 0
        self.recent.append(dead)
        crowded = len(self.recent) == OF_AT_LEAST and sum(self.recent) > SHARE * OF_AT_LEAST
        was, self.storms = self.storms, self.in_a_row >= IN_A_ROW or crowded
        return self.storms and not was


class Storms:
    """What one process has seen lately. Not shared: each replica reads its own partitions."""

    def __init__(self) -> None:
        self._sources: dict[tuple[str, str], _Weather] = {}
        self._unreadable: dict[Partition, int] = {}

    def unwritten_from(
        self, at: Partition, understood: Sequence[Understood], accepted_until: int | None
    ) -> int | None:
        """The offset before which a partition must pause, or None. `understood` is one slice in order of offset.

        Records below `accepted_until` were accepted by ops as they are.
        """
        run = self._unreadable.get(at, 0)
        for one in understood:
            hopeless = isinstance(one, Dead) and one.source is None
            run = run + 1 if hopeless and one.origin.offset >= (accepted_until or 0) else 0
            if run >= IN_A_ROW:
                return one.origin.offset + 1
        return None

    def saw(self, understood: Sequence[Understood]) -> list[Storm]:
        """Take note of what was written; gives the storms that began with it."""
        began = []
        for one in understood:
            at = (one.origin.topic, one.origin.partition)
            source = _source(one)
            self._unreadable[at] = self._unreadable.get(at, 0) + 1 if isinstance(one, Dead) and not source else 0
            if source and (storm := self._see(one, source)):
                began.append(storm)
        return began

    def forget(self) -> None:
        """Start afresh: another rule set may read what the last one could not."""
        self._sources.clear()
        self._unreadable.clear()

    def clear(self, at: Partition) -> None:
        """Ops accepted what made this partition pause."""
        self._unreadable.pop(at, None)

    def _see(self, one: Understood, source: str) -> Storm | None:
        topic = one.origin.topic
        weather = self._sources.setdefault((topic, source), _Weather())
        if not weather.see(isinstance(one, Dead)) or not isinstance(one, Dead):
            return None
        return Storm(topic, source, sum(weather.recent), len(weather.recent), one)


def _source(one: Understood) -> str | None:
    if isinstance(one, Candidate):
        return one.response.source
    return one.source if isinstance(one, Dead) else None
