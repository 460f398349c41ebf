"""Trees of receivers, as other alert routers have them, written as first-match rules: they decide alike.

A tree's branch becomes its leaves first and itself last; what a tree passes on (`continue`) becomes an also entry.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.rule_sets import NOW, classify, response, rule_set
from worker.model.decision import Facts
from worker.route.decide import Decider
from worker.route.owners import has_address

FILES = {
    "routing.yaml": """format: 1
rules:
  - id: x-critical
    when: {attributes.service: [foo1, foo2, baz], attributes.severity: critical}
    then: {open: recover, owner: "team:x-pager", priority: urgent}
  - id: x
    when: {attributes.service: [foo1, foo2, baz]}
    then: {open: recover, owner: "team:x-mail"}
  - id: files-critical
    when: {attributes.service: files, attributes.severity: critical}
    then: {open: recover, owner: "team:y-pager", priority: urgent}
  - id: files-at-night
    when: {attributes.service: files, now: {between: ["22:00", "06:00"]}, none: [{attributes.env: production}]}
    then: {ignore: nobody looks at test machines at night}
  - id: files
    when: {attributes.service: files}
    then: {open: recover, owner: "team:y-mail"}
  - id: database
    when:
      attributes.service: database
      any:
        - attributes.owner: team-x
        - {attributes.owner: team-y, attributes.severity: {not: info}}
    then: {open: recover, owner: "team:db-pager"}
  - {id: the-rest, when: always, then: {open: recover, owner: "team:x-mail", priority: low}}
also:
  - {id: owner-x-reads-along, when: {attributes.owner: team-x}, add: {copy: ["team:x-pager"], tags: [x]}}
  - {id: critical-is-high, when: {attributes.severity: critical}, add: {priority_at_least: high, tags: [critical]}}
""",
    "directory.yaml": """format: 1
default_owner: "person:head"
people: {head: {name: Head, email: head@example.com}}
teams:
  x-mail: {queue: {email: x@example.com}}
  x-pager: {queue: {slack: "#x"}}
  y-mail: {queue: {email: y@example.com}}
  y-pager: {queue: {slack: "#y"}}
  db-pager: {queue: {slack: "#db"}}
""",
}
CASES: list[tuple[dict[str, Any], str, str | None, str | None, set[str]]] = [
    ({"service": "foo1", "severity": "critical"}, "x-critical", "team:x-pager", "urgent", {"critical"}),
    ({"service": "FOO2", "severity": "warning"}, "x", "team:x-mail", "normal", set()),
    ({"service": "foo10", "severity": "critical"}, "the-rest", "team:x-mail", "high", {"critical"}),
    ({"service": "files", "severity": "critical"}, "files-critical", "team:y-pager", "urgent", {"critical"}),
    ({"service": "files", "env": "test"}, "files", "team:y-mail", "normal", set()),
    ({"service": "database", "owner": "team-x"}, "database", "team:db-pager", "normal", {"x"}),
    ({"service": "database", "owner": "team-y", "severity": "info"}, "the-rest", "team:x-mail", "low", set()),
    ({"service": "database", "owner": "team-y"}, "the-rest", "team:x-mail", "low", set()),  # severity unknown
    ({}, "the-rest", "team:x-mail", "low", set()),
]


@pytest.mark.parametrize(("labels", "rule", "owner", "priority", "tags"), CASES)
def test_a_tree_decides_as_it_did(
    labels: dict[str, Any], rule: str, owner: str | None, priority: str | None, tags: set[str]
) -> None:
    asked = response(2, attributes=labels)
    found = Decider(rule_set(FILES)).decide(asked, classify(asked), Facts(), NOW, has_address)
    assert (found.rule, found.owner, found.priority, set(found.tags)) == (rule, owner, priority, tags)


@pytest.mark.parametrize(("env", "rule"), [("test", "files-at-night"), ("production", "files"), (None, "files")])
def test_a_time_window_holds_past_midnight_and_an_unknown_label_keeps_it_from_hiding(
    env: str | None, rule: str
) -> None:
    asked = response(2, attributes={"service": "files", "env": env})
    night = NOW.replace(hour=1, minute=30)
    found = Decider(rule_set(FILES)).decide(asked, classify(asked), Facts(), night, has_address)
    assert found.rule == rule
