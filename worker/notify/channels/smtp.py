"""Mail through an SMTP server. STARTTLS is required and verified, unless the URL says `?starttls=false`.

Reply codes mean what RFC 5321 §4.2.1 says: 4xx for now, 5xx for good. A line that is cut after the message's last
byte went out leaves its fate unknown; before that, nothing was sent (§4.5.4.2).
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from worker.errors import ConfigError
from worker.model.notice import AttemptOutcome
from worker.notify.channel import MOST_SECONDS, Answer, Outgoing
from worker.notify.email import HTML, TEXT, BadAddressError, Sender, ascii_address, build, message_id
from worker.notify.network import IDLE_SECONDS, NotSentError, connect, tls_context, why_not_reached, within

_DOWN = AttemptOutcome.CHANNEL_DOWN
_LATER = AttemptOutcome.LATER
_REFUSED = AttemptOutcome.REFUSED
_LINE_END = re.compile(rb"\r\n|\r|\n")


class _RefusedError(Exception):
    """The server said no before it had the message."""

    def __init__(self, outcome: AttemptOutcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Server:
    """INNERLOOP_SMTP_URL, read."""

    host: str
    port: int
    user: str | None
    password: str
    tls: bool  # from the first byte
    starttls: bool

    @classmethod
    def of(cls, url: str) -> Server:
        """Raises ConfigError without repeating the URL, which may hold a password."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ConfigError("INNERLOOP_SMTP_URL cannot be read. Write smtp://user:pass@host:587 or smtps://host:465.")
        tls = parts.scheme == "smtps"
        plain = parse_qs(parts.query).get("starttls", ["true"])[-1].lower() in {"false", "no", "0", "off"}
        return cls(
            host=parts.hostname,
            port=port or (465 if tls else 587),
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password or ""),
            tls=tls,
            starttls=not tls and not plain,
        )


class Smtp:
    """The word `email` of `by`, when no SendGrid key is set."""

    name = "email"
    parts = (HTML, TEXT)
    pace = None

    def __init__(self, url: Callable[[], str], email_from: str) -> None:
        self._url = url
        self._server = Server.of(url())
        self._sender = Sender.of(email_from)

    def reload(self) -> None:
        self._server = Server.of(self._url())

    def send(self, message: Outgoing) -> Answer:
        try:
            data = build(message, self._sender)
            with within(MOST_SECONDS):
                return self._deliver(message, data)
        except BadAddressError as error:
            return Answer(outcome=_REFUSED, reason=str(error))

    def _deliver(self, message: Outgoing, data: bytes) -> Answer:
        smtp: smtplib.SMTP | None = None
        try:
            smtp = _open(self._server)
            _envelope(smtp, self._sender.address, ascii_address(message.address))
            return _message(smtp, data, message_id(message.key, self._sender))
        except _RefusedError as error:
            return Answer(outcome=error.outcome, reason=error.reason)
        except NotSentError as error:
            return Answer(outcome=_DOWN if error.trust else _LATER, reason=error.reason)
        except (OSError, smtplib.SMTPException) as error:
            return Answer(outcome=_LATER, reason=_silence(error))
        finally:
            if smtp:
                _leave(smtp)


class _Smtp(smtplib.SMTP):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return connect((host, port))


class _Smtps(smtplib.SMTP_SSL):
    def _get_socket(self, host: str, port: int, timeout: float) -> ssl.SSLSocket:
        return self.context.wrap_socket(connect((host, port)), server_hostname=host)


def _open(server: Server) -> smtplib.SMTP:
    """A session ready for a message."""
    try:
        smtp = (
            _Smtps(server.host, server.port, timeout=IDLE_SECONDS, context=tls_context())
            if server.tls
            else _Smtp(server.host, server.port, timeout=IDLE_SECONDS)
        )
    except smtplib.SMTPConnectError as error:
        raise _RefusedError(_LATER, f"smtp_{error.smtp_code}") from None
    except smtplib.SMTPServerDisconnected as error:
        raise _RefusedError(_LATER, _silence(error)) from None
    except OSError as error:
        raise why_not_reached(error) from None
    try:
        _introduce(smtp, server)
    except BaseException:
        _leave(smtp)
        raise
    return smtp


def _introduce(smtp: smtplib.SMTP, server: Server) -> None:
    _expect(*_hello(smtp))
    if server.starttls:
        if not smtp.has_extn("starttls"):
            raise _RefusedError(_DOWN, "no_starttls")
        try:
            _expect(*smtp.starttls(context=tls_context()))
        except smtplib.SMTPResponseException as error:
            raise _RefusedError(_LATER, f"smtp_{error.smtp_code}") from None
        except ssl.SSLError as error:
            raise why_not_reached(error) from None
        _expect(*_hello(smtp))
    if server.user:
        _sign_in(smtp, server.user, server.password)


def _hello(smtp: smtplib.SMTP) -> tuple[int, bytes]:
    code, text = smtp.ehlo()
    return smtp.helo() if code == 502 else (code, text)


def _sign_in(smtp: smtplib.SMTP, user: str, password: str) -> None:
    # Not login(): it tries every way one after the other, and servers hang up on the second wrong answer.
    smtp.user, smtp.password = user, password
    offered = smtp.esmtp_features.get("auth", "").upper().split()
    ways: dict[str, Any] = {"PLAIN": smtp.auth_plain, "LOGIN": smtp.auth_login, "CRAM-MD5": smtp.auth_cram_md5}
    way = next((name for name in ways if name in offered), None)
    if way is None:
        raise _RefusedError(_DOWN, "no_sign_in")
    try:
        smtp.auth(way, ways[way])
    except smtplib.SMTPResponseException as error:
        for_now = 400 <= error.smtp_code < 500
        raise _RefusedError(_LATER if for_now else _DOWN, f"smtp_{error.smtp_code}") from None


def _envelope(smtp: smtplib.SMTP, sender: str, receiver: str) -> None:
    # A sender that is refused is refused for every message; a receiver only for this one.
    _expect(*smtp.mail(sender), for_good=_DOWN)
    _expect(*smtp.rcpt(receiver))
    _expect(*smtp.docmd("DATA"), wanted=354)


def _message(smtp: smtplib.SMTP, data: bytes, ref: str) -> Answer:
    lines = _LINE_END.split(data.rstrip(b"\r\n"))
    body = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)
    try:
        # smtplib closes and forgets its socket on a write error: the last dot may be out all the same.
        smtp.send(body + b".\r\n")
        code, text = smtp.getreply()
    except (OSError, smtplib.SMTPException) as error:
        return Answer(outcome=AttemptOutcome.UNKNOWN, reason=_silence(error))
    _expect(code, text)
    return Answer(outcome=AttemptOutcome.ACCEPTED, ref=ref)


def _expect(code: int, _text: bytes = b"", wanted: int = 250, for_good: AttemptOutcome = _REFUSED) -> None:
    """Raise _RefusedError unless the code is of the wanted kind. 421: the server is closing, whatever was asked."""
    if code // 100 == wanted // 100:
        return
    if code == -1:
        raise smtplib.SMTPServerDisconnected("no code")
    raise _RefusedError(for_good if code >= 500 else _LATER, f"smtp_{code}")


def _silence(error: BaseException) -> str:
    # smtplib wraps what happened to its socket, and keeps it as the context.
    timed_out = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
    return "timeout" if timed_out else "connection_lost"


def _leave(smtp: smtplib.SMTP) -> None:
    with suppress(OSError, smtplib.SMTPException), within(1.0):
        smtp.docmd("QUIT")
    with suppress(OSError):
        smtp.close()
