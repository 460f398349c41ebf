"""Inline tests: what a rule file says of itself, decided by the same code as everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from msgspec import structs

from worker.classify.scales import Unclassifiable
from worker.model.decision import Decision, Outcome
from worker.model.response import Customer, Interaction, Json, Response, Status, Value
from worker.model.verdict import Class, Sentiment, Verdict
from worker.route.conditions import WithinLast
from worker.route.decide import Decider
from worker.route.explain import why_not
from worker.route.facts import facts_from
from worker.route.fields import Subject
from worker.route.findings import Finding, Level
from worker.route.operators import instant_of
from worker.route.owners import has_address, skip_words
from worker.route.schema import InlineTest, Rule, RuleSet

Classify = Callable[[Response], Verdict]

_SOME_MOMENT = datetime(2026, 1, 5, 12, tzinfo=UTC)  # for tests that no clock can change
_RESCALE = "Give the test a score on that scale, or the survey a scale of its own in surveys.yaml."
_UNORDERED = frozenset({"copies", "tags", "also", "observed", "themes", "severity"})
_VERDICT = {
    "response.class": "klass",
    "response.sentiment": "sentiment",
    "response.themes": "themes",
    "response.severity": "severity",
    "response.text_read": "text_read",
}


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of one test. Response, verdict and decision are None where nothing could be decided."""

    __test__ = False  # not a test of ours, whatever pytest thinks of the name

    name: str
    file: str
    line: int
    column: int
    ok: bool
    expected: Mapping[str, Json]
    got: Mapping[str, Json]
    trouble: str = ""  # why it fails, in a sentence
    response: Response | None = None
    verdict: Verdict | None = None
    decision: Decision | None = None
    code: str = "E130"  # of the finding that tells its failure
    fix: str = ""

    def as_json(self) -> dict[str, Json]:
        """The shape of one entry of `rules test --json`."""
        return {
            "name": self.name,
            "file": self.file,
            "line": self.line,
            "ok": self.ok,
            "expected": dict(self.expected),
            "got": dict(self.got),
        }


def run_tests(rule_set: RuleSet, classify: Classify, decider: Decider | None = None) -> tuple[TestResult, ...]:
    """Every inline test, in file order. Somebody is reachable who has any address."""
    decider = decider or Decider(rule_set)
    return tuple(_run(test, rule_set, classify, decider) for test in rule_set.tests)


def findings_of(results: Iterable[TestResult]) -> tuple[Finding, ...]:
    """Failed tests as findings, so that `rules check` tells them like everything else."""
    return tuple(
        Finding(
            code=result.code,
            level=Level.ERROR,
            file=result.file,
            line=result.line,
            column=result.column,
            message=f'test "{result.name}" fails: {result.trouble}',
            fix=result.fix,
        )
        for result in results
        if not result.ok
    )


def as_json(results: Iterable[TestResult]) -> dict[str, Json]:
    """The shape of `rules test --json`."""
    every = list(results)
    passed = sum(result.ok for result in every)
    return {
        "ok": passed == len(every),
        "passed": passed,
        "failed": len(every) - passed,
        "tests": [result.as_json() for result in every],
    }


def _run(test: InlineTest, rule_set: RuleSet, classify: Classify, decider: Decider) -> TestResult:
    now = test.now or _SOME_MOMENT
    response = _response(test.given, rule_set, now)
    try:
        verdict = _verdict(test.given, classify(response))
    except Unclassifiable as error:
        return _result(test, False, {"error": str(error)}, _one_sentence(error), fix=_RESCALE)
    facts = facts_from(_facts(test.given), response)
    decision = decider.decide(response, verdict, facts, now, has_address)
    clock = _clock_needed(test, rule_set, decision) if test.now is None else None
    if clock:
        missing = f"now is missing: {clock}"
        fix = "Add: now: 2026-11-20T16:30:00+01:00"
        return replace(_result(test, False, {"error": missing}, f"{missing}.", fix=fix), code="E132")
    subject = Subject(response, verdict, facts, now)
    got = _got(test.expect, decision, verdict, rule_set)
    wrong = [name for name, wanted in test.expect.items() if not _same(name, wanted, got[name])]
    trouble = _trouble(test.expect, got, wrong, rule_set, subject, decision)
    return _result(test, not wrong, got, trouble, (response, verdict, decision))


def _one_sentence(error: Unclassifiable) -> str:
    """What is wrong, without the advice to whoever sends events."""
    return f"{str(error).partition('. ')[0].rstrip('.')}."


def _result(
    test: InlineTest,
    ok: bool,
    got: Mapping[str, Json],
    trouble: str,
    decided: tuple[Response, Verdict, Decision] | tuple[None, None, None] = (None, None, None),
    *,
    fix: str = "Mend the rule, or what the test expects.",
) -> TestResult:
    place = test.place
    result = TestResult(test.name, place.file, place.line, place.column, ok, test.expect, got, trouble, *decided)
    return replace(result, fix=fix)


# Given -------------------------------------------------------------------------------------------------------------


