"""The command group: quick to load, helpful about mistakes, errors in one line."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from worker.cli.lazy import LazyGroup
from worker.cli.main import COMMANDS, main
from worker.errors import ConfigError, InnerloopError, NotFound


def run(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_exists_and_explains_itself(name: str) -> None:
    module = importlib.import_module(COMMANDS[name][0])

    assert module.command.name == name
    assert run(name, "--help").exit_code == 0


def test_help_lists_every_command_without_importing_any() -> None:
    code = "import sys; from worker.cli.main import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    heavy = {"sqlalchemy", "fastapi", "kafka", "pydantic", "rich", "worker.cli.run"}
    assert not heavy & set(done.stdout.split())
    assert all(name in done.stdout for name in COMMANDS)


def test_a_misspelt_command_is_told_the_right_one() -> None:
    result = run("folow-ups")

    assert result.exit_code == 2
    assert "Did you mean 'follow-ups'?" in result.stderr


@pytest.mark.parametrize(("error", "code"), [(NotFound("No F-1."), 1), (ConfigError("Two.\nLines."), 2)])
def test_an_error_is_a_line_and_an_exit_code(error: InnerloopError, code: int) -> None:
    result = CliRunner().invoke(OneCommand(error), ["boom"])

    assert result.exit_code == code
    assert result.stderr.splitlines() == [f"innerloop: {line}" for line in str(error).splitlines()]
    assert result.stdout == ""


def test_even_a_mistake_of_ours_shows_no_traceback() -> None:
    result = CliRunner().invoke(OneCommand(ZeroDivisionError("by zero")), ["boom"])

    assert result.exit_code == 2
    assert result.stderr.startswith("innerloop: unexpected ZeroDivisionError: by zero")
    assert "Traceback" not in result.output


def test_no_settings_no_store_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    result = run("follow-ups", "list", "--json")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "innerloop migrate" in result.stderr


class OneCommand(LazyGroup):
    """A group whose every command raises `error`."""

    def __init__(self, error: Exception) -> None:
        super().__init__("innerloop", lazy={})
        self.error = error

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        def fail() -> None:
            raise self.error

        return click.Command(cmd_name, callback=fail)
