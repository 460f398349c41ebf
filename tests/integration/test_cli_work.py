"""From a file of answers to closed follow-ups, by commands alone."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.support.commands import Commands
from tests.support.flow import RULES
from worker.clock import SystemClock


def event(named: str, score: int | None = 2, customer: str = "c-77", **more: Any) -> dict[str, Any]:
    at = SystemClock().now() - timedelta(minutes=5)
    return {
        "id": named,
        "metric": "nps",
        "score": score,
        "responded_at": at.isoformat(),
        "customer": {"id": customer},
        "interaction": {"agent": "a-417"},
        **more,
    }


@pytest.fixture
def opened(commands: Commands) -> Commands:
    """A store with one follow-up of ana's, F-1, and one dead letter."""
    name = commands.write("answers.jsonl", event("r-1"), event("r-2", score=10, customer="c-78"), '{"id": "r-3"}')
    result = commands("import", name, "--source", "ccaas")
    assert result.exit_code == 0, result.output
    assert result.stderr.strip().endswith("answers.jsonl: 2 accepted, 1 dead.")
    return commands


def test_an_import_opens_follow_ups_and_adds_up(opened: Commands) -> None:
    (follow_up,) = opened.json("follow-ups", "list")
    account = opened.json("reconcile")

    assert (follow_up["owner"], follow_up["state"], follow_up["customer"]) == ("ana", "open", "c-77")
    assert (account["ok"], account["responses"], account["problems"]) == (True, 2, [])
    assert account["partitions"][0]["dead"] == 1


def test_the_same_file_again_changes_nothing(opened: Commands) -> None:
    before = opened.json("follow-ups", "list")

    result = opened("import", "answers.jsonl", "--source", "ccaas")

    assert result.stderr.strip().endswith("answers.jsonl: 3 again.")
    assert opened.json("follow-ups", "list") == before
    assert opened.json("reconcile")["ok"]


def test_another_file_of_the_same_source_is_read_too(opened: Commands) -> None:
    opened.write("more.jsonl", event("r-4", customer="c-79"), event("r-1"))

    result = opened("import", "more.jsonl", "--source", "ccaas")

    assert "1 accepted" in result.stderr
    assert [row["id"] for row in opened.json("responses", "list")] == ["r-1", "r-2", "r-4"]
    assert opened.json("reconcile")["ok"]


def test_a_follow_up_goes_from_open_to_closed(opened: Commands) -> None:
    assert opened("follow-ups", "acknowledge", "F-1", "--by", "ana", "--note", "on it").exit_code == 0
    assert opened("follow-ups", "contact", "1", "--by", "a-417").exit_code == 0
    close = ("--root-cause", "billing", "--action", "called", "--outcome", "recovered", "--worth", "yes")
    assert opened("follow-ups", "close", "1", "--by", "ana@example.com", *close).exit_code == 0

    shown = opened.json("follow-ups", "show", "1")

    assert (shown["state"], shown["outcome"], shown["root_cause"]) == ("closed", "recovered", "billing")
    assert [(line["what"], line["by"], line["via"]) for line in shown["history"][-3:]] == [
        ("acknowledged", "ana", "cli"), ("contacted", "ana", "cli"), ("closed", "ana", "cli"),
    ]  # fmt: skip
    assert shown["history"][-3]["note"] == "on it"


def test_a_move_that_is_not_possible_ends_with_1_and_says_what_is(opened: Commands) -> None:
    opened("follow-ups", "acknowledge", "1", "--by", "ana")

    result = opened("follow-ups", "acknowledge", "1", "--by", "bo")

    assert result.exit_code == 1
    assert re.match(r"innerloop: Ana acknowledged this at \d\d:\d\d; yours was not saved\. F-1 is", result.stderr)
    assert result.stderr.count("\n") == 1


def test_who_acts_must_be_somebody(opened: Commands) -> None:
    result = opened("follow-ups", "acknowledge", "1", "--by", "anna")

    assert result.exit_code == 2
    assert 'There is no person "anna" in the directory. Did you mean "ana"?' in result.stderr


