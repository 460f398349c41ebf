from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.classify.telling import most_telling_sentence
from worker.model.verdict import Class, Evidence, Verdict


def _verdict(
    comment: str, *labelled: tuple[str, str], klass: Class = Class.DETRACTOR, severity: tuple[str, ...] = ()
) -> Verdict:
    evidence = tuple(Evidence(label, comment.index(word), comment.index(word) + len(word)) for label, word in labelled)
    themes = tuple(label for label, _ in labelled if label not in (*severity, "negative", "positive"))
    return Verdict(
        metric="nps",
        score=2,
        klass=klass,
        scale_low=0,
        scale_high=10,
        themes=themes,
        severity=severity,
        evidence=evidence,
    )


def _telling(comment: str, *labelled: tuple[str, str], **more: object) -> str:
    start, end = most_telling_sentence(comment, _verdict(comment, *labelled, **more))  # type: ignore[arg-type]
    return comment[start:end]


def test_the_sentence_with_the_severity_comes_first() -> None:
    comment = "I was charged twice. It is awful! My solicitor will write. Regards"
    labels = (("billing", "charged twice"), ("negative", "awful"), ("legal", "solicitor"))
    assert _telling(comment, *labels, severity=("legal",)) == "My solicitor will write."
    assert _telling(comment, *labels[:2]) == "It is awful!"


def test_of_equals_the_first() -> None:
    comment = "Slow line.\nSlow answer."
    assert _telling(comment, ("negative", "Slow line"), ("negative", "Slow answer")) == "Slow line."


def test_a_promoters_praise_tells_more_than_a_theme() -> None:
    comment = "I had a new router. Ana was wonderful."
    labels = (("app", "router"), ("positive", "wonderful"))
    assert _telling(comment, *labels, klass=Class.PROMOTER) == "Ana was wonderful."


def test_without_evidence_it_is_the_first_real_sentence() -> None:
    assert _telling("Hi! I moved house in May. Thanks") == "I moved house in May."
    assert _telling("Hi!") == "Hi!"


def test_a_point_inside_a_number_or_a_name_ends_nothing() -> None:
    comment = "I paid 12.50 on example.com today. Bad."
    assert _telling(comment, ("billing", "paid")) == "I paid 12.50 on example.com today."


@pytest.mark.parametrize("comment", ["", "   ", "...", "?!"])
def test_hardly_anything_is_no_trouble(comment: str) -> None:
    assert _telling(comment) == comment.strip()


@given(st.text(max_size=200))
def test_it_is_always_a_part_of_the_comment(comment: str) -> None:
    start, end = most_telling_sentence(comment, _verdict(comment))
    assert 0 <= start <= end <= len(comment)
    assert comment[start:end] == comment[start:end].strip()
