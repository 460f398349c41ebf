"""What a channel is: one way to reach people, such as Slack or e-mail.

A channel owns everything about its provider: the request, the limits, what each answer means. It keeps no state
between two sends but its secret; pace, circuits and retries are the sender's business. `send` may be called by
several threads at once and never raises for what a provider or a network does: it answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from worker.model.notice import AttemptOutcome, Kind

MOST_SECONDS = 20.0  # one call in all, however slowly the other side drips


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one call.

    `reason` is a short word without addresses or secrets; `retry_after` is the provider's own wish, for this address
    or, with `whole_channel`, for everything; `ref` is where the message is, for edits and threads.
    """

    outcome: AttemptOutcome
    reason: str | None = None
    retry_after: timedelta | None = None
    whole_channel: bool = False
    provider_id: str | None = None
    ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A rendered message. `parts` maps each of the channel's part names to its text.

    `subject` heads a mail, `lead` is the line a lock screen shows, `sender` the name it comes from: plain text, which
    the channel escapes. `thread` is the ref of the follow-up's first message to this address; `broadcast` shows a reply
    to the whole channel as well. An empty `sender` is the name that the channel's own address has.
    """

    key: str
    address: str
    kind: Kind
    subject: str
    lead: str
    sender: str
    parts: Mapping[str, str]
    at: datetime
    thread: str | None = None
    broadcast: bool = False
    reply_to: str | None = None


class Channel(Protocol):
    """One way to reach people."""

    @property
    def name(self) -> str:
        """The word of `by` in the rules: slack, email."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The templates it needs, such as ("email.html", "email.txt")."""

    @property
    def pace(self) -> timedelta | None:
        """The least time between two messages to one address."""

    def send(self, message: Outgoing) -> Answer:
        """Make one call, MOST_SECONDS at most."""

    def reload(self) -> None:
        """Read the secret again: somebody may have mended it."""


@runtime_checkable
class Readable(Protocol):
    """A channel that can be asked whether a message arrived."""

    def look(self, message: Outgoing, since: datetime) -> Answer:
        """Accepted when the message with this key is there; else a reason of notify.retry."""


@runtime_checkable
class Editable(Protocol):
    """A channel whose messages can be changed after they were sent."""

    def edit(self, ref: str, message: Outgoing) -> Answer:
        """Show this in place of what was sent."""
