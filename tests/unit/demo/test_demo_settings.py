from __future__ import annotations

from pathlib import Path

import pytest

from worker.demo.set_up import program
from worker.settings import environment_for


def test_no_setting_of_a_real_installation_reaches_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INNERLOOP_SLACK_BOT_TOKEN", "xoxb-real")
    monkeypatch.setenv("UNRELATED", "kept")
    found = environment_for(Path("demo.toml"))
    assert found["UNRELATED"] == "kept"
    assert {name: value for name, value in found.items() if name.startswith("INNERLOOP_")} == {
        "INNERLOOP_CONFIG": "demo.toml"
    }


def test_the_line_to_ask_with_names_the_command_that_was_started() -> None:
    assert program(".venv/bin/innerloop") == ".venv/bin/innerloop"
    assert program("worker/cli/main.py") == "innerloop"
