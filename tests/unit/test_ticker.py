"""Duties, one after the other."""

from __future__ import annotations

import pytest

from tests.support.clock import MovableClock
from worker.errors import StoreUnavailable
from worker.schedule.ticker import Duty, Ticker


def broken() -> int:
    raise ValueError("a defect")


def gone() -> int:
    raise StoreUnavailable


def test_a_duty_that_fails_is_named_and_the_others_are_done() -> None:
    ticker = Ticker([Duty("broken", 1, broken), Duty("fine", 1, lambda: 2)], MovableClock(), lambda: None)
    assert ticker.run_all() == 2
    assert ticker.failed == {"broken"}


def test_a_store_that_does_not_answer_ends_the_round() -> None:
    ticker = Ticker([Duty("gone", 1, gone), Duty("fine", 1, lambda: 2)], MovableClock(), lambda: None)
    with pytest.raises(StoreUnavailable):
        ticker.run_all()
