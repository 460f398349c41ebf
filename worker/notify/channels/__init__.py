"""The catalogue: every channel, by the word that `by` uses in the rules. Nothing else imports a channel's file.

To add one: write its file beside these, and name it here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pydantic import SecretStr

from worker.notify.channel import Channel
from worker.notify.channels.sendgrid import SendGrid
from worker.notify.channels.slack import Slack
from worker.notify.channels.smtp import Smtp
from worker.settings import Settings

Read = Callable[[], Settings]


def _slack(settings: Settings, read: Read) -> Channel | None:
    if not settings.slack_bot_token:
        return None
    return Slack(lambda: _text(read().slack_bot_token), settings.slack_base_url)


def _email(settings: Settings, read: Read) -> Channel | None:
    if settings.sendgrid_api_key and settings.email_from:
        return SendGrid(lambda: _text(read().sendgrid_api_key), settings.sendgrid_host, settings.email_from)
    if settings.smtp_url and settings.email_from:
        return Smtp(lambda: _text(read().smtp_url), settings.email_from)
    return None


CATALOGUE: Mapping[str, Callable[[Settings, Read], Channel | None]] = {"slack": _slack, "email": _email}


def build(settings: Settings, read: Read | None = None) -> dict[str, Channel]:
    """The channels that these settings configure. `read` reads the settings again, for secrets that were mended."""
    again = read or (lambda: settings)
    built = {word: make(settings, _first(settings, again)) for word, make in CATALOGUE.items()}
    return {word: channel for word, channel in built.items() if channel}


def _first(settings: Settings, again: Read) -> Read:
    """The settings at hand the first time, what `again` reads from then on."""
    unread = [settings]
    return lambda: unread.pop() if unread else again()


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
