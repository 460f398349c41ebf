"""Deciding: the first rule that holds opens or ignores; every `also` entry that holds adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from worker.errors import InnerloopError
from worker.model.decision import Decision, Facts, Outcome, Skip, Trace
from worker.model.playbook import Priority
from worker.model.response import Json, Response
from worker.model.verdict import Verdict
from worker.route import rollout
from worker.route.facts import facts_document
from worker.route.fields import Subject
from worker.route.match import Matcher
from worker.route.misfits import misfits, watched
from worker.route.owners import Chain, Chosen, People, Reachable
from worker.route.schema import Rule, RuleSet
from worker.route.trace import traces


class Undecided(InnerloopError):
    """No rule holds, although the last one should hold always. The rule set was not checked before use."""


class Decider:
    """A rule set, compiled. Cheap to ask: no trace is made unless it is asked for."""

    def __init__(self, rule_set: RuleSet) -> None:
        self.rule_set = rule_set
        self.people = People(rule_set.directory, rule_set.zone)
        self._zone = rule_set.zone
        self._last_date: tuple[datetime | None, date] = (None, date.min)
        self._rules = _Compiled(rule_set.rules)
        self._also = _Compiled(rule_set.also)
        used = frozenset(
            clause.field.name for rule in (*rule_set.rules, *rule_set.also) for clause in rule.when.all_clauses()
        )
        self.needs_history = any(name.startswith("history.") for name in used)
        self.needs_open_follow_ups = "customer.open_follow_ups" in used
        self.needs_facts = self.needs_history or self.needs_open_follow_ups
        self._watched = watched(rule_set)
        self.merges_by = frozenset(rule.plan.one_open_per for rule in rule_set.rules if rule.plan)

    def decide(
        self, response: Response, verdict: Verdict, facts: Facts, now: datetime, reachable: Reachable
    ) -> Decision:
        """What to do about a response. `now` is the time of deciding, from which due counts."""
        subject = Subject(response, verdict, facts, now)
        today = self._local_date(now)
        observed: list[str] = []
        for rule in self._rules.holding(subject, today):
            if rule.observe:
                observed.append(rule.id)
            elif rule.ignore is not None:
                return self._ignored(subject, rule, observed)
            else:
                return self._opened(subject, rule, observed, today, reachable)
        raise Undecided

    def misfits(self, response: Response, verdict: Verdict) -> list[str]:
        """Fields of a response whose value does not fit, and which are unknown to every rule because of it."""
        return misfits(self._watched, response, verdict)

    def trace(self, response: Response, verdict: Verdict, facts: Facts, now: datetime) -> tuple[Trace, ...]:
        """Why: every rule up to the deciding one with its clauses, then the others and `also` by name."""
        return traces(self.rule_set, Subject(response, verdict, facts, now), now.astimezone(self._zone).date())

    def _local_date(self, now: datetime) -> date:
        """A batch has one `now`, so the last answer mostly serves."""
        last, day = self._last_date
        if now is not last:
            day = now.astimezone(self._zone).date()
            self._last_date = now, day
        return day

    def _ignored(self, subject: Subject, rule: Rule, observed: Sequence[str]) -> Decision:
        return Decision(
            revision=self.rule_set.revision,
            now=subject.now,
            rule=rule.id,
            outcome=Outcome.IGNORE,
            reason=rule.ignore,
            observed=tuple(observed),
            facts=self._facts(subject.facts),
        )

    def _opened(self, subject: Subject, rule: Rule, observed: list[str], today: date, reachable: Reachable) -> Decision:
        plan = rule.plan
        if plan is None:
            raise Undecided(f'rule "{rule.id}" neither opens nor ignores')
        chain = Chain(self.people, subject.response, subject.now, reachable)
        chosen, skips = chain.owner(plan.owner, plan.owner_not, plan.private, plan.due)
        added = self._added(subject, today, observed)
        copies, copy_skips = self._copies(chain, added, chosen, rule)
        return Decision(
            revision=self.rule_set.revision,
            now=subject.now,
            rule=rule.id,
            outcome=Outcome.OPEN,
            playbook=plan,
            priority=max([Priority.of(plan.priority), *added.least]).word,
            owner=chosen.who,
            owner_via=chosen.via,
            floor=max(added.least).word if added.least else None,
            stands_in_for=chosen.stands_in_for,
            owner_skips=skips,
            copies=copies,
            copy_skips=copy_skips,
            tags=tuple(added.tags),
            due_at=chosen.due.at,
            calendar=chosen.due.calendar,
            also=tuple(added.ids),
            observed=tuple(observed),
            facts=self._facts(subject.facts),
        )

    def _copies(
        self, chain: Chain, added: _Added, chosen: Chosen, rule: Rule
    ) -> tuple[tuple[str, ...], tuple[Skip, ...]]:
        if not added.copy or rule.plan is None:
            return (), ()
        return chain.copies(tuple(added.copy), chosen.who, rule.plan.due)

    def _added(self, subject: Subject, today: date, observed: list[str]) -> _Added:
        """Unions and maxima only, so that the order of `also` cannot matter."""
        ids, copy, tags = [], dict[str, None](), dict[str, None]()
        least: list[Priority] = []
        for rule in self._also.holding(subject, today):
            if rule.observe:
                observed.append(rule.id)
            elif rule.add is not None:
                ids.append(rule.id)
                copy.update(dict.fromkeys(rule.add.copy))
                tags.update(dict.fromkeys(rule.add.tags))
                least += [rule.add.at_least] if rule.add.at_least else []
        return _Added(ids, copy, tags, least)

    def _facts(self, facts: Facts) -> Mapping[str, Json]:
        return facts_document(facts) if self.needs_facts else {}


@dataclass(frozen=True, slots=True)
class _Added:
    """What the `also` entries add together."""

    ids: list[str]
    copy: dict[str, None]
    tags: dict[str, None]
    least: list[Priority]


class _Compiled:
    """Rules ready to be matched; which of them are in their dates is worked out once a day."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self._matcher = Matcher(rules)
        self._active: tuple[date | None, int] = (None, 0)
        self._dated = any(rule.since or rule.until for rule in rules)

    def holding(self, subject: Subject, today: date) -> Iterator[Rule]:
        """The rules that hold, in order: dates first, then `when`, then rollout."""
        day, active = self._active  # one tuple, since other threads may ask at midnight, too
        if day != today:
            active = self._in_dates(today)
        rules = self._rules
        for n in self._matcher.matching(subject, active):
            rule = rules[n]
            if rule.rollout is None or rollout.includes(rule.id, subject.response.customer.key, rule.rollout):
                yield rule

    def _in_dates(self, today: date) -> int:
        active = (1 << len(self._rules)) - 1
        if self._dated:
            active = sum(1 << n for n, rule in enumerate(self._rules) if rule.in_dates(today))
        self._active = today, active
        return active
