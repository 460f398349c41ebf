"""The JSON of the reading commands: the keys that others depend on, their types, and what must not be in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.rows import TOPIC, TOPIC_ID, Rows
from worker.cli.main import main
from worker.store.engine import open_store

FOLLOW_UP = {
    "id", "response", "customer", "playbook", "rule", "priority", "state", "owner", "opened_at", "due_at",
    "acknowledged_at", "contacted_at", "closed_at", "snoozed_until", "outcome", "root_cause", "responses",
    "next_step_at",
}  # fmt: skip
NOTICE = {"id", "follow_up", "kind", "to", "state", "reason", "due_at", "delivered_at", "deliveries"}
DEAD_LETTER = {"id", "topic", "partition", "offset", "source", "reason", "message", "at", "state"}
DECISION = {
    "source", "id", "verdict", "revision", "rule", "ignored", "also", "playbook", "priority", "owner", "owner_skips",
    "copies", "tags", "due_at",
}  # fmt: skip
EVENT = {
    "id", "source", "survey", "metric", "score", "comment", "question", "answers", "status", "responded_at",
    "updated_at", "language", "comment_translated", "callback_requested", "public", "test", "customer",
    "interaction", "attributes",
}  # fmt: skip


@pytest.fixture
def rows(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rows]:
    """A store of each kind, which the commands use too."""
    monkeypatch.setenv("INNERLOOP_STORE_URL", store_url)
    monkeypatch.chdir(tmp_path)
    store = open_store(store_url)
    yield Rows(store)
    store.close()


def answer(*args: str, code: int = 0) -> Any:
    """What a command prints with --json, and nothing but JSON."""
    result = CliRunner().invoke(main, [*args, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def is_time(text: str) -> bool:
    return datetime.fromisoformat(text).tzinfo is not None


def test_a_response_is_its_event_with_class_decision_follow_up_and_versions(rows: Rows) -> None:
    rows.response(1, version=2)
    rows.follow_up(42, response=1)

    shown = answer("responses", "show", "ccaas/r-1")

    assert set(shown) == EVENT | {"class", "decision", "follow_up", "versions", "record"}
    assert (shown["class"], shown["follow_up"], shown["versions"]) == ("detractor", "42", 2)
    assert shown["record"] == f"{TOPIC}:0:0"
    assert is_time(shown["responded_at"])


def test_a_decision_reads_as_explain_says_it(rows: Rows) -> None:
    rows.response(1)

    decision = answer("responses", "show", "r-1")["decision"]

    assert set(decision) >= DECISION
    assert set(decision["verdict"]) == {"metric", "score", "class", "sentiment", "themes", "severity"}
    assert decision["owner_skips"] == [{"candidate": "account_manager", "person": None, "reason": "unknown"}]
    assert decision["copies"] == ["team:product"]
    assert is_time(decision["due_at"])


def test_no_contact_data_is_in_a_response(rows: Rows) -> None:
    ines = {"id": "c-77", "key": "crm/c-77", "email": "ines@example.com", "phone": "+49301"}
    rows.response(1, content={"customer": ines})

    shown = answer("responses", "show", "r-1")

    assert shown["customer"]["id"] == "c-77"
    assert "ines@example.com" not in json.dumps(shown)
    assert not {"email", "phone", "key"} & set(shown["customer"])


def test_a_score_keeps_its_digits_and_its_type(rows: Rows) -> None:
    rows.response(1, score=2)
    rows.response(2, score=None, klass=None)

    first, second = answer("responses", "list")

    assert first["score"] == 2
    assert second["score"] is None
    assert second["class"] is None


def test_a_follow_up_has_exactly_these_keys(rows: Rows) -> None:
    rows.response(1)
    rows.follow_up(42, response=1)

    (listed,) = answer("follow-ups", "list")

    assert set(listed) == FOLLOW_UP
    assert listed["id"] == "42"
    assert listed["response"] == {"source": "ccaas", "id": "r-1"}
    assert (listed["customer"], listed["priority"], listed["responses"]) == ("c-77", "normal", 1)
    assert all(is_time(listed[name]) for name in ("opened_at", "due_at", "next_step_at"))


def test_a_shown_follow_up_adds_history_and_notices(rows: Rows) -> None:
    rows.response(1)
    rows.follow_up(42, response=1)
    rows.notice(7, follow_up=42)

    shown = answer("follow-ups", "show", "F-42")

    assert set(shown) == FOLLOW_UP | {"history", "notices"}
    assert [set(event) for event in shown["history"]] == [{"at", "what", "by", "via", "note"}]
    assert [set(notice) for notice in shown["notices"]] == [NOTICE]


def test_a_notice_names_its_deliveries_by_the_id_that_the_message_carries(rows: Rows) -> None:
    rows.response(1)
    rows.follow_up(42, response=1)
    rows.notice(7, follow_up=42, state="delivered")
    rows.delivery(70, notice=7, state="delivered")

    (notice,) = answer("notices", "list")

    assert set(notice) == NOTICE
    assert (notice["id"], notice["follow_up"], notice["to"]) == ("7", "42", "ana")
    assert is_time(notice["delivered_at"])
    assert notice["deliveries"] == [
        {"id": "d-70", "channel": "slack", "address": "U01ANA", "state": "delivered", "attempts": 1}
    ]


def test_an_ops_notice_has_no_follow_up(rows: Rows) -> None:
    rows.notice(1, recipient="ops", kind="ops", cause="ops/storm/1")

    assert answer("notices", "list")[0]["follow_up"] is None


def test_a_dead_letter_has_exactly_these_keys(rows: Rows) -> None:
    rows.dead_letter(3)

    (letter,) = answer("dead-letters", "list")

    assert set(letter) == DEAD_LETTER
    assert (letter["id"], letter["offset"], letter["state"]) == ("3", 0, "open")
    assert set(answer("dead-letters", "show", "3")) > DEAD_LETTER


def test_the_account_of_reconcile(rows: Rows) -> None:
    rows.response(1)
    rows.dead_letter(1)
    rows.ledger(0, 2, accepted=1, dead=1, head=True)

    account = answer("reconcile")

    assert set(account) == {"ok", "partitions", "responses", "follow_ups", "notices", "problems"}
    none = dict.fromkeys(("updated", "duplicate", "stale", "not_response", "absent", "again"), 0)
    place = {"topic": TOPIC, "topic_id": TOPIC_ID, "partition": 0, "from": 0, "to": 2, "gaps": []}
    assert account["partitions"] == [{**place, **none, "accepted": 1, "dead": 1}]
    assert account["ok"] is True


@pytest.mark.parametrize("command", ["responses", "follow-ups", "notices", "dead-letters"])
def test_an_empty_store_gives_an_empty_array(rows: Rows, command: str) -> None:
    assert answer(command, "list") == []
