"""The sentence of a comment that says most, for messages that have room for one."""

from __future__ import annotations

import re

from worker.model.verdict import Class, Sentiment, Verdict

_SENTENCE = re.compile(r"[^.!?…\n]+(?:[.!?…]+(?!\s|$)[^.!?…\n]+)*[.!?…]*")
_SEVERE, _UNHAPPY, _HAPPY, _THEME = 5.0, 2.0, 1.0, 1.0
_TOO_SHORT = 12  # characters: "Hello." and "Mr." say nothing


def most_telling_sentence(comment: str, verdict: Verdict) -> tuple[int, int]:
    """Start and end of the sentence with the gravest evidence; of equals the first.

    Severity weighs most, then unhappy words, then themes and happy words; a promoter's happy words weigh more than
    themes. Without evidence it is the first sentence that is more than a word or two. (0, 0) for an empty comment.
    """
    sentences = [_trimmed(comment, *match.span()) for match in _SENTENCE.finditer(comment)]
    sentences = [(start, end) for start, end in sentences if start < end]
    if not sentences:
        stripped = comment.strip()
        start = comment.find(stripped) if stripped else 0
        return start, start + len(stripped)
    weights = _weights(verdict, sentences)
    if not any(weights):
        return next((each for each in sentences if each[1] - each[0] >= _TOO_SHORT), sentences[0])
    return sentences[weights.index(max(weights))]


def _trimmed(comment: str, start: int, end: int) -> tuple[int, int]:
    part = comment[start:end]
    return start + len(part) - len(part.lstrip()), start + len(part.rstrip())


def _weights(verdict: Verdict, sentences: list[tuple[int, int]]) -> list[float]:
    weights = [0.0] * len(sentences)
    evidence = sorted(verdict.evidence, key=lambda one: one.start)
    place = 0
    for one in evidence:
        while place + 1 < len(sentences) and sentences[place][1] <= one.start:
            place += 1
        weights[place] += _weight(one.label, verdict)
    return weights


def _weight(label: str, verdict: Verdict) -> float:
    if label in verdict.severity:
        return _SEVERE
    if label in verdict.themes:
        return _THEME
    happy = label == Sentiment.POSITIVE
    return (_UNHAPPY if verdict.klass is Class.PROMOTER else _HAPPY) if happy else _UNHAPPY
