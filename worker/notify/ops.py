"""What ops are told when telling itself goes wrong: what broke, what still works, what to do. Once per episode."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import structs

from worker.model.notice import Kind, NewNotice
from worker.model.playbook import Priority
from worker.notify.recipients import OPS, Target


def notice(
    kind: str, episode: str, now: datetime, *, broke: str, works: str, todo: str, avoid: str | None = None
) -> NewNotice:
    """A notice to ops. (`kind`, `episode`) is told once; `avoid` is a channel that is itself the trouble."""
    return NewNotice(
        cause=f"ops/{kind}/{episode}",
        recipient=OPS,
        kind=Kind.OPS,
        priority=Priority.HIGH,
        not_before=now,
        channels=(),
        data={"kind": kind, "broke": broke, "works": works, "todo": todo, "avoid": avoid},
    )


def channel_down(channel: str, reason: str, now: datetime) -> NewNotice:
    return notice(
        "channel_down",
        f"{channel}/{now:%Y-%m-%dT%H:%M:%S}",
        now,
        broke=f"{_name(channel)} refuses every message: {words(reason)}.",
        works="What has another channel goes there. The rest waits; nothing is lost.",
        todo="Mend the secret or its rights. It is read again and tried once a minute.",
        avoid=channel,
    )


def address_refused(target: Target, reason: str, now: datetime) -> NewNotice:
    """One address that a provider will not take. Once a day per address and reason."""
    return notice(
        "address_refused",
        f"{target.channel}/{target.address}/{reason}/{now:%Y-%m-%d}",
        now,
        broke=f"{_name(target.channel)} did not take a message to {target.address}: {words(reason)}.",
        works="The message went on to the next channel, where there is one.",
        todo="Check this address in rules/directory.yaml, and that our app may write there.",
    )


def channel_slow(channel: str, reason: str, now: datetime) -> NewNotice:
    """A channel that answers "not now" for so long that messages go another way. Once an hour per reason."""
    return notice(
        "channel_slow",
        f"{channel}/{reason}/{now:%Y-%m-%dT%H}",
        now,
        broke=f"{_name(channel)} did not take messages in time: {words(reason)}.",
        works="Each went on to its next channel, and says so.",
        todo="Look at the provider's status page, and at the network between.",
        avoid=channel,
    )


def not_delivered(notice_id: int, recipient: str, reason: str, now: datetime) -> NewNotice:
    """A notice for which every channel failed."""
    return notice(
        "not_delivered",
        str(notice_id),
        now,
        broke=f"Notice {notice_id} to {recipient} could not be delivered: {words(reason)}.",
        works="The follow-up is stored, and its timers go on.",
        todo=f"Mend the cause, then run: innerloop notices retry {notice_id}",
    )


def customer_not_told(notice_id: int, reason: str, now: datetime) -> NewNotice:
    """A customer who was not told, or of whom nobody knows. Once a day per reason."""
    return notice(
        "customer_not_told",
        f"{reason}/{now:%Y-%m-%d}",
        now,
        broke=f"Notice {notice_id} to a customer was not delivered: {words(reason)}.",
        works="The follow-up goes on. Nothing is sent to a customer twice, so nothing is tried again by itself.",
        todo=f"Others like it: innerloop notices list. To send it after all: innerloop notices retry {notice_id}",
    )


def template_broken(template: str, revision: str, problem: str, now: datetime) -> NewNotice:
    to_customers = template.startswith(f"{Kind.CUSTOMER.value}/")
    instead = "Customers get nothing in its place." if to_customers else "The message went out in the built-in text."
    return notice(
        "template_broken",
        f"{revision}/{template}",
        now,
        broke=f"The template {template} of rule set {revision} cannot be rendered: {problem}",
        works=instead,
        todo=f"Mend templates/{template}; innerloop templates preview shows the result.",
    )


def rules_refused(
    episode: str, first: str, mistakes: int, kept: str, now: datetime, *, to: Sequence[str]
) -> list[NewNotice]:
    """A new rule set that cannot be used. `episode` is its revision; `first` is a line with its place."""
    more = f" And {mistakes - 1} more." if mistakes > 1 else ""
    told = notice(
        "rules_refused",
        episode,
        now,
        broke=f"The changed rules are refused: {first}{more}",
        works=f"Everything goes on with the rules from before the change (revision {kept}).",
        todo="Run: innerloop rules check. Mend what it says, or put the old files back.",
    )
    return [structs.replace(told, recipient=one, channels=("slack", "email")) for one in to]


def words(reason: str) -> str:
    """A provider's error word as words: token_revoked, http_503."""
    return reason.replace("_", " ").replace("http ", "HTTP ").replace("smtp ", "SMTP ")


def _name(channel: str) -> str:
    return {"slack": "Slack", "email": "The mail service"}.get(channel, channel)
