"""The evaluator against its plain twin. For 100,000 pairs: python -m tests.support.agreeing 100000 1"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.agreeing import compare


@given(seed=st.integers(0, 2**32), rules=st.integers(1, 40), also=st.integers(0, 6))
def test_bitmaps_and_traces_agree_with_a_plain_reading_of_the_rules(seed: int, rules: int, also: int) -> None:
    assert compare(seed, rules, also) == []


def test_they_agree_also_where_many_rules_hold_at_once() -> None:
    assert [line for seed in range(3) for line in compare(seed, rules=300, also=40)] == []
