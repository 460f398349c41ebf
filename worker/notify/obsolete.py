"""Whether a notice still has something to say. Looked at just before sending. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from worker.model.followup import LIVE, State
from worker.model.notice import Kind
from worker.model.playbook import Milestone
from worker.notify.recipients import OPS
from worker.store.notices import Notice

_ABOUT_OPEN_WORK = frozenset(
    {Kind.ALERT, Kind.COPY, Kind.UPDATE, Kind.REMINDER, Kind.DUE_SOON, Kind.ESCALATION, Kind.HANDED_OVER}
)
_ORDER = (State.OPEN, State.ACKNOWLEDGED, State.CONTACTED, State.CLOSED)
_REACHED = {
    Milestone.ACKNOWLEDGED: State.ACKNOWLEDGED,
    Milestone.CONTACTED: State.CONTACTED,
    Milestone.CLOSED: State.CLOSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What a follow-up is at this moment. `alert_waits`: this receiver has not got its alert yet."""

    state: State
    owner: str | None
    cycle: int
    version: int
    snoozed_until: datetime | None
    alert_waits: bool = False


def obsolete(notice: Notice, now: Now | None) -> str | None:
    """Why a notice is not sent any more, in words; None while it is worth sending.

    A reminder waits for `data.until`, an escalation for `data.unless`: milestones of the follow-up.
    """
    if now is None or notice.kind not in _ABOUT_OPEN_WORK or notice.is_line:
        return None
    if now.state not in LIVE and not (notice.kind is Kind.UPDATE and now.state is State.CANCELLED):
        return f"the follow-up is {now.state.value}"
    if _of_another_cycle(notice, now):
        return "the follow-up was opened again since"
    if notice.kind is Kind.UPDATE and now.alert_waits:
        return "told in the alert"
    if notice.kind is Kind.ALERT and _is_settled(notice, now):
        return f"{now.state.value} already"
    if _is_for_somebody_else(notice, now):
        return "handed on since"
    return _overtaken(notice, now)


def _is_for_somebody_else(notice: Notice, now: Now) -> bool:
    """It was written to an owner who is not the owner any more. (A reminder may go to who stands in for the owner.)"""
    if notice.kind is Kind.HANDED_OVER:
        return notice.recipient not in {now.owner, OPS}
    then = notice.data.get("from")
    return notice.kind in {Kind.REMINDER, Kind.DUE_SOON} and then is not None and then != now.owner


def _overtaken(notice: Notice, now: Now) -> str | None:
    waits_for = _waits_for(notice)
    if waits_for is None:
        return None
    if _ORDER.index(now.state) >= _ORDER.index(_REACHED[waits_for]):
        return f"{waits_for.value} already"
    if now.snoozed_until is not None and notice.kind in {Kind.REMINDER, Kind.DUE_SOON}:
        return "snoozed"
    return None


def _waits_for(notice: Notice) -> Milestone | None:
    match notice.kind:
        case Kind.REMINDER:
            return _milestone(notice.data.get("until"), Milestone.ACKNOWLEDGED)
        case Kind.ESCALATION:
            return _milestone(notice.data.get("unless"), Milestone.CLOSED)
        case Kind.DUE_SOON:
            return Milestone.CONTACTED
        case _:
            return None


def _milestone(word: object, default: Milestone) -> Milestone:
    return next((milestone for milestone in Milestone if milestone == word), default)


def _is_settled(notice: Notice, now: Now) -> bool:
    """Somebody works on it, and everybody told here is either that owner or a queue it has left."""
    return now.state is not State.OPEN and (notice.recipient == now.owner or notice.recipient.startswith("team:"))


def _of_another_cycle(notice: Notice, now: Now) -> bool:
    parts = notice.cause.split("/")
    cycled = len(parts) >= 4 and parts[0] == "follow-up" and parts[2].isdigit()
    return cycled and int(parts[2]) != now.cycle
