from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from worker.classify.classifier import Classifier, Unclassifiable
from worker.model.response import Customer, Response
from worker.model.survey import Lexicon, Polarity, Scale, Survey
from worker.model.verdict import Class, Evidence, Sentiment

SURVEYS = {
    "post-call": Survey(id="post-call", metric="nps", questions={"better": Polarity.IMPROVE}),
    "mood": Survey(id="mood", metric="smileys", scale=Scale(name="smileys", low=1, high=4, detractor=2, promoter=4)),
    "lisbon": Survey(id="lisbon", metric="nps", language="pt"),
}
THEMES = [Lexicon(label="billing", words={"en": ("charged twice",), "pt": ("fatura",)})]
SEVERITY = [Lexicon(label="legal", words={"en": ("solicitor",)})]
CLASSIFIER = Classifier(THEMES, SEVERITY, SURVEYS)


def _response(**fields: Any) -> Response:
    return Response(id="r-1", source="s", responded_at=datetime(2026, 1, 1, tzinfo=UTC), **fields)


def test_a_detractor_with_words() -> None:
    verdict = CLASSIFIER.classify(_response(metric="nps", score=2, language="en", comment="Charged twice, terrible."))
    assert (verdict.klass, verdict.themes, verdict.sentiment) == (Class.DETRACTOR, ("billing",), Sentiment.NEGATIVE)
    assert (verdict.scale_low, verdict.scale_high, verdict.lowest_fifth, verdict.text_read) == (0, 10, True, True)
    assert Evidence("billing", 0, 13) in verdict.evidence
    assert not verdict.silent


@pytest.mark.parametrize("comment", [None, "", " \n\u00a0"])
def test_without_a_comment_nothing_is_said_of_words(comment: str | None) -> None:
    verdict = CLASSIFIER.classify(_response(metric="NPS", score=9, comment=comment))
    assert (verdict.metric, verdict.klass) == ("nps", Class.PROMOTER)
    assert (verdict.text_read, verdict.sentiment, verdict.evidence) == (None, None, ())


def test_a_comment_without_a_score_has_no_class_but_still_needs_a_scale() -> None:
    verdict = CLASSIFIER.classify(_response(survey="post-call", language="en", comment="my solicitor will write"))
    assert (verdict.metric, verdict.klass, verdict.severity, verdict.silent) == ("nps", None, ("legal",), False)
    with pytest.raises(Unclassifiable) as refused:
        CLASSIFIER.classify(_response(comment="hello", survey="unheard-of"))
    assert refused.value.reason == "unknown_scale"
    assert "unheard-of" in str(refused.value)


def test_an_unknown_metric_is_named_with_the_way_out() -> None:
    with pytest.raises(Unclassifiable, match=r'"joy".*surveys\.yaml') as refused:
        CLASSIFIER.classify(_response(metric="joy", score=3))
    assert refused.value.reason == "unknown_scale"


def test_a_metric_that_a_survey_invents_is_known_by_name_and_by_survey() -> None:
    for fields in ({"survey": "mood"}, {"metric": "smileys"}, {"metric": "Smileys", "survey": "mood"}):
        verdict = CLASSIFIER.classify(_response(score=4, **fields))
        assert (verdict.metric, verdict.klass, verdict.scale_high) == ("smileys", Class.PROMOTER, 4)


@pytest.mark.parametrize(
    ("score", "comment", "silent"),
    [
        (9, "Charged twice and nobody helps, terrible", True),
        (8, "my solicitor will write", True),
        (9, "Great, thanks", False),
        (9, "The router is in the hall", False),
        (3, "Charged twice and nobody helps, terrible", False),
    ],
)
def test_a_happy_score_with_unhappy_words_is_its_own_signal(score: int, comment: str, *, silent: bool) -> None:
    verdict = CLASSIFIER.classify(_response(metric="nps", score=score, language="en", comment=comment))
    assert verdict.silent is silent


def test_what_customers_would_improve_is_no_silent_detractor() -> None:
    comment = "The waiting time was too long"
    assert CLASSIFIER.classify(_response(survey="post-call", score=9, language="en", comment=comment)).silent
    asked = _response(survey="post-call", score=9, language="en", comment=comment, question="better")
    assert not CLASSIFIER.classify(asked).silent


def test_the_language_is_the_events_else_the_surveys_else_the_customers_else_told() -> None:
    customer = Customer(language="de-AT")
    cases = {
        "en": _response(survey="lisbon", language="EN-gb", customer=customer, comment="ok"),
        "pt": _response(survey="lisbon", customer=customer, comment="ok"),
        "de": _response(metric="nps", customer=customer, comment="ok"),
        "fr": _response(metric="nps", comment="le service est très bien"),
    }
    assert {code: CLASSIFIER.classify(response).language for code, response in cases.items()} == {
        code: code for code in cases
    }


def test_words_that_nobody_here_reads_are_marked_as_not_read() -> None:
    verdict = CLASSIFIER.classify(_response(metric="nps", score=1, language="ja", comment="対応が最悪です"))
    assert (verdict.klass, verdict.text_read, verdict.language) == (Class.DETRACTOR, False, "ja")


def test_a_translation_is_read_where_the_comment_cannot_be() -> None:
    response = _response(
        metric="nps",
        score=9,
        language="ja",
        comment="対応が最悪です",
        comment_translated="The service is terrible, charged twice",
    )
    verdict = CLASSIFIER.classify(response)
    assert (verdict.text_read, verdict.language, verdict.themes, verdict.silent) == (True, "ja", ("billing",), True)
    assert verdict.evidence == ()  # its words do not stand in the comment
