"""An SMTP server (aiosmtpd) with STARTTLS, TLS from the start, sign-in, and faults."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.certificates import Authority

_LONGEST_LINE = 998  # RFC 5322, without CRLF
_REQUIRED = ("From", "Date", "Message-ID")


@dataclass(frozen=True, slots=True)
class Mail:
    """One accepted mail."""

    sender: str
    to: tuple[str, ...]  # of the envelope
    raw: bytes
    at: datetime
    monotonic: float
    tls: bool
    user: str | None

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def delivery_id(self) -> str:
        return self.message_id.strip("<>").partition("@")[0]

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: str) -> str:
        body = self.message.get_body(preferencelist=(kind,))
        return "" if body is None else str(body.get_content())


@dataclass(frozen=True, slots=True)
class SmtpFault:
    """`code` with `text` at `stage`; or no answer at all. Times in seconds."""

    code: int = 0
    text: str = "refused by the test"
    stage: str = "data"  # "mail", "rcpt" or "data"
    hang: float = 0.0  # nothing for so long, then the connection goes
    cut_after_accept: bool = False  # the mail is taken, the connection goes before the 250


class SmtpServer:
    """`starttls`: offered and required; `tls`: from the first byte; `auth`: (user, password), required."""

    def __init__(
        self,
        directory: Path,
        *,
        starttls: bool = False,
        tls: bool = False,
        auth: tuple[str, str] | None = None,
    ) -> None:
        self.messages: list[Mail] = []
        self.authority = Authority(directory) if starttls or tls else None
        self._auth = auth
        self._tls = tls
        self._faults: deque[SmtpFault] = deque()
        self._changed = threading.Condition()
        self._context = _context(self.authority) if self.authority else None
        self._options: dict[str, Any] = {
            "hostname": "127.0.0.1",
            "authenticator": self._authenticate if auth else None,
            "auth_required": auth is not None,
            "auth_require_tls": starttls,
            "enable_SMTPUTF8": True,
        }
        if starttls:
            self._options |= {"tls_context": self._context, "require_starttls": True}
        self.port = 0
        self._connections: list[SMTP] = []
        self._loop: asyncio.AbstractEventLoop
        self._end: asyncio.Event
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """For INNERLOOP_SMTP_URL. Certificates are for localhost and 127.0.0.1."""
        user = f"{self._auth[0]}:{self._auth[1]}@" if self._auth else ""
        scheme = "smtps" if self._tls else "smtp"
        plain = "?starttls=false" if self.authority is None else ""
        return f"{scheme}://{user}127.0.0.1:{self.port}{plain}"

    def settings(self) -> dict[str, str]:
        return {"INNERLOOP_SMTP_URL": self.url, "INNERLOOP_EMAIL_FROM": "Innerloop <alerts@example.com>"}

    def fail_next(self, *, times: int = 1, **fault: Any) -> None:
        """`fail_next(code=451)`, `fail_next(code=550, stage="rcpt")`, `fail_next(hang=3)`, `cut_after_accept=True`."""
        with self._changed:
            self._faults.extend([SmtpFault(**fault)] * times)

    def wait_for(self, n: int, timeout: float = 10.0) -> list[Mail]:
        """All mails, once there are `n`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.messages) >= n, timeout):
                raise AssertionError(f"waited {timeout:g} s for {n} mails; there are {len(self.messages)}")
            return list(self.messages)

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self.messages if address in mail.to]

    def start(self) -> None:
        """Listen; the port stays the same over a stop."""
        self._ready.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(5), "the SMTP server did not start"

    def stop(self) -> None:
        """Drop every connection; new ones are refused."""
        if self._thread:
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(5)
        self._thread = None

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        listener = await self._loop.create_server(
            self._connect, "127.0.0.1", self.port, ssl=self._context if self._tls else None
        )
        self.port = listener.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        listener.close()
        for connection in self._connections:
            _abort(connection)
        await asyncio.sleep(0)  # let the transports close

    def _connect(self) -> SMTP:
        self._connections.append(SMTP(_Handler(self), **self._options))
        return self._connections[-1]

    def __enter__(self) -> SmtpServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any) -> AuthResult:
        assert self._auth is not None
        expected = LoginPassword(self._auth[0].encode(), self._auth[1].encode())
        known = data == expected
        # "Not handled" makes the library itself answer 535; otherwise a wrong password gets no answer at all.
        return AuthResult(success=known, handled=known, auth_data=data.login.decode() if known else None)

    def _take_fault(self, stage: str) -> SmtpFault | None:
        with self._changed:
            if self._faults and self._faults[0].stage == stage:
                return self._faults.popleft()
            return None

    def _accept(self, mail: Mail) -> None:
        with self._changed:
            self.messages.append(mail)
            self._changed.notify_all()


class _Handler:
    """What aiosmtpd asks at each stage. Names and signatures are aiosmtpd's."""

    def __init__(self, owner: SmtpServer) -> None:
        self._owner = owner

    async def handle_MAIL(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (answer := await self._fault("mail", server)) is not None:
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (answer := await self._fault("rcpt", server)) is not None:
            return answer
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        fault = self._owner._take_fault("data")
        if fault is not None and not fault.cut_after_accept:
            return await _answer(fault, server)
        raw = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        if problem := _wrong(raw):
            return f"550 5.6.0 {problem}"
        tls = session.ssl is not None or self._owner._tls
        user = cast("str | None", session.auth_data) if session.authenticated else None
        sender, to = envelope.mail_from or "", tuple(envelope.rcpt_tos)
        self._owner._accept(Mail(sender, to, raw, datetime.now(UTC), time.monotonic(), tls, user))
        if fault is not None:
            _abort(server)
        return "250 OK: queued"

    async def _fault(self, stage: str, server: SMTP) -> str | None:
        fault = self._owner._take_fault(stage)
        return None if fault is None else await _answer(fault, server)


async def _answer(fault: SmtpFault, server: SMTP) -> str:
    if fault.hang:
        await asyncio.sleep(fault.hang)
        _abort(server)
    return f"{fault.code or 421} {fault.text}"


def _abort(server: SMTP) -> None:
    # A TLS transport that the client has closed meanwhile no longer has the inner one it would abort.
    if isinstance(server.transport, asyncio.WriteTransport):
        with contextlib.suppress(AttributeError):
            server.transport.abort()


def _wrong(raw: bytes) -> str | None:
    if any(len(line) > _LONGEST_LINE for line in raw.splitlines()):
        return "line too long"
    message = email.message_from_bytes(raw, policy=email.policy.default)
    for name in _REQUIRED:
        found = message.get_all(name) or []
        if len(found) != 1:
            return f"{name} must be there once, not {len(found)} times"
    if message.defects:
        return f"malformed: {message.defects[0]}"
    return None


def _context(authority: Authority) -> ssl.SSLContext:
    pair = authority.issue("mail")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.cert, pair.key)
    return context


@pytest.fixture
def smtp(tmp_path: Path) -> Iterator[SmtpServer]:
    """Without TLS and sign-in."""
    with SmtpServer(tmp_path / "mail") as server:
        yield server


@pytest.fixture
def smtp_server(tmp_path: Path) -> Iterator[Callable[..., SmtpServer]]:
    """`smtp_server(starttls=True, auth=("user", "pass"))` starts one with these."""
    with contextlib.ExitStack() as running:

        def make(**options: Any) -> SmtpServer:
            return running.enter_context(SmtpServer(tmp_path / "mail", **options))

        yield make
