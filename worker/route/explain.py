"""Why a rule did not decide, in one sentence."""

from __future__ import annotations

from worker.model.response import Json
from worker.route.clauses import Clause, Held, Member, all_of
from worker.route.fields import Subject, told
from worker.route.schema import Rule, RuleSet
from worker.route.shape import shown
from worker.route.speak import asked
from worker.route.trace import TraceOutcome, trace_of, traces


def why_not(rule_set: RuleSet, rule_id: str, subject: Subject) -> str:
    """What kept a rule (or `also` entry) from deciding, or that nothing did."""
    rule = rule_set.rule(rule_id)
    if rule is None:
        return f'There is no rule "{rule_id}".'
    today = subject.now.astimezone(rule_set.zone).date()
    every = traces(rule_set, subject, today)
    outcome = next(trace.outcome for trace in every if trace.rule == rule.id)
    if outcome == TraceOutcome.FIRED:
        return f'"{rule.id}" held.'
    if outcome != TraceOutcome.NOT_CONSULTED:
        return _alone(rule, subject, outcome)
    decided = next((trace.rule for trace in every if trace.outcome == TraceOutcome.FIRED), "no rule")
    alone = trace_of(rule, subject, today).outcome
    if alone in (TraceOutcome.FIRED, TraceOutcome.OBSERVED):
        return f'"{rule.id}" holds too, but "{decided}" decided first.'
    return f'"{decided}" decided first, and {_alone(rule, subject, alone)}'


def _alone(rule: Rule, subject: Subject, outcome: str) -> str:
    name = f'"{rule.id}"'
    if outcome == TraceOutcome.OBSERVED:
        return f"{name} holds, but it only observes."
    if outcome == TraceOutcome.NOT_IN_DATES:
        return f"{name} is not in its dates ({dates(rule)})."
    if outcome == TraceOutcome.NOT_IN_ROLLOUT:
        known = subject.response.customer.key is not None
        return f"{name} holds, but {'this customer is not in its rollout' if known else 'nobody knows the customer'}."
    return f"{name} did not hold: {_culprit(rule, subject)}."


def dates(rule: Rule) -> str:
    """`from 2026-12-01 until 2027-03-31`."""
    return " ".join(f"{word} {day}" for word, day in (("from", rule.since), ("until", rule.until)) if day is not None)


def _culprit(rule: Rule, subject: Subject) -> str:
    """The clause that settles it: a false one before an unknown one."""
    for wanted in (False, None):
        for clause in rule.when.clauses:
            if clause.held(subject) is wanted:
                return finding(clause, subject)
        if rule.when.any and _highest([_held(member, subject) for member in rule.when.any]) is wanted:
            return f"no member of any holds ({finding(_first(rule.when.any[0], subject), subject)})"
        for member in rule.when.none:
            held = _held(member, subject)
            if (wanted is False and held is True) or (wanted is None and held is None):
                said = "holds" if held else "may hold"
                return f"a member of none {said} ({finding(_first(member, subject, held), subject)})"
    return "nothing speaks against it"


def _held(member: Member, subject: Subject) -> Held:
    return all_of(clause.held(subject) for clause in member)


def _highest(values: list[Held]) -> Held:
    return True if True in values else None if None in values else False


def _first(member: Member, subject: Subject, wanted: Held = False) -> Clause:
    """The clause of a member that says most about it."""
    return next((clause for clause in member if clause.held(subject) is wanted), member[0])


def finding(clause: Clause, subject: Subject) -> str:
    """`customer.tier is silver, asked is "is gold or platinum"`."""
    value = clause.field.read(subject)
    if value is None:
        return f"{clause.field.name} has no value"
    return f"{clause.field.name} is {shown(_as_word(told(clause.field.get(subject))))}; asked: {asked(clause)}"


def _as_word(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
