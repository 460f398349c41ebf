"""`rules check`, `test`, `speak` and `status`."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.support.commands import Commands
from worker.clock import SystemClock
from worker.store.schema import workers

TESTS = """
tests:
  - name: a detractor goes to the agent
    given: {response.score: 2, interaction.agent: ana}
    expect: {rule: any-detractor, owner: %s}
"""


def test_a_good_set_is_ok(commands: Commands) -> None:
    result = commands("rules", "check")

    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("Ok: revision ")
    said = json.loads(commands("rules", "check", "--format", "json").stdout)
    assert (said["ok"], said["findings"], len(said["revision"])) == (True, [], 12)


def test_a_mistake_has_place_and_fix_in_all_formats(commands: Commands) -> None:
    _spoil(commands, "response.class: detractor}", "response.clas: detractor}")

    text = commands("rules", "check")
    said = json.loads(commands("rules", "check", "--format", "json").stdout)
    github = commands("rules", "check", "--format", "github").stdout

    assert text.exit_code == 1
    assert 'Did you mean "response.class"?' in text.stdout
    assert set(said["findings"][0]) == {"code", "level", "file", "line", "column", "message", "fix"}
    assert (said["ok"], said["findings"][0]["level"]) == (False, "error")
    assert github.startswith("::error file=rules/routing.yaml,line=")


def test_a_directory_that_was_asked_for_is_named_in_its_findings(commands: Commands) -> None:
    (commands.home / "rules").rename(commands.home / "ours")
    path = commands.home / "ours" / "routing.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("timezone:", "timezon:"), encoding="utf-8")

    said = commands("rules", "check", "ours", "--format", "json").stdout
    assert commands("rules", "check", "ours").stdout.startswith("ours/routing.yaml:")
    assert commands("rules", "check", "ours", "--format", "github").stdout.startswith("::error file=ours/routing.yaml,")
    assert json.loads(said)["findings"][0]["file"] == "ours/routing.yaml"
    assert "innerloop: ours/routing.yaml:" in commands("rules", "test", "ours").stderr


def test_a_directory_of_the_settings_is_named_as_it_is_reached_from_here(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    (commands.home / "rules").rename(commands.home / "ours")
    (commands.home / "ours" / "themes.yaml").write_text("format: 7\n", encoding="utf-8")

    monkeypatch.setenv("INNERLOOP_RULES_DIR", str(commands.home / "ours"))

    assert commands("rules", "check").stdout.startswith("ours/themes.yaml:1:9")


def test_no_directory_could_not_run(commands: Commands) -> None:
    result = commands("rules", "check", "elsewhere")

    assert result.exit_code == 2
    assert result.stderr.startswith("innerloop: elsewhere is no directory.")


def test_inline_tests_pass_or_say_why(commands: Commands) -> None:
    _add(commands, TESTS % "ana")
    assert commands.json("rules", "test")["passed"] == 1

    _spoil(commands, "owner: ana}", "owner: bo}")
    said = commands.json("rules", "test", code=1)

    assert (said["ok"], said["passed"], said["failed"]) == (False, 0, 1)
    assert set(said["tests"][0]) >= {"name", "file", "line", "ok", "expected", "got"}
    assert (said["tests"][0]["expected"]["owner"], said["tests"][0]["got"]["owner"]) == ("bo", "ana")


def test_rules_are_read_as_sentences(commands: Commands) -> None:
    said = commands("rules", "speak", "any-detractor").stdout

    assert said.startswith("any-detractor  rules/routing.yaml:")
    assert "When the customer is a detractor, open recover" in said
    assert commands("rules", "speak", "any-detracter").exit_code == 1


def test_a_sentence_says_what_the_customer_is_told(commands: Commands) -> None:
    rule = "then: {open: recover%s}\n  - id: rest"
    _spoil(commands, rule % "", rule % ", tell_customer: [{say: recovery_reply}]")

    said = " ".join(commands("rules", "speak", "any-detractor").stdout.split())

    assert "due in 1 business day, and tell the customer by mail that somebody will be in touch." in said


def test_status_tells_what_is_in_use_and_what_is_refused(commands: Commands) -> None:
    assert commands.json("rules", "status")["live"] is None
    commands("import", commands.write("none.jsonl", ""), "--source", "x")
    live = commands.json("rules", "status")["live"]

    _spoil(commands, "format: 1", "format: 7")
    refused = commands.json("rules", "status", code=1)

    assert refused["live"] == live
    assert refused["directory"]["ok"] is False


def test_status_tells_which_worker_uses_which_revision(commands: Commands) -> None:
    now = SystemClock().now()
    with commands.store.write() as conn:
        for name, revision, seen in (("a:1", "aaaaaaaaaaaa", now), ("b:2", "bbbbbbbbbbbb", now - timedelta(hours=1))):
            row = {"name": name, "roles": ["consume"], "revision": revision, "started_at": seen, "seen_at": seen}
            conn.execute(workers.insert().values(row))

    said = commands.json("rules", "status")["workers"]

    assert [(one["name"], one["revision"], one["roles"]) for one in said] == [("a:1", "aaaaaaaaaaaa", ["consume"])]
    assert "Worker" in commands("rules", "status").stdout


def _spoil(commands: Commands, old: str, new: str) -> None:
    path = commands.home / "rules" / "routing.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _add(commands: Commands, text: str) -> None:
    path = commands.home / "rules" / "routing.yaml"
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
