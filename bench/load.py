"""What the measurements feed: events as a contact centre sends them, and rule sets of any length."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from worker.ruleset import read_files

_ROOT = Path(__file__).parent.parent
TEAMS = 2000
AGENTS = 400
COMMENTS = (
    "The agent was friendly but the refund never arrived and I had to call again.",
    "Fast and clear, thank you.",
    "I waited for forty minutes and nobody could tell me where my order is. Very disappointed with the service.",
    "Everything was fine.",
    "Charged twice this month, and the app logs me out all the time.",
    "Great help with the new contract, easy and quick. I would call again.",
)
_UNHAPPY = (0, 2, 4)

PLAYBOOKS = """
format: 1
playbooks:
  recover:
    name: Win the customer back
    owner: [agent, manager]
    due: 1 business day
    remind: {every: 2 business hours, until: acknowledged}
    escalate: [{at: due, to: manager, unless: contacted}]
"""


def events(
    count: int, *, unhappy: float, commented: float = 0.4, seed: int = 7, first: int = 0, agents: int = AGENTS
) -> list[bytes]:
    """`count` events of as many customers; a share of them is detractors, another carries a comment."""
    chance = random.Random(seed)
    now = datetime.now(UTC)
    return [_event(first + n, chance, now, unhappy, commented, agents) for n in range(count)]


def _event(n: int, chance: random.Random, now: datetime, unhappy: float, commented: float, agents: int) -> bytes:
    """An event with every field of the reference that a contact centre can fill."""
    bad = chance.random() < unhappy
    ended = now - timedelta(seconds=chance.randint(600, 3600))
    event = {
        "id": f"r-{n}",
        "source": "contact-centre",
        "survey": "post-call",
        "metric": "nps",
        "score": chance.randint(0, 6) if bad else chance.randint(7, 10),
        "comment": COMMENTS[chance.choice(_UNHAPPY) + (not bad)] if chance.random() < commented else None,
        "question": "reason",
        "answers": {"effort": chance.randint(1, 7), "agent_friendly": chance.randint(1, 5)},
        "status": "final",
        "responded_at": (ended + timedelta(minutes=9)).isoformat(timespec="seconds"),
        "language": "en",
        "customer": _customer(n, chance),
        "interaction": _interaction(n, chance, ended, agents),
        "attributes": {"campaign": f"spring-{n % 7}"},
    }
    return json.dumps({name: value for name, value in event.items() if value is not None}).encode()


def _customer(n: int, chance: random.Random) -> dict[str, object]:
    return {
        "id": f"c-{n}", "name": f"Customer {n}", "email": f"c{n}@example.com", "phone": f"+49 30 {5550000 + n}",
        "language": "de", "country": "DE", "tier": chance.choice(("gold", "silver", "basic")), "segment": "consumer",
        "value": {"amount": chance.randint(50, 5000), "currency": "EUR"}, "may_contact": True,
        "contact": {"prefer": "phone", "window": "17:00-19:00", "timezone": "Europe/Berlin"},
    }  # fmt: skip


def _interaction(n: int, chance: random.Random, ended: datetime, agents: int) -> dict[str, object]:
    return {
        "id": f"i-{n}", "channel": "phone", "agent": f"a-{n % agents}", "team": f"team-{chance.randrange(TEAMS)}",
        "unit": "berlin", "product": "broadband", "ended_at": ended.isoformat(timespec="seconds"),
        "wait_seconds": chance.randint(5, 900), "transfers": chance.randint(0, 3),
    }  # fmt: skip


def rule_files(count: int, *, history: bool = False, receivers: int = AGENTS) -> dict[str, bytes]:
    """`count` rules, the last two for every other detractor and for everybody else; files as `compose` takes them."""
    shipped = read_files(_ROOT / "rules", _ROOT / "templates")
    files = {name: content for name, content in shipped.items() if name.startswith("templates/")}
    files |= {f"rules/{name}": shipped[f"rules/{name}"] for name in ("themes.yaml", "severity.yaml")}
    texts = {
        "routing.yaml": _routing(count, history),
        "playbooks.yaml": PLAYBOOKS,
        "directory.yaml": _directory(receivers),
    }
    return files | {f"rules/{name}": text.encode() for name, text in texts.items()}


def write_rules(files: Mapping[str, bytes], directory: Path) -> None:
    """The files as directories `rules` and `templates` below `directory`."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _routing(count: int, history: bool) -> str:
    lines = ["format: 1", "timezone: Europe/Berlin", "rules:"]
    lines += [_rule(n) for n in range(count - 2 - history)]
    if history:
        lines.append(
            "  - {id: again, when: {response.class: detractor, history.detractors_90d: at least 1}, "
            "then: {open: recover, owner: manager}}"
        )
    lines.append("  - {id: unhappy, when: {response.class: detractor}, then: {open: recover}}")
    lines.append("  - {id: rest, when: always, then: {ignore: nothing to do}}")
    return "\n".join(lines)


def _rule(n: int) -> str:
    clauses = [
        "response.class: detractor",
        f"response.score: at most {2 + n % 4}",
        f"interaction.team: team-{n}",
        f"response.comment: {{mentions: [word{n}, refund]}}",
    ]
    return f"  - {{id: r{n}, when: {{{', '.join(clauses)}}}, then: {{open: recover, priority: high}}}}"


def _directory(receivers: int) -> str:
    people = [
        f"  p{n}: {{name: Agent {n}, email: p{n}@example.com, slack: U{n:05}, known_as: [a-{n}], manager: head}}"
        for n in range(receivers)
    ]
    return "\n".join(
        [
            "format: 1",
            'default_owner: "person:head"',
            "default_calendar: desk",
            "calendars:",
            '  desk: {timezone: Europe/Berlin, hours: {mon-fri: "09:00-17:30"}}',
            "people:",
            "  head: {name: Head, email: head@example.com, slack: UHEAD}",
            *people,
        ]
    )
