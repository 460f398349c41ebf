"""Calls that end in time, and that know whether the other side may have heard them.

The usual timeout of a socket starts again with every byte, so a server that drips one byte a second holds a thread
for hours. Here every read and write of a call gets what is left of the call's whole time. Redirects are not followed:
a message goes where it was sent or nowhere.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

IDLE_SECONDS = 10.0  # the longest silence within a call

_call = threading.local()


class NotSentError(Exception):
    """The other side was not reached: nothing was sent. `reason` is a short word; `trust` says it is about identity."""

    def __init__(self, reason: str, *, trust: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.trust = trust


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Every socket of this module that this thread uses inside must be done after `seconds`."""
    _call.ends = time.monotonic() + seconds
    try:
        yield
    finally:
        _call.ends = None


def seconds_left() -> float:
    """What a socket may take now. Raises TimeoutError when the call's time is up."""
    ends = getattr(_call, "ends", None)
    if ends is None:
        return IDLE_SECONDS
    left = float(ends) - time.monotonic()
    if left <= 0:
        raise TimeoutError("the call took too long")
    return min(left, IDLE_SECONDS)


class _Socket(socket.socket):
    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(seconds_left())
        return super().recv_into(*args, **kwargs)

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(seconds_left())
        super().sendall(*args, **kwargs)


class _TlsSocket(ssl.SSLSocket):
    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(seconds_left())
        return super().recv_into(*args, **kwargs)

    def send(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(seconds_left())
        return super().send(*args, **kwargs)

    def do_handshake(self, *args: Any, **kwargs: Any) -> None:
        self.settimeout(seconds_left())
        super().do_handshake(*args, **kwargs)


def tls_context() -> ssl.SSLContext:
    """Verifies names and chains with the system's authorities."""
    context = ssl.create_default_context()
    context.sslsocket_class = _TlsSocket
    return context


def connect(address: tuple[str, int], *_timeout_and_source: object) -> socket.socket:
    """A connection to the first address that answers. Raises OSError."""
    problem: OSError | None = None
    for family, kind, protocol, _, place in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
        sock = _Socket(family, kind, protocol)
        try:
            sock.settimeout(seconds_left())
            sock.connect(place)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            problem = error
    raise problem or OSError("no address")


def why_not_reached(error: OSError) -> NotSentError:
    """A connection that was never made, in a word."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return NotSentError("certificate_not_trusted", trust=True)
    if isinstance(error, ssl.SSLError):
        return NotSentError("tls_failed")
    if isinstance(error, socket.gaierror):
        return NotSentError("name_not_found")
    if isinstance(error, TimeoutError):
        return NotSentError("connect_timeout")
    return NotSentError("cannot_connect")


class _Http(http.client.HTTPConnection):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._create_connection = connect

    def connect(self) -> None:
        try:
            super().connect()
        except OSError as error:
            raise why_not_reached(error) from None


class _Https(_Http, http.client.HTTPSConnection):
    """The same over TLS."""


class _HttpHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Http, req)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def __init__(self) -> None:
        self._tls = tls_context()
        super().__init__(context=self._tls)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Https, req, context=self._tls)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None  # urllib then raises HTTPError with the redirect's own status


def opener() -> urllib.request.OpenerDirector:
    """Opens http and https within the time of `within`, through the system's proxy, following no redirect.

    Raises NotSentError before anything was sent; OSError and http.client.HTTPException after.
    """
    return urllib.request.build_opener(_HttpHandler(), _HttpsHandler(), _NoRedirect())
