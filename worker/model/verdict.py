"""A verdict: what classification makes of a response."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from worker.model.response import Number


class Class(StrEnum):
    PROMOTER = "promoter"
    PASSIVE = "passive"
    DETRACTOR = "detractor"


class Sentiment(StrEnum):
    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"
    MIXED = "mixed"


class Evidence(Struct, frozen=True, gc=False):
    """Why a label was given: characters [start, end) of the redacted comment."""

    label: str
    start: int
    end: int


class Verdict(Struct, frozen=True, kw_only=True, gc=False):
    """Class from score and scale alone; the rest from the words.

    `text_read` is None without a comment, False when no lexicon exists for its language.
    `lowest_fifth` says that the score lies in the lowest fifth of its scale (a partial response does not wait then).
    """

    metric: str
    score: Number | None
    klass: Class | None
    scale_low: Number
    scale_high: Number
    sentiment: Sentiment | None = None
    confidence: float | None = None  # 0 to 1, of the sentiment
    themes: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    text_read: bool | None = None
    language: str | None = None  # of the comment, as given or as the survey says
    silent: bool = False  # a happy score with unhappy words
    lowest_fifth: bool = False
    evidence: tuple[Evidence, ...] = ()
