"""The mail side: an SMTP server on this machine that keeps every mail and passes none on."""

from __future__ import annotations

import email
import re
import socket
from asyncio import AbstractServer
from collections.abc import Awaitable
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope

from worker.demo.sandbox.messages import Messages

_MESSAGE_ID = re.compile(r"<([^@>]+)@[^>]*>")


class Keep:
    """An aiosmtpd handler: one kept message for each receiver, as each would find it in their own mailbox."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        raw = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        for receiver in envelope.rcpt_tos:
            keep(self._messages, raw, receiver)
        return "250 kept, and not sent on"


class MailServer(Controller):
    """SMTP on a socket that is bound already: its port is known, and nobody can take it in between."""

    def __init__(self, messages: Messages, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        super().__init__(Keep(messages), hostname=host, port=port, ready_timeout=15)
        self._listener = listener

    def _create_server(self) -> Awaitable[AbstractServer]:
        return self.loop.create_server(self._factory_invoker, sock=self._listener)


def keep(messages: Messages, raw: bytes, receiver: str) -> None:
    """Take one mail apart and keep it."""
    mail = email.message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    found = _MESSAGE_ID.search(str(mail["Message-ID"] or ""))
    messages.add_mail(
        sender=str(mail["From"] or ""),
        to=receiver,
        subject=str(mail["Subject"] or "No subject"),
        text=_part(mail, "plain") or "",
        html=_part(mail, "html"),
        source=raw.decode("utf-8", "replace").replace("\r\n", "\n"),
        delivery_id=found[1] if found else None,
    )


def _part(mail: EmailMessage, kind: str) -> str | None:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part else None
