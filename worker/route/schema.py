"""A rule set, read and checked: what the decider, the tools and the pages work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from worker.model.directory import Directory
from worker.model.playbook import Playbook, Priority
from worker.model.response import Json
from worker.model.survey import Lexicon, Survey
from worker.route.clauses import When
from worker.route.fields import Field
from worker.route.findings import Place

FORMAT = "1"


@dataclass(frozen=True, slots=True)
class Addition:
    """What an `also` entry adds. `copy` is as written: roles, person:ID, team:ID."""

    copy: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    at_least: Priority | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `rules` or `also`. Exactly one of `plan`, `ignore` and `add` is given.

    `plan` is the playbook with the rule's own keys in place. `rollout` is a share of customers
    from 0 to 1. `since` and `until` include their days.
    """

    id: str
    place: Place
    when: When
    name: str | None = None
    observe: bool = False
    since: date | None = None
    until: date | None = None
    rollout: Decimal | None = None
    was: str | None = None
    maintained_by: str | None = None
    plan: Playbook | None = None
    ignore: str | None = None
    add: Addition | None = None

    @property
    def catches_all(self) -> bool:
        """Whether it decides every response that reaches it, on every day."""
        return (
            self.when.always and not self.observe and self.since is None and self.until is None and self.rollout is None
        )

    def in_dates(self, today: date) -> bool:
        return (self.since is None or self.since <= today) and (self.until is None or today <= self.until)


@dataclass(frozen=True, slots=True)
class InlineTest:
    """One entry of `tests`. `given` holds values in the types of their fields; `expect` as JSON tells them."""

    name: str
    place: Place
    given: Mapping[str, Any]
    expect: Mapping[str, Json]
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class RootCause:
    """`id` is `billing` or, on the second level, `billing.amount`."""

    id: str
    name: str
    parent: str | None = None
    needs_note: bool = False


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Everything under rules/. `fields` are the event's own and the site's; `sources` are plain mappings."""

    revision: str
    timezone: str
    rules: tuple[Rule, ...]
    also: tuple[Rule, ...]
    playbooks: Mapping[str, Playbook]
    directory: Directory
    fields: Mapping[str, Field]
    maintained_by: str | None = None
    root_causes: Mapping[str, RootCause] = field(default_factory=dict)
    themes: tuple[Lexicon, ...] = ()
    severity: tuple[Lexicon, ...] = ()
    surveys: Mapping[str, Survey] = field(default_factory=dict)
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tests: tuple[InlineTest, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def tells_customers(self) -> bool:
        """Whether any playbook, as it stands or as a rule has it, writes to customers."""
        plans = (*self.playbooks.values(), *(rule.plan for rule in self.rules if rule.plan))
        return any(plan.tell_customer for plan in plans)

    def rule(self, rule_id: str) -> Rule | None:
        """The rule or `also` entry with that id, or that had it before it was renamed."""
        every = (*self.rules, *self.also)
        named = (rule for rule in every if rule.id == rule_id)
        return next(named, None) or next((rule for rule in every if rule.was == rule_id), None)
