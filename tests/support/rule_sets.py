"""Small rule sets to begin a test with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.support.random_rules import subject as subject_of
from worker.classify.scales import SCALES, classify_score
from worker.model.response import Customer, Interaction, Response
from worker.model.verdict import Verdict
from worker.route.fields import Subject
from worker.route.findings import Finding
from worker.route.load import Loaded, load
from worker.route.schema import RuleSet

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)  # Friday, 16:30 in Berlin

ROUTING = """format: 1
timezone: Europe/Berlin
rules:
  - {id: everything-else, when: always, then: {ignore: no rule holds}}
"""
PLAYBOOKS = """format: 1
playbooks:
  recover: {name: Win them back, owner: agent, due: 1 day}
"""
DIRECTORY = """format: 1
default_owner: "person:head"
people:
  head: {name: Head, email: head@example.com}
"""
SMALLEST = {"routing.yaml": ROUTING, "playbooks.yaml": PLAYBOOKS, "directory.yaml": DIRECTORY}


def loaded(changes: Mapping[str, str | None] | None = None, **options: Any) -> Loaded:
    """The smallest set with some files replaced, added, or (None) left out."""
    files = {**SMALLEST, **(changes or {})}
    return load({name: text.encode() for name, text in files.items() if text is not None}, **options)


def rule_set(changes: Mapping[str, str | None] | None = None) -> RuleSet:
    """As `loaded`, for sets that must be right."""
    result = loaded(changes)
    assert result.rule_set is not None, result.findings
    return result.rule_set


def with_rules(rules: str, rest: str = "") -> dict[str, str | None]:
    """routing.yaml with these rules before the last one, each beginning with "- " in column 3."""
    last = "  - {id: everything-else, when: always, then: {ignore: no rule holds}}\n"
    return {"routing.yaml": f"format: 1\ntimezone: Europe/Berlin\nrules:\n{rules}\n{last}{rest}"}


def with_test(condition: str) -> dict[str, str | None]:
    """One rule with this condition, which opens `recover`."""
    return with_rules(f"  - {{id: first, when: {condition}, then: {{open: recover}}}}")


def told(findings: tuple[Finding, ...]) -> list[str]:
    """`line:column code text`, in order."""
    return [f"{finding.line}:{finding.column} {finding.code} {finding.text}" for finding in findings]


def response(
    score: int | None = 2, customer: Customer | None = None, interaction: Interaction | None = None, **fields: Any
) -> Response:
    return Response(
        id="r-1", source="ccaas", responded_at=NOW, metric="nps", score=score,
        customer=customer or Customer(), interaction=interaction or Interaction(), **fields,
    )  # fmt: skip


def classify(response: Response) -> Verdict:
    """Scores only: rules are tested without lexicons."""
    scale = SCALES[response.metric or "nps"]
    return Verdict(
        metric=scale.name, score=response.score, klass=classify_score(response.score, scale), scale_low=scale.low,
        scale_high=scale.high, language=response.language,
    )  # fmt: skip


def held(condition: str, given: Mapping[str, Any], *, now: datetime = NOW, fields: str | None = None) -> bool | None:
    """What a condition, as written after `when:`, says of a response that holds `given`."""
    changes = {**with_test(condition), "fields.yaml": fields} if fields else with_test(condition)
    subject = Subject(*subject_of(dict(given)), now)
    return rule_set(changes).rules[0].when.held(subject)


def refusal(condition: str) -> str:
    """The only finding about a condition: its code and text."""
    (finding,) = loaded(with_test(condition)).findings
    return f"{finding.code} {finding.text}"
