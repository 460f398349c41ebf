"""Slack, through its Web API: direct messages to a user's id, channels by name or id.

Rules kept here, with their source in Slack's documentation:
- chat.postMessage: `text` is what notifications show beside `blocks`; `metadata` is an event type and a payload;
  a user's id as `channel` opens the direct message. (docs.slack.dev/reference/methods/chat.postMessage)
- Limits: 50 blocks, header 150, section 3,000, field 2,000, 10 fields, context 10 elements.
  (docs.slack.dev/reference/block-kit/blocks)
- Rate limits: one message a second to a channel; 429 with Retry-After speaks for the method in the whole workspace.
  (docs.slack.dev/apis/web-api/rate-limits)
"""

from __future__ import annotations

import http.client
import json
import logging
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlparse

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from worker.model.notice import AttemptOutcome
from worker.notify.channel import MOST_SECONDS, Answer, Outgoing
from worker.notify.network import NotSentError, opener, within
from worker.notify.retry import CANNOT_READ, MAY_NOT_READ, NOT_THERE
from worker.notify.slackmarkup import cut_escaped, escape
from worker.notify.views import MOST_LEAD

EVENT_TYPE = "innerloop_notice"
PART = "slack"
_PAGES = 50  # more than a busy channel fills in the minutes that are read
_BEFORE = timedelta(minutes=5)
_MOST_WAIT = timedelta(hours=1)

_DOWN = AttemptOutcome.CHANNEL_DOWN
_LATER = AttemptOutcome.LATER
_REFUSED = AttemptOutcome.REFUSED
_UNKNOWN = AttemptOutcome.UNKNOWN

# Every error that chat.postMessage, chat.update and the common list of the Web API document, and what it means.
# Source: docs.slack.dev/reference/methods/chat.postMessage, section Errors. What is not listed is refused for good.
OUTCOMES: Mapping[str, AttemptOutcome] = {
    # about the token or the workspace: every message would be refused alike
    "access_denied": _DOWN, "account_inactive": _DOWN, "ekm_access_denied": _DOWN, "enterprise_is_restricted": _DOWN,
    "invalid_auth": _DOWN, "method_deprecated": _DOWN, "missing_scope": _DOWN, "no_permission": _DOWN,
    "not_allowed_token_type": _DOWN, "not_authed": _DOWN, "org_login_required": _DOWN, "team_access_not_granted": _DOWN,
    "team_not_found": _DOWN, "token_expired": _DOWN, "token_revoked": _DOWN, "two_factor_setup_required": _DOWN,
    "deprecated_endpoint": _DOWN, "accesslimited": _DOWN, "upgrade_required": _DOWN,
    # about this moment
    "ratelimited": _LATER, "rate_limited": _LATER, "message_limit_exceeded": _LATER, "service_unavailable": _LATER,
    "team_added_to_org": _LATER, "external_channel_migrating": _LATER,
    "request_timeout": _LATER,  # the request came in truncated: nothing was done
    # "some aspect of the operation may have succeeded": only a look can tell
    "fatal_error": _UNKNOWN, "internal_error": _UNKNOWN,
    # about this address or this message
    "as_user_not_supported": _REFUSED, "attachment_payload_limit_exceeded": _REFUSED,
    "cannot_reply_to_message": _REFUSED,
    "channel_not_found": _REFUSED, "duplicate_channel_not_found": _REFUSED, "duplicate_message_not_found": _REFUSED,
    "cant_broadcast_message": _REFUSED, "cant_post_message": _REFUSED, "cant_update_message": _REFUSED,
    "edit_window_closed": _REFUSED, "free_team_not_allowed": _REFUSED, "invalid_blocks": _REFUSED,
    "invalid_blocks_format": _REFUSED, "invalid_arguments": _REFUSED, "invalid_arg_name": _REFUSED,
    "invalid_array_arg": _REFUSED, "invalid_charset": _REFUSED, "invalid_form_data": _REFUSED, "invalid_json": _REFUSED,
    "invalid_metadata_format": _REFUSED, "invalid_metadata_schema": _REFUSED, "invalid_post_type": _REFUSED,
    "is_archived": _REFUSED, "is_inactive": _REFUSED, "json_not_object": _REFUSED, "message_not_found": _REFUSED,
    "messages_tab_disabled": _REFUSED, "metadata_must_be_sent_from_app": _REFUSED, "metadata_too_large": _REFUSED,
    "missing_post_type": _REFUSED, "msg_blocks_too_long": _REFUSED, "msg_too_long": _REFUSED, "no_text": _REFUSED,
    "not_in_channel": _REFUSED, "restricted_action": _REFUSED, "restricted_action_non_threadable_channel": _REFUSED,
    "restricted_action_read_only_channel": _REFUSED, "restricted_action_thread_locked": _REFUSED,
    "restricted_action_thread_only_channel": _REFUSED, "slack_connect_blocked_file_type": _REFUSED,
    "slack_connect_canvas_sharing_blocked": _REFUSED, "slack_connect_file_link_sharing_blocked": _REFUSED,
    "slack_connect_lists_sharing_blocked": _REFUSED, "too_many_attachments": _REFUSED,
    "too_many_contact_cards": _REFUSED, "user_disabled": _REFUSED, "user_not_found": _REFUSED,
    "user_not_visible": _REFUSED, "users_not_found": _REFUSED, "method_not_supported_for_channel_type": _REFUSED,
    "update_failed": _LATER,
}  # fmt: skip

