"""Words and phrases of lexicons, found in a text as whole words.

Texts compare as the rules do: NFKC, casefold, NFKC. A word ends where its neighbour is not a letter, digit or
underscore; a space in a phrase matches any white space. One tree of words serves all labels of
a language, so a text is read once, whatever the size of the lexicons.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import IntEnum
from itertools import accumulate, pairwise
from typing import NamedTuple

_WORD = re.compile(r"\w+")
_WORDS_AND_GAPS = re.compile(r"(\w+)")
_SPACE = re.compile(r"\s+")
# marks that NFKC joins to the character before them
_MARKS = (
    r"\u0300-\u036f\u0653-\u0655\u093c\u09be\u09d7\u0b3e\u0b56\u0b57\u0bbe\u0bd7\u0c56\u0cc2\u0cd5\u0cd6\u0d3e\u0d57"
    r"\u0dca\u0dcf\u0ddf\u102e\u1161-\u11c2\u1b35\u3099\u309a"
)
_PIECE = re.compile(rf"(?:[\x00-\x7f](?![{_MARKS}]))+|.[{_MARKS}]*", re.DOTALL)
_APOSTROPHES = str.maketrans("’‘ʼ", "'''")


def normal(text: str) -> str:
    """The form in which texts compare; curly apostrophes become straight ones."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.translate(_APOSTROPHES)


class Kind(IntEnum):
    """What finding a phrase means."""

    THEME = 0
    SEVERITY = 1
    NOT_THEME = 2  # an exclusion: what it covers does not count for the theme of its name
    NOT_SEVERITY = 3
    POLAR = 4  # sounds happy or unhappy, by its weight


class Label(NamedTuple):
    kind: Kind
    name: str
    weight: float = 0.0


class Phrase(NamedTuple):
    """A word or phrase of a lexicon. `gaps[i]` stands between words i and i+1; `head` and `tail` around them."""

    label: Label
    words: tuple[str, ...]
    gaps: tuple[str, ...]
    head: str
    tail: str
    alone: bool  # one word and nothing around it: finding the word is enough


def phrase(label: Label, written: str) -> Phrase | None:
    """A phrase as a lexicon writes it; None when it holds no word (an emoji, a mark)."""
    text = _SPACE.sub(" ", normal(written)).strip()
    found = list(_WORD.finditer(text))
    if not found:
        return None
    gaps = tuple(text[one.end() : other.start()] for one, other in pairwise(found))
    words = tuple(match.group() for match in found)
    start, end = found[0].start(), found[-1].end()
    return Phrase(label, words, gaps, text[:start], text[end:], text == words[0])


class Text:
    """A text made ready for reading: its normal form, its words, and the way back to the original's characters.

    `gaps[i]` stands before word i, the last one after the last word.
    """

    __slots__ = ("_edges", "_ends", "_parts", "_starts", "gaps", "normal", "words")

    def __init__(self, original: str) -> None:
        self._starts: list[int] | None = None
        self._ends: list[int] | None = None
        self._edges: list[int] | None = None
        self.normal = normal(original)
        if len(self.normal) != len(original) or not _keeps_places(original):
            self._align(original)
        self._parts: list[str] = _WORDS_AND_GAPS.split(self.normal)
        self.gaps = self._parts[::2]
        self.words = self._parts[1::2]

    @property
    def bare(self) -> str:
        """The normal form without what surrounds an answer: "OK!!" is ok."""
        return self.normal.strip(" .!-,\n")

    def original(self, first: int, last: int) -> tuple[int, int]:
        """Where words `first` to `last` stand in the original: start and end."""
        if self._edges is None:
            self._edges = list(accumulate(map(len, self._parts)))
        return self.place(self._edges[2 * first], self._edges[2 * last + 1])

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where characters [start, end) of the normal form stand in the original."""
        if self._starts is None or self._ends is None:
            return start, end
        return self._starts[start], self._ends[end - 1]

    def holds(self, one: Phrase, at: int) -> bool:
        """Whether a phrase whose words are the words from `at` on also has its gaps and ends there."""
        gaps = self.gaps
        for ahead, wanted in enumerate(one.gaps, at + 1):
            if gaps[ahead] != wanted and _SPACE.sub(" ", gaps[ahead]) != wanted:
                return False
        return gaps[at].endswith(one.head) and gaps[at + len(one.words)].startswith(one.tail)

    def _align(self, original: str) -> None:
        """Rebuild the normal form piece by piece, noting where each piece came from (ﬁ and ß grow, e + ´ shrink)."""
        parts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        for match in _PIECE.finditer(original):
            start, end = match.span()
            part = normal(match.group())
            parts.append(part)
            if len(part) == end - start:
                starts += range(start, end)
                ends += range(start + 1, end + 1)
            else:
                starts += [start] * len(part)
                ends += [end] * len(part)
        self.normal, self._starts, self._ends = "".join(parts), starts, ends


def _keeps_places(original: str) -> bool:
    """Whether equal length means equal places: casefold never shrinks, so composed text that kept its length did."""
    return original.isascii() or unicodedata.is_normalized("NFKC", original)


class _Node:
    """What may follow the words on the way here; `ends` are the phrases that end here."""

    __slots__ = ("ends", "follow")

    def __init__(self) -> None:
        self.ends: list[Phrase] = []
        self.follow: dict[str, _Node] = {}


class Index:
    """Phrases as a tree of words, so that the time to read a word does not grow with the phrases."""

    __slots__ = ("_firsts",)

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        root = _Node()
        for one in phrases:
            node = root
            for word in one.words:
                node = node.follow.setdefault(word, _Node())
            if one not in node.ends:
                node.ends.append(one)
        self._firsts = root.follow

    def firsts(self) -> Iterable[str]:
        """The words that phrases begin with."""
        return self._firsts

    def find(self, text: Text) -> list[tuple[int, Phrase]]:
        """Every phrase with the number of its first word, in the order of the text, the longest first; they overlap."""
        found: list[tuple[int, Phrase]] = []
        words, firsts = text.words, self._firsts
        for at in [n for n, word in enumerate(words) if word in firsts]:
            node: _Node | None = firsts[words[at]]
            here = len(found)
            ahead = at + 1
            while node is not None:
                for one in node.ends:
                    if one.alone or text.holds(one, at):
                        found.insert(here, (at, one))
                node = node.follow.get(words[ahead]) if node.follow and ahead < len(words) else None
                ahead += 1
        return found
