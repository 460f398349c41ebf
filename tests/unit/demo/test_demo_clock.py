from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.waiting import until
from worker.demo.clock import PACE, DemoClock

FRIDAY = datetime(2026, 11, 20, 15, tzinfo=UTC)


@pytest.fixture
def clock(tmp_path: Path) -> DemoClock:
    return DemoClock.create(tmp_path / "clock", FRIDAY)


def test_a_new_clock_stands_still(clock: DemoClock) -> None:
    assert clock.now() == FRIDAY
    assert clock.seconds_until(FRIDAY + timedelta(seconds=1)) == float("inf")


def test_a_running_clock_makes_four_minutes_of_a_second(clock: DemoClock) -> None:
    clock.run()
    until(lambda: clock.now() > FRIDAY + timedelta(minutes=1), 5)
    assert clock.seconds_until(clock.now() + timedelta(minutes=4)) == pytest.approx(1.0, abs=0.01)
    assert clock.pace == PACE


def test_another_process_would_see_a_jump_at_once(clock: DemoClock, tmp_path: Path) -> None:
    other = DemoClock(tmp_path / "clock")
    clock.jump(FRIDAY + timedelta(days=3))
    assert other.now() == FRIDAY + timedelta(days=3)


def test_a_clock_never_goes_back(clock: DemoClock) -> None:
    clock.jump(FRIDAY - timedelta(hours=1))
    assert clock.now() == FRIDAY


def test_a_change_of_pace_keeps_the_time(clock: DemoClock) -> None:
    clock.jump(FRIDAY + timedelta(hours=2))
    clock.run()
    clock.run(1.0)
    assert FRIDAY + timedelta(hours=2) <= clock.now() < FRIDAY + timedelta(hours=3)
