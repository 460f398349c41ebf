"""What is wrong with a mapping, collected while it is compiled."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import NamedTuple

Place = tuple[str | int, ...]  # keys and indexes from the top of the mapping


class Problem(NamedTuple):
    place: Place
    message: str
    fix: str


class Problems(list[Problem]):
    """Everything that was noticed, in the order of the mapping."""

    def add(self, place: Place, message: str, fix: str) -> None:
        self.append(Problem(place, message, fix))

    def unknown(self, place: Place, known: Collection[str]) -> None:
        """A key that does not exist."""
        near = difflib.get_close_matches(str(place[-1]), known, n=1)
        fix = f'Did you mean "{near[0]}"?' if near else f"There are: {', '.join(known)}."
        self.add(place, f'unknown key "{place[-1]}"', fix)
