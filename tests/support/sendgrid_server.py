"""A SendGrid that refuses what SendGrid refuses. `url` is what INNERLOOP_SENDGRID_HOST wants.

Rules after the reference of POST /v3/mail/send and its list of errors (twilio.com/docs/sendgrid). Where the official
OpenAPI description lies beside the checkout, requests are held against it as well; it is weaker than these rules.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from typing import Any

import jsonschema
import pytest

from tests.support.http_server import FakeServer, Fault, Reply, Request
from tests.support.shared import ROOT

KEY = "SG.test.key"
_MOST_RECIPIENTS = 1000
_CUSTOM_ARGS_BYTES = 10_000
_MESSAGE_BYTES = 30 * 1024 * 1024
_RESERVED = frozenset(
    {
        "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
        "subject", "reply-to", "cc", "bcc",
    }
)  # fmt: skip
_KNOWN = frozenset(
    {
        "personalizations", "from", "reply_to", "reply_to_list", "subject", "content", "attachments", "template_id",
        "headers", "categories", "custom_args", "send_at", "batch_id", "asm", "ip_pool_name", "mail_settings",
        "tracking_settings",
    }
)  # fmt: skip
_ADDRESS = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\"]+")


@dataclass(frozen=True, slots=True)
class SendGridMessage:
    payload: dict[str, Any]
    message_id: str  # X-Message-Id of the answer
    at: datetime
    monotonic: float

    @property
    def to(self) -> list[str]:
        return [one["email"] for person in self.payload["personalizations"] for one in person["to"]]

    @property
    def subject(self) -> str:
        return str(self.payload["personalizations"][0].get("subject") or self.payload.get("subject"))

    @property
    def text(self) -> str:
        return self._content("text/plain")

    @property
    def html(self) -> str:
        return self._content("text/html")

    @property
    def headers(self) -> dict[str, str]:
        return {**self.payload.get("headers", {}), **self.payload["personalizations"][0].get("headers", {})}

    @property
    def delivery_id(self) -> str | None:
        found = self.payload["personalizations"][0].get("custom_args", {}).get("delivery_id")
        return None if found is None else str(found)

    def _content(self, kind: str) -> str:
        return next((str(part["value"]) for part in self.payload["content"] if part["type"] == kind), "")


class SendGridServer(FakeServer):
    """Takes mail with its key. The wire is plain HTTP: TLS is the business of the client library."""

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.messages: list[SendGridMessage] = []
        self._schema = _official_schema()

    def settings(self) -> dict[str, str]:
        return {"INNERLOOP_SENDGRID_API_KEY": self.key, "INNERLOOP_SENDGRID_HOST": self.url}

    def wait_for(self, n: int, timeout: float = 10.0) -> list[SendGridMessage]:
        """All mails, once there are `n`."""
        return self._wait_length(lambda: self.messages, n, timeout, "mails")

    def to(self, address: str) -> list[SendGridMessage]:
        return [message for message in self.messages if address in message.to]

    def handle(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return _errors(401, [("The provided authorization grant is invalid, expired, or revoked", None)])
        if (request.method, request.path) == ("GET", "/v3/scopes"):
            return Reply(200, json.dumps({"scopes": ["mail.send"]}).encode(), {"Content-Type": "application/json"})
        if (request.method, request.path) != ("POST", "/v3/mail/send"):
            return _errors(404, [("not found", None)])
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return _errors(415, [("Content-Type should be application/json.", None)])
        if len(request.body) > _MESSAGE_BYTES:
            return _errors(413, [("Payload too large", None)])
        return self._mail(request)

    def _mail(self, request: Request) -> Reply:
        try:
            payload = json.loads(request.body)
        except ValueError:
            return _errors(400, [("Bad Request", None)])
        if problems := [*_wrong(payload), *self._against_schema(payload)]:
            return _errors(400, problems)
        message = SendGridMessage(payload, secrets.token_urlsafe(16), request.at, request.monotonic)
        self.messages.append(message)
        return Reply(202, b"", {"X-Message-Id": message.message_id})

    def _against_schema(self, payload: Any) -> list[tuple[str, str | None]]:
        if self._schema is None:
            return []
        found = self._schema.iter_errors(payload)
        return [(error.message, ".".join(str(part) for part in error.absolute_path)) for error in found]

    def refuse(self, fault: Fault) -> Reply:
        status = fault.status or (401 if fault.error else 429)
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return _errors(status, [(fault.error or ("too many requests" if status == 429 else "failed"), None)], headers)


def _wrong(mail: Any) -> Iterator[tuple[str, str | None]]:
    if not isinstance(mail, dict):
        yield "Bad Request", None
        return
    for name in sorted(set(mail) - _KNOWN):
        yield f"Additional property {name} is not allowed", name
    people = mail.get("personalizations")
    if not isinstance(people, list) or not 1 <= len(people) <= _MOST_RECIPIENTS:
        yield "The personalizations field is required and must have at least one personalization.", "personalizations"
        return
    for n, person in enumerate(people):
        yield from _wrong_personalization(person, f"personalizations.{n}", mail)
    yield from _wrong_address(mail.get("from"), "from")
    if "reply_to" in mail:
        yield from _wrong_address(mail["reply_to"], "reply_to")
    yield from _wrong_content(mail.get("content"))
    yield from _wrong_headers(mail.get("headers", {}), "headers")
    if "custom_args" in mail:
        yield "put custom_args at the personalization: at message level they are merged into every one", "custom_args"


def _wrong_personalization(person: Any, where: str, mail: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    if not isinstance(person, dict) or not isinstance(person.get("to"), list) or not person["to"]:
        yield "The to array is required for all personalization objects, and must have at least one email object", where
        return
    addresses = [one for field in ("to", "cc", "bcc") for one in person.get(field, [])]
    for one in addresses:
        yield from _wrong_address(one, f"{where}.to")
    emails = [str(one.get("email", "")).lower() for one in addresses if isinstance(one, dict)]
    if len(emails) != len(set(emails)):
        yield "Each email address in the personalization block should be unique between to, cc, and bcc.", where
    if not (person.get("subject") or mail.get("subject")):
        yield "The subject is required. You can get around this requirement with a template.", "subject"
    yield from _wrong_headers(person.get("headers", {}), f"{where}.headers")
    arguments = person.get("custom_args", {})
    if not all(isinstance(value, str) for value in arguments.values()):
        yield "custom_args must be strings", f"{where}.custom_args"
    if len(json.dumps(arguments).encode()) >= _CUSTOM_ARGS_BYTES:
        yield f"custom_args must be less than {_CUSTOM_ARGS_BYTES} bytes", f"{where}.custom_args"


def _wrong_address(address: Any, where: str) -> Iterator[tuple[str, str | None]]:
    if (
        not isinstance(address, dict)
        or not _ADDRESS.fullmatch(str(address.get("email", "")))
        or parseaddr(address["email"])[1] != address["email"]
    ):
        yield "Does not contain a valid address.", f"{where}.email"


def _wrong_content(content: Any) -> Iterator[tuple[str, str | None]]:
    if not isinstance(content, list) or not content:
        yield "The content is required. You can get around this requirement with a template.", "content"
        return
    kinds = [part.get("type") for part in content]
    for n, part in enumerate(content):
        if not isinstance(part.get("value"), str) or not part["value"]:
            yield "The content value must be a string at least one character in length.", f"content.{n}.value"
        if not part.get("type") or ";" in str(part["type"]) or "\n" in str(part["type"]):
            yield "The content type must be a MIME type.", f"content.{n}.type"
    first = [kind for kind in ("text/plain", "text/html") if kind in kinds]
    if kinds[: len(first)] != first:
        yield (
            "If present, text/plain and text/html may only be the first and second content types, in this order.",
            "content",
        )


def _wrong_headers(headers: Any, where: str) -> Iterator[tuple[str, str | None]]:
    for name, value in headers.items():
        if name.lower() in _RESERVED:
            yield f"The header {name} is reserved.", where
        if not isinstance(value, str) or "\r" in value or "\n" in value:
            yield f"The value of header {name} must be one line of text.", where


def _official_schema() -> jsonschema.Draft202012Validator | None:
    path = ROOT.parent / "shared" / "channel-specs" / "tsg_mail_v3.json"
    if not path.exists():
        return None
    description = json.loads(path.read_text(encoding="utf-8"))
    components = description["components"]
    body = components["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"]
    return jsonschema.Draft202012Validator({**body, "components": components})


def _errors(status: int, problems: list[tuple[str, str | None]], headers: Mapping[str, str] | None = None) -> Reply:
    body = {"errors": [{"message": message, "field": field, "help": None} for message, field in problems]}
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})


@pytest.fixture
def sendgrid() -> Iterator[SendGridServer]:
    with SendGridServer() as server:
        yield server
