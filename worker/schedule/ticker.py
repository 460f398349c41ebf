"""Named duties, each run again and again. Any number of workers may run the same: duties claim rows, not turns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from worker import log
from worker.clock import Clock
from worker.errors import StoreUnavailable

TICK_SECONDS = 0.5
"""The wall clock is looked at this often, whatever is due next: clocks jump, laptops sleep."""

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Duty:
    """`run` does what is due and gives how much that was; it is called at most every `every` seconds."""

    name: str
    every: float
    run: Callable[[], int]


class Ticker:
    """Runs duties on one thread, in their order. One that fails is logged and tried again; the others go on."""

    def __init__(self, duties: Sequence[Duty], clock: Clock, beat: Callable[[], None]) -> None:
        self._duties = tuple(duties)
        self._clock = clock
        self._beat = beat
        self._last: dict[str, float] = {}
        self.failed: set[str] = set()  # by run_all
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._loop, name="ticker", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """End after the duty that is running."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def run_all(self) -> int:
        """Every duty once, now. Gives how much was done; one that fails is named in `failed`, and the others are done.

        Raises StoreUnavailable.
        """
        return sum(self._once(duty) for duty in self._duties)

    def _once(self, duty: Duty) -> int:
        try:
            return duty.run()
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001 - one duty's defect must not stop the others
            _log.exception("duty failed", duty=duty.name)
            self.failed.add(duty.name)
            return 0

    def _loop(self) -> None:
        while not self._stop.wait(TICK_SECONDS):
            self._beat()
            for duty in self._duties:
                if self._is_time(duty):
                    self._run(duty)

    def _is_time(self, duty: Duty) -> bool:
        now = self._clock.monotonic()
        if now - self._last.get(duty.name, -duty.every) < duty.every:
            return False
        self._last[duty.name] = now
        return True

    def _run(self, duty: Duty) -> None:
        try:
            while duty.run() and not self._stop.is_set():
                self._beat()
        except StoreUnavailable as error:
            _log.warning("duty waits for the store", duty=duty.name, cause=str(error))
        except Exception:  # noqa: BLE001 - one duty's defect must not stop the others
            _log.exception("duty failed", duty=duty.name)
