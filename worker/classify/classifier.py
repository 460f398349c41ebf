"""From a response to its verdict: class by score and scale, the rest by its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import structs

from worker.classify.reading import CommentReader, Reading, primary
from worker.classify.scales import SCALES, Unclassifiable, classify_score, lowest_fifth, resolve, unknown_scale
from worker.model.response import Response
from worker.model.survey import Lexicon, Polarity, Scale, Survey
from worker.model.verdict import Class, Sentiment, Verdict

__all__ = ["Classifier", "Unclassifiable"]

_SURE_UNHAPPY = 0.6  # confidence from which unhappy words under a happy score are a signal


class Classifier:
    """Classifies responses with the lexicons and surveys of one rule set. Keeps no state between responses."""

    def __init__(self, themes: Sequence[Lexicon], severity: Sequence[Lexicon], surveys: Mapping[str, Survey]) -> None:
        self._surveys = surveys
        self._metrics = _own_metrics(surveys)
        self._reader = CommentReader(themes, severity)

    def classify(self, response: Response) -> Verdict:
        """The verdict on a response that is already redacted, so that evidence points into the stored comment.

        Raises Unclassifiable: `unknown_scale` when neither metric nor survey names a scale,
        `score_out_of_scale` when the score does not lie on it.
        """
        survey = self._surveys.get(response.survey) if response.survey else None
        metric, scale = self._scale(response, survey)
        klass = classify_score(response.score, scale)
        by_score = Verdict(
            metric=metric,
            score=response.score,
            klass=klass,
            scale_low=scale.low,
            scale_high=scale.high,
            lowest_fifth=lowest_fifth(response.score, scale),
        )
        if not response.has_comment:
            return by_score
        reading = self._read(response, survey)
        return structs.replace(
            by_score,
            sentiment=reading.sentiment,
            confidence=reading.confidence,
            themes=reading.themes,
            severity=reading.severity,
            text_read=reading.read,
            language=reading.language,
            silent=_is_silent(klass, reading),
            evidence=reading.evidence,
        )

    def _scale(self, response: Response, survey: Survey | None) -> tuple[str, Scale]:
        """The name of the metric, in lower case, and its scale."""
        metric = response.metric or (survey.metric if survey else None)
        name = metric.strip().casefold() if metric else ""
        scale = resolve(response.metric, survey) or self._metrics.get(name)
        if scale is None:
            raise unknown_scale(response.metric, response.survey)
        return name or scale.name, scale

    def _read(self, response: Response, survey: Survey | None) -> Reading:
        """Read the comment; where its language has no lexicon, its translation, whose words are no evidence in it."""
        polarity = _polarity(response, survey)
        language = response.language or (survey.language if survey else None) or response.customer.language
        reading = self._reader.read(response.comment or "", language, polarity)
        if reading.read or not (response.comment_translated and response.comment_translated.strip()):
            return reading
        translated = self._reader.read(response.comment_translated, None, polarity)
        if not translated.read:
            return reading
        return Reading(
            read=True,
            language=primary(language) if language else None,
            sentiment=translated.sentiment,
            confidence=translated.confidence,
            themes=translated.themes,
            severity=translated.severity,
        )


def _own_metrics(surveys: Mapping[str, Survey]) -> dict[str, Scale]:
    """Metrics that surveys invent, by name, for responses that name the metric only."""
    own: dict[str, Scale] = {}
    for survey in surveys.values():
        if survey.metric and survey.scale and survey.metric.casefold() not in SCALES:
            own.setdefault(survey.metric.casefold(), survey.scale)
    return own


def _polarity(response: Response, survey: Survey | None) -> Polarity:
    if survey is None:
        return Polarity.OPEN
    return survey.questions.get(response.question or "", survey.polarity)


def _is_silent(klass: Class | None, reading: Reading) -> bool:
    """A happy score with unhappy words."""
    if klass is None or klass is Class.DETRACTOR:
        return False
    unhappy = reading.sentiment is Sentiment.NEGATIVE and (reading.confidence or 0) >= _SURE_UNHAPPY
    return unhappy or bool(reading.severity)
