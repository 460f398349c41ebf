"""Random rule sets and responses for comparing evaluators. Small vocabularies, so that tests meet values."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import structs

from tests.support.reference_rules import DAYS, KINDS
from worker.model.decision import Facts
from worker.model.response import Customer, Interaction, Response, Value
from worker.model.verdict import Class, Sentiment, Verdict

FIELDS_YAML = """format: 1
fields:
  attributes.plan: {type: enum}
  attributes.level: {type: number}
  attributes.flag: {type: boolean}
  attributes.tags: {type: list}
  attributes.note: {type: text}
"""
WORDS = {
    "response.class": ["promoter", "passive", "detractor"],
    "history.previous_class": ["promoter", "passive", "detractor"],
    "response.sentiment": ["negative", "neutral", "positive", "mixed"],
    "customer.tier": ["gold", "Gold", "ｇｏｌｄ", "platinum", "basic", "STRASSE", "straße"],
    "customer.country": ["NO", "SE", "DE", "no"],
    "interaction.product": ["app", "App", "fibre", "1.10", "00123"],
    "attributes.plan": ["pro", "Pro", "free", "yes", "3"],
    "response.themes": ["billing", "Refund", "app", "ﬁbre"],
    "response.severity": ["legal", "safety"],
    "attributes.tags": ["vip", "VIP", "new"],
    "response.language": ["en", "pt", "DE"],
}
IDS = ["a-417", "A-417", "ana", "00123", "c-77", "team_1"]
PARTS = [
    "refund",
    "Refund",
    "straße",
    "STRASSE",
    "late",
    "not ok",
    "don't",
    "İ",
    "日本",
    "ﬁne",
    "re",
    "c++",
    "4",
    "a-4",
]
COMMENTS = [
    "I want a refund now", "refunds are late", "re-fund: REFUND!", "not   ok at all", "Not\nok", "die Strasse ist laut",
    "it was ﬁne", "fine, don't call", "日本 is far", "I use c++ daily", "İstanbul", "room_4", "4", "  ", "", "late",
]  # fmt: skip
ELAPSED = ["10 minutes", "1 hour", "90 seconds", "2 days", "1 week"]
CLOCKS = ["00:00", "06:00", "12:30", "18:00", "22:15", "23:59"]
DATES = ["2026-10-25", "2026-11-20", "2026-11-21", "2027-01-01"]
NOW = datetime(2026, 11, 20, 16, 30, tzinfo=UTC)


class Maker:
    """Everything from one seeded source of randomness."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    # Rules -------------------------------------------------------------------------------------------------------

    def rule_set(self, rules: int, also: int) -> tuple[list[Any], list[Any]]:
        made = [self.rule(f"r{n}", then=True) for n in range(rules)]
        made.append({"id": "last", "when": "always", "then": {"ignore": "nothing holds"}})
        return made, [self.rule(f"a{n}", then=False) for n in range(also)]

    def rule(self, name: str, *, then: bool) -> dict[str, Any]:
        pick = self.random
        rule: dict[str, Any] = {"id": name, "when": self.when()}
        if then:
            rule["then"] = {"open": "recover"} if pick.random() < 0.8 else {"ignore": f"because {name}"}
        else:
            rule["add"] = {"tags": [name]}
        if pick.random() < 0.15:
            rule["mode"] = "observe"
        if pick.random() < 0.1:
            rule["from"] = pick.choice(DATES)
        if pick.random() < 0.1:
            rule["until"] = max(pick.choice(DATES), rule.get("from", ""))
        if pick.random() < 0.1:
            rule["rollout"] = pick.choice(["0%", "20%", "50%", "12.5%", "100%"])
        return rule

    def when(self) -> Any:
        pick = self.random
        if pick.random() < 0.03:
            return "always"
        when = self.member(pick.choice([0, 1, 1, 2, 3]))
        for group in ("any", "none"):
            if pick.random() < 0.3 or (group == "none" and not when):
                when[group] = [self.member(pick.choice([1, 1, 2])) for _ in range(pick.randint(1, 3))]
        return when

    def member(self, size: int) -> dict[str, Any]:
        names = self.random.sample(sorted(KINDS), size)
        return {name: self.clause(name) for name in names}

    def clause(self, name: str) -> Any:
        pick = self.random
        if pick.random() < 0.08:
            return {"known": pick.choice(["yes", "no"])}
        test = getattr(self, f"_{KINDS[name]}")(name)
        braces = test if isinstance(test, dict) else None
        if pick.random() < 0.12:
            braces = {**(braces or {"is": test}), "or_unknown": "yes"}
        elif pick.random() < 0.06:
            braces = {**(braces or {"is": test}), "known": "yes"}
        return test if braces is None else braces

    def _one_or_many(self, values: list[str]) -> Any:
        pick = self.random
        return pick.choice(values) if pick.random() < 0.6 else pick.sample(values, min(len(values), pick.randint(1, 3)))

    def _enum(self, name: str) -> Any:
        values = self._one_or_many(WORDS[name])
        return {"not": values} if self.random.random() < 0.25 else values

    def _id(self, name: str) -> Any:
        operator = self.random.choice(["is", "is", "not", "contains", "starts_with", "ends_with", "mentions"])
        values = self._one_or_many(IDS)
        return values if operator == "is" else {operator: values}

    def _boolean(self, name: str) -> Any:
        value = self.random.choice(["yes", "no"])
        return {"not": value} if self.random.random() < 0.3 else value

    def _list(self, name: str) -> Any:
        pick = self.random
        if pick.random() < 0.3:
            return self._one_or_many(WORDS[name])
        operator = pick.choice(["any_of", "all_of", "none_of", "not"])
        return {operator: pick.sample(WORDS[name], pick.randint(1, 2))}

    def _text(self, name: str) -> Any:
        operator = self.random.choice(["mentions", "mentions", "contains", "starts_with", "ends_with", "is"])
        return {operator: self._one_or_many(PARTS)}

    def _number(self, name: str) -> Any:
        return self._bounds(lambda: self.random.choice(["0", "1", "3", "4.5", "6", "9", "10"]))

    def _duration(self, name: str) -> Any:
        return self._bounds(lambda: self.random.choice(ELAPSED))

    def _bounds(self, amount: Callable[[], str]) -> Any:
        pick = self.random
        form = pick.choice(["is", "list", "not", "at most", "at least", "below", "above", "to", "pair"])
        if form in ("is", "list", "not"):
            values: Any = amount() if form == "is" else [amount(), amount()]
            return {"not": values} if form == "not" else values
        if form == "to":
            return f"{amount()} to {amount()}"
        if form == "pair":
            return f"{pick.choice(['at least', 'above'])} {amount()} and {pick.choice(['at most', 'below'])} {amount()}"
        return f"{form} {amount()}"

    def _time(self, name: str) -> Any:
        pick = self.random
        tests = {
            "within_last": pick.choice(ELAPSED), "on": pick.sample(DAYS, pick.randint(1, 3)),
            "between": [pick.choice(CLOCKS), pick.choice([*CLOCKS, "24:00"])], "before": pick.choice(DATES),
            "after": pick.choice(DATES),
        }  # fmt: skip
        chosen = pick.sample(sorted(tests), pick.choice([1, 1, 2]))
        return {name: tests[name] for name in chosen}

    # Responses ---------------------------------------------------------------------------------------------------

    def given(self) -> dict[str, Any]:
        """Values by field; some are missing, some are of a type that does not fit."""
        made = {name: self.value(name) for name in sorted(KINDS) if name != "now" and self.random.random() < 0.7}
        made.setdefault("response.responded_at", NOW)  # an event always has one
        return {name: value for name, value in made.items() if value is not None}

    def now(self) -> datetime:
        return NOW + timedelta(hours=self.random.choice([0, 0, 1, 7.5, 24, 30 * 24, -27 * 24 + 9]))

    def value(self, name: str) -> Any:
        pick, kind = self.random, KINDS[name]
        if name.startswith("attributes.") and pick.random() < 0.15:
            return pick.choice([3, True, "", " ", [], ["vip", 3, " "], "3", Decimal("4.5")])
        if kind in ("enum", "list"):
            words = (
                WORDS[name]
                if name.startswith(("attributes", "customer", "interaction"))
                else [w.lower() for w in WORDS[name]]
            )
            return pick.choice(words) if kind == "enum" else pick.sample(words, pick.randint(0, len(words)))
        made: dict[str, Callable[[], Any]] = {
            "text": lambda: pick.choice(COMMENTS),
            "id": lambda: pick.choice(IDS),
            "boolean": lambda: pick.choice([True, False]),
            "number": lambda: pick.choice([0, 1, 3, 6, 9, 10, Decimal("4.5"), Decimal("3.0")]),
            "duration": lambda: pick.choice([0, 90, 600, 3600, 172800]),
            "time": lambda: NOW - timedelta(minutes=pick.choice([0, 10, 60, 700, 1440, 2880, 20160, -5])),
        }
        return made[kind]()


