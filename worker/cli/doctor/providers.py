"""Credentials, asked at the providers (`doctor --live`): scopes, membership, sign-in. No message is sent."""

from __future__ import annotations

import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from worker.cli import output, rule_files
from worker.cli.doctor.check import Check, error, ok, warning
from worker.errors import InnerloopError
from worker.settings import Settings

_SECONDS = 10
_NEEDED = ("chat:write",)
_READING = ("channels:history", "groups:history", "im:history")  # settles sends that got no answer
_PAGES = 20


def provider_checks(settings: Settings) -> Iterator[Check]:
    if settings.slack_bot_token:
        yield from _slack(settings)
    if settings.sendgrid_api_key:
        yield _sendgrid(settings)
    elif settings.smtp_url:
        yield _smtp(settings)


# Slack ---------------------------------------------------------------------------------------------------------


def _slack(settings: Settings) -> Iterator[Check]:
    assert settings.slack_bot_token is not None
    client = WebClient(
        settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_base_url,
        timeout=_SECONDS,
        retry_handlers=[],
    )
    try:
        answer = client.auth_test()
    except SlackApiError as refused:
        yield error(
            "slack", f"Slack refuses the token: {refused.response.get('error')}.", "No Slack message goes out.",
            "Install the app again and set INNERLOOP_SLACK_BOT_TOKEN.",
        )  # fmt: skip
        return
    except (SlackClientError, OSError) as failed:
        yield error(
            "slack", f"Slack does not answer: {_said(failed)}", "Messages wait or go by mail.", "Look at the network."
        )
        return
    headers = {name.lower(): value for name, value in (answer.headers or {}).items()}
    yield _scopes(headers.get("x-oauth-scopes"))
    yield from _membership(client, _queues(settings))


def _scopes(given: str | None) -> Check:
    if given is None:
        return ok("slack", "Slack takes the token; it does not say which scopes it has.")
    scopes = {scope.strip() for scope in given.split(",")}
    missing = [scope for scope in _NEEDED if scope not in scopes]
    if missing:
        return error(
            "slack", f"The token lacks {', '.join(missing)}.", "No Slack message goes out.",
            "Add the scope to the app and install it again.",
        )  # fmt: skip
    unread = [scope for scope in _READING if scope not in scopes]
    if unread:
        return warning(
            "slack", f"The token lacks {', '.join(unread)}.",
            "A send without an answer cannot be looked up, so it may arrive twice.", "Add them and install it again.",
        )  # fmt: skip
    return ok("slack", "Slack takes the token, and its scopes suffice.")


def _queues(settings: Settings) -> set[str]:
    """Channels that the directory and the settings name, without their #."""
    named = {entry.partition(":")[2] for entry in settings.ops_channels if entry.startswith("slack:")}
    try:
        directory = rule_files.loaded(rule_files.read(settings)).directory
    except InnerloopError:
        return {name.removeprefix("#") for name in named}
    named |= {team.queue["slack"] for team in directory.teams.values() if team.queue.get("slack")}
    return {name.removeprefix("#") for name in named}


def _membership(client: WebClient, wanted: set[str]) -> Iterator[Check]:
    if not wanted:
        return
    try:
        known = _channels(client)
    except SlackApiError as refused:
        yield warning(
            "slack", f"Channels cannot be listed: {refused.response.get('error')}.",
            "Whether the app may write to them is unknown.", "Add the scopes channels:read and groups:read.",
        )  # fmt: skip
        return
    absent = sorted(f"#{name}" for name in wanted if name not in known)
    outside = sorted(f"#{name}" for name in wanted if known.get(name) is False)
    if absent:
        yield error(
            "slack", f"No channel the app can see is called {', '.join(absent)}.", "Such messages are refused.",
            "Mend the name, or invite the app to the private channel.",
        )  # fmt: skip
    if outside:
        yield error(
            "slack",
            f"The app is not in {', '.join(outside)}.",
            "Messages there are refused.",
            "Type: /invite @innerloop",
        )
    if not absent and not outside:
        yield ok("slack", f"The app is in {output.counted(len(wanted), 'channel')}, all that it writes to.")


def _channels(client: WebClient) -> Mapping[str, bool]:
    """Name and id of each channel the app can see, and whether it is in it."""
    found: dict[str, bool] = {}
    cursor = ""
    for _ in range(_PAGES):
        page = client.conversations_list(
            types="public_channel,private_channel", exclude_archived=True, limit=1000, cursor=cursor or None
        )
        for channel in page["channels"]:
            found |= dict.fromkeys((channel["name"], channel["id"]), bool(channel.get("is_member")))
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            break
    return found


# Mail ----------------------------------------------------------------------------------------------------------


def _sendgrid(settings: Settings) -> Check:
    assert settings.sendgrid_api_key is not None
    request = urllib.request.Request(  # noqa: S310 - the operator's own setting
        f"{settings.sendgrid_host.rstrip('/')}/v3/scopes",
        headers={"Authorization": f"Bearer {settings.sendgrid_api_key.get_secret_value()}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - as above
            scopes: Any = msgspec.json.decode(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            return error(
                "email", f"SendGrid refuses the key: HTTP {refused.code}.", "No mail goes out.",
                "Make a key with the right Mail Send and set INNERLOOP_SENDGRID_API_KEY.",
            )  # fmt: skip
    except (OSError, msgspec.DecodeError) as failed:
        return error("email", f"SendGrid does not answer: {_said(failed)}", "Mail waits.", "Look at the network.")
    if "mail.send" not in scopes.get("scopes", ()):
        return error("email", "The SendGrid key lacks mail.send.", "No mail goes out.", "Give it the right Mail Send.")
    return ok("email", "SendGrid takes the key, and it may send mail.")


def _smtp(settings: Settings) -> Check:
    assert settings.smtp_url is not None
    try:
        _sign_in(settings.smtp_url.get_secret_value())
    except (smtplib.SMTPException, OSError, ValueError) as failed:
        return error(
            "email", f"The mail server does not let us in: {_said(failed)}", "No mail goes out.",
            "Mend INNERLOOP_SMTP_URL.",
        )  # fmt: skip
    return ok("email", "The mail server lets us in.")


def _sign_in(url: str) -> None:
    """Everything that comes before a message, and nothing of one."""
    parts = urlsplit(url)
    host, encrypted = parts.hostname or "", parts.scheme == "smtps"
    context = ssl.create_default_context()
    plain = parse_qs(parts.query).get("starttls", ["true"])[-1].lower() in {"false", "no", "0", "off"}
    if encrypted:
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, parts.port or 587, timeout=_SECONDS)
    with server:
        if not (encrypted or plain):
            server.starttls(context=context)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.noop()


def _said(failed: Exception) -> str:
    """What went wrong, in one line, without the library around it."""
    cause = getattr(failed, "reason", failed)
    text = getattr(cause, "strerror", None) or str(cause)
    return " ".join(text.split())[:200] or type(failed).__name__
