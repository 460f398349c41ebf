"""A Slack that refuses what Slack refuses. `url` is what INNERLOOP_SLACK_BASE_URL wants.

Rules and limits after docs.slack.dev: methods chat.postMessage, chat.update, conversations.history, .replies and
.open, auth.test, users.info; Block Kit's limits are in slack_blocks.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.support.http_server import FakeServer, Fault, Reply, Request
from tests.support.slack_blocks import wrong_blocks

TOKEN = "xoxb-1-test"
_TEXT_LIMIT = 40_000
_METADATA_LIMIT = 8_000  # characters of event_payload as JSON
# What Slack itself says with these; with any other, something in front of it speaks.
_STATUS_ERRORS = {429: "ratelimited", 500: "internal_error", 503: "service_unavailable"}
_ID = re.compile(r"[CGD][A-Z0-9]{2,}")
_USER = re.compile(r"[UW][A-Z0-9]{2,}")
_NAME = re.compile(r"#[a-z0-9_-]{1,80}")
_PINGS = re.compile(r"<(?:!(?:channel|here|everyone|subteam[^>]*)|@[UW][A-Z0-9]+)[^>]*>")


@dataclass(slots=True)
class SlackMessage:
    """A message as it stands now; `versions` are the payloads it was posted and updated with."""

    channel: str  # the conversation's id, also when posted to a name or a user
    asked: str  # the `channel` of the call
    ts: str
    payload: dict[str, Any]
    at: datetime
    monotonic: float
    versions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def text(self) -> str:
        return str(self.payload.get("text", ""))

    @property
    def blocks(self) -> list[dict[str, Any]]:
        return list(self.payload.get("blocks") or [])

    @property
    def thread_ts(self) -> str | None:
        return self.payload.get("thread_ts")

    @property
    def metadata(self) -> dict[str, Any]:
        return dict(self.payload.get("metadata") or {})

    @property
    def delivery_id(self) -> str | None:
        found = self.metadata.get("event_payload", {}).get("delivery_id")
        return None if found is None else str(found)

    @property
    def all_text(self) -> str:
        """Every text a reader may see, for searching."""
        return "\n".join([self.text, *_texts(self.blocks)])

    @property
    def pings(self) -> list[str]:
        """What would ring somebody's phone: <!channel>, <@U…>."""
        return _PINGS.findall(self.all_text)


class _Refused(Exception):
    def __init__(self, error: str, *details: str) -> None:
        super().__init__(error)
        self.error = error
        self.details = list(details)


