"""`innerloop prune`, `people export` and `people erase`: first what would happen, then it happens."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.support.commands import Commands
from tests.support.forgetting import traces
from worker.clock import SystemClock
from worker.store.schema import audit, responses

INES = ["Ines Ferrer", "c-77", "ines@example.com", "same invoice"]


@pytest.fixture
def told(commands: Commands) -> Commands:
    """Ines has an open follow-up, and a record nobody could read."""
    answer: dict[str, Any] = {
        "id": "r-1", "metric": "nps", "score": 2, "responded_at": SystemClock().now().isoformat(),
        "comment": "Third call about the same invoice.", "interaction": {"agent": "a-417"},
        "customer": {"id": "c-77", "name": "Ines Ferrer", "email": "ines@example.com"},
    }  # fmt: skip
    broken = {**answer, "id": "r-2", "score": "two"}
    done = commands("import", commands.write("answers.jsonl", answer, broken), "--source", "ccaas")
    assert done.exit_code in {0, 1}, done.output
    return commands


def audited(commands: Commands) -> list[tuple[str, Any]]:
    with commands.store.read() as conn:
        return [(row.what, row.detail) for row in conn.execute(select(audit).order_by(audit.c.id))]


def test_an_export_holds_everything_also_what_was_dead(told: Commands) -> None:
    shown = json.loads(told("people", "export", "c-77", "--by", "bo").stdout)
    (answer,), (work,), (dead,) = shown["responses"], shown["follow_ups"], shown["dead_letters"]
    assert answer["contact"]["email"] == "ines@example.com"
    assert answer["versions"][0]["content"]["comment"] == "Third call about the same invoice."
    assert (work["state"], work["history"][0]["what"]) == ("open", "opened")
    assert '"score": "two"' in dead["record"]
    assert audited(told)[-1] == ("customer exported", {
        "responses": 1, "follow_ups": 1, "dead_letters": 1, "dead_letters_unopened": 0,
    })  # fmt: skip


def test_erasing_first_says_what_would_go_and_changes_nothing(told: Commands) -> None:
    before = told.json("follow-ups", "list")
    result = told("people", "erase", "ines@example.com")
    assert result.exit_code == 0, result.output
    assert "Nothing was changed" in result.stderr
    assert told.json("people", "erase", "--customer", "c-77")["done"] is False
    assert told.json("follow-ups", "list") == before
    assert traces(told.store, INES) == INES


def test_erased_means_gone_from_every_table_and_every_command(told: Commands) -> None:
    result = told("people", "erase", "c-77", "--yes", "--by", "bo")
    assert result.exit_code == 0, result.output
    assert traces(told.store, INES) == []
    assert told.json("responses", "show", "r-1")["comment"] is None
    assert told.json("follow-ups", "show", "1")["state"] == "cancelled"
    assert told("why", "--customer", "c-77").exit_code == 1
    assert "was forgotten on" in told("rules", "explain", "--response", "ccaas/r-1").stderr
    assert told.json("reconcile")["ok"] is True
    assert "Nothing is stored of such a customer" in told("people", "erase", "c-77", "--yes").stderr


def test_the_file_that_brought_them_brings_nothing_back(told: Commands) -> None:
    told("people", "erase", "c-77", "--yes")
    told("import", "answers.jsonl", "--source", "ccaas")
    told("dead-letters", "replay", "--all")
    assert traces(told.store, INES) == []


def test_nobody_is_found_twice_or_by_half_an_id(told: Commands) -> None:
    assert told("people", "erase", "c-7").exit_code == 1
    assert told("people", "erase").exit_code == 2
    assert told("people", "export", "c-77", "--customer", "c-77").exit_code == 2


def test_pruning_first_says_what_would_go(told: Commands) -> None:
    told("follow-ups", "cancel", "1", "--by", "bo", "--note", "a slip")
    with told.store.write() as conn:
        old = SystemClock().now() - timedelta(days=731)
        conn.execute(update(responses).values(received_at=old))
        conn.exec_driver_sql(f"UPDATE follow_ups SET cancelled_at = '{old:%Y-%m-%dT%H:%M:%S.%fZ}'")
    assert told.json("prune") == {"done": False, "dead_letters": 0, "responses": 1, "notices": 0}
    assert "innerloop prune --yes" in told("prune").stderr
    assert told.json("prune", "--yes") == {"done": True, "dead_letters": 0, "responses": 1, "notices": 0}
    assert told.json("responses", "show", "r-1")["comment"] is None
    assert audited(told)[-1][0] == "pruned"


def test_what_is_kept_for_ever_is_said_so(told: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INNERLOOP_KEEP_RESPONSES", "off")
    assert "INNERLOOP_KEEP_RESPONSES is off" in told("prune").stdout
    assert "responses" not in told.json("prune")


@pytest.mark.parametrize("span", ["1 day", "three years", "9999999999 days"])
def test_a_span_that_cannot_be_is_refused(told: Commands, monkeypatch: pytest.MonkeyPatch, span: str) -> None:
    monkeypatch.setenv("INNERLOOP_KEEP_RESPONSES", span)
    result = told("prune")
    assert (result.exit_code, "INNERLOOP_KEEP_RESPONSES" in result.stderr) == (2, True)
