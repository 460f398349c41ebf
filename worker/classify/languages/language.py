"""The record of one language."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Language(Struct, frozen=True, kw_only=True):
    """`code` is ISO 639-1. Words are written in lower case; a phrase is words with single spaces.

    small       words so common that they tell the language
    polar       how happy a word or phrase sounds, from -3 (furious) to 3 (delighted); 0 keeps its words from
                counting one by one ("good luck")
    negators    turn the next polar word round
    wishes      make praise a wish: "could be clearer"
    boosters    multiply the weight of the polar word after them
    contrasts   what follows them counts more than what came before
    fillers     may stand between a negator and a severe word: "not going to sue"
    neutral     whole comments that answer without an opinion
    """

    code: str
    small: frozenset[str]
    polar: Mapping[str, float]
    negators: frozenset[str]
    wishes: frozenset[str]
    boosters: Mapping[str, float]
    contrasts: frozenset[str]
    fillers: frozenset[str]
    neutral: frozenset[str]


def words(text: str) -> frozenset[str]:
    """Words separated by white space, as a set."""
    return frozenset(text.split())


def phrases(text: str) -> frozenset[str]:
    """Phrases separated by commas, over any number of lines."""
    return frozenset(" ".join(part.split()) for part in text.replace("\n", " ").split(",") if part.strip())


def weighted(**by_weight: str) -> dict[str, float]:
    """Phrases by the weight their keyword names: `good_2` is 2, `bad_3` is -3.

    A phrase given twice keeps its first weight.
    """
    polar: dict[str, float] = {}
    for name, text in by_weight.items():
        kind, weight = name.split("_")
        for phrase in sorted(phrases(text)):
            polar.setdefault(phrase, float(weight) * (1 if kind == "good" else -1))
    return polar
