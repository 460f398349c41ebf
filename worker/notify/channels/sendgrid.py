"""Mail through SendGrid's Mail Send API, with its own client and a payload of ours.

Rules kept here, with their source in SendGrid's documentation:
- Only 202 means accepted. (docs.sendgrid.com/api-reference/mail-send/mail-send)
- text/plain comes before text/html; custom_args and headers stand in the personalization; categories are at most 10.
  (docs.sendgrid.com/api-reference/mail-send/limitations)
- 429 names its end in X-RateLimit-Reset, seconds of the epoch. (docs.sendgrid.com/api-reference/how-to-use-the-sendgrid-v3-api/rate-limits)
"""  # noqa: E501 - an address is one word

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import python_http_client
from sendgrid import SendGridAPIClient

from worker.model.notice import AttemptOutcome
from worker.notify.channel import MOST_SECONDS, Answer, Outgoing
from worker.notify.email import HTML, TEXT, BadAddressError, Sender, ascii_address, headers, message_id, reply_to
from worker.notify.network import NotSentError, opener, within

_DOWN = AttemptOutcome.CHANNEL_DOWN
_LATER = AttemptOutcome.LATER
_REFUSED = AttemptOutcome.REFUSED
_MOST_WAIT = timedelta(hours=1)

# What a status means. Source: docs.sendgrid.com/api-reference/how-to-use-the-sendgrid-v3-api/responses
OUTCOMES: Mapping[int, AttemptOutcome] = {
    400: _REFUSED,  # this message or address
    401: _DOWN,  # the key
    403: _DOWN,  # the key's rights, or a sender that is not verified
    404: _DOWN, 405: _DOWN, 406: _DOWN, 415: _DOWN,  # not SendGrid's address
    413: _REFUSED,  # too large
    429: _LATER,
    500: _LATER, 502: _LATER, 503: _LATER,
    504: AttemptOutcome.UNKNOWN,  # a gateway gave up waiting; what stands behind it may not have
}  # fmt: skip


class SendGrid:
    """The word `email` of `by`, when a SendGrid key is set."""

    name = "email"
    parts = (HTML, TEXT)
    pace = None

    def __init__(self, key: Callable[[], str], host: str, email_from: str) -> None:
        self._key = key
        self._host = host.rstrip("/")
        self._sender = Sender.of(email_from)
        self._mail = _client(key(), self._host)

    def reload(self) -> None:
        self._mail = _client(self._key(), self._host)

    def send(self, message: Outgoing) -> Answer:
        try:
            payload = self.payload(message)
        except BadAddressError as error:
            return Answer(outcome=_REFUSED, reason=str(error))
        try:
            with within(MOST_SECONDS):
                response = self._mail.post(payload)
        except NotSentError as error:
            return Answer(outcome=_DOWN if error.trust else _LATER, reason=error.reason)
        except urllib.error.HTTPError as error:
            with error:
                return _refusal(error.code, dict(error.headers.items()), message.at)
        except (OSError, http.client.HTTPException) as error:
            timed_out = isinstance(getattr(error, "reason", error), TimeoutError)
            return Answer(outcome=AttemptOutcome.UNKNOWN, reason="timeout" if timed_out else "connection_lost")
        if response.status_code != 202:
            return Answer(outcome=_LATER, reason=f"http_{response.status_code}_is_no_202")
        provider_id = dict(response.headers or {}).get("X-Message-Id")
        return Answer(
            outcome=AttemptOutcome.ACCEPTED, provider_id=provider_id, ref=message_id(message.key, self._sender)
        )

    def payload(self, message: Outgoing) -> dict[str, Any]:
        """The body of the request. Raises BadAddressError."""
        payload: dict[str, Any] = {
            "personalizations": [
                {
                    "to": [{"email": ascii_address(message.address)}],
                    "headers": headers(message, self._sender),
                    "custom_args": {"delivery_id": message.key},
                }
            ],
            "from": {"email": self._sender.address, "name": message.sender or self._sender.name},
            "subject": message.subject,
            "content": [
                {"type": "text/plain", "value": message.parts[TEXT]},
                {"type": "text/html", "value": message.parts[HTML]},
            ],
            "categories": [message.kind.value],
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": {"enable": False},
                "subscription_tracking": {"enable": False},
            },
        }
        if answers := reply_to(message, self._sender):
            payload["reply_to"] = {"email": answers}
        return payload


class _Client(python_http_client.Client):  # type: ignore[misc] # the library has no types
    """The library's client over our own opener: a call ends in time and follows no redirect.

    The library builds an opener of its own for every request, which costs as much as the rest of a call: `post` does
    without it.
    """

    opener = opener()

    def _build_client(self, name: str | None = None) -> _Client:
        path = [*self._url_path, name] if name else self._url_path
        return _Client(host=self.host, version=self._version, request_headers=dict(self.request_headers), url_path=path)

    def post(self, body: Mapping[str, Any]) -> python_http_client.client.Response:
        headers = {**self.request_headers, "Content-Type": "application/json"}
        data = json.dumps(body).encode()
        request = urllib.request.Request(self._build_url(None), data, headers, method="POST")  # noqa: S310 - settings say where
        return python_http_client.client.Response(self.opener.open(request))


def _client(key: str, host: str) -> Any:
    """What posts mail. Made once for a key."""
    api = SendGridAPIClient(api_key=key, host=host)
    return _Client(host=host, request_headers=api.client.request_headers, version=3).mail.send


def _refusal(status: int, found: Mapping[str, str], now: datetime) -> Answer:
    if 300 <= status < 400:
        return Answer(outcome=_DOWN, reason="redirected")
    default = _LATER if status >= 500 else _REFUSED
    return Answer(
        outcome=OUTCOMES.get(status, default),
        reason="ratelimited" if status == 429 else f"http_{status}",
        retry_after=_wait({name.lower(): value for name, value in found.items()}, now),
        whole_channel=status == 429,
    )


def _wait(found: Mapping[str, str], now: datetime) -> timedelta | None:
    after, reset = found.get("retry-after", ""), found.get("x-ratelimit-reset", "")
    if after.isdigit():
        return min(timedelta(seconds=int(after)), _MOST_WAIT)
    if reset.isdigit():
        return min(max(datetime.fromtimestamp(int(reset), UTC) - now, timedelta()), _MOST_WAIT)
    return None
