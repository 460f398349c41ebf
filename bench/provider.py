"""A Slack that answers at once and remembers when it was asked about whom."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote_plus

_WHO = re.compile(r"Customer (\d+)\b")


class Provider:
    """Takes chat.postMessage, answers at once, and remembers when a request about which customer had arrived."""

    def __init__(self) -> None:
        self.arrived: dict[int, float] = {}
        self.port = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._count = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/"

    def start(self) -> None:
        threading.Thread(target=self._serve, daemon=True).start()
        self._ready.wait(5)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._answer, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = re.search(r"content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        self._take(body, time.monotonic())
        self._count += 1
        answer = b'{"ok": true, "channel": "D%d", "ts": "1.%06d"}' % (self._count, self._count)
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b"
            % (len(answer), answer)
        )
        await writer.drain()
        writer.close()

    def _take(self, body: bytes, at: float) -> None:
        text = body.decode("utf-8", "replace")
        found = _WHO.search(text) or _WHO.search(unquote_plus(text))
        if found:
            self.arrived.setdefault(int(found[1]), at)


@contextmanager
def provider() -> Iterator[Provider]:
    """One that runs, gone afterwards."""
    one = Provider()
    one.start()
    try:
        yield one
    finally:
        one.stop()
