"""`rules explain`: events that were never stored, JSONL, facts, dead ones, and stored responses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.commands import Commands

FRIDAY = "2026-11-20T16:30:00+01:00"


def event(named: str = "r-1", score: int = 2, **more: Any) -> dict[str, Any]:
    return {
        "id": named,
        "source": "ccaas",
        "metric": "nps",
        "score": score,
        "responded_at": "2026-11-20T15:00:00Z",
        "customer": {"id": "c-77"},
        "interaction": {"agent": "a-417"},
        **more,
    }


def test_one_event_is_one_object(commands: Commands) -> None:
    commands.write("one.json", json.dumps(event(), indent=2))

    said = commands.json("rules", "explain", "one.json", "--now", FRIDAY)

    assert set(said) == {
        "source", "id", "verdict", "revision", "rule", "ignored", "also", "playbook", "priority", "owner",
        "owner_skips", "copies", "tags", "due_at", "trace",
    }  # fmt: skip
    assert (said["rule"], said["playbook"], said["owner"]) == ("any-detractor", "recover", "ana")
    assert [entry["outcome"] for entry in said["trace"]] == ["did not hold", "did not hold", "fired", "not consulted"]


def test_a_value_that_does_not_fit_its_field_is_named(commands: Commands) -> None:
    fields = "format: 1\nfields:\n  customer.tier: {type: enum, values: [gold]}\n"
    (commands.home / "rules" / "fields.yaml").write_text(fields, encoding="utf-8")
    commands.write("one.json", event(customer={"id": "c-77", "tier": "platinium"}))

    assert commands.json("rules", "explain", "one.json")["not_fitting"] == ["customer.tier"]
    assert "customer.tier has a value that does not fit it" in commands("rules", "explain", "one.json").stdout


def test_a_test_that_fails_can_be_explained(commands: Commands) -> None:
    path = commands.home / "rules" / "routing.yaml"
    failing = "tests:\n  - {name: x, given: {response.score: 2}, expect: {rule: rest}}\n"
    path.write_text(path.read_text(encoding="utf-8") + failing, encoding="utf-8")
    commands.write("one.json", event())

    assert commands("rules", "check").exit_code == 1
    assert commands.json("rules", "explain", "one.json")["rule"] == "any-detractor"


def test_held_is_true_false_or_the_word_unknown(commands: Commands) -> None:
    commands.write("one.json", event())

    trace = commands.json("rules", "explain", "one.json")["trace"]

    assert [clause["held"] for entry in trace for clause in entry["clauses"]] == ["unknown", True, False, True]
    assert trace[0]["clauses"][0] == {
        "field": "response.comment",
        "test": "{mentions: [solicitor]}",
        "value": None,
        "held": "unknown",
    }


def test_jsonl_is_answered_line_by_line_in_order(commands: Commands) -> None:
    commands.write("some.jsonl", event("r-1"), "", event("r-2", score=9), '{"id": "r-3", "score": 1}', "not json")

    result = commands("rules", "explain", "some.jsonl", "--json", "--no-trace")

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["id"] for line in lines] == ["r-1", "r-2", "r-3", None]
    assert [line.get("rule") for line in lines] == ["any-detractor", "rest", None, None]
    assert [line["dead"]["reason"] for line in lines[2:]] == ["missing_field", "not_json"]
    assert all("trace" not in line for line in lines)


def test_facts_stand_for_what_the_store_would_say(commands: Commands) -> None:
    commands.write("told.jsonl", {"event": event(), "facts": {"history.detractors_90d": 2}})

    said = commands.json("rules", "explain", "told.jsonl")

    assert (said["rule"], said["owner"], said["priority"]) == ("repeat", "bo", "high")


@pytest.mark.parametrize("facts", [{"history.detractors": 2}, {"history.detractors_90d": "two"}])
def test_facts_that_do_not_exist_are_refused(commands: Commands, facts: dict[str, Any]) -> None:
    commands.write("told.jsonl", {"event": event(), "facts": facts})

    result = commands("rules", "explain", "told.jsonl", "--json")

    assert result.exit_code == 2
    assert "fact" in result.stderr


def test_a_score_off_its_scale_is_dead_with_its_id(commands: Commands) -> None:
    commands.write("one.json", event(score=11))

    said = commands.json("rules", "explain", "one.json")

    assert (said["source"], said["id"], said["dead"]["reason"]) == ("ccaas", "r-1", "score_out_of_scale")


def test_a_stored_response_is_explained_as_it_was_decided(commands: Commands) -> None:
    name = commands.write("one.jsonl", event())
    assert commands("import", name, "--source", "ccaas").exit_code == 0
    stored = commands.json("responses", "show", "ccaas/r-1")["decision"]
    (commands.home / "rules" / "routing.yaml").write_text("broken", encoding="utf-8")

    said = commands.json("rules", "explain", "--response", "ccaas/r-1")

    assert said["revision"] == stored["revision"]
    assert {name: stored[name] for name in said} == said
    assert [entry["rule"] for entry in said["trace"] if entry["outcome"] == "fired"] == ["any-detractor"]


@pytest.mark.parametrize("width", ["80", "100"])
def test_the_page_fits_and_says_verdict_and_word(
    commands: Commands, width: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    commands.write("one.json", event(comment="Third call about the same invoice."))

    text = commands("rules", "explain", "one.json", "--now", FRIDAY).stdout

    lines = text.splitlines()
    assert max(map(len, lines)) <= int(width)
    assert lines[0].startswith("NPS 2 ▼ detractor")
    assert "recover, priority normal, for ana, due Mon 23 Nov, 16:30 CET" in text
    assert "✓ holds  response.class" in text
    assert "ana by slack now; by email if slack fails for 10 minutes" in text
    assert text == text.replace("\x1b", "")


@pytest.mark.parametrize(
    ("may", "said"), [(True, "recovery_reply"), (None, "recovery_reply, held back: consent is not known")]
)
def test_the_page_says_what_the_customer_is_told(commands: Commands, may: bool | None, said: str) -> None:
    routing = commands.home / "rules" / "routing.yaml"
    text = routing.read_text(encoding="utf-8")
    told = text.replace("{open: recover}", "{open: recover, tell_customer: [{say: recovery_reply}]}")
    routing.write_text(told, encoding="utf-8")
    commands.write("one.json", event(customer={"id": "c-1", "may_contact": may}))

    assert f"the customer by email: {said}\n" in commands("rules", "explain", "one.json", "--now", FRIDAY).stdout


def test_a_file_that_is_not_there_is_one_line(commands: Commands) -> None:
    result = commands("rules", "explain", "nothing.json")

    assert result.exit_code == 2
    assert result.stderr == "innerloop: nothing.json cannot be read: No such file or directory.\n"


def test_a_broken_rule_set_cannot_explain(commands: Commands) -> None:
    commands.write("one.json", event())
    (commands.home / "rules" / "routing.yaml").write_text("format: 1\nrules: []\n", encoding="utf-8")

    result = commands("rules", "explain", "one.json", "--json")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "rules/routing.yaml" in result.stderr


def test_an_event_that_is_nested_too_deeply_is_dead_and_its_neighbours_are_explained(commands: Commands) -> None:
    deep = json.dumps(event("deep")).replace('"ccaas"', "[" * 3000 + "]" * 3000)
    commands.write("two.jsonl", f"{deep}\n{json.dumps(event('fine'))}\n")

    said = commands("rules", "explain", "two.jsonl", "--json", "--no-trace").stdout

    first, second = map(json.loads, said.splitlines())
    assert (first["dead"]["reason"], second["id"]) == ("not_json", "fine")
