"""What the guards add to the client."""

from __future__ import annotations

from worker.ingest import guard


def test_words_that_came_with_the_end_are_read_before_it() -> None:
    end = ConnectionError("socket disconnected")
    looks = iter([(b"wrong password", end), (b"", end)])

    read = [guard._words_first(lambda: next(looks)) for _ in range(2)]

    assert read == [(b"wrong password", None), (b"", end)]
