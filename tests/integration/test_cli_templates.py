"""`templates preview` and `sources check`: looking before something is put to work."""

from __future__ import annotations

import json

import pytest

from tests.support.commands import Commands
from worker.cli.templates import kinds


@pytest.mark.parametrize("part", ["email.txt", "email.html", "slack"])
def test_an_alert_can_be_seen_in_every_part(commands: Commands, part: str) -> None:
    result = commands("templates", "preview", "alert", "--part", part)

    assert result.exit_code == 0, result.output
    assert "Third call about the same invoice." in result.stdout
    assert result.stderr.startswith("Subject: Reply by Mon 12:00: NPS 2 from Ines Ferrer, Berlin [F-42]")


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_can_be_seen(commands: Commands, kind: str) -> None:
    assert commands("templates", "preview", kind, "--language", "de").exit_code == 0


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
