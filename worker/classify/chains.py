"""Chains of digits: groups of digits with little between them, as people write long numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

_BETWEEN = r"(?:&nbsp;|&#160;|[\s\x00-\x1f._/,*|:;~+()\[\]'\"\\-]{1,5})"
_CHAIN = re.compile(rf"\d+(?:{_BETWEEN}\d+)*")
_GROUP = re.compile(r"\d+")
_NO_DIGITS = re.compile(r"\D+")
_SHORTEST = 7  # digits; shorter ones are prices, dates, times


class Group(Struct, frozen=True):
    """Digits without anything between them; characters [start, end) of the folded text."""

    digits: str
    start: int
    end: int


class Chain(Struct, frozen=True):
    """`length` counts digits; `text` is the folded text it stands in."""

    text: str
    start: int
    end: int
    length: int

    def groups(self) -> tuple[Group, ...]:
        return tuple(Group(m.group(), m.start(), m.end()) for m in _GROUP.finditer(self.text, self.start, self.end))


def windows(groups: Sequence[Group], first: int, longest: int) -> Iterator[tuple[int, str]]:
    """Index of the last group and all digits, of each run of groups that begins at `first`."""
    digits = ""
    for last in range(first, len(groups)):
        digits += groups[last].digits
        if len(digits) > longest:
            return
        yield last, digits


def chains(text: str) -> list[Chain]:
    """Every chain of a folded text that is long enough to be a number of a person."""
    found = []
    for match in _CHAIN.finditer(text):
        start, end = match.span()
        if end - start >= _SHORTEST:
            length = len(_NO_DIGITS.sub("", match.group()))
            if length >= _SHORTEST:
                found.append(Chain(text, start, end, length))
    return found
