"""The demo's clock: it runs fast, it can jump, and every process of the demo reads the same one."""

from __future__ import annotations

import mmap
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

PACE = 240.0  # 1 second is 4 minutes
_SLOT = struct.Struct("ddd")  # real seconds, demo seconds at that moment, demo seconds per real second
_SIZE = 1 + 2 * _SLOT.size


class DemoClock:
    """A worker.clock.Clock shared through a small file.

    The file holds two slots and the number of the valid one: a change is written into the other slot before the
    number is turned over, so that a reader never sees half of it. Only one process may write.
    `time.monotonic` is the machine's, not the process's, so both sides count the same seconds.
    """

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _SIZE)

    @classmethod
    def create(cls, path: Path, start: datetime) -> DemoClock:
        """A new clock that stands still at `start` until `run` is called."""
        path.write_bytes(b"\0" + _SLOT.pack(time.monotonic(), start.timestamp(), 0.0) * 2)
        return cls(path)

    def now(self) -> datetime:
        real, demo, pace = self._read()
        return datetime.fromtimestamp(demo + (time.monotonic() - real) * pace, UTC)

    def monotonic(self) -> float:
        """Real seconds: timeouts of sockets and locks must not run fast."""
        return time.monotonic()

    @property
    def pace(self) -> float:
        """Demo seconds per real second."""
        return self._read()[2]

    def run(self, pace: float = PACE) -> None:
        """Go on from here at another pace; 0 stands still."""
        self._write(self.now(), pace)

    def jump(self, to: datetime) -> None:
        """Set the clock ahead. A moment that has passed changes nothing: this clock never goes back."""
        if to > self.now():
            self._write(to, self.pace)

    def seconds_until(self, at: datetime) -> float:
        """Real seconds until the clock shows `at`; infinite while it stands still."""
        ahead: timedelta = at - self.now()
        if ahead <= timedelta(0):
            return 0.0
        return ahead.total_seconds() / self.pace if self.pace else float("inf")

    def _read(self) -> tuple[float, float, float]:
        real, demo, pace = _SLOT.unpack_from(self._shared, 1 + self._shared[0] * _SLOT.size)
        return real, demo, pace

    def _write(self, at: datetime, pace: float) -> None:
        spare = 1 - self._shared[0]
        _SLOT.pack_into(self._shared, 1 + spare * _SLOT.size, time.monotonic(), at.timestamp(), pace)
        self._shared[0] = spare
