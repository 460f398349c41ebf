"""Order, also, observe, dates and rollout."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from tests.support.rule_sets import NOW, classify, loaded, response, rule_set, with_rules
from worker.model.decision import Decision, Facts, Outcome
from worker.model.response import Customer, Response
from worker.route import rollout
from worker.route.decide import Decider
from worker.route.owners import has_address

BAD = "when: {response.class: detractor}, then: {open: recover}"


def decide(rules: str, asked: Response | None = None, *, rest: str = "", now: datetime = NOW) -> Decision:
    asked = asked or response(2)
    decider = Decider(rule_set(with_rules(rules, rest)))
    return decider.decide(asked, classify(asked), Facts(), now, has_address)


def test_the_first_rule_that_holds_decides() -> None:
    decision = decide(f"  - {{id: one, when: {{response.score: 9}}, then: {{ignore: happy}}}}\n  - {{id: two, {BAD}}}")
    assert (decision.rule, decision.outcome) == ("two", Outcome.OPEN)


def test_ignoring_is_a_decision_with_a_reason_and_adds_nothing() -> None:
    rest = "also:\n  - {id: tag, when: always, add: {tags: [t]}}\n"
    decision = decide("", response(10), rest=rest)
    assert (decision.rule, decision.reason) == ("everything-else", "no rule holds")
    assert decision.also == () and decision.tags == () and decision.owner is None


def test_a_rule_overrides_its_playbook_key_by_key() -> None:
    rule = "  - {id: one, when: always, then: {open: recover, priority: high, due: 2 hours, owner: 'person:head'}}"
    plan = decide(rule).playbook
    assert plan is not None
    assert (plan.id, plan.priority, str(plan.due), plan.owner) == ("recover", "high", "2 hours", ("person:head",))


def test_all_also_entries_add_up_whatever_their_order() -> None:
    entries = [
        "  - {id: a, when: {response.score: at most 5}, add: {tags: [x, y], priority_at_least: urgent}}",
        "  - {id: b, when: always, add: {tags: [y, z], priority_at_least: high, copy: ['person:head']}}",
        "  - {id: c, when: {response.score: 9}, add: {tags: [no]}}",
    ]
    both = [
        decide(f"  - {{id: one, {BAD}}}", rest="also:\n" + "\n".join(order) + "\n")
        for order in (entries, entries[::-1])
    ]
    assert {frozenset(decision.tags) for decision in both} == {frozenset("xyz")}
    assert {decision.priority for decision in both} == {"urgent"}
    assert both[0].copies == ()  # the owner is told anyway


def test_a_rule_that_observes_decides_nothing_and_is_named() -> None:
    decision = decide(f"  - {{id: watch, mode: observe, {BAD}}}\n  - {{id: two, {BAD}}}")
    assert (decision.rule, decision.observed) == ("two", ("watch",))


@pytest.mark.parametrize(
    ("dates", "holds"),
    [
        ("from: 2026-11-20", True),
        ("from: 2026-11-21", False),
        ("until: 2026-11-20", True),
        ("until: 2026-11-19", False),
        ("from: 2026-11-01, until: 2026-12-01", True),
    ],
)
def test_dates_include_their_days(dates: str, holds: bool) -> None:
    assert (decide(f"  - {{id: one, {dates}, {BAD}}}").rule == "one") is holds


def test_a_day_ends_at_midnight_of_the_rule_set() -> None:
    rule = f"  - {{id: one, until: 2026-11-20, {BAD}}}"
    midnight = NOW.replace(hour=23, minute=0)  # 0:00 in Berlin
    assert decide(rule, now=midnight - timedelta(seconds=1)).rule == "one"
    assert decide(rule, now=midnight).rule == "everything-else"


def test_one_decider_follows_the_calendar_from_day_to_day() -> None:
    decider = Decider(rule_set(with_rules(f"  - {{id: one, from: 2026-11-21, {BAD}}}")))
    asked = response(2)
    rules = [
        decider.decide(asked, classify(asked), Facts(), NOW + timedelta(days=days), has_address).rule
        for days in (0, 1, 0)
    ]
    assert rules == ["everything-else", "one", "everything-else"]


def test_a_larger_rollout_keeps_everybody_it_had() -> None:
    keys = [f"crm/c-{n}" for n in range(2000)]
    some, more = ({key for key in keys if rollout.includes("r", key, Decimal(share))} for share in ("0.2", "0.5"))
    assert some < more
    assert 340 < len(some) < 460 and 920 < len(more) < 1080


def test_another_rule_chooses_other_customers_and_nobody_unknown() -> None:
    keys = [f"crm/c-{n}" for n in range(2000)]
    one, two = ({key for key in keys if rollout.includes(rule, key, Decimal("0.5"))} for rule in ("one", "two"))
    assert 400 < len(one & two) < 600
    assert not rollout.includes("one", None, Decimal(1))


def test_who_is_not_in_the_rollout_meets_the_next_rule() -> None:
    rules = f"  - {{id: one, rollout: 20%, {BAD}}}\n  - {{id: two, {BAD}}}"
    decided = {decide(rules, response(2, Customer(key=f"crm/{n}"))).rule for n in range(40)}
    assert decided == {"one", "two"}
    assert decide(rules, response(2)).rule == "two"


def test_history_is_asked_for_only_when_a_rule_needs_it() -> None:
    plain = Decider(rule_set(with_rules(f"  - {{id: one, {BAD}}}")))
    asking = Decider(rule_set(with_rules("  - {id: one, when: {history.detractors_90d: 1}, then: {open: recover}}")))
    assert (plain.needs_history, asking.needs_history) == (False, True)
    assert not asking.needs_open_follow_ups


def test_included_files_come_first_in_the_order_they_are_listed() -> None:
    rule = "format: 1\nrules:\n  - {{id: {0}, when: {{response.class: detractor}}, then: {{open: recover}}}}\n"
    changes = with_rules("")
    changes |= {"b.yaml": rule.format("b"), "a.yaml": rule.format("a")}
    changes["routing.yaml"] = (changes["routing.yaml"] or "").replace("rules:", "include: [b.yaml, a.yaml]\nrules:", 1)
    result = loaded(changes)
    assert result.rule_set is not None
    assert [rule.id for rule in result.rule_set.rules] == ["b", "a", "everything-else"]
