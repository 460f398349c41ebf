"""A way to a server on which bytes drip while it is told so: the server itself and its other guests stay quick."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

_CHUNK = 2048


class SlowDoor:
    """Forwards to `url`; `seconds_a_chunk` is how long each 2 KiB of each connection take."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname and parts.port
        self._server = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.seconds_a_chunk = 0.0
        self.url = urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{self._listener.getsockname()[1]}"))
        self._closed = threading.Event()
        threading.Thread(target=self._let_in, daemon=True).start()

    def close(self) -> None:
        self._closed.set()
        self._listener.close()

    def _let_in(self) -> None:
        with contextlib.suppress(OSError):
            while not self._closed.is_set():
                guest, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                for one, other in ((guest, server), (server, guest)):
                    threading.Thread(target=self._forward, args=(one, other), daemon=True).start()

    def _forward(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(_CHUNK):
                self._closed.wait(self.seconds_a_chunk)
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def a_slow_door(url: str) -> Iterator[SlowDoor]:
    door = SlowDoor(url)
    try:
        yield door
    finally:
        door.close()