def _response(given: Mapping[str, Any], rule_set: RuleSet, now: datetime) -> Response:
    """A final NPS response of today, with what is given in place."""
    survey = rule_set.surveys.get(given.get("response.survey", ""))
    metric = None if survey and (survey.metric or survey.scale) else "nps"
    parts = _by_part(given)
    known = structs.asdict(Response(id="test", source="test", responded_at=now, metric=metric))
    own = {name: value for name, value in parts["response"].items() if name in known and value is not None}
    if "status" in own:
        own["status"] = Status(own["status"])
    own["answers"] = parts["response.answers"]
    return Response(
        **{**known, **own}
        | {
            "customer": _customer(parts["customer"], parts["customer.attributes"]),
            "interaction": Interaction(**parts["interaction"]),
            "attributes": parts["attributes"],
        }
    )


def _by_part(given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    parts: dict[str, dict[str, Any]] = {
        name: {}
        for name in (
            "response.answers",
            "customer.attributes",
            "response",
            "customer",
            "interaction",
            "attributes",
            "history",
        )
    }
    for name, value in given.items():
        part = next(part for part in parts if name.startswith(f"{part}."))
        parts[part][name.removeprefix(f"{part}.")] = value
    return parts


def _customer(given: dict[str, Any], attributes: dict[str, Any]) -> Customer:
    values = {name: value for name, value in given.items() if name != "open_follow_ups"}
    if "value" in values:
        values["value"] = Value(amount=values["value"])
    key = f"crm/{values['id']}" if values.get("id") else None
    return Customer(key=key, attributes=attributes, **values)


def _verdict(given: Mapping[str, Any], verdict: Verdict) -> Verdict:
    """The verdict, with what the test says of it instead."""
    said = {own: given[name] for name, own in _VERDICT.items() if given.get(name) is not None}
    if "klass" in said:
        said["klass"] = Class(said["klass"])
    if "sentiment" in said:
        said["sentiment"] = Sentiment(said["sentiment"])
    for name in ("themes", "severity"):
        if name in said:
            said[name] = tuple(said[name])
    return structs.replace(verdict, **said)


def _facts(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in given.items()
        if name.startswith("history.") or name == "customer.open_follow_ups"
    }


# The clock ---------------------------------------------------------------------------------------------------------


def _clock_needed(test: InlineTest, rule_set: RuleSet, decision: Decision) -> str | None:
    """The rule that makes this test depend on the time of running it."""
    every = [rule.id for rule in rule_set.rules]
    consulted = list(rule_set.rules[: every.index(decision.rule) + 1])
    if decision.outcome is Outcome.OPEN:
        consulted += rule_set.also
    told = "response.responded_at" in test.given
    return next((f'rule "{rule.id}" tests the time' for rule in consulted if _asks_clock(rule, told)), None)


def _asks_clock(rule: Rule, responded_at_told: bool) -> bool:
    if rule.since or rule.until:
        return True
    for clause in rule.when.all_clauses():
        if clause.field.name == "now" or any(isinstance(asked, WithinLast) for asked in clause.tests):
            return True
        if clause.field.name == "response.responded_at" and clause.tests and not responded_at_told:
            return True
    return False


# Expected and got --------------------------------------------------------------------------------------------------


def _got(expect: Iterable[str], decision: Decision, verdict: Verdict, rule_set: RuleSet) -> dict[str, Json]:
    due = decision.due_at.astimezone(rule_set.zone).isoformat() if decision.due_at else None
    every: dict[str, Json] = {
        "rule": decision.rule,
        "ignored": decision.reason,
        "playbook": decision.playbook.id if decision.playbook else None,
        "owner": decision.owner,
        "priority": decision.priority,
        "due": due,
        "copies": list(decision.copies),
        "tags": list(decision.tags),
        "also": list(decision.also),
        "observed": list(decision.observed),
        "class": verdict.klass.value if verdict.klass else None,
        "sentiment": verdict.sentiment.value if verdict.sentiment else None,
        "themes": list(verdict.themes),
        "severity": list(verdict.severity),
    }
    return {name: every[name] for name in expect}


def _same(name: str, wanted: Json, got: Json) -> bool:
    if name in _UNORDERED:
        return set(wanted) == set(got)
    if name == "due":
        return got is not None and instant_of(wanted) == instant_of(got)
    if name == "ignored" and isinstance(wanted, bool):
        return wanted is (got is not None)
    return bool(wanted == got)


def _trouble(
    expect: Mapping[str, Json],
    got: Mapping[str, Json],
    wrong: list[str],
    rule_set: RuleSet,
    subject: Subject,
    decision: Decision,
) -> str:
    parts = [f"{name} is {_shown(got[name])}, not {_shown(expect[name])}" for name in wrong]
    why = f" {why_not(rule_set, expect['rule'], subject)}" if "rule" in wrong else ""
    passed_over = [skip for skip in decision.owner_skips if skip.person == expect.get("owner")]
    if "owner" in wrong and passed_over and expect["owner"]:
        why += f" {skip_words(passed_over[0])}."
    return f"{'; '.join(parts)}.{why}" if parts else ""


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return {None: "nothing", True: "yes", False: "no"}.get(value) or str(value)
