"""A clock that tests move."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

FRIDAY = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)  # a Friday afternoon, winter time in Europe


class MovableClock:
    """Stands still until moved; may be moved by one thread while others read it.

    `set` moves the wall clock alone, as an administrator or NTP would; `advance` moves both clocks, as time does.
    """

    def __init__(self, now: datetime = FRIDAY) -> None:
        self._lock = threading.Lock()
        self._now = _aware(now)
        self._monotonic = 1000.0

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        with self._lock:
            return self._monotonic

    def seconds_until(self, at: datetime) -> float:
        return max((at - self.now()).total_seconds(), 0.0)

    def advance(self, span: timedelta | None = None, **parts: float) -> datetime:
        """`advance(timedelta(hours=2))` or `advance(hours=2)`; returns the new now."""
        step = (span or timedelta()) + timedelta(**parts)
        with self._lock:
            self._now += step
            self._monotonic += max(step.total_seconds(), 0.0)
            return self._now

    def set(self, now: datetime) -> None:
        with self._lock:
            self._now = _aware(now)


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no zone")
    return at.astimezone(UTC)