def test_closing_asks_for_what_the_playbook_asks_for(opened: Commands) -> None:
    result = opened("follow-ups", "close", "1", "--by", "ana", "--outcome", "recovered")

    assert result.exit_code == 2
    assert "Closing needs root cause" in result.stderr


def test_every_move_has_its_command(opened: Commands) -> None:
    later = (SystemClock().now() + timedelta(days=1)).isoformat()
    for move in (
        ("tried", "--reason", "voicemail", "--next", later),
        ("reassign", "--to", "bo", "--note", "his customer"),
        ("snooze", "--until", later),
        ("unsnooze",),
        ("recalculate",),
        ("cancel", "--note", "a slip of the score"),
        ("reopen",),
    ):
        result = opened("follow-ups", move[0], "F-1", "--by", "ana", *move[1:])
        assert result.exit_code == 0, (move, result.output)

    shown = opened.json("follow-ups", "show", "1")
    assert (shown["state"], shown["owner"]) == ("open", "bo")
    assert opened.json("reconcile")["ok"]


@pytest.mark.parametrize("until", ["tomorrow", "2026-11-23T12:00:00"])
def test_a_time_needs_an_offset(opened: Commands, until: str) -> None:
    result = opened("follow-ups", "snooze", "1", "--by", "ana", "--until", until)

    assert result.exit_code == 2
    assert "Write: 2026-11-23T12:00:00+01:00" in result.stderr


def test_lists_can_be_narrowed(opened: Commands) -> None:
    assert len(opened.json("follow-ups", "list", "--state", "live")) == 1
    assert opened.json("follow-ups", "list", "--owner", "bo") == []
    assert len(opened.json("follow-ups", "list", "--customer", "c-77", "--playbook", "recover")) == 1
    assert opened.json("follow-ups", "list", "--priority", "high,urgent") == []
    assert "Priorities: low, normal, high, urgent." in opened("follow-ups", "list", "--priority", "hgh").stderr
    assert opened("follow-ups", "list", "--state", "opn").exit_code == 2


def test_why_tells_everything_about_one_customer(opened: Commands) -> None:
    said = opened.json("why", "--customer", "c-77")

    assert [row["id"] for row in said["responses"]] == ["r-1"]
    assert [row["id"] for row in said["follow_ups"]] == ["1"]
    assert opened("why", "--customer", "nobody").exit_code == 1
    assert "any-detractor" in opened("why", "--customer", "crm/c-77").stdout


def test_an_answer_says_why_in_the_rules_words(opened: Commands) -> None:
    shown = " ".join(opened("responses", "show", "ccaas/r-1").stdout.split())

    assert "Why Every other detractor goes to the agent" in shown
    assert (
        "When the customer is a detractor, open recover for the agent, else the manager, due in 1 business day."
        in shown
    )


def test_a_bare_id_must_be_unique(opened: Commands) -> None:
    opened("import", opened.write("other.jsonl", event("r-1")), "--source", "shop")

    result = opened("responses", "show", "r-1")

    assert result.exit_code == 2
    assert "Say which: ccaas/r-1, shop/r-1." in result.stderr
    assert opened.json("responses", "show", "shop/r-1")["source"] == "shop"


def test_a_notice_that_has_not_failed_is_not_tried_again(opened: Commands) -> None:
    result = opened("notices", "retry", "1")

    assert result.exit_code == 1
    assert "has not failed" in result.stderr
    assert "There is no notice 99." in opened("notices", "retry", "99").stderr


def test_not_mine_needs_a_reason_and_goes_on(opened: Commands) -> None:
    bare = opened("follow-ups", "not-mine", "f-1", "--by", "ana")
    assert (bare.exit_code, bare.stderr.strip()) == (2, "innerloop: Not mine needs a reason: --note TEXT.")

    assert opened("follow-ups", "not-mine", "f-1", "--by", "ana", "--note", "not my call").exit_code == 0

    assert opened.json("follow-ups", "show", "1")["owner"] == "bo"


