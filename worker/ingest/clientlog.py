"""The client's own log, made readable: one line a minute for each kind, with a count of what was left out.

While brokers are away the client writes hundreds of lines; a missing topic brings ten a second.
"""

from __future__ import annotations

import collections
import logging
import threading
import time
from collections.abc import Callable, Sequence

_NAME = "kafka"
_EVERY = 60.0  # seconds
_KEPT = 50
_KIND = 40  # characters of an unformatted message that tell one kind from another


class ClientLog(logging.Handler):
    """Stands between the client's loggers and the root: keeps what was said lately and passes little of it on."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self._monotonic = monotonic
        self._guarded = threading.Lock()
        self._recent: collections.deque[str] = collections.deque(maxlen=_KEPT)
        self._passed: dict[str, float] = {}
        self._left_out: collections.Counter[str] = collections.Counter()

    @classmethod
    def install(cls) -> ClientLog:
        """The process's one handler; the client's loggers no longer reach the root by themselves."""
        logger = logging.getLogger(_NAME)
        for handler in logger.handlers:
            if isinstance(handler, cls):
                return handler
        handler = cls()
        logger.addHandler(handler)
        logger.propagate = False
        return handler

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1]:
            text = f"{text} {record.exc_info[1]!r}"
        if self._passes(f"{record.name} {str(record.msg)[:_KIND]}", record, text):
            logging.getLogger().handle(record)

    def _passes(self, kind: str, record: logging.LogRecord, text: str) -> bool:
        with self._guarded:
            self._recent.append(text)
            now = self._monotonic()
            if now - self._passed.get(kind, -_EVERY) < _EVERY:
                self._left_out[kind] += 1
                return False
            self._passed[kind] = now
            left_out = self._left_out.pop(kind, 0)
        record.msg, record.args = f"{text} (and {left_out} more like it)" if left_out else text, ()
        record.exc_info = None
        return True

    def seen(self) -> Sequence[str]:
        """What was said since the last `forget`, at most the last 50 lines."""
        with self._guarded:
            return tuple(self._recent)

    def forget(self) -> None:
        with self._guarded:
            self._recent.clear()
