"""Compares the evaluator with its plain twin on random rule sets. As a program: how many pairs, from which seed.

python -m tests.support.agreeing 100000 1
"""

from __future__ import annotations

import sys
from typing import Any

from tests.support.random_rules import FIELDS_YAML, Maker, as_yaml, subject
from tests.support.reference_rules import Evaluator
from worker.model.decision import Decision
from worker.route.decide import Decider
from worker.route.load import Loaded, load
from worker.route.owners import has_address

ZONES = ("Europe/Berlin", "UTC", "America/New_York")
_PLAYBOOKS = b"format: 1\nplaybooks: {recover: {name: Recover, owner: 'person:head', due: 1 day}}\n"
_DIRECTORY = b"format: 1\ndefault_owner: 'person:head'\npeople: {head: {name: Head, email: head@example.com}}\n"
_FIRST_LINE = 4  # of the rules in the text that as_yaml makes
RESPONSES = 20


def compare(seed: int, rules: int = 8, also: int = 3) -> list[str]:
    """One random rule set against 20 random responses: what the two evaluators disagree on."""
    maker = Maker(seed)
    zone = maker.random.choice(ZONES)
    made = maker.rule_set(rules, also)
    loaded, made = _loadable(*made, zone)
    if loaded.rule_set is None:
        return [f"seed {seed}: refused: {loaded.findings[0]}"]
    decider, reference = Decider(loaded.rule_set), Evaluator(zone)
    found = []
    for n in range(RESPONSES):
        given, now = maker.given(), maker.now()
        response, verdict, facts = subject(given)
        decision = decider.decide(response, verdict, facts, now, has_address)
        trace = decider.trace(response, verdict, facts, now)
        expected = reference.decide(*made, given, now)
        traced = next((entry.rule for entry in trace if entry.outcome == "fired"), None)
        if _told(decision) != expected or traced != expected["rule"]:
            found.append(f"seed {seed}, response {n}: {_told(decision)}, traced {traced}, reference {expected}")
    return found


def _loadable(rules: list[Any], also: list[Any], zone: str) -> tuple[Loaded, tuple[list[Any], list[Any]]]:
    """The set without the entries that the loader refuses because they can never hold."""
    while True:
        loaded = _load(rules, also, zone)
        bad = {finding.line for finding in loaded.findings if finding.code == "E105"}
        if not bad:
            return loaded, (rules, also)
        line_of_also = _FIRST_LINE + len(rules) + 1
        also = [entry for n, entry in enumerate(also, line_of_also) if n not in bad]
        rules = [rule for n, rule in enumerate(rules, _FIRST_LINE) if n not in bad]


def _load(rules: list[Any], also: list[Any], zone: str) -> Loaded:
    return load(
        {
            "routing.yaml": as_yaml(rules, also, zone),
            "playbooks.yaml": _PLAYBOOKS,
            "directory.yaml": _DIRECTORY,
            "fields.yaml": FIELDS_YAML.encode(),
        }
    )


def _told(decision: Decision) -> dict[str, Any]:
    return {
        "rule": decision.rule,
        "ignored": decision.reason,
        "also": list(decision.also),
        "observed": list(decision.observed),
    }


def main(pairs: int, seed: int) -> int:
    """How many of the pairs disagree; the first ones are told."""
    disagreeing = 0
    for n in range(pairs // RESPONSES):
        found = compare(seed + n, rules=4 + n % 20)
        disagreeing += len(found)
        for line in found[:3]:
            sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{pairs} pairs from seed {seed}: {disagreeing} disagree\n")
    return 1 if disagreeing else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