def as_yaml(rules: list[Any], also: list[Any], zone: str) -> bytes:
    """Flow style, each rule on a line of its own. Number tests go unquoted, as people write them."""
    lines = ["format: 1", f"timezone: {zone}", "rules:", *(f"  - {flow(rule)}" for rule in rules), "also:"]
    return "\n".join([*lines, *(f"  - {flow(entry)}" for entry in also)]).encode()


def flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return str(value) if value.isascii() and value.replace(" ", "").isalnum() else json.dumps(value, ensure_ascii=False)


def subject(given: dict[str, Any]) -> tuple[Response, Verdict, Facts]:
    """A response, a verdict and facts that hold what is given."""

    def part(prefix: str) -> dict[str, Any]:
        return {name.removeprefix(prefix): value for name, value in given.items() if name.startswith(prefix)}

    customer, history, answer = part("customer."), part("history."), part("response.")
    facts = Facts(open_follow_ups=customer.pop("open_follow_ups", None), **history)
    if "value" in customer:
        customer["value"] = Value(amount=customer["value"])
    key = f"crm/{customer['id']}" if "id" in customer else None
    verdict = Verdict(
        metric="nps", score=answer.pop("score", None), scale_low=0, scale_high=10,
        klass=Class(answer.pop("class")) if "class" in answer else None,
        sentiment=Sentiment(answer.pop("sentiment")) if "sentiment" in answer else None,
        themes=tuple(answer.pop("themes", ())), severity=tuple(answer.pop("severity", ())),
        language=answer.get("language"),
    )  # fmt: skip
    response = Response(id="r", source="s", responded_at=answer.pop("responded_at", NOW), metric="nps", **answer)
    whole = structs.replace(
        response, score=verdict.score, customer=Customer(key=key, **customer), attributes=part("attributes."),
        interaction=Interaction(**part("interaction.")),
    )  # fmt: skip
    return whole, verdict, facts
