"""A small HTTP server that stands for a provider: it records every request and fails when it is told to."""

from __future__ import annotations

import contextlib
import io
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar, cast

T = TypeVar("T")
_HTML = b"<!doctype html><html><body><h1>Please sign in to the network</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request. Times in seconds."""

    status: int | None = None  # answer this status instead of doing the work
    retry_after: float | None = None  # with a Retry-After header; alone it means 429
    error: str | None = None  # the provider's own error word, where it has some
    hang: float | None = None  # take the request, do nothing, close without an answer after this long
    drip: float | None = None  # do the work, then answer one byte at a time (the status line too), so long apart
    delay: float | None = None  # do the work, answer this much later
    cut_before_accept: bool = False  # close the connection without having done anything
    cut_after_accept: bool = False  # do the work, then close the connection without an answer
    redirect: str | None = None  # answer 307 with this Location
    html_200: bool = False  # answer 200 with a web page, as a captive portal does
    path: str | None = None  # only requests whose path ends so


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    at: datetime
    monotonic: float


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class FakeServer:
    """Subclasses answer in `handle`. Start with `with`, or `start()` and `stop()`; the port stays over a restart."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.port = 0
        self._faults: deque[Fault] = deque()
        self._lasting: list[Fault] = []
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    # What a test says

    def fail_next(self, *, times: int = 1, **fault: Any) -> None:
        """The next `times` requests meet this Fault: `fail_next(status=503)`, `fail_next(cut_after_accept=True)`."""
        with self._changed:
            self._faults.extend([Fault(**fault)] * times)

    def fail_always(self, **fault: Any) -> None:
        """Every request meets it, until `mend()`."""
        with self._changed:
            self._lasting = [Fault(**fault)]

    def mend(self) -> None:
        with self._changed:
            self._faults.clear()
            self._lasting = []

    def wait_requests(self, n: int, timeout: float = 10.0) -> list[Request]:
        """The requests so far, once there are `n`, whatever became of them."""
        return self._wait_length(lambda: self.requests, n, timeout, "requests")

    # What a subclass answers

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def handle(self, request: Request) -> Reply:
        raise NotImplementedError

    def refuse(self, fault: Fault) -> Reply:
        """How this provider words a failure with a status or an error word."""
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return Reply(fault.status or 429, b"", headers)

    def _wait_length(self, what: Callable[[], list[T]], n: int, timeout: float, name: str) -> list[T]:
        with self._changed:
            if not self._changed.wait_for(lambda: len(what()) >= n, timeout):
                raise AssertionError(f"waited {timeout:g} s for {n} {name}; there are {len(what())}: {what()!r:.2000}")
            return list(what())

    # Running

    def start(self) -> None:
        self._stopping.clear()
        self._server = _Server(("127.0.0.1", self.port), _handler_of(self))
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Nobody listens any more: connections are refused."""
        self._stopping.set()
        if self._server and self._thread:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(5)
        self._server = self._thread = None

    def __enter__(self) -> Any:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # One request, from its arrival to its end

    def _take_fault(self, path: str) -> Fault | None:
        with self._changed:
            for fault in [*self._faults, *self._lasting]:
                if fault.path is None or path.partition("?")[0].endswith(fault.path):
                    if fault in self._faults:
                        self._faults.remove(fault)
                    return fault
            return None

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        request = _read(handler)
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        fault = self._take_fault(request.path)
        if fault is None:
            _write(handler, self._accept(request))
        else:
            self._misbehave(handler, request, fault)

    def _accept(self, request: Request) -> Reply:
        with self._changed:
            reply = self.handle(request)
            self._changed.notify_all()
            return reply

    def _misbehave(self, handler: BaseHTTPRequestHandler, request: Request, fault: Fault) -> None:
        if fault.hang is not None or fault.cut_before_accept:
            self._stopping.wait(fault.hang or 0)
            _cut(handler)
        elif fault.redirect is not None:
            _write(handler, Reply(307, b"", {"Location": fault.redirect}))
        elif fault.html_200:
            _write(handler, Reply(200, _HTML, {"Content-Type": "text/html; charset=utf-8"}))
        elif fault.status is not None or fault.error is not None or fault.retry_after is not None:
            _write(handler, self.refuse(fault))
        else:
            self._accept_badly(handler, request, fault)

    def _accept_badly(self, handler: BaseHTTPRequestHandler, request: Request, fault: Fault) -> None:
        reply = self._accept(request)
        if fault.cut_after_accept:
            _cut(handler)
            return
        self._stopping.wait(fault.delay or 0)
        if fault.drip:
            handler.wfile = cast("Any", _Dripping(handler.wfile, lambda: self._stopping.wait(fault.drip)))
        with contextlib.suppress(OSError):  # the client may have had enough
            _write(handler, reply)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news; anything else is a mistake in the server of the test."""
        # The threading excepthook of pytest reports what is raised here, and the test fails.
        raise  # noqa: PLE0704  called inside the except of socketserver


def _handler_of(owner: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_POST(self) -> None:
            with contextlib.suppress(ConnectionError, TimeoutError):
                owner._serve(self)

        do_GET = do_POST

        def handle(self) -> None:
            with contextlib.suppress(ConnectionError):
                super().handle()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  named so by http.server
            """The requests are kept; nothing needs printing."""

    return Handler


def _read(handler: BaseHTTPRequestHandler) -> Request:
    body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    headers = {name.lower(): value for name, value in handler.headers.items()}
    return Request(handler.command, handler.path, headers, body, datetime.now(UTC), time.monotonic())


def _write(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    handler.send_response(reply.status)
    for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(reply.body)
    handler.wfile.flush()


class _Dripping(io.RawIOBase):
    """Writes one byte at a time, the status line included; `wait` says True when the server stops."""

    def __init__(self, inner: io.BufferedIOBase, wait: Callable[[], bool]) -> None:
        self._inner = inner
        self._wait = wait

    def write(self, data: Any) -> int:
        for n in range(len(data)):
            if self._wait():
                break
            self._inner.write(data[n : n + 1])
            self._inner.flush()
        return len(data)


def _cut(handler: BaseHTTPRequestHandler) -> None:
    """Reset the connection: no answer, no polite end."""
    handler.close_connection = True
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