class SlackServer(FakeServer):
    """`unknown` holds channels that do not exist, `not_in` those the app is no member of; `scopes` may be taken away.

    `per_second`: how many messages a second one channel takes before 429; None for any number.
    """

    def __init__(self, token: str = TOKEN) -> None:
        super().__init__()
        self.token = token
        self.messages: list[SlackMessage] = []
        self.updates: list[SlackMessage] = []
        self.unknown: set[str] = set()
        self.not_in: set[str] = set()
        self.scopes = {"chat:write", "channels:history", "groups:history", "im:history", "im:write", "users:read"}
        self.per_second: float | None = None
        self._names: dict[str, str] = {}
        self._last: dict[str, float] = {}
        self._stamp = int(time.time() * 1_000_000)
        self._methods: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "conversations.open": self._open,
            "users.info": self._user,
        }

    @property
    def url(self) -> str:
        return f"{super().url}/api/"

    def settings(self) -> dict[str, str]:
        return {"INNERLOOP_SLACK_BOT_TOKEN": self.token, "INNERLOOP_SLACK_BASE_URL": self.url}

    def wait_for(self, n: int, timeout: float = 10.0) -> list[SlackMessage]:
        """All messages, once there are `n`."""
        return self._wait_length(lambda: self.messages, n, timeout, "messages")

    def to(self, asked: str) -> list[SlackMessage]:
        """Messages whose sender addressed them so: `#name`, a channel's or a user's id."""
        return [message for message in self.messages if asked in (message.asked, message.channel)]

    # HTTP

    def handle(self, request: Request) -> Reply:
        method = request.path.partition("?")[0].removeprefix("/api/")
        try:
            arguments = _decode(request)
            self._authorize(request, arguments)
            if method not in self._methods:
                raise _Refused("unknown_method")
            return _json({"ok": True, **self._methods[method](arguments)})
        except _Refused as refused:
            answer: dict[str, Any] = {"ok": False, "error": refused.error}
            if refused.details:
                answer["response_metadata"] = {"messages": refused.details}
            if refused.error == "ratelimited":
                return _json(answer, 429, {"Retry-After": "1"})
            return _json(answer)

    def refuse(self, fault: Fault) -> Reply:
        if fault.error is not None:
            return _json({"ok": False, "error": fault.error}, fault.status or 200)
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        status = fault.status or 429
        if status not in _STATUS_ERRORS:
            return Reply(status, b"<html><body>upstream error</body></html>", {"Content-Type": "text/html", **headers})
        return _json({"ok": False, "error": _STATUS_ERRORS[status]}, status, headers)

    def _authorize(self, request: Request, arguments: Mapping[str, Any]) -> None:
        header = request.headers.get("authorization", "")
        given = header.removeprefix("Bearer ") if header.startswith("Bearer ") else arguments.get("token")
        if not given:
            raise _Refused("not_authed")
        if given != self.token:
            raise _Refused("invalid_auth")

    def _need(self, scope: str) -> None:
        if scope not in self.scopes:
            raise _Refused("missing_scope")

    # Methods

    def _auth_test(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "url": "https://example.slack.com/", "team": "Example", "user": "innerloop",
            "team_id": "T0000001", "user_id": "U0000BOT", "bot_id": "B0000001",
        }  # fmt: skip

    def _post(self, given: dict[str, Any]) -> dict[str, Any]:
        self._need("chat:write")
        channel = self._resolve(given)
        _check_message(given)
        self._pace(channel)
        if (parent := given.get("thread_ts")) and not self._find(channel, parent):
            raise _Refused("thread_not_found")
        now = datetime.now(UTC)
        message = SlackMessage(channel, given["channel"], self._next_ts(), given, now, time.monotonic(), [given])
        self.messages.append(message)
        return {"channel": channel, "ts": message.ts, "message": _shown(message, metadata=False)}

    def _update(self, given: dict[str, Any]) -> dict[str, Any]:
        self._need("chat:write")
        channel = str(given.get("channel", ""))
        # Unlike postMessage, update knows conversations only: not names, not users.
        if not _ID.fullmatch(channel) or channel in self.unknown:
            raise _Refused("channel_not_found")
        message = self._find(channel, str(given.get("ts", "")))
        if message is None:
            raise _Refused("message_not_found")
        _check_message(given)
        message.payload = {**message.payload, **given}  # what an update does not name stays
        message.versions.append(given)
        self.updates.append(message)
        return {"channel": channel, "ts": message.ts, "text": message.text, "message": _shown(message, metadata=False)}

    def _history(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._readable(given)
        shown = [message for message in self.messages if message.channel == channel and not message.thread_ts]
        return _page(shown[::-1], given)  # newest first

    def _replies(self, given: dict[str, Any]) -> dict[str, Any]:
        channel, parent = self._readable(given), given.get("ts")
        if not parent or not self._find(channel, parent):
            raise _Refused("thread_not_found")
        shown = [
            message
            for message in self.messages
            if message.channel == channel and parent in (message.ts, message.thread_ts)
        ]
        return _page(shown, given)  # oldest first

    def _open(self, given: dict[str, Any]) -> dict[str, Any]:
        self._need("im:write")
        user = str(given.get("users", ""))
        if not _USER.fullmatch(user) or user in self.unknown:
            raise _Refused("user_not_found")
        return {"channel": {"id": f"D{user[1:]}"}}

    def _user(self, given: dict[str, Any]) -> dict[str, Any]:
        self._need("users:read")
        user = str(given.get("user", ""))
        if not _USER.fullmatch(user) or user in self.unknown:
            raise _Refused("user_not_found")
        return {"user": {"id": user, "name": user.lower(), "deleted": False, "tz": "Europe/London"}}

    # Conversations

    def _resolve(self, given: Mapping[str, Any]) -> str:
        asked = str(given.get("channel") or "")
        if asked in self.not_in:
            raise _Refused("not_in_channel")
        if asked in self.unknown:
            raise _Refused("channel_not_found")
        if _ID.fullmatch(asked):
            return asked
        if _USER.fullmatch(asked):
            return f"D{asked[1:]}"
        if _NAME.fullmatch(asked):
            return self._names.setdefault(asked, f"C0NAME{len(self._names):03}")
        raise _Refused("channel_not_found")

    def _readable(self, given: Mapping[str, Any]) -> str:
        channel = str(given.get("channel") or "")
        self._need({"D": "im:history", "G": "groups:history"}.get(channel[:1], "channels:history"))
        if not _ID.fullmatch(channel) or channel in self.unknown:
            raise _Refused("channel_not_found")
        if channel in self.not_in:
            raise _Refused("not_in_channel")
        return channel

    def _pace(self, channel: str) -> None:
        now = time.monotonic()
        if self.per_second and now - self._last.get(channel, -1e9) < 1 / self.per_second:
            raise _Refused("ratelimited")
        self._last[channel] = now

    def _find(self, channel: str, ts: str) -> SlackMessage | None:
        return next((one for one in self.messages if (one.channel, one.ts) == (channel, ts)), None)

    def _next_ts(self) -> str:
        # Real time, but never twice: the ts is the message's id within its channel.
        self._stamp = max(self._stamp + 1, int(time.time() * 1_000_000))
        return f"{self._stamp // 1_000_000}.{self._stamp % 1_000_000:06}"


def _decode(request: Request) -> dict[str, Any]:
    """Arguments from a JSON body, a form or the query; in forms, nested values are JSON."""
    arguments: dict[str, Any] = dict(parse_qsl(request.path.partition("?")[2]))
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    try:
        if kind == "application/json":
            body = json.loads(request.body or b"{}")
            if not isinstance(body, dict):
                raise _Refused("json_not_object")
            return {**arguments, **body}
        if kind == "application/x-www-form-urlencoded":
            arguments |= dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        for name in ("blocks", "metadata"):
            if name in arguments:
                arguments[name] = json.loads(arguments[name])
    except ValueError:
        raise _Refused("invalid_json") from None
    return arguments


def _check_message(given: Mapping[str, Any]) -> None:
    text, blocks = given.get("text") or "", given.get("blocks")
    if not text and not blocks and not given.get("attachments"):
        raise _Refused("no_text")
    if len(text) > _TEXT_LIMIT:
        raise _Refused("msg_too_long")
    if blocks is not None and (problems := wrong_blocks(blocks)):
        raise _Refused("invalid_blocks", *problems)
    if (metadata := given.get("metadata")) is not None:
        _check_metadata(metadata)


def _check_metadata(metadata: Any) -> None:
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict):
        raise _Refused("invalid_metadata_format")
    if not isinstance(metadata.get("event_type"), str) or not metadata["event_type"]:
        raise _Refused("invalid_metadata_format")
    if len(json.dumps(metadata["event_payload"])) > _METADATA_LIMIT:
        raise _Refused("metadata_too_large")


