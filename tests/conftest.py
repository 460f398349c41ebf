"""Fixtures every test may ask for. The servers behind them live in tests/support."""

from __future__ import annotations

import os
import sys
from datetime import datetime

import hypothesis
import pytest

from tests.support import servers
from tests.support.clock import MovableClock
from worker.clock import SystemClock

pytest_plugins = [
    "tests.support.kafka.fixtures",
    "tests.support.postgres",
    "tests.support.slack_server",
    "tests.support.sendgrid_server",
    "tests.support.smtp_server",
    "tests.support.process",
    "tests.support.recording_sink",
    "tests.support.commands",
]

# A shared machine is no stopwatch: property tests have no deadline per example, the suite has one per test.
hypothesis.settings.register_profile("innerloop", deadline=None, max_examples=60)
hypothesis.settings.load_profile("innerloop")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own INNERLOOP_* variables must not change what a test sees."""
    for name in [name for name in os.environ if name.startswith("INNERLOOP_")]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor must the window that the tests were started from: a test that needs a width sets COLUMNS."""
    monkeypatch.setattr(sys, "__stdout__", None)  # where shutil looks for a terminal
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def real_now() -> datetime:
    """For tests that talk to servers which look at the real clock."""
    return SystemClock().now()


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> servers.RunDir:
    """What all xdist workers of this run share: a directory with locks, and the servers started in it."""
    return servers.RunDir.of(tmp_path_factory)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each server that something smaller stood in for."""
    for line in servers.stand_ins():
        terminalreporter.write_line(line)
