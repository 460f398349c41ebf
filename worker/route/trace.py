"""The trace: what happened to every rule, worked out by plain evaluation of its clauses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import StrEnum

from worker.model.decision import Clause as Told
from worker.model.decision import Trace
from worker.route import rollout
from worker.route.clauses import Clause, Held
from worker.route.fields import Subject, told
from worker.route.schema import Rule, RuleSet


class TraceOutcome(StrEnum):
    FIRED = "fired"
    DID_NOT_HOLD = "did not hold"
    OBSERVED = "observed"
    NOT_IN_DATES = "not in dates"
    NOT_IN_ROLLOUT = "not in rollout"
    NOT_CONSULTED = "not consulted"


_HELD = {True: "true", False: "false", None: "unknown"}


def traces(rule_set: RuleSet, subject: Subject, today: date) -> tuple[Trace, ...]:
    """Rules in file order, then `also`. Nothing after the deciding rule is consulted, nor `also` after ignore."""
    found: list[Trace] = []
    fired: Rule | None = None
    for rule in rule_set.rules:
        found.append(_skipped(rule) if fired else trace_of(rule, subject, today))
        if not fired and found[-1].outcome == TraceOutcome.FIRED:
            fired = rule
    ignored = fired is None or fired.ignore is not None
    also = (_skipped(rule) if ignored else trace_of(rule, subject, today) for rule in rule_set.also)
    return (*found, *also)


def trace_of(rule: Rule, subject: Subject, today: date) -> Trace:
    """One rule on its own, as if it were consulted."""
    if not rule.in_dates(today):
        return Trace(rule=rule.id, outcome=TraceOutcome.NOT_IN_DATES)
    clauses = tuple(_clauses(rule, subject))
    if rule.when.held(subject) is not True:
        outcome = TraceOutcome.DID_NOT_HOLD
    elif rule.rollout is not None and not rollout.includes(rule.id, subject.response.customer.key, rule.rollout):
        outcome = TraceOutcome.NOT_IN_ROLLOUT
    else:
        outcome = TraceOutcome.OBSERVED if rule.observe else TraceOutcome.FIRED
    return Trace(rule=rule.id, outcome=outcome, clauses=clauses)


def _skipped(rule: Rule) -> Trace:
    return Trace(rule=rule.id, outcome=TraceOutcome.NOT_CONSULTED)


def _clauses(rule: Rule, subject: Subject) -> Iterator[Told]:
    for clause in rule.when.clauses:
        yield _told(clause, subject)
    for group, members in (("any", rule.when.any), ("none", rule.when.none)):
        for n, member in enumerate(members, 1):
            for clause in member:
                yield _told(clause, subject, group, n)


def _told(clause: Clause, subject: Subject, group: str | None = None, member: int | None = None) -> Told:
    raw, value = clause.field.get(subject), clause.field.read(subject)
    held: Held = clause.held_by(value, subject.now)
    return Told(
        field=clause.field.name,
        test=clause.written,
        value=None if value is None else told(raw),
        held=_HELD[held],
        group=group,
        member=member,
    )