_quiet = logging.getLogger("worker.notify.channels.slack.sdk")
_quiet.setLevel(logging.CRITICAL)  # our answers say it in our words, without the provider's text


class Slack:
    """The word `slack` of `by`. `token` is asked for at start and again at each reload."""

    name = "slack"
    parts = (PART,)
    pace = timedelta(seconds=1)

    def __init__(self, token: Callable[[], str], base_url: str) -> None:
        self._token = token
        self._base_url = base_url
        self._client = _Client(token(), base_url)
        self._conversations: dict[str, str] = {}  # address -> conversation id, learned from answers

    def reload(self) -> None:
        self._client = _Client(self._token(), self._base_url)

    def send(self, message: Outgoing) -> Answer:
        where: dict[str, Any] = {"channel": message.address}
        if message.thread:
            channel, ts = message.thread.split("/")
            where = {"channel": channel, "thread_ts": ts, "reply_broadcast": message.broadcast}
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"delivery_id": message.key}}
        quiet = {"unfurl_links": False, "unfurl_media": False}
        return self._call("chat.postMessage", message, {**where, **quiet, "metadata": metadata})

    def edit(self, ref: str, message: Outgoing) -> Answer:
        # Metadata that is not named stays: the message keeps its first delivery id.
        channel, ts = ref.split("/")
        return self._call("chat.update", message, {"channel": channel, "ts": ts})

    def look(self, message: Outgoing, since: datetime) -> Answer:
        """Read the conversation, or the thread, from five minutes before the send, all pages."""
        try:
            with within(MOST_SECONDS):
                conversation, ts = self._place(message)
                for found in self._messages(conversation, ts, since - _BEFORE):
                    if _carries(found, message.key):
                        return _accepted(conversation, found)
        except SlackApiError as error:
            reason = _code(error)
            blind = MAY_NOT_READ if OUTCOMES.get(reason, _REFUSED) in {_DOWN, _REFUSED} else CANNOT_READ
            return Answer(outcome=_UNKNOWN, reason=blind)
        except (NotSentError, OSError, http.client.HTTPException, SlackClientError, ValueError):
            return Answer(outcome=_UNKNOWN, reason=CANNOT_READ)
        return Answer(outcome=_LATER, reason=NOT_THERE)

    def _call(self, method: str, message: Outgoing, where: Mapping[str, Any]) -> Answer:
        payload = {
            "text": cut_escaped(escape(message.lead), MOST_LEAD),
            "blocks": json.loads(message.parts[PART]),
            **where,
        }
        try:
            with within(MOST_SECONDS):
                answer = self._client.api_call(method, json=payload)
        except NotSentError as error:
            return Answer(outcome=_DOWN if error.trust else _LATER, reason=error.reason)
        except SlackApiError as error:
            return _refusal(error)
        except (OSError, http.client.HTTPException, SlackClientError, ValueError) as error:
            return Answer(outcome=_UNKNOWN, reason="timeout" if _is_timeout(error) else "connection_lost")
        conversation = str(answer.get("channel") or where["channel"])
        self._conversations[message.address] = conversation
        return _accepted(conversation, answer.data if isinstance(answer.data, dict) else {})

    def _place(self, message: Outgoing) -> tuple[str, str | None]:
        if message.thread:
            channel, ts = message.thread.split("/")
            return channel, ts
        if message.address not in self._conversations:
            self._conversations[message.address] = self._conversation(message.address)
        return self._conversations[message.address], None

    def _conversation(self, address: str) -> str:
        """The id of the conversation behind a user's id or a channel's name."""
        if address[:1] in {"U", "W"} and address.isupper():
            return str(self._client.api_call("conversations.open", json={"users": address})["channel"]["id"])
        if not address.startswith("#"):
            return address
        for page in self._pages("conversations.list", {"exclude_archived": True, "limit": 1000}):
            for channel in page["channels"]:
                if channel.get("name") == address.removeprefix("#"):
                    return str(channel["id"])
        raise ValueError("no such channel")

    def _messages(self, conversation: str, ts: str | None, since: datetime) -> Iterator[Mapping[str, Any]]:
        query: dict[str, Any] = {
            "channel": conversation, "oldest": f"{since.timestamp():.6f}", "include_all_metadata": True, "limit": 200,
        }  # fmt: skip
        method = "conversations.history"
        if ts:
            method, query = "conversations.replies", query | {"ts": ts}
        for page in self._pages(method, query):
            yield from page.get("messages", [])

    def _pages(self, method: str, query: Mapping[str, Any]) -> Iterator[Any]:
        cursor = ""
        for _ in range(_PAGES):
            page = self._client.api_call(method, params={**query, **({"cursor": cursor} if cursor else {})})
            yield page
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return
        raise ValueError("too many pages")


