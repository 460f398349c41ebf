"""What only shows when everything is read: errors over the whole set, and warnings about rules that can do nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from worker.model.directory import Directory
from worker.model.playbook import Playbook
from worker.model.span import Span
from worker.route.clauses import Clause, Member, When
from worker.route.conditions import AllOf, AnyOf, Between, Is, IsNot, NoneOf, Test
from worker.route.findings import Notes, Place
from worker.route.schema import Rule, RuleSet

_MOST_COMPARED = 200  # rules above that share a value with one below


def refuse_doubles(rules: Iterable[Rule], notes: Notes) -> None:
    """An id names one rule or also entry, now and before a renaming."""
    first: dict[str, Rule] = {}
    for rule in rules:
        other = first.setdefault(rule.id, rule)
        if other is not rule:
            notes.add("E115", rule.place, f'the id "{rule.id}" is taken by {other.place}.', "Give this one another id.")
    for rule in first.values():
        if rule.was in first:
            notes.add(
                "E115",
                rule.place,
                f'"{rule.was}", which this rule was, is still the id of {first[rule.was].place}.',
                "Delete was.",
            )


def refuse_open_end(rules: Sequence[Rule], place: Place, notes: Notes) -> None:
    """The last rule catches what no other does; otherwise a response could be lost."""
    if rules and rules[-1].catches_all:
        return
    if rules and rules[-1].when.always:
        message = f'"{rules[-1].id}" is the last rule, so it must hold always: without mode, from, until and rollout.'
        notes.add("E120", rules[-1].place, message, "Take those keys out, or add a rule after it.")
    else:
        fix = "Add: - {id: everything-else, when: always, then: {ignore: no rule holds}}"
        notes.add("E120", place, "the last rule must hold always, so that no response is lost.", fix)


def refuse_without_calendar(directory: Directory, spans: Sequence[tuple[Span, Place]], notes: Notes) -> None:
    """Business time needs a calendar wherever it can be counted."""
    if not spans or directory.default_calendar is not None:
        return
    lacking = _without_calendar(directory)
    if lacking:
        span, place = spans[0]
        notes.add(
            "E122",
            place,
            f'"{span}" needs a calendar, and {lacking} has none.',
            "Name a default_calendar in directory.yaml.",
        )


def _without_calendar(directory: Directory) -> str | None:
    for team in directory.teams.values():
        if team.calendar is None:
            return f'team "{team.id}"'
    for person in directory.people.values():
        if person.calendar is None and person.team not in directory.teams:
            return f'"{person.id}"'
    return None


def refuse_private_queue(
    directory: Directory, playbooks: Mapping[str, Playbook], rules: Sequence[Rule], place: Place, notes: Notes
) -> None:
    """A private follow-up goes to a person, so the last resort must be one."""
    private = [playbook.id for playbook in playbooks.values() if playbook.private]
    private += [rule.id for rule in rules if rule.plan and rule.plan.private]
    if private and directory.default_owner.startswith("team:"):
        message = f'"{private[0]}" is private, but the default_owner is the queue {directory.default_owner}.'
        notes.add("E133", place, message, "Name a person: default_owner: person:ID")


# Warnings ----------------------------------------------------------------------------------------------------------


def warn(rule_set: RuleSet, notes: Notes) -> None:
    """W201 rules that can never decide, W202 conditions that contradict themselves."""
    _warn_unreachable(rule_set.rules, notes)
    for rule in (*rule_set.rules, *rule_set.also):
        if contradicts_itself(rule.when):
            notes.add(
                "W202",
                rule.place,
                f'"{rule.id}" can never hold: its tests exclude each other.',
                "Take one of them out.",
            )


def _warn_unreachable(rules: Sequence[Rule], notes: Notes) -> None:
    above = _Above(rules)
    for n, rule in enumerate(rules):
        culprit = above.covering(rule.when)
        if culprit:
            message = (
                f'unreachable: rule "{rule.id}" can never decide; every response it matches is already decided by '
                f'"{culprit.id}" ({culprit.place}).'
            )
            fix = "Delete one of the two." if n == len(rules) - 1 else "Move it above, or delete it."
            notes.add("W201", rule.place, message, fix)
        elif not rule.observe and rule.since is None and rule.until is None and rule.rollout is None:
            above.add(rule)


class _Above:
    """The rules above, found by a value that they share with the one below.

    A rule covers another only if it allows all of its values. So each is kept under the values of its rarest clause,
    and whoever comes below looks there for one of its own; comparing all pairs of ten thousand would take a minute.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._common = Counter(key for rule in rules for keys in _keys(rule.when) for key in keys)
        self._under: dict[tuple[str, object], list[Rule]] = defaultdict(list)
        self._others: list[Rule] = []

    def add(self, rule: Rule) -> None:
        rarest = min(_keys(rule.when), key=lambda keys: sum(self._common[key] for key in keys), default=None)
        if rarest is None:
            self._others.append(rule)
        for key in rarest or ():
            self._under[key].append(rule)

    def covering(self, when: When) -> Rule | None:
        near = [self._under[keys[0]] for keys in _keys(when) if keys[0] in self._under]
        found = [self._others[:_MOST_COMPARED], *(rules[:_MOST_COMPARED] for rules in near)]
        return next((rule for rules in found for rule in rules if covers(rule.when, when)), None)


