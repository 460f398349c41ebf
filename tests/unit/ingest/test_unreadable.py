"""Finding the end of a range that cannot be read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.ingest.unreadable import first_readable


@given(st.integers(0, 1000), st.integers(1, 400), st.integers(0, 500))
def test_the_first_readable_offset_is_found(start: int, length: int, rest: int) -> None:
    end = start + length + rest
    assert first_readable(lambda offset: offset >= start + length, start, end) == start + length


def test_few_looks_are_enough() -> None:
    looks: list[int] = []

    def can_read(offset: int) -> bool:
        looks.append(offset)
        return offset >= 30

    assert first_readable(can_read, 20, 100_000) == 30
    assert len(looks) <= 9


def test_nothing_readable_up_to_the_end() -> None:
    assert first_readable(lambda _: False, 20, 24) == 24
    assert first_readable(lambda _: False, 20, 21) == 21
