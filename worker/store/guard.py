"""A store that stands still without hanging up: its connections are cut, so that whoever waits for them goes on.

A frozen machine or a paused container keeps its connections, and its kernel still acknowledges what is sent: no
keepalive and no timeout of TCP notices, and a statement waits for ever. So when a transaction takes long, somebody
new knocks; where that gets no answer either, the long ones are cut and fail like those of a store that is down.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool

from worker import log
from worker.errors import StoreUnavailable
from worker.store.engine import DATABASE_ERRORS, Store, connect_args

LONG = 4.0  # seconds a transaction may take before somebody knocks
_KNOCK_SECONDS = 3

_log = log.get(__name__)


class Guard:
    """Watches one store's connections. For PostgreSQL: a file on this host does not stand still."""

    def __init__(self, store: Store, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._out: dict[int, tuple[Any, float]] = {}
        self._visitor: Engine | None = None
        if store.dialect == "postgresql":
            self._visitor = create_engine(store.url, poolclass=NullPool, connect_args=connect_args(_KNOCK_SECONDS))
            event.listen(store.engine, "checkout", self._taken)
            event.listen(store.engine, "checkin", self._back)

    def look(self) -> None:
        """Cut connections that have been out for long, where nobody answers a knock. Raises StoreUnavailable then."""
        long = [connection for connection, since in list(self._out.values()) if self._monotonic() - since > LONG]
        if not long or self._is_answered():
            return
        for connection in long:
            _cut(connection)
        _log.warning("the store stands still; its connections are cut", connections=len(long))
        raise StoreUnavailable("The store does not answer: it stands still.")

    def _taken(self, connection: Any, record: object, _proxy: object) -> None:
        self._out[id(record)] = (connection, self._monotonic())

    def _back(self, _connection: Any, record: object) -> None:
        self._out.pop(id(record), None)

    def _is_answered(self) -> bool:
        assert self._visitor is not None
        try:
            self._visitor.connect().close()
        except DATABASE_ERRORS:
            return False
        return True


def _cut(connection: Any) -> None:
    """End it as if the other side had; whoever waits on it is told so by the driver."""
    with contextlib.suppress(*DATABASE_ERRORS, OSError), socket.socket(fileno=os.dup(connection.fileno())) as ours:
        ours.shutdown(socket.SHUT_RDWR)
