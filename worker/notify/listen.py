"""On PostgreSQL, hearing at once of notices that another process wrote. The poll each second stays the safety net."""

from __future__ import annotations

import threading
from collections.abc import Callable

import psycopg

from worker import log
from worker.store.engine import Store
from worker.store.notices import WAKE

_LOOK_SECONDS = 0.5  # between two looks whether to stop
_AGAIN_SECONDS = 5.0  # after the connection went
_log = log.get(__name__)


class Listener:
    """One connection that only listens. On SQLite it does nothing: there is one process."""

    def __init__(self, store: Store, wake: Callable[[], None]) -> None:
        self._store = store
        self._wake = wake
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._store.dialect != "postgresql":
            return
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="listen", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join(timeout)
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except (psycopg.Error, OSError) as error:
                _log.info("not listening, polling instead", problem=type(error).__name__)
                self._stopping.wait(_AGAIN_SECONDS)

    def _listen(self) -> None:
        url = self._store.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True, connect_timeout=5, application_name="innerloop listen") as conn:
            conn.execute(f"LISTEN {WAKE}")
            self._wake()  # for what was written before anybody listened
            while not self._stopping.is_set():
                for _ in conn.notifies(timeout=_LOOK_SECONDS, stop_after=1):
                    self._wake()
