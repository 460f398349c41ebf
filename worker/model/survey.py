"""Scales and surveys, as values."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from worker.model.response import Number
from worker.model.span import Span, Unit


class Polarity(StrEnum):
    """What a survey's free-text question asks for: a complaint under `improve` says less than under `open`."""

    OPEN = "open"
    IMPROVE = "improve"
    PRAISE = "praise"


class Scale(Struct, frozen=True, kw_only=True):
    """Scores `low` to `high`. With `higher_is_better`, up to `detractor` is a detractor and from `promoter` on a
    promoter; otherwise the other way round. `whole`: only whole numbers lie on it."""

    name: str
    low: Number
    high: Number
    detractor: Number
    promoter: Number
    higher_is_better: bool = True
    whole: bool = True


class Survey(Struct, frozen=True, kw_only=True):
    """What surveys.yaml says of one survey."""

    id: str
    metric: str | None = None
    scale: Scale | None = None  # overrides the metric's
    polarity: Polarity = Polarity.OPEN
    questions: dict[str, Polarity] = {}  # polarity by the event's `question`
    settle: Span = Span(10, Unit.MINUTES)
    language: str | None = None


class Lexicon(Struct, frozen=True, kw_only=True):
    """One label of themes.yaml or severity.yaml: words and phrases per language, and what must not match."""

    label: str
    words: dict[str, tuple[str, ...]]
    exclusions: dict[str, tuple[str, ...]] = {}
