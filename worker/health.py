"""What works and what does not, as the process itself sees it: asked by /livez and /readyz."""

from __future__ import annotations

import threading

from worker import log
from worker.clock import Clock

STUCK_SECONDS = 60.0
_log = log.get(__name__)


class Health:
    """Beats of the loops and states of the dependencies. Safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._beats: dict[str, float] = {}
        self._failing: dict[str, str] = {}

    def beat(self, loop: str) -> None:
        """Note that this loop has come round once more."""
        with self._lock:
            self._beats[loop] = self._clock.monotonic()

    def is_alive(self) -> bool:
        """Whether every loop that ever turned has turned within the last minute."""
        now = self._clock.monotonic()
        with self._lock:
            return all(now - beat < STUCK_SECONDS for beat in self._beats.values())

    def failed(self, name: str, why: str) -> None:
        with self._lock:
            news = self._failing.get(name) != why
            self._failing[name] = why
        if news:
            _log.warning("not ready", what=name, why=why)

    def works(self, name: str) -> None:
        with self._lock:
            news = self._failing.pop(name, None)
        if news:
            _log.info("ready again", what=name)

    def failing(self) -> list[str]:
        """Names of what does not work, sorted."""
        with self._lock:
            return sorted(self._failing)
