"""Running commands in this process, in a directory of their own, with a store and rules they can use."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.flow import RULES
from worker.cli.main import main
from worker.store.engine import Store, open_store


@dataclass(frozen=True, slots=True)
class Commands:
    """`commands("follow-ups", "list")`; `commands.json(...)` for what --json says."""

    home: Path
    store: Store

    def __call__(self, *args: str) -> Result:
        return CliRunner().invoke(main, list(args))

    def json(self, *args: str, code: int = 0) -> Any:
        """What a command prints with --json, and nothing but JSON."""
        result = self(*args, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def write(self, name: str, *values: Mapping[str, Any] | str) -> str:
        """A file of events, one a line; its name."""
        lines = [value if isinstance(value, str) else json.dumps(value) for value in values]
        (self.home / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return name


@pytest.fixture
def commands(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    """A migrated SQLite store, the rules of tests.support.flow, and the working directory between them."""
    monkeypatch.setenv("INNERLOOP_STORE_URL", sqlite_url)
    monkeypatch.setenv("INNERLOOP_SECRET_KEYS", "a key of at least thirty-two characters")
    monkeypatch.setenv("INNERLOOP_SMTP_URL", "smtp://127.0.0.1:1")
    monkeypatch.setenv("INNERLOOP_EMAIL_FROM", "innerloop <loop@example.com>")
    monkeypatch.chdir(tmp_path)
    rules = tmp_path / "rules"
    rules.mkdir()
    for name, text in RULES.items():
        (rules / name).write_text(text, encoding="utf-8")
    store = open_store(sqlite_url)
    yield Commands(tmp_path, store)
    store.close()
