from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.followup.timers import bundles

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    follow_up_id: int
    minutes: int
    owner: str = "ana"
    step: str = "remind"

    @property
    def fire_at(self) -> datetime:
        return NOON + timedelta(minutes=self.minutes)


def together(due: list[Any], soon: list[Any]) -> list[list[int]]:
    return [[row.follow_up_id for row in bundle] for bundle in bundles(due, soon)]


def test_one_owners_reminders_within_a_quarter_of_an_hour_go_together() -> None:
    assert together([Row(1, 0), Row(2, 0, "bo"), Row(3, 15), Row(4, 16)], []) == [[1, 3], [2], [4]]


def test_a_reminder_that_is_nearly_due_comes_along() -> None:
    assert together([Row(1, 0), Row(2, 0, "bo")], [Row(3, 10), Row(4, 12, "bo")]) == [[1, 3], [2, 4]]


def test_other_steps_keep_their_place() -> None:
    assert together([Row(1, 0), Row(2, 1, step="escalate.0"), Row(3, 2)], []) == [[1, 3], [2]]
