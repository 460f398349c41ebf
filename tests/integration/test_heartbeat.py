"""The sign of life comes while everything works, and stops when anything does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tests.support.clock import MovableClock
from tests.support.http_server import FakeServer, Reply, Request
from worker.schedule.heartbeat import Heartbeat, Presence
from worker.store.engine import Store


class Watcher(FakeServer):
    """Somebody outside who waits for a request a minute."""

    def handle(self, request: Request) -> Reply:
        return Reply(200, b"OK")


class Process:
    """One worker process as the heartbeat sees it."""

    def __init__(self, store: Store, clock: MovableClock, url: str, *roles: str) -> None:
        self.failing: list[str] = []
        self.presence = Presence(store, clock, roles, lambda: self.failing, lambda: "rev", lambda: None)
        self.presence._name = "+".join(roles)
        self.heartbeat = Heartbeat(store, clock, url, lambda: self.failing)

    def tick(self) -> None:
        self.presence.run()
        self.heartbeat.run()


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    with Watcher() as server:
        yield server


def test_a_healthy_process_with_every_role_pings_once_a_minute(
    fresh_store: Store, clock: MovableClock, watcher: Watcher
) -> None:
    whole = Process(fresh_store, clock, f"{watcher.url}/ping/hush", "consume", "deliver", "schedule", "serve")
    for _ in range(26):  # two minutes and five seconds
        whole.tick()
        clock.advance(seconds=5)
    assert [request.path for request in watcher.requests] == ["/ping/hush"] * 3


def test_no_ping_while_it_is_not_ready_and_one_at_once_when_it_is(
    fresh_store: Store, clock: MovableClock, watcher: Watcher
) -> None:
    whole = Process(fresh_store, clock, watcher.url, "consume", "deliver", "schedule")
    whole.failing = ["kafka"]
    with structlog.testing.capture_logs() as logs:
        for _ in range(30):
            whole.tick()
            clock.advance(seconds=5)
    assert (len(watcher.requests), [line["missing"] for line in logs]) == (0, [["kafka"]])
    whole.failing = []
    whole.tick()
    assert len(watcher.requests) == 1


def test_no_ping_while_nobody_reads(fresh_store: Store, clock: MovableClock, watcher: Watcher) -> None:
    readers = Process(fresh_store, clock, watcher.url, "consume")
    others = Process(fresh_store, clock, watcher.url, "deliver", "schedule")
    readers.presence.run()
    others.tick()
    assert len(watcher.requests) == 1
    clock.advance(seconds=61)  # the reader was killed
    others.tick()
    assert len(watcher.requests) == 1


def test_who_ends_in_good_order_is_not_counted_on(fresh_store: Store, clock: MovableClock, watcher: Watcher) -> None:
    readers = Process(fresh_store, clock, watcher.url, "consume")
    others = Process(fresh_store, clock, watcher.url, "deliver", "schedule")
    readers.presence.run()
    readers.presence.end()
    others.tick()
    assert watcher.requests == []


@pytest.mark.parametrize("fault", [{"status": 503}, {"cut_before_accept": True}, {"redirect": "http://127.0.0.1:1/"}])
def test_a_watcher_that_does_not_take_it_is_said_without_its_url(
    fresh_store: Store, clock: MovableClock, watcher: Watcher, fault: dict[str, Any]
) -> None:
    watcher.fail_next(**fault)
    whole = Process(fresh_store, clock, f"{watcher.url}/hush", "consume", "deliver", "schedule")
    with structlog.testing.capture_logs() as logs:
        whole.tick()
    assert len(logs) == 1
    assert "hush" not in str(logs)