def test_closing_says_where_it_arose_and_whether_it_was_worth_it(opened: Commands) -> None:
    close = ("--root-cause", "billing", "--action", "called", "--outcome", "recovered", "--by", "ana")
    assert "is no where it arose" in opened("follow-ups", "close", "1", *close, "--arose", "moon").stderr
    assert 'such as "no:wrong person"' in opened("follow-ups", "close", "1", *close, "--worth", "no").stderr

    done = opened("follow-ups", "close", "1", *close, "--arose", "process", "--worth", "no:duplicate")

    assert (done.exit_code, done.stderr.strip()) == (0, "F-1 is closed, owner ana.")


def test_closing_may_tell_the_customer(opened: Commands) -> None:
    close = ("follow-ups", "close", "F-1", "--by", "ana", "--root-cause", "billing", "--action", "Credited",
             "--outcome", "recovered", "--tell-customer", "The fee is gone.")  # fmt: skip
    refused = opened(*close)
    assert (refused.exit_code, "It needs tell_customer: [{say: we_fixed_it}]" in refused.stderr) == (1, True)

    playbooks = opened.home / "rules" / "playbooks.yaml"
    text = playbooks.read_text(encoding="utf-8").replace("reopen", "tell_customer: [{say: we_fixed_it}]\n    reopen", 1)
    playbooks.write_text(text, encoding="utf-8")
    person = {"id": "c-9", "email": "ines@example.com", "may_contact": True}
    opened("import", opened.write("more.jsonl", {**event("r-9"), "customer": person}), "--source", "ccaas")
    told = opened(*close[:2], "F-2", *close[3:])

    assert (told.exit_code, "The customer is told by mail" in told.stderr) == (0, True), told.output
    (notice,) = [row for row in opened.json("notices", "list") if row["kind"] == "customer"]
    assert (notice["to"], notice["follow_up"], notice["state"]) == ("customer", "2", "pending")


def test_one_follow_up_is_shown_on_both_clocks_with_what_comes_next(opened: Commands) -> None:
    opened("follow-ups", "tried", "1", "--by", "ana", "--reason", "voicemail")

    shown = opened("follow-ups", "show", "1").stdout

    assert re.search(r"By when +\w{3} .+\n +\d+ (h|min).* left, the customer waits for [5-9] min\n", shown)
    assert re.search(r"Next +.+ the default owner is told\n", shown)
    assert "tried, no answer by ana (cli): voicemail" in shown
    assert re.search(r"Tries +1\n", shown)


def test_a_closed_one_shows_how_it_ended(opened: Commands) -> None:
    close = ("--root-cause", "billing", "--action", "called", "--outcome", "recovered", "--arose", "process")
    opened("follow-ups", "close", "1", "--by", "ana", *close)

    shown = opened("follow-ups", "show", "1").stdout

    assert re.search(r"Closed +recovered\n +cause: billing\n +done: called\n +arose: process\n", shown)


def test_what_is_left_to_do_after_the_last_try_is_said(opened: Commands) -> None:
    playbooks = opened.home / "rules" / "playbooks.yaml"
    text = RULES["playbooks.yaml"].replace("to_close", "tries: {at_most: 1, every: 1 hour}\n    to_close")
    playbooks.write_text(text, encoding="utf-8")
    opened("import", opened.write("new.jsonl", event("r-9", customer="c-9")), "--source", "ccaas")

    said = opened("follow-ups", "tried", "2", "--by", "ana").stderr

    assert "1 of 1 tries. Write to the customer, or close it: innerloop follow-ups close F-2 --outcome" in said
    assert "1 of 1" in opened("follow-ups", "show", "2").stdout


def test_a_snooze_may_wait_for_the_customer(opened: Commands) -> None:
    later = (SystemClock().now() + timedelta(days=1)).isoformat()
    assert opened("follow-ups", "snooze", "1", "--by", "ana", "--until", later, "--for-customer").exit_code == 0

    assert opened.json("follow-ups", "show", "1")["history"][-1]["what"] == "waiting for the customer"
    assert "the clock stands until" in opened("follow-ups", "show", "1").stdout


def test_a_follow_up_that_is_not_there_ends_with_1(opened: Commands) -> None:
    result = opened("follow-ups", "acknowledge", "F-99", "--by", "ana")

    assert (result.exit_code, result.stderr.strip()) == (1, "innerloop: There is no follow-up F-99.")
