"""What deciding costs: 15 rules with a trace of every part, and 10 rules against 10,000.

python -m bench.rules
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from worker.classify.scales import SCALES, classify_score
from worker.model.decision import Facts
from worker.model.response import Customer, Interaction, Response
from worker.model.verdict import Verdict
from worker.route.decide import Decider
from worker.route.load import load
from worker.route.owners import has_address

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
TIERS = ["gold", "platinum", "silver", "basic"]
THEMES = ["billing", "refund", "app", "waiting", "delivery"]
PLAYBOOKS = b"""format: 1
playbooks:
  recover: {name: Recover, owner: [agent, manager], due: 4 business hours}
"""
DIRECTORY = b"""format: 1
default_owner: "person:head"
default_calendar: desk
calendars:
  desk: {timezone: Europe/Berlin, hours: {mon-fri: "09:00-17:30"}, holidays: {country: DE}}
people:
  head: {name: Head, email: head@example.com}
  ana: {name: Ana, email: ana@example.com, manager: head}
"""


def rules(count: int, seed: int) -> dict[str, bytes]:
    """`count` - 1 rules on class, score, tier, theme, words and team, and the one that holds always."""
    chance = random.Random(seed)
    lines = _rules(count - 1, chance)
    parts = {f"part{n}.yaml": lines[start : start + 2000] for n, start in enumerate(range(0, count - 1, 2000))}
    files = {name: "\n".join(["format: 1", "rules:", *part]).encode() for name, part in parts.items()}
    routing = f"format: 1\ntimezone: Europe/Berlin\ninclude: [{', '.join(parts)}]\nrules:\n"
    last = "  - {id: last, when: always, then: {ignore: nothing holds}}\n"
    return {**files, "routing.yaml": f"{routing}{last}".encode()}


def _rules(count: int, chance: random.Random) -> list[str]:
    lines = []
    for n in range(count):
        clauses = [
            "response.class: detractor",
            f"response.score: at most {chance.randint(2, 6)}",
            f"customer.tier: [{_tier(n)}, {chance.choice(TIERS)}s]",
            f"response.themes: {{any_of: [{_theme(n)}, complaint]}}",
            f"interaction.team: team-{n}",
            f"response.comment: {{mentions: [word{n}, late]}}",
            f"none: [ {{customer.country: [c{n % 50}, NO]}} ]",
        ]
        lines.append(f"  - {{id: r{n}, when: {{{', '.join(clauses)}}}, then: {{open: recover}}}}")
    return lines


def _tier(n: int) -> str:
    return TIERS[n % len(TIERS)]


def _theme(n: int) -> str:
    return THEMES[n % len(THEMES)]


def responses(count: int, teams: int, seed: int) -> list[tuple[Response, Verdict]]:
    """Each meets one of the rules in everything, but every other one is happy."""
    chance = random.Random(seed)
    return [_response(n, chance.randrange(teams - 1), 9 if n % 2 else 1) for n in range(count)]


def _response(n: int, rule: int, score: int) -> tuple[Response, Verdict]:
    response = Response(
        id=str(n), source="bench", responded_at=NOW - timedelta(hours=1), metric="nps", score=score,
        comment=f"It was word{rule} and the call came late again, thank you very much.",
        customer=Customer(key=f"crm/{n}", id=str(n), tier=_tier(rule), country=f"c{50 + n % 9}"),
        interaction=Interaction(agent="ana", team=f"team-{rule}"),
    )  # fmt: skip
    verdict = Verdict(
        metric="nps", score=score, klass=classify_score(score, SCALES["nps"]), scale_low=0, scale_high=10,
        themes=(_theme(rule), "other"),
    )  # fmt: skip
    return response, verdict


def decider(routing: dict[str, bytes]) -> tuple[Decider, float]:
    began = time.process_time()
    loaded = load({**routing, "playbooks.yaml": PLAYBOOKS, "directory.yaml": DIRECTORY})
    took = time.process_time() - began
    if loaded.rule_set is None:
        raise SystemExit(str(loaded.findings[:3]))
    return Decider(loaded.rule_set), took


def cost(work: Callable[[], object], items: int) -> float:
    """Microseconds of processor time an item: the least of nine rounds, as others may use the machine."""
    rounds = []
    for _ in range(9):
        began = time.process_time()
        work()
        rounds.append((time.process_time() - began) / items * 1e6)
    return min(rounds)


def deciding(count: int) -> tuple[float, float]:
    """(microseconds a decision, seconds to check the rule set)."""
    ready, took = decider(rules(count, seed=count))
    asked = responses(2000, teams=count, seed=7)
    facts = Facts(responses_90d=0, detractors_90d=0, open_follow_ups=0)

    def work() -> None:
        for response, verdict in asked:
            ready.decide(response, verdict, facts, NOW, has_address)

    return cost(work, len(asked)), took


def compare() -> None:
    """10, 15, 1,000 and 10,000 rules, one after the other."""
    few, _ = deciding(10)
    some, _ = deciding(15)
    thousand, checked = deciding(1000)
    many, checked_many = deciding(10_000)
    print(f"\na decision with     10 rules  {few:7.1f} µs")
    print(f"a decision with     15 rules  {some:7.1f} µs")
    print(f"a decision with  1,000 rules  {thousand:7.1f} µs   checked in {checked:.2f} s (aim: 2 s)")
    print(f"a decision with 10,000 rules  {many:7.1f} µs   checked in {checked_many:.2f} s")
    print(f"10,000 rules cost {many / few:.2f} times what 10 cost (aim: 2)", flush=True)


if __name__ == "__main__":
    compare()
