"""Time comes in from outside: deciding code takes `now` as an argument, processes own a Clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

import msgspec

_encode = msgspec.json.Encoder().encode
_TO_SECONDS = len("2026-12-01T08:00:00")


class Clock(Protocol):
    """What a process asks for the time."""

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""

    def monotonic(self) -> float:
        """Seconds that only go forward: for timeouts and nothing else."""

    def seconds_until(self, at: datetime) -> float:
        """How long to wait for a moment; 0 when it has come."""


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def seconds_until(self, at: datetime) -> float:
        return max((at - self.now()).total_seconds(), 0.0)


def utc_text(at: datetime) -> str:
    """An aware moment in UTC, to the microsecond and always as long: it sorts as time does, whatever is put behind it.

    By way of JSON, which takes a quarter of the time of isoformat(). Raises ValueError for a naive one.
    """
    if at.tzinfo is not UTC:
        if at.tzinfo is None:
            raise ValueError(f"{at!r} has no zone")
        at = at.astimezone(UTC)
    text = _encode(at)[1:-2].decode()
    return text if len(text) > _TO_SECONDS else text + ".000000"
