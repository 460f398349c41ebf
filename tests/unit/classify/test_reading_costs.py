"""Hostile comments of the largest size cost no more than long ones: every search here is linear."""

from __future__ import annotations

import time

import pytest

from worker.classify.reading import CommentReader
from worker.classify.redact import excerpt, redact
from worker.model.survey import Lexicon

LARGEST = 256 * 1024
PIECES = [
    "a", "1", "1 ", "4 ", "4012 8888 8888 1882 ", "07911 123456 ", "x1234567 ", "@", "a@", "a@b.", "DE12 ",
    "DE89 3704 0044 0532 0130 01 ", "FR12 12345 12345 AB", "(", "dot at ", "a at b dot ", "078-05-1123 ", "AA 12 34 56 B ",
    "é1 ", "\u200b1", "1-", " ", "(at)", "+1 ", "AAAAAA00B11C33", '"@', "&nbsp;1", "ab1", "not ", "charged twice ", "ß", "e\u0301",
]  # fmt: skip


def _seconds(piece: str, length: int) -> float:
    """Processor time of redacting and reading, the better of two runs."""
    reader = CommentReader([Lexicon(label="billing", words={"en": ("charged twice", "charged")})], [])
    text = (piece * (length // len(piece) + 1))[:length]
    times = []
    for _ in range(2):
        start = time.process_time()
        reader.read(redact(text).text, "en")
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("piece", PIECES)
def test_twice_the_length_costs_about_twice_the_time(piece: str) -> None:
    half, whole = _seconds(piece, LARGEST // 2), _seconds(piece, LARGEST)
    assert whole < max(0.1, 4 * half)
    assert whole < 3


def test_an_excerpt_reads_only_what_it_may_show() -> None:
    start = time.process_time()
    excerpt(b"1 @" * 1_000_000)
    assert time.process_time() - start < 0.2