def _page(messages: list[SlackMessage], given: Mapping[str, Any]) -> dict[str, Any]:
    oldest, latest = float(given.get("oldest") or 0), float(given.get("latest") or "inf")
    # The limits themselves are excluded unless `inclusive`.
    inclusive = _true(given.get("inclusive"))
    found = [
        one for one in messages if oldest < float(one.ts) < latest or (inclusive and float(one.ts) in (oldest, latest))
    ]
    start, size = int(given.get("cursor") or 0), min(int(given.get("limit") or 100), 999)
    more = start + size < len(found)
    metadata = _true(given.get("include_all_metadata"))
    return {
        "messages": [_shown(one, metadata=metadata) for one in found[start : start + size]],
        "has_more": more,
        "response_metadata": {"next_cursor": str(start + size) if more else ""},
    }


def _shown(message: SlackMessage, *, metadata: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        name: message.payload[name] for name in ("text", "blocks", "thread_ts") if name in message.payload
    }
    if metadata and message.metadata:
        shown["metadata"] = message.metadata
    if len(message.versions) > 1:
        shown["edited"] = {"user": "U0000BOT", "ts": message.ts}
    return {"type": "message", "ts": message.ts, "user": "U0000BOT", "bot_id": "B0000001", **shown}


def _true(value: Any) -> bool:
    return value in (True, 1, "1", "true", "True")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("text", "alt_text", "value", "url") and isinstance(inner, str):
                yield inner
            else:
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _json(value: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(
        status, json.dumps(value).encode(), {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
    )


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    with SlackServer() as server:
        yield server
