"""`settings` shows what counts and where from, and no secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from worker.cli.main import main
from worker.cli.settings import without_password


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def shown() -> dict[str, dict[str, Any]]:
    result = CliRunner().invoke(main, ["settings", "--json"])
    assert result.exit_code == 0, result.output
    return {row["name"]: row for row in json.loads(result.stdout)}


def test_each_value_says_where_it_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(tmp_path, "innerloop.toml").write_text('kafka_group_id = "from-file"\nsenders = 2\n')
    monkeypatch.setenv("INNERLOOP_SENDERS", "7")

    rows = shown()

    assert (rows["senders"]["value"], rows["senders"]["from"]) == ("7", "INNERLOOP_SENDERS")
    assert (rows["kafka_group_id"]["value"], rows["kafka_group_id"]["from"]) == ("from-file", "innerloop.toml")
    assert (rows["alert_max_age"]["value"], rows["alert_max_age"]["from"]) == ("7 days", "default")


def test_no_secret_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(tmp_path, "token").write_text("xoxb-hush-hush")
    monkeypatch.setenv("INNERLOOP_SLACK_BOT_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("INNERLOOP_STORE_URL", "postgresql://ana:hush-hush@db:5432/loop?password=hush-hush")
    monkeypatch.setenv("INNERLOOP_SECRET_KEYS", "hush-hush" * 5)

    rows = shown()

    assert "hush" not in json.dumps(rows)
    assert rows["slack_bot_token"]["from"] == "INNERLOOP_SLACK_BOT_TOKEN_FILE"
    assert rows["store_url"]["value"] == "postgresql://ana:***@db:5432/loop?…"


def test_a_variable_that_is_no_setting_is_named_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INNERLOOP_SENDER", "7")

    result = CliRunner().invoke(main, ["settings"])

    assert "INNERLOOP_SENDER is no setting of innerloop" in result.stderr


def test_only_a_secret_comes_from_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INNERLOOP_KAFKA_TOPICS_FILE", "topics.txt")

    result = CliRunner().invoke(main, ["settings"])

    assert "INNERLOOP_KAFKA_TOPICS_FILE is no setting of innerloop" in result.stderr


def test_a_wrong_value_ends_with_2_and_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INNERLOOP_ALERT_MAX_AGE", "a while")

    result = CliRunner().invoke(main, ["settings"])

    assert result.exit_code == 2
    assert "INNERLOOP_ALERT_MAX_AGE" in result.stderr
    assert "Write: 7 days, 12 hours, or off" in result.stderr


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("sqlite:///innerloop.db", "sqlite:///innerloop.db"),
        ("smtp://mail.example.com:587", "smtp://mail.example.com:587"),
        ("smtp://bot:s3@mail.example.com:587?starttls=false", "smtp://bot:***@mail.example.com:587?…"),
        ("smtp://bot:s3@mail:notaport", "(hidden)"),
    ],
)
def test_a_url_without_its_password(url: str, safe: str) -> None:
    assert without_password(url) == safe
