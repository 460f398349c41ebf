"""A decision: what a rule set says about a verdict, and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from worker.model.playbook import Playbook
from worker.model.response import Json, Number


class Outcome(StrEnum):
    OPEN = "open"
    IGNORE = "ignore"


class Facts(Struct, frozen=True, kw_only=True, gc=False):
    """What the store says about the customer, counted before this response's `responded_at`.

    None everywhere for an unknown customer; zeros and None for a known one without history.
    """

    responses_90d: int | None = None
    detractors_90d: int | None = None
    previous_class: str | None = None
    previous_score: Number | None = None
    open_follow_ups: int | None = None
    score_change: Number | None = None  # only where it is told and not the difference to `previous_score`


class Skip(Struct, frozen=True, gc=False):
    """A candidate of the owner chain that was passed over. `reason` is a word of route.owners.SkipReason."""

    candidate: str
    person: str | None
    reason: str


class Clause(Struct, frozen=True, kw_only=True):
    """One test on one field. `held` is true, false or unknown; `group` is any or none inside a group."""

    field: str
    test: str
    value: Json
    held: str
    group: str | None = None
    member: int | None = None


class Trace(Struct, frozen=True, kw_only=True):
    """What happened to one rule. `outcome` is a word of OUTSIDE §2: fired, did not hold, observed, ..."""

    rule: str
    outcome: str
    clauses: tuple[Clause, ...] = ()


class Decision(Struct, frozen=True, kw_only=True, gc=False):
    """`owner` and `copies` are a person's id or `team:ID`. `due_at` counts from `now`, as if it opened then.

    `too_old` is set by the pipeline: the decision stands, but nothing is opened.
    """

    revision: str
    now: datetime
    rule: str
    outcome: Outcome
    reason: str | None = None  # of ignore
    playbook: Playbook | None = None  # with the rule's overrides applied
    priority: str | None = None
    floor: str | None = None  # the priority that `also` entries ask for at least: holds for an added response, too
    owner: str | None = None
    owner_via: str | None = None  # the candidate of the chain that was chosen: agent, manager, ...
    stands_in_for: str | None = None  # the person who is away and whose delegate owns it
    owner_skips: tuple[Skip, ...] = ()
    copies: tuple[str, ...] = ()
    copy_skips: tuple[Skip, ...] = ()
    tags: tuple[str, ...] = ()
    due_at: datetime | None = None
    calendar: str | None = None  # on which due was counted
    also: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()
    facts: Mapping[str, Json] = {}
    too_old: bool = False
