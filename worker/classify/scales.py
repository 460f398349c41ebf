"""Scales as records, and the class of a score. A new scale is one record in SCALES, or a survey's own."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from worker.errors import InnerloopError
from worker.model.response import Number
from worker.model.survey import Scale, Survey
from worker.model.verdict import Class

SCALES: Mapping[str, Scale] = MappingProxyType(
    {
        scale.name: scale
        for scale in (
            Scale(name="nps", low=0, high=10, detractor=6, promoter=9),
            Scale(name="csat", low=1, high=5, detractor=2, promoter=4),
            Scale(name="stars", low=1, high=5, detractor=2, promoter=4),
            Scale(name="ces", low=1, high=7, detractor=3, promoter=6),  # 7 = easy
            Scale(name="thumbs", low=0, high=1, detractor=0, promoter=1),
        )
    }
)


class Unclassifiable(InnerloopError):
    """The response has no class. `reason` is unknown_scale or score_out_of_scale, as in dead letters."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def resolve(metric: str | None, survey: Survey | None) -> Scale | None:
    """The scale of a response: its metric's, else its survey's; a survey's own scale goes before its metric's.

    A survey that asks several questions may carry another metric than the one it is listed with: then its own
    scale does not apply. None when neither metric nor survey names a scale.
    """
    named = _canonical(metric or (survey.metric if survey else None))
    if survey and survey.scale and (survey.metric is None or named in (None, _canonical(survey.metric))):
        return survey.scale
    return SCALES.get(named) if named else None


def classify_score(score: Number | None, scale: Scale) -> Class | None:
    """The class of a score, by cut-offs alone; None without a score.

    Raises Unclassifiable `score_out_of_scale` for a score beyond the ends, or with a fraction on a whole scale
    (`7.0` is 7).
    """
    if score is None:
        return None
    if not _lies_on(score, scale):
        raise Unclassifiable("score_out_of_scale", _out_of_scale(score, scale))
    if scale.higher_is_better:
        return _class(score <= scale.detractor, score >= scale.promoter)
    return _class(score >= scale.detractor, score <= scale.promoter)


def lowest_fifth(score: Number | None, scale: Scale) -> bool:
    """Whether a score lies in the unhappiest fifth of its scale: 0 to 2 of NPS, 1 of five stars."""
    if score is None:
        return False
    from_bottom = score - scale.low if scale.higher_is_better else scale.high - score
    return from_bottom * 5 <= scale.high - scale.low


def unknown_scale(metric: str | None, survey: str | None) -> Unclassifiable:
    """The error for a response whose scale nobody knows."""
    known = ", ".join(SCALES)
    if metric is None:
        what = "the response has no metric" + (f' and survey "{survey}" names none' if survey else "")
        fix = f"Send a metric ({known}), or give the survey a metric in rules/surveys.yaml."
    else:
        what = f'nobody knows the metric "{metric}"'
        fix = f"Use one of {known}, or describe its scale in rules/surveys.yaml."
    return Unclassifiable("unknown_scale", f"{what}. {fix}")


def _canonical(metric: str | None) -> str | None:
    return metric.strip().casefold() if metric else None


def _lies_on(score: Number, scale: Scale) -> bool:
    whole = not scale.whole or isinstance(score, int) or score == score.to_integral_value()
    return scale.low <= score <= scale.high and whole


def _class(unhappy: bool, happy: bool) -> Class:
    if unhappy:
        return Class.DETRACTOR
    return Class.PROMOTER if happy else Class.PASSIVE


def _out_of_scale(score: Number, scale: Scale) -> str:
    shown = format(score, "f") if isinstance(score, Decimal) else str(score)
    kind = "whole numbers " if scale.whole else ""
    return (
        f"score {shown if len(shown) <= 40 else shown[:40] + '…'} is not on the scale {scale.name}, which has "
        f"{kind}{scale.low} to {scale.high}. Send a score on that scale, or give the survey its own scale in "
        "rules/surveys.yaml."
    )
