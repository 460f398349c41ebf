"""Inline tests, traces, why not, and rules as sentences."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.rule_sets import DIRECTORY, NOW, classify, response, rule_set, with_rules
from worker.model.decision import Facts, Trace
from worker.model.response import Customer
from worker.route.decide import Decider
from worker.route.explain import why_not
from worker.route.fields import Subject
from worker.route.inline import TestResult, as_json, findings_of, run_tests
from worker.route.schema import RuleSet
from worker.route.speak import sentence

RULES = """  - id: watch
    mode: observe
    when: {response.class: detractor}
    then: {open: recover}
  - id: later
    from: 2030-01-01
    when: always
    then: {open: recover}
  - id: few
    rollout: 0%
    when: {response.class: detractor}
    then: {open: recover}
  - id: gold
    when:
      customer.tier: [gold, platinum]
      any: [ {response.score: at most 4}, {response.sentiment: negative} ]
      none: [ {customer.country: [NO, SE]} ]
    then: {open: recover, priority: high}
  - id: bad
    when: {response.class: detractor}
    then: {open: recover}"""
ALSO = "also:\n  - {id: loud, when: {response.score: 0}, add: {tags: [loud]}}\n"


def rules() -> RuleSet:
    return rule_set(with_rules(RULES, ALSO))


def trace(customer: Customer, score: int = 2) -> dict[str, Trace]:
    asked = response(score, customer)
    found = Decider(rules()).trace(asked, classify(asked), Facts(), NOW)
    return {entry.rule: entry for entry in found}


def test_the_trace_says_what_happened_to_every_rule_in_order() -> None:
    found = trace(Customer(key="crm/1", tier="gold", country="DE"))
    assert [(entry.rule, entry.outcome) for entry in found.values()] == [
        ("watch", "observed"), ("later", "not in dates"), ("few", "not in rollout"), ("gold", "fired"),
        ("bad", "not consulted"), ("everything-else", "not consulted"), ("loud", "did not hold"),
    ]  # fmt: skip


def test_every_clause_of_a_consulted_rule_stands_there_as_written() -> None:
    told = [(c.field, c.test, c.value, c.held, c.group, c.member) for c in trace(Customer(tier="Gold"))["gold"].clauses]
    assert told == [
        ("customer.tier", "[gold, platinum]", "Gold", "true", None, None),
        ("response.score", "at most 4", 2, "true", "any", 1),
        ("response.sentiment", "negative", None, "unknown", "any", 2),
        ("customer.country", "[NO, SE]", None, "unknown", "none", 1),
    ]


def test_after_ignore_no_also_entry_is_consulted() -> None:
    found = trace(Customer(), score=10)
    assert (found["everything-else"].outcome, found["loud"].outcome) == ("fired", "not consulted")
    assert found["loud"].clauses == ()


WHY = [
    ("gold", Customer(tier="silver"), '"gold" did not hold: customer.tier is silver; asked: is gold or platinum.'),
    ("gold", Customer(), '"gold" did not hold: customer.tier has no value.'),
    ("gold", Customer(tier="gold"), '"gold" did not hold: a member of none may hold (customer.country has no value).'),
    ("later", Customer(), '"later" is not in its dates (from 2030-01-01).'),
    ("few", Customer(key="crm/1"), '"few" holds, but this customer is not in its rollout.'),
    ("few", Customer(), '"few" holds, but nobody knows the customer.'),
    ("watch", Customer(), '"watch" holds, but it only observes.'),
    ("bad", Customer(), '"bad" held.'),
    ("everything-else", Customer(), '"everything-else" holds too, but "bad" decided first.'),
    ("nobody", Customer(), 'There is no rule "nobody".'),
]


@pytest.mark.parametrize(("rule", "customer", "why"), WHY)
def test_why_not_answers_in_one_sentence(rule: str, customer: Customer, why: str) -> None:
    asked = response(2, customer)
    assert why_not(rules(), rule, Subject(asked, classify(asked), Facts(), NOW)) == why


SENTENCES = [
    ("{id: r, when: {response.score: at most 4}, then: {open: recover}}",
     "When the score is at most 4, open recover for the agent, due in 1 day."),
    ("{id: r, when: {response.class: detractor, response.themes: [app, shop]}, then: {open: recover, priority: high}}",
     ("When the customer is a detractor and the comment is about app or shop, open recover for the agent, with high "
     "priority, due in 1 day.")),
    ("{id: r, when: {customer.may_contact: no, none: [{customer.country: NO}]}, then: {ignore: we may not}}",
     "When the customer may not be contacted and the customer's country is not NO, do nothing: we may not."),
    (("{id: r, from: 2026-12-01, rollout: 20%, when: {any: [{customer.tier: gold}, {response.score: 0}]}, "
     "then: {open: recover, owner: [manager, 'person:head']}}"),
     ("From 2026-12-01, for 20 % of customers, when either (the customer's tier is gold) or (the score is 0), open "
     "recover for the manager, else head, due in 1 day.")),
    ("{id: r, mode: observe, when: {attributes.plan: {known: no}}, then: {open: recover}}",
     "When the plan is not known, open recover for the agent, due in 1 day. (Observed only: it changes nothing.)"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "said"), SENTENCES)
def test_a_rule_can_be_read_aloud(rule: str, said: str) -> None:
    assert sentence(rule_set(with_rules(f"  - {rule}")).rules[0]) == said


def test_an_also_entry_and_the_last_rule_can_be_read_aloud() -> None:
    found = rules()
    unhappy = with_rules("  - {id: r, when: {response.class: {not: promoter, or_unknown: yes}}, then: {ignore: x}}")
    assert (
        sentence(rule_set(unhappy).rules[0])
        == "When the customer is not a promoter (or this is unknown), do nothing: x."
    )
    assert sentence(found.also[0]) == "When the score is 0, also add the tag loud."
    assert sentence(found.rules[-1]) == "In every other case, do nothing: no rule holds."


def run(test: str, rest: str = "") -> TestResult:
    (result,) = run_tests(rule_set(with_rules(RULES, f"{ALSO}{rest}tests:\n  - {test}\n")), classify)
    return result


PASSING = [
    "{given: {response.score: 2}, now: 2026-11-20T16:30:00+01:00, expect: {rule: bad, owner: head, priority: normal}}",
    "{given: {response.score: 0}, now: 2026-11-20T16:30:00+01:00, expect: {tags: [loud], also: [loud], copies: []}}",
    "{given: {response.class: detractor, customer.id: c-1}, now: 2026-11-20T16:30:00+01:00, expect: {rule: bad}}",
    (
        "{given: {response.score: 9, response.sentiment: negative, customer.tier: gold, customer.country: DE}, "
        "now: 2026-11-20T16:30:00+01:00, expect: {rule: gold, class: promoter, sentiment: negative, playbook: recover}}"
    ),
    "{given: {response.score: 10}, now: 2026-11-20T16:30:00+01:00, expect: {ignored: no rule holds}}",
    "{given: {response.score: 10}, now: 2026-11-20T16:30:00+01:00, expect: {ignored: yes}}",
    "{given: {response.score: 2}, now: 2026-11-20T15:30:00Z, expect: {due: 2026-11-21T16:30:00+01:00}}",
    "{given: {response.score: 2}, now: 2026-11-20T15:30:00Z, expect: {observed: watch}}",
    "{given: {response.metric: csat, response.score: 2}, now: 2026-11-20T15:30:00Z, expect: {class: detractor}}",
]


@pytest.mark.parametrize("test", PASSING)
def test_an_inline_test_that_is_right_passes(test: str) -> None:
    result = run(test)
    assert result.ok, result.trouble


def test_a_failing_test_says_what_came_instead_and_why() -> None:
    result = run("{name: n, given: {response.score: 2}, now: 2026-11-20T16:30:00Z, expect: {rule: gold, owner: head}}")
    assert (result.ok, result.got) == (False, {"rule": "bad", "owner": "head"})
    (finding,) = findings_of([result])
    assert finding.code == "E130"
    assert finding.message == 'test "n" fails: rule is bad, not gold. "gold" did not hold: customer.tier has no value.'


def test_an_owner_who_was_passed_over_is_told_with_the_reason() -> None:
    changes = with_rules(
        "  - {id: bad, when: {response.class: detractor}, then: {open: recover}}",
        "tests:\n  - {name: n, now: 2026-11-20T16:30:00+01:00, given: {response.score: 2, interaction.agent: ana}, "
        "expect: {owner: ana}}\n",
    )
    left = DIRECTORY + "  ana: {name: Ana, email: ana@example.com, left: 2026-10-31}\n"
    (result,) = run_tests(rule_set({**changes, "directory.yaml": left}), classify)
    assert result.trouble == "owner is head, not ana. ana has left."


def test_a_test_that_would_answer_otherwise_tomorrow_needs_its_moment() -> None:
    (finding,) = findings_of([run("{name: n, given: {response.score: 2}, expect: {rule: bad}}")])
    assert (finding.code, finding.line > 1) == ("E132", True)
    assert 'rule "later"' in finding.message


def test_a_test_that_no_clock_can_change_needs_none() -> None:
    plain = with_rules("  - {id: bad, when: {response.class: detractor}, then: {open: recover}}", "tests:\n"
                       "  - {given: {response.score: 2}, expect: {rule: bad}}\n")  # fmt: skip
    assert [result.ok for result in run_tests(rule_set(plain), classify)] == [True]


def test_results_are_told_as_the_command_promises() -> None:
    document: Any = as_json([run(PASSING[0])])
    assert (document["ok"], document["passed"], document["failed"]) == (True, 1, 0)
    assert set(document["tests"][0]) == {"name", "file", "line", "ok", "expected", "got"}
