"""`templates preview` and `sources check`: looking before something is put to work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import Commands
from worker.cli.templates import kinds
from worker.clock import SystemClock

_ANSWER = {
    "id": "r-1", "metric": "nps", "score": 2, "responded_at": SystemClock().now().isoformat(),
    "comment": "Nobody called.", "customer": {"id": "c-1", "name": "Pia Stahl"},
}  # fmt: skip


@pytest.mark.parametrize("part", ["email.txt", "email.html", "slack"])
def test_an_alert_can_be_seen_in_every_part(commands: Commands, part: str) -> None:
    result = commands("templates", "preview", "alert", "--part", part)

    assert result.exit_code == 0, result.output
    assert "Third call about the same invoice." in result.stdout
    assert "Reply by Mon 12:00: NPS 2 from Ines Ferrer, Berlin" in result.stderr


def test_a_message_about_a_stored_answer_is_the_one_its_owner_would_get(commands: Commands) -> None:
    commands("import", commands.write("one.jsonl", _ANSWER), "--source", "shop")
    mail = commands("templates", "preview", "alert", "--response", "shop/r-1")
    slack = commands("templates", "preview", "reminder", "--response", "r-1", "--channel", "slack")

    assert (mail.exit_code, slack.exit_code) == (0, 0), mail.output + slack.output
    assert "Nobody called." in mail.stdout
    assert "NPS 2 from Pia Stahl" in mail.stderr
    assert json.loads(slack.stdout)[0]["text"]["text"] == "NPS 2 from Pia Stahl"
    assert commands.json("notices", "list")[0]["deliveries"] == []


def test_what_is_not_about_one_answer_says_so(commands: Commands) -> None:
    commands(
        "import",
        commands.write("one.jsonl", _ANSWER, {**_ANSWER, "id": "r-2", "score": 10, "customer": {"id": "c-2"}}),
        "--source",
        "shop",
    )

    assert "Leave --response out" in commands("templates", "preview", "huddle", "--response", "r-1").stderr
    assert "belongs to no follow-up" in commands("templates", "preview", "alert", "--response", "r-2").stderr
    assert commands("templates", "preview", "alert", "--response", "r-3").exit_code == 1


@pytest.mark.parametrize(("channel", "shows"), [("email", 'role="presentation"'), ("slack", "<h1 dir=")])
def test_open_shows_a_page_that_only_this_user_can_read(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, channel: str, shows: str
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("tempfile.tempdir", str(commands.home))
    monkeypatch.setattr("webbrowser.open", opened.append)
    result = commands("templates", "preview", "alert", "--channel", channel, "--open")

    assert (result.exit_code, result.stdout) == (0, "")
    page = Path(opened[0].removeprefix("file://"))
    assert page.stat().st_mode & 0o777 == 0o600
    assert shows in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_can_be_seen(commands: Commands, kind: str) -> None:
    assert commands("templates", "preview", kind, "--language", "de").exit_code == 0


@pytest.mark.parametrize(
    ("say", "subject"),
    [(None, "We have your answer"), ("thanks", "Thank you"), ("we_fixed_it", "What we have changed")],
)
def test_what_a_customer_would_read_can_be_seen(commands: Commands, say: str | None, subject: str) -> None:
    result = commands("templates", "preview", "customer", *(["--say", say] if say else []), "--channel", "email")

    assert (result.exit_code, subject in result.stderr) == (0, True), result.output
    assert result.stdout.startswith("Hello ")


def test_about_a_stored_answer_the_customer_would_read_this(commands: Commands) -> None:
    commands("import", commands.write("one.jsonl", _ANSWER), "--source", "shop")
    shown = commands("templates", "preview", "customer", "--response", "r-1")

    assert "Hello Pia Stahl," in shown.stdout
    assert '"Nobody called."' in shown.stdout
    assert "will be in touch by" in shown.stdout


@pytest.mark.parametrize("wrong", [["customer", "--channel", "slack"], ["alert", "--say", "thanks"]])
def test_customers_are_shown_by_mail_and_nobody_else_is_thanked(commands: Commands, wrong: list[str]) -> None:
    result = commands("templates", "preview", *wrong)

    assert (result.exit_code, "ustomer" in result.stderr) == (2, True)


def test_an_unknown_kind_is_told_the_kinds(commands: Commands) -> None:
    result = commands("templates", "preview", "alarm")

    assert result.exit_code == 2
    assert "Kinds: alert, copy" in result.stderr


def test_an_own_event_needs_no_mapping_and_shows_no_contact_data(commands: Commands) -> None:
    event = {
        "id": "r-1", "metric": "nps", "score": 2, "responded_at": "2026-11-20T15:00:00Z", "shoe_size": 42,
        "comment": "Call me: +44 20 7946 0018", "customer": {"id": "c-1", "email": "ines@example.com"},
        "interaction": {"wait_seconds": "long"},
    }  # fmt: skip
    said = commands.json("sources", "check", commands.write("one.json", event))[0]

    assert (said["mapping"], said["event"]["id"]) == (None, "r-1")
    assert (said["unknown_keys"], said["ignored_values"]) == (["shoe_size"], ["interaction.wait_seconds"])
    assert "ines@example.com" not in json.dumps(said)
    assert "email" in said["contact"]


def test_an_event_nobody_can_read_ends_with_1(commands: Commands) -> None:
    result = commands("sources", "check", commands.write("one.json", {"rating": 5}))

    assert result.exit_code == 1
    assert "unknown_shape" in result.stdout


def test_a_mapping_is_checked_by_itself(commands: Commands) -> None:
    good = "match: {is: {type: rated}}\nfields: {id: ref, responded_at: at, score: stars, metric: {value: stars}}\n"
    (commands.home / "shop.yaml").write_text(good, encoding="utf-8")
    (commands.home / "bad.yaml").write_text(good.replace("match", "mach"), encoding="utf-8")

    assert commands("sources", "check", "bad.yaml").exit_code == 1
    assert 'Did you mean "match"?' in commands("sources", "check", "bad.yaml").stdout
