"""`doctor`: each thing in one line, what is wrong, why it matters, what to do."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import FRIDAY
from tests.support.commands import Commands
from tests.support.sendgrid_server import SendGridServer
from tests.support.slack_server import SlackServer
from tests.support.smtp_server import SmtpServer
from worker.cli.doctor.check import Check, State
from worker.cli.doctor.providers import provider_checks
from worker.cli.doctor.ruleset import people_checks
from worker.cli.doctor.storage import drift
from worker.clock import SystemClock
from worker.model.directory import Directory, Person, Team
from worker.settings import load
from worker.store import workers

TODAY = date(2026, 11, 20)


def by_name(checks: Any) -> dict[tuple[str, State], Check]:
    return {(check.name, check.state): check for check in checks}


def test_a_sound_installation_ends_with_0(commands: Commands) -> None:
    said = commands.json("doctor")

    states = {check["name"]: check["state"] for check in said["checks"]}
    assert said["ok"] is True
    assert (states["store"], states["schema"], states["rules"], states["clock"]) == ("ok", "ok", "ok", "ok")
    assert all(check["why"] and check["fix"] for check in said["checks"] if check["state"] != "ok")


def test_a_missing_schema_is_found_and_the_store_stays_as_it_is(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("INNERLOOP_STORE_URL", f"sqlite:///{tmp_path}/nowhere.db")

    result = commands("doctor")

    assert result.exit_code == 1
    assert "Run: innerloop migrate" in result.stdout
    assert not (tmp_path / "nowhere.db").exists()


def test_customers_who_cannot_be_told_are_found(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    playbooks = commands.home / "rules" / "playbooks.yaml"
    text = playbooks.read_text(encoding="utf-8").replace("reopen", "tell_customer: [{say: we_fixed_it}]\n    reopen", 1)
    playbooks.write_text(text, encoding="utf-8")
    assert "customers" not in {check["name"] for check in commands.json("doctor")["checks"]}

    monkeypatch.delenv("INNERLOOP_SMTP_URL")
    monkeypatch.setenv("INNERLOOP_SLACK_BOT_TOKEN", "xoxb-1")
    said = {check["name"]: check["state"] for check in commands.json("doctor", code=1)["checks"]}

    assert said["customers"] == "error"


def test_a_broken_rule_set_is_found(commands: Commands) -> None:
    (commands.home / "rules" / "playbooks.yaml").write_text("format: 1\n", encoding="utf-8")

    said = commands.json("doctor", code=1)

    (rules,) = [check for check in said["checks"] if check["name"] == "rules"]
    assert rules["state"] == "error"
    assert "rules/" in rules["what"]


def test_a_store_that_does_not_answer_is_one_line(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INNERLOOP_STORE_URL", "postgresql://nobody@127.0.0.1:1/nothing")

    result = commands("doctor")

    (line,) = [line for line in result.stdout.splitlines() if line.startswith("error   store")]
    assert "The store does not answer" in line


@pytest.fixture
def directory() -> Directory:
    people = [
        Person(id="ana", name="Ana", slack="U1"),
        Person(id="bo", name="Bo", email="bo@example.com"),
        Person(id="old", name="Olga", left=date(2026, 10, 31)),
    ]
    return Directory(
        people={person.id: person for person in people},
        teams={"desk": Team(id="desk", name="Desk", queue={"slack": "#desk"})},
        units={},
        calendars={},
        default_owner="person:bo",
    )


def test_people_without_a_working_channel_are_named(directory: Directory) -> None:
    found = by_name(people_checks(directory, {"email"}, TODAY))

    assert "channel that is set up: ana." in found["people", State.WARNING].what
    assert "desk" in found["queues", State.WARNING].what
    assert ("default owner", State.OK) in found


def test_a_default_owner_nobody_can_reach_is_an_error(directory: Directory) -> None:
    assert ("default owner", State.ERROR) in by_name(people_checks(directory, {"slack"}, TODAY))


def test_no_channel_at_all_is_an_error(directory: Directory) -> None:
    assert list(by_name(people_checks(directory, (), TODAY))) == [("channels", State.ERROR)]


@pytest.mark.parametrize(("seconds", "apart"), [(0, 0), (5, 4), (-3, 3)])
def test_clocks_are_compared_fairly(seconds: int, apart: int) -> None:
    """The store was asked between the two looks at our own clock."""
    before: datetime = FRIDAY

    assert drift(before, before + timedelta(seconds=seconds), before + timedelta(seconds=1)) == timedelta(seconds=apart)


def test_slack_is_asked_for_token_and_scopes(slack: SlackServer) -> None:
    good = {"INNERLOOP_SLACK_BASE_URL": slack.url, "INNERLOOP_SLACK_BOT_TOKEN": "xoxb-1-test"}

    assert ("slack", State.ERROR) not in by_name(provider_checks(load(good)))
    refused = by_name(provider_checks(load({**good, "INNERLOOP_SLACK_BOT_TOKEN": "xoxb-wrong"})))
    assert "Slack refuses the token" in refused["slack", State.ERROR].what


def test_sendgrid_is_asked_for_the_scopes_of_its_key(sendgrid: SendGridServer) -> None:
    env = {
        "INNERLOOP_SENDGRID_HOST": sendgrid.url,
        "INNERLOOP_SENDGRID_API_KEY": "SG.wrong",
        "INNERLOOP_EMAIL_FROM": "loop@example.com",
    }

    assert "SendGrid" in by_name(provider_checks(load(env)))["email", State.ERROR].what


def test_the_mail_server_is_signed_in_to(smtp: SmtpServer) -> None:
    env = {"INNERLOOP_SMTP_URL": smtp.url, "INNERLOOP_EMAIL_FROM": "loop@example.com"}
    assert list(by_name(provider_checks(load(env)))) == [("email", State.OK)]

    nobody = {**env, "INNERLOOP_SMTP_URL": "smtp://127.0.0.1:1?starttls=false"}
    refused = by_name(provider_checks(load(nobody)))["email", State.ERROR]
    assert refused.what == "The mail server does not let us in: Connection refused."


def test_what_does_not_answer_is_one_sentence_and_clients_add_nothing(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INNERLOOP_SLACK_BASE_URL", "http://127.0.0.1:1/api/")
    monkeypatch.setenv("INNERLOOP_SLACK_BOT_TOKEN", "xoxb-1-test")

    result = commands("doctor", "--live")

    assert "Slack does not answer: Connection refused. Messages wait or go by mail." in result.stdout
    assert "slack_sdk" not in result.stderr


def test_roles_that_nobody_plays_are_named(commands: Commands) -> None:
    with commands.store.write() as conn:
        now = SystemClock().now()
        workers.at_work(conn, "here:1", ["deliver", "schedule", "serve"], ("4f2a91c00000", None), now, now)

    (line,) = [line for line in commands("doctor").stdout.splitlines() if " workers " in line]

    assert "deliver 1, schedule 1; none with consume." in line
    assert "Start: innerloop run --only consume" in line


def test_a_key_that_was_dropped_too_early_is_named(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    commands("import", commands.write("broken.jsonl", "no json"), "--source", "ccaas")
    assert "sealed" not in {check["name"] for check in commands.json("doctor")["checks"]}

    monkeypatch.setenv("INNERLOOP_SECRET_KEYS", "another key of more than thirty-two characters")

    (sealed,) = [check for check in commands.json("doctor", code=1)["checks"] if check["name"] == "sealed"]
    assert sealed["what"].startswith("1 dead letter(s) are sealed with a key that is not in")
