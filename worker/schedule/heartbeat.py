"""A sign of life to a watcher outside, which calls somebody when it stops coming.

It is given only while the whole thing works: this process is ready, and somebody reads, delivers and watches the
clock. So a single process that still runs does not hide that nobody reads.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Collection
from datetime import timedelta

from worker import __version__, log, metrics
from worker.clock import Clock
from worker.errors import StoreUnavailable
from worker.notify.network import NotSentError, opener, within
from worker.store import workers
from worker.store.engine import Store

EVERY = timedelta(seconds=60)
NEEDED = ("consume", "deliver", "schedule")  # a company without pages still hears of its customers
_CALL_SECONDS = 10.0
_log = log.get(__name__)


class Presence:
    """Writes down that this process is at work, while it is ready."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        roles: Collection[str],
        failing: Callable[[], list[str]],
        revision: Callable[[], str | None],
        refused: Callable[[], str | None],
    ) -> None:
        """`refused` says what is wrong with the newest rule set, while it is refused."""
        self._store = store
        self._clock = clock
        self._roles = roles
        self._failing = failing
        self._revision = revision
        self._refused = refused
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._began = clock.now()

    def run(self) -> int:
        """A duty. Never gives more to do."""
        if not self._failing():
            with self._store.write() as conn:
                now = self._clock.now()
                rules = self._revision(), self._refused()
                workers.at_work(conn, self._name, self._roles, rules, self._began, now)
        return 0

    def end(self) -> None:
        """Nobody shall count on this process any more. Where the store is away, its row is too old in a minute."""
        if self._failing():
            return
        with contextlib.suppress(StoreUnavailable), self._store.write() as conn:
            workers.leave(conn, self._name)


class Heartbeat:
    """Pings `url` once a minute. A ping that fails is not tried again: the next one is near."""

    def __init__(self, store: Store, clock: Clock, url: str, failing: Callable[[], list[str]]) -> None:
        self._store = store
        self._clock = clock
        self._url = url
        self._failing = failing
        self._next = self._withheld_since = clock.monotonic()
        self._said = False

    def run(self) -> int:
        """A duty, called more often than it pings: what was missing may be back at any moment."""
        now = self._clock.monotonic()
        if now < self._next:
            return 0
        missing = self._missing()
        if missing:
            self._withhold(missing, now)
            return 0
        self._next = self._withheld_since = now + EVERY.total_seconds()
        self._said = False
        self._ping()
        return 0

    def _withhold(self, missing: list[str], now: float) -> None:
        """Silence is the message. The log says why, once, unless this is only a start or a roll-out."""
        if not self._said and now - self._withheld_since >= EVERY.total_seconds():
            self._said = True
            metrics.HEARTBEATS.labels("withheld").inc()
            _log.warning("no heartbeat", missing=missing)

    def _missing(self) -> list[str]:
        failing = self._failing()
        if failing:
            return failing
        with self._store.read() as conn:
            there = workers.roles_at_work(conn, self._clock.now())
        return [f"a worker with role {role}" for role in NEEDED if role not in there]

    def _ping(self) -> None:
        # The URL is a secret: whoever has it can keep the watcher quiet. So it is in no log.
        request = urllib.request.Request(self._url, headers={"User-Agent": f"innerloop/{__version__}"})  # noqa: S310 - http(s) only, settings see to it
        try:
            with within(_CALL_SECONDS), opener().open(request) as answer:
                answer.read(1024)
        except NotSentError as error:
            self._not_taken(error.reason)
        except urllib.error.HTTPError as error:
            error.close()
            self._not_taken(f"http_{error.code}")
        except (OSError, http.client.HTTPException) as error:
            self._not_taken(type(error).__name__)
        else:
            metrics.HEARTBEATS.labels("taken").inc()

    def _not_taken(self, why: str) -> None:
        metrics.HEARTBEATS.labels("failed").inc()
        _log.warning("the watcher did not take the heartbeat", reason=why)
