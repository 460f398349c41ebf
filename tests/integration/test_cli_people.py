"""`innerloop people`: absences by command."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.support.commands import Commands
from worker.clock import SystemClock


def day(ahead: int) -> str:
    today: date = SystemClock().now().date()
    return (today + timedelta(days=ahead)).isoformat()


@pytest.fixture
def busy(commands: Commands) -> Commands:
    """Ana has one open follow-up, due within days."""
    answer: dict[str, Any] = {
        "id": "r-1", "metric": "nps", "score": 2, "responded_at": SystemClock().now().isoformat(),
        "customer": {"id": "c-77"}, "interaction": {"agent": "a-417"},
    }  # fmt: skip
    result = commands("import", commands.write("answers.jsonl", answer), "--source", "ccaas")
    assert result.exit_code == 0, result.output
    return commands


def test_going_away_hands_over_open_work_at_once(busy: Commands) -> None:
    result = busy("people", "away", "a-417", "--from", day(0), "--until", day(20), "--delegate", "hana", "--by", "bo")
    assert result.stderr.strip() == (
        f"ana is away from {day(0)} to {day(20)}; hana stands in. 1 follow-up was handed over."
    )
    assert busy.json("follow-ups", "show", "1")["owner"] == "hana"


def test_the_list_says_who_is_away_and_who_has_how_much(busy: Commands) -> None:
    busy("people", "away", "bo", "--from", day(1), "--until", day(2))
    people = {row["id"]: row for row in busy.json("people", "list")}
    assert people["ana"]["open"] == 1
    assert people["bo"]["away"] == [{"from": day(1), "until": day(2), "delegate": None}]
    assert f"{day(1)} to {day(2)}" in busy("people", "list").stdout


def test_who_is_back_gets_work_again(busy: Commands) -> None:
    busy("people", "away", "ana", "--from", day(0), "--until", day(20), "--delegate", "hana")
    assert busy("people", "back", "ana").stderr.strip() == "ana is back."
    assert busy.json("people", "list")[0]["away"] == []
    again = busy("people", "back", "ana")
    assert (again.exit_code, "No absence of ana was entered here." in again.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("anna", "--from", day(0), "--until", day(1)), 'Did you mean "ana"?'),
        (("ana", "--from", day(2), "--until", day(1)), f"{day(1)} is before {day(2)}."),
        (("ana", "--from", day(-3), "--until", day(-2)), f"{day(-2)} has passed."),
        (("ana", "--from", "tomorrow", "--until", day(1)), '"tomorrow" is no date. Write: 2026-12-20'),
        (("ana", "--from", day(0), "--until", day(1), "--delegate", "ana"), "ana cannot stand in for ana."),
    ],
)
def test_an_absence_that_cannot_be_is_refused_in_a_sentence(
    commands: Commands, words: tuple[str, ...], problem: str
) -> None:
    result = commands("people", "away", *words)
    assert result.exit_code == 2
    assert problem in result.stderr


def test_a_delegate_who_is_away_then_is_refused(commands: Commands) -> None:
    commands("people", "away", "hana", "--from", day(3), "--until", day(5))
    result = commands("people", "away", "ana", "--from", day(0), "--until", day(4), "--delegate", "hana")
    assert result.exit_code == 2
    assert f"Hana Vogel is away from {day(3)} to {day(5)}, too." in result.stderr
