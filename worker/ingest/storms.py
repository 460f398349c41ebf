"""Poison storms: when a source, or a whole partition, suddenly brings nothing but records nobody can use. Pure.

A storm of one source is told once and flows on into dead letters: they can be replayed. A partition in which not even
a source can be read stops instead, because its dead letters would say nothing and its retention is the better keeper.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from worker.ingest.records import Dead, Partition
from worker.ingest.versions import ANSWERS, Understood

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
    recent: deque[bool] = field(default_factory=deque)  # the last OF_AT_LEAST
    dead: int = 0  # of them
    storms: bool = False
    sample: Dead | None = None  # the last one

    def see(self, one: Understood) -> bool:
        """Whether a storm begins with this record: it need not be dead, where many before it were."""
        dead = isinstance(one, Dead)
        self.in_a_row = self.in_a_row + 1 if dead else 0
        self.recent.append(dead)
        self.dead += dead
        if len(self.recent) > OF_AT_LEAST:
            self.dead -= self.recent.popleft()
        self.sample = one if isinstance(one, Dead) else self.sample
        crowded, was = self.dead > SHARE * len(self.recent), self.storms
        # One that began ends when the share is low again, not with the first record that can be read.
        self.storms = self.in_a_row >= IN_A_ROW or (crowded and (was or len(self.recent) == OF_AT_LEAST))
        return self.storms and not was


@dataclass(frozen=True, slots=True)
class Stretch:
    """How a slice ends: how many records in a row nobody could read, and the offset before which to pause, if any."""

    run: int
    pause_at: int | None = None


def pause_reason(revision: str) -> str:
    """Why a partition rests. The revision that could not read it is part of it: another one may."""
    return f"{IN_A_ROW} records in a row that nobody can read (rules {revision})"


def rests(reason: str | None, revision: str) -> bool:
    """Whether a partition that paused for `reason` still rests under this revision."""
    return reason is not None and ("(rules " not in reason or reason.endswith(f"(rules {revision})"))


class Storms:
    """What one process has seen lately. Not shared: each replica reads its own partitions."""

    def __init__(self) -> None:
        self._sources: dict[tuple[str, str], _Weather] = {}
        self._unreadable: dict[Partition, int] = {}

    def look(self, at: Partition, understood: Sequence[Understood], accepted_until: int | None) -> Stretch:
        """What these records of one partition, in order of offset, add up to. Remembers nothing.

        Records below `accepted_until` were accepted by ops as they are. After a pause the count begins afresh.
        """
        run = self._unreadable.get(at, 0)
        for one in understood:
            hopeless = isinstance(one, Dead) and one.source is None
            run = run + 1 if hopeless and one.origin.offset >= (accepted_until or 0) else 0
            if run >= IN_A_ROW:
                return Stretch(0, one.origin.offset + 1)
        return Stretch(run)

    def saw(self, written: Sequence[Understood], runs: Mapping[Partition, int]) -> list[Storm]:
        """Take note of what was written; gives the storms that began with it."""
        self._unreadable |= runs
        sources = [(one, source) for one in written if (source := _source(one))]
        return [storm for one, source in sources if (storm := self._see(one, source))]

    def forget(self) -> None:
        """Start afresh: another rule set may read what the last one could not."""
        self._sources.clear()
        self._unreadable.clear()

    def _see(self, one: Understood, source: str) -> Storm | None:
        topic = one.origin.topic
        weather = self._sources.setdefault((topic, source), _Weather())
        if not weather.see(one) or weather.sample is None:
            return None
        return Storm(topic, source, weather.dead, len(weather.recent), weather.sample)


def _source(one: Understood) -> str | None:
    if isinstance(one, ANSWERS):
        return one.response.source
    return one.source if isinstance(one, Dead) else None
