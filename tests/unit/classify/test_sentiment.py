from __future__ import annotations

import pytest

from worker.classify.reading import CommentReader
from worker.model.survey import Polarity
from worker.model.verdict import Sentiment

READER = CommentReader([], [])


def _mood(comment: str, polarity: Polarity = Polarity.OPEN) -> Sentiment | None:
    return READER.read(comment, "en", polarity).sentiment


def _confidence(comment: str, polarity: Polarity = Polarity.OPEN) -> float:
    return READER.read(comment, "en", polarity).confidence or 0.0


@pytest.mark.parametrize(
    "comment",
    [
        "Terrible service",
        "The service is not good",
        "This is not a very good service",
        "Nice people, but the router is broken and nobody helps",
        "Broken again 😡",
        "It could have been more helpful",
        "Waited three weeks :(",
        "Still don’t have a connection",
    ],
)
def test_unhappy_words_sound_unhappy(comment: str) -> None:
    assert _mood(comment) is Sentiment.NEGATIVE


@pytest.mark.parametrize(
    "comment",
    [
        "Great service",
        "No problems at all, very helpful",
        "I would definitely recommend them",
        "Could not have been more helpful",
        "Can't fault it",
        "A bit slow, but excellent people and a wonderful result",
        "Thanks 👍",
    ],
)
def test_happy_words_sound_happy(comment: str) -> None:
    assert _mood(comment) is Sentiment.POSITIVE


@pytest.mark.parametrize("comment", ["ok", "Average.", "n/a", "No comment", "nothing to add"])
def test_an_answer_without_opinion_is_neutral(comment: str) -> None:
    assert _mood(comment) is Sentiment.NEUTRAL


@pytest.mark.parametrize("comment", ["I called on Monday about the router", "My address is in Leeds", "good luck", "7"])
def test_it_abstains_where_the_words_say_nothing(comment: str) -> None:
    assert _mood(comment) is None


def test_both_at_once_is_mixed() -> None:
    assert _mood("Friendly people. Terrible, broken router. Lovely shop. Excellent price") is Sentiment.MIXED


def test_more_and_stronger_words_raise_the_confidence() -> None:
    assert (
        _confidence("slow")
        < _confidence("very slow and rude")
        < _confidence("very slow, rude and an absolute disgrace")
    )
    assert _confidence("an absolute disgrace, rude, useless, never again") < 1


def test_complaints_tell_less_where_the_survey_asks_for_them() -> None:
    comment = "The waiting time was too long"
    assert _confidence(comment, Polarity.IMPROVE) < _confidence(comment)
    assert _confidence("Friendly staff", Polarity.PRAISE) < _confidence("Friendly staff")
    assert _confidence("Friendly staff", Polarity.IMPROVE) == _confidence("Friendly staff")
