"""A follow-up: a promise to a customer, with an owner and a clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from worker.model.playbook import Playbook, Priority
from worker.model.response import Json


class State(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CONTACTED = "contacted"
    CLOSED = "closed"
    CANCELLED = "cancelled"


LIVE = frozenset({State.OPEN, State.ACKNOWLEDGED, State.CONTACTED})


class ClosingOutcome(StrEnum):
    """`no_contact` is also how a follow-up ends that closes itself."""

    RECOVERED = "recovered"
    NOT_RECOVERED = "not_recovered"
    UNREACHABLE = "unreachable"
    NO_CONTACT = "no_contact"


class FollowUp(Struct, frozen=True, kw_only=True):
    """A row of follow_ups. `version` grows by one with every change; `cycle` with every reopening."""

    id: int
    response_id: int
    customer_key: str | None
    revision: str
    rule: str
    playbook: Playbook
    priority: Priority
    state: State
    cycle: int
    version: int
    owner: str | None
    opened_at: datetime
    due_at: datetime
    acknowledged_at: datetime | None = None
    contacted_at: datetime | None = None
    closed_at: datetime | None = None
    snoozed_until: datetime | None = None
    outcome: str | None = None
    root_cause: str | None = None
    closing: Mapping[str, Json] = {}
    owner_via: str | None = None
    due_from: datetime | None = None
    passed_on: tuple[str, ...] = ()  # who said "not mine"
    tries: int = 0
    test: bool = False

    @property
    def is_live(self) -> bool:
        return self.state in LIVE


def short_id(follow_up_id: int) -> str:
    """How people see it: F-42."""
    return f"F-{follow_up_id}"


class NewTimer(Struct, frozen=True, kw_only=True, gc=False):
    """A moment at which something is due for a follow-up. `step` is remind, escalate.N, due, snooze, try, stale."""

    step: str
    n: int
    fire_at: datetime


class NewHistory(Struct, frozen=True, kw_only=True, gc=False):
    """A line of a follow-up's history. `by` is a person's id, or rules, timer, directory; `via` is the door."""

    version: int
    at: datetime
    what: str
    by: str
    via: str
    note: str | None = None
    detail: Mapping[str, Json] | None = None
