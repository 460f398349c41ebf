"""The client's log: one line a minute for each kind."""

from __future__ import annotations

import logging

import pytest

from tests.support.clock import MovableClock
from worker.ingest.clientlog import ClientLog


def say(log: ClientLog, text: str, *values: object) -> None:
    log.handle(logging.LogRecord("kafka.net", logging.ERROR, __file__, 1, text, values, None))


def test_repetitions_are_counted_and_told_a_minute_later(clock: MovableClock, caplog: pytest.LogCaptureFixture) -> None:
    log = ClientLog(clock.monotonic)
    for n in range(500):
        say(log, "Topic %s not found", n)
    clock.advance(seconds=61)
    say(log, "Topic %s not found", 500)
    assert [record.getMessage() for record in caplog.records] == [
        "Topic 0 not found", "Topic 500 not found (and 499 more like it)",
    ]  # fmt: skip


def test_other_kinds_pass_and_all_are_kept_for_the_cause(clock: MovableClock, caplog: pytest.LogCaptureFixture) -> None:
    log = ClientLog(clock.monotonic)
    say(log, "socket disconnected from %s", "a")
    say(log, "Handshake failed: %s", "CERTIFICATE_VERIFY_FAILED")
    say(log, "Handshake failed: %s", "again")
    assert len(caplog.records) == 2
    assert log.seen()[-1] == "Handshake failed: again"
    log.forget()
    assert log.seen() == ()
