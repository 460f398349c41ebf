"""A playbook: how a kind of follow-up is worked. Frozen into the follow-up when it opens.

Who is written as the rules write it: owner, agent, manager, account_manager, unit_manager, team_lead,
team_queue, person:ID, team:ID.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from msgspec import Struct

from worker.model.span import Span, Unit


class Priority(IntEnum):
    """Ordered, so that max() raises. Written and stored by name."""

    LOW = 1
    NORMAL = 2
    HIGH = 3
    URGENT = 4

    @property
    def word(self) -> str:
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> Priority:
        return cls[word.upper()]


class IfOpen(StrEnum):
    ADD_NOTE = "add_note"
    RAISE_PRIORITY = "raise_priority"


class OnePer(StrEnum):
    CUSTOMER = "customer"
    INTERACTION = "interaction"
    RESPONSE = "response"


class Milestone(StrEnum):
    """What a reminder or an escalation waits for."""

    ACKNOWLEDGED = "acknowledged"
    CONTACTED = "contacted"
    CLOSED = "closed"


class Tell(Struct, frozen=True, kw_only=True):
    """One `notify` entry."""

    to: str = "owner"
    by: tuple[str, ...] = ("slack", "email")
    next_channel_after: Span = Span(10, Unit.MINUTES)


class Say(StrEnum):
    """What a customer may be told, where a playbook asks for it."""

    THANKS = "thanks"  # when a happy answer opens what closes itself
    RECOVERY_REPLY = "recovery_reply"  # when anything else opens
    WE_FIXED_IT = "we_fixed_it"  # when a person closes it as recovered and says what was changed


class TellCustomer(Struct, frozen=True, kw_only=True):
    """One `tell_customer` entry. `even_if` lets through what is held back otherwise: private, severity."""

    say: Say
    at_most_every: Span = Span(30, Unit.DAYS)
    even_if: tuple[str, ...] = ()


class Remind(Struct, frozen=True, kw_only=True):
    every: Span
    until: Milestone = Milestone.ACKNOWLEDGED
    by: tuple[str, ...] | None = None
    next_channel_after: Span | None = None


class Escalation(Struct, frozen=True, kw_only=True):
    """One rung. Exactly one of `after` (opening), `at` = "due" or `after_due` says when."""

    to: str
    unless: Milestone
    after: Span | None = None
    at: str | None = None
    after_due: Span | None = None
    hand_over: bool = False
    priority: str | None = None
    by: tuple[str, ...] | None = None
    next_channel_after: Span | None = None


class Tries(Struct, frozen=True, kw_only=True):
    at_most: int
    every: Span


class Playbook(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    owner: tuple[str, ...]
    due: Span
    first_step: str | None = None
    owner_not: tuple[str, ...] = ()
    private: bool = False
    closes_itself: bool = False  # kudos: told, and nothing left to do
    priority: str = "normal"
    one_open_per: OnePer = OnePer.CUSTOMER
    if_already_open: IfOpen = IfOpen.ADD_NOTE
    reopen_within: Span | None = None
    to_close: tuple[str, ...] = ()
    tries: Tries | None = None
    due_soon: Span | None = None  # the owner is warned when this much is left, unless the customer was contacted
    notify: tuple[Tell, ...] = (Tell(),)
    tell_customer: tuple[TellCustomer, ...] = ()
    remind: Remind | None = None
    escalate: tuple[Escalation, ...] = ()

    def tells_customer(self, say: Say) -> TellCustomer | None:
        """The entry that asks for it."""
        return next((entry for entry in self.tell_customer if entry.say is say), None)