def _keys(when: When) -> Iterator[list[tuple[str, object]]]:
    """For each clause that allows certain values: the field with each of them."""
    for clause in when.clauses:
        for test in clause.tests:
            if isinstance(test, Is | AnyOf):
                yield [(clause.field.name, value) for value in test.values]


def covers(above: When, below: When) -> bool:
    """Whether every response that `below` matches, `above` matches too: surely, as far as single clauses tell."""
    if above.none:
        return above == below
    asked = {clause.field: clause for clause in below.clauses}
    plain = all(clause.field in asked and implies(asked[clause.field], clause) for clause in above.clauses)
    if not above.any:
        return plain
    return plain and (above.any == below.any or any(_member_covers(member, below.clauses) for member in above.any))


def _member_covers(member: Member, clauses: Member) -> bool:
    asked = {clause.field: clause for clause in clauses}
    return all(clause.field in asked and implies(asked[clause.field], clause) for clause in member)


def implies(narrow: Clause, wide: Clause) -> bool:
    """Whether `wide` holds wherever `narrow` does."""
    if narrow.when_unknown is True and wide.when_unknown is not True:
        return False
    if narrow.known is False:
        return wide.known is False or wide.or_unknown
    return wide.known is not False and all(any(_within(one, test) for one in narrow.tests) for test in wide.tests)


def _within(narrow: Test, wide: Test) -> bool:
    """Whether a value that passes `narrow` passes `wide`. False also where that is too hard to tell."""
    if isinstance(narrow, Is | AnyOf) and type(narrow) is type(wide):
        return narrow.values <= wide.values
    if isinstance(narrow, IsNot | NoneOf | AllOf) and type(narrow) is type(wide):
        return wide.values <= narrow.values
    if isinstance(narrow, AllOf) and isinstance(wide, AnyOf):
        return bool(narrow.values & wide.values)
    if isinstance(narrow, Is) and isinstance(wide, IsNot):
        return narrow.values.isdisjoint(wide.values)
    if isinstance(narrow, Is) and isinstance(wide, Between):
        return all(wide.covers(value) for value in narrow.values)
    if isinstance(narrow, Between) and isinstance(wide, Between):
        return _range_within(narrow, wide)
    return narrow == wide


def _range_within(narrow: Between, wide: Between) -> bool:
    low = wide.low is None or (
        narrow.low is not None
        and (narrow.low > wide.low or (narrow.low == wide.low and (narrow.low_open or not wide.low_open)))
    )
    high = wide.high is None or (
        narrow.high is not None
        and (narrow.high < wide.high or (narrow.high == wide.high and (narrow.high_open or not wide.high_open)))
    )
    return low and high


def contradicts_itself(when: When) -> bool:
    """Whether a `none` member is surely true when the plain clauses are."""
    return any(_member_covers(member, when.clauses) for member in when.none)
