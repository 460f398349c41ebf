"""Hostile comments cost no more than long ones: every search here is linear in the length of the text."""

from __future__ import annotations

import time

import pytest

from worker.classify.reading import CommentReader
from worker.classify.redact import excerpt, redact
from worker.model.survey import Lexicon

LARGEST = 256 * 1024
PIECES = [
    "1", "1 ", "4 ", "07911 123456 ", "x1234567 ", "a@", "a@b.", "DE12 ", "FR12 12345 12345 AB", "(", "dot at ",
    "a at b dot ", "AA 12 34 56 B ", "é1 ", "\u200b1", "1-", " ", "+1 ", "AAAAAA00B11C33", '"@', "&nbsp;1", "ab1",
    "charged twice ", "e\u0301",
]  # fmt: skip
READER = CommentReader([Lexicon(label="billing", words={"en": ("charged twice", "charged")})], [])


def _seconds(piece: str, length: int) -> float:
    """Processor time of redacting and reading a text of one piece over and over, the best of two."""
    text = (piece * (length // len(piece) + 1))[:length]
    times = []
    for _ in range(2):
        start = time.process_time()
        READER.read(redact(text).text, "en")
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("piece", PIECES)
def test_four_times_the_length_costs_about_four_times_the_time(piece: str) -> None:
    short, long = _seconds(piece, LARGEST // 128), _seconds(piece, LARGEST // 32)
    assert long < max(0.2, 12 * short)


def test_the_largest_comment_is_read_in_a_moment() -> None:
    assert _seconds("The engineer never came and nobody rang me back. ", LARGEST) < 1


def test_an_excerpt_reads_only_what_it_may_show() -> None:
    start = time.process_time()
    excerpt(b"1 @" * 1_000_000)
    assert time.process_time() - start < 0.2