class _Client(WebClient):
    """slack_sdk's client over our own opener: a call ends in time, and we know whether anything was sent."""

    def __init__(self, token: str, base_url: str) -> None:
        super().__init__(token=token, base_url=base_url, timeout=10, retry_handlers=[], logger=_quiet)
        self._opener = opener()

    def _perform_urllib_http_request_internal(self, url: str, req: urllib.request.Request) -> dict[str, Any]:
        if urlparse(url).scheme not in {"http", "https"}:
            raise ValueError("not a web address")
        with self._opener.open(req) as response:
            body = response.read().decode(response.headers.get_content_charset() or "utf-8", "replace")
            return {"status": response.status, "headers": response.headers, "body": body}


def _accepted(conversation: str, message: Mapping[str, Any]) -> Answer:
    ts = str(message.get("ts") or "")
    return Answer(outcome=AttemptOutcome.ACCEPTED, provider_id=ts or None, ref=f"{conversation}/{ts}" if ts else None)


def _carries(message: Mapping[str, Any], key: str) -> bool:
    payload = (message.get("metadata") or {}).get("event_payload") or {}
    return bool(payload.get("delivery_id") == key)


def _refusal(error: SlackApiError) -> Answer:
    response = error.response
    status = int(getattr(response, "status_code", 0) or 0)
    reason = _code(error)
    if status == 429 or (OUTCOMES.get(reason) is _LATER and "limit" in reason):
        return Answer(outcome=_LATER, reason="ratelimited", retry_after=_retry_after(response), whole_channel=True)
    if reason in OUTCOMES:
        return Answer(outcome=OUTCOMES[reason], reason=reason)
    if 300 <= status < 400:
        return Answer(outcome=_DOWN, reason="redirected")
    if status == 503:
        return Answer(outcome=_LATER, reason="http_503", retry_after=_retry_after(response))
    if status >= 500 or reason == "no_json":
        return Answer(outcome=_UNKNOWN, reason=f"http_{status}")
    return Answer(outcome=_REFUSED, reason=reason)


def _code(error: SlackApiError) -> str:
    """Slack's error word. Anything that is no such word is somebody else's page, and is not repeated."""
    data = getattr(error.response, "data", None)
    word = data.get("error") if isinstance(data, dict) else None
    return word if isinstance(word, str) and word.replace("_", "").isalnum() and len(word) <= 60 else "no_json"


def _retry_after(response: Any) -> timedelta | None:
    headers = {str(name).lower(): value for name, value in (getattr(response, "headers", None) or {}).items()}
    text = str(headers.get("retry-after", ""))
    return min(timedelta(seconds=int(text)), _MOST_WAIT) if text.isdigit() else None


def _is_timeout(error: BaseException) -> bool:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return isinstance(reason, TimeoutError)
