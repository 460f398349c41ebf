"""What both kinds of mail have in common: headers, addresses, threads and the parts of a message.

RFC 5322 (headers, threads by References), RFC 3834 (Auto-Submitted), RFC 2047 (names), RFC 5890 (domains).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from worker.model.notice import Kind
from worker.notify.channel import Outgoing

HTML = "email.html"
TEXT = "email.txt"
# Bodies break at 76; headers do not: the library would encode a long Message-ID when it has to fold it.
_UNFOLDED = SMTP.clone(max_line_length=900)
_ADDRESS = re.compile(r"[^\s@<>,;:\"\\()\[\]]{1,64}@[^\s@<>,;:\"\\()\[\]]{1,253}")


class BadAddressError(ValueError):
    """Not an address that mail can be sent to."""


@dataclass(frozen=True, slots=True)
class Sender:
    """INNERLOOP_EMAIL_FROM: the address our mails come from. Only customers read its name: others get one by kind."""

    address: str
    domain: str
    name: str = ""

    @classmethod
    def of(cls, text: str) -> Sender:
        """Read `Name <address>`. Raises BadAddressError."""
        name, found = parseaddr(text)
        address = ascii_address(found)
        return cls(address, address.rpartition("@")[2], name)


def ascii_address(text: str) -> str:
    """An address with its domain as it is sent. Raises BadAddressError, also for a local part beyond ASCII."""
    if not _ADDRESS.fullmatch(text):
        raise BadAddressError("bad_address")
    local, _, domain = text.rpartition("@")
    try:
        return f"{local.encode('ascii').decode()}@{domain.encode('idna').decode()}"
    except UnicodeError:
        raise BadAddressError("bad_address") from None


def message_id(key: str, sender: Sender) -> str:
    """Fixed per delivery: every attempt carries the same."""
    return f"<{key}@{sender.domain}>"


def reply_to(message: Outgoing, sender: Sender) -> str | None:
    """Where an answer goes. A customer's always goes somewhere."""
    found = message.reply_to or (sender.address if message.kind is Kind.CUSTOMER else None)
    return ascii_address(found) if found else None


def headers(message: Outgoing, sender: Sender) -> dict[str, str]:
    """The headers that a provider leaves to us."""
    found = {"Message-ID": message_id(message.key, sender), "Auto-Submitted": "auto-generated"}
    if message.thread:
        found |= {"In-Reply-To": message.thread, "References": message.thread}
    return found


def build(message: Outgoing, sender: Sender) -> bytes:
    """The whole mail, text first, HTML as its alternative. Raises BadAddressError."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(message.sender or sender.name, addr_spec=sender.address)
    mail["To"] = ascii_address(message.address)
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(message.at)
    if answers := reply_to(message, sender):
        mail["Reply-To"] = answers
    for name, value in headers(message, sender).items():
        mail[name] = value
    mail.set_content(message.parts[TEXT], cte="quoted-printable")
    mail.add_alternative(message.parts[HTML], subtype="html", cte="quoted-printable")
    return mail.as_bytes(policy=_UNFOLDED)
