"""A plain second evaluator of the rules language: slow, short, and sharing no code with the real one.

Rules are dicts as a YAML file would hold them (tests and values still as text); a response is a dict of field to
value, where what is absent is unknown.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
KINDS = {
    "response.class": "enum", "response.score": "number", "response.sentiment": "enum", "response.themes": "list",
    "response.severity": "list", "response.comment": "text", "response.language": "enum",
    "response.responded_at": "time", "response.callback_requested": "boolean", "response.survey": "id",
    "customer.tier": "enum", "customer.country": "enum", "customer.id": "id", "customer.value": "number",
    "customer.may_contact": "boolean", "customer.open_follow_ups": "number", "interaction.agent": "id",
    "interaction.team": "id", "interaction.product": "enum", "interaction.wait_seconds": "duration",
    "interaction.transfers": "number", "history.detractors_90d": "number", "history.previous_class": "enum",
    "history.score_change": "number", "now": "time", "attributes.plan": "enum", "attributes.level": "number",
    "attributes.flag": "boolean", "attributes.tags": "list", "attributes.note": "text",
}  # fmt: skip
Held = bool | None


class Evaluator:
    """`zone` is the rule set's; rules are evaluated one after the other, clause by clause."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)

    def decide(
        self, rules: Sequence[Any], also: Sequence[Any], given: Mapping[str, Any], now: datetime
    ) -> dict[str, Any]:
        given = {**given, "now": now}
        observed: list[str] = []
        for rule in rules:
            if not self.holds(rule, given, now):
                continue
            if rule.get("mode") == "observe":
                observed.append(rule["id"])
                continue
            if "ignore" in rule["then"]:
                return {"rule": rule["id"], "ignored": rule["then"]["ignore"], "also": [], "observed": observed}
            added = [entry for entry in also if self.holds(entry, given, now)]
            observed += [entry["id"] for entry in added if entry.get("mode") == "observe"]
            fired = [entry["id"] for entry in added if entry.get("mode") != "observe"]
            return {"rule": rule["id"], "ignored": None, "also": fired, "observed": observed}
        raise AssertionError("the last rule must hold always")

    def holds(self, rule: Any, given: Mapping[str, Any], now: datetime) -> bool:
        today = now.astimezone(self.zone).date()
        if "from" in rule and today < date.fromisoformat(rule["from"]):
            return False
        if "until" in rule and today > date.fromisoformat(rule["until"]):
            return False
        if self.when(rule.get("when", "always"), given, now) is not True:
            return False
        return "rollout" not in rule or in_rollout(rule["id"], given.get("customer.id"), rule["rollout"])

    def when(self, when: Any, given: Mapping[str, Any], now: datetime) -> Held:
        if when == "always":
            return True
        values = [self.clause(name, test, given, now) for name, test in when.items() if name not in ("any", "none")]
        if "any" in when:
            members = [self.member(member, given, now) for member in when["any"]]
            values.append(True if True in members else None if None in members else False)
        if "none" in when:
            members = [self.member(member, given, now) for member in when["none"]]
            values.append(False if True in members else None if None in members else True)
        return False if False in values else None if None in values else True

    def member(self, member: Any, given: Mapping[str, Any], now: datetime) -> Held:
        values = [self.clause(name, test, given, now) for name, test in member.items()]
        return False if False in values else None if None in values else True

    def clause(self, name: str, test: Any, given: Mapping[str, Any], now: datetime) -> Held:
        kind = KINDS[name]
        value = known_value(kind, given.get(name))
        tests = dict(test) if isinstance(test, dict) else {"is": test}
        or_unknown = tests.pop("or_unknown", None) == "yes"
        known = tests.pop("known", None)
        if value is None:
            if or_unknown or known == "no":
                return True
            return False if known == "yes" else None
        if known == "no":
            return False
        return all(self.test(kind, operator, asked, value, now) for operator, asked in tests.items())

    def test(self, kind: str, operator: str, asked: Any, value: Any, now: datetime) -> bool:
        if operator in ("is", "not"):
            return self.equal(kind, asked, value) is (operator == "is")
        many = asked if isinstance(asked, list) else [asked]
        if kind == "list":
            has = [fold(label) in value for label in many]
            return {"any_of": any(has), "all_of": all(has), "none_of": not any(has)}[operator]
        if kind in ("text", "id"):
            same = fold if kind == "text" else str
            return any(TEXT[operator](value, same(part)) for part in many)
        return self.on_time(operator, asked, value, now)

    def equal(self, kind: str, asked: Any, value: Any) -> bool:
        many = asked if isinstance(asked, list) else [asked]
        if kind in ("number", "duration"):
            return any(number_test(item, value, kind) for item in many)
        if kind == "list":
            return any(fold(item) in value for item in many)
        if kind == "boolean":
            return any((item == "yes") is value for item in many)
        if kind == "time":
            return any(value.astimezone(self.zone).date() == date.fromisoformat(item) for item in many)
        return value in [item if kind == "id" else fold(item) for item in many]

    def on_time(self, operator: str, asked: Any, value: datetime, now: datetime) -> bool:
        local = value.astimezone(self.zone)
        if operator == "within_last":
            return value <= now and now - value <= timedelta(seconds=seconds(asked))
        if operator == "on":
            return DAYS[local.weekday()] in asked
        if operator == "between":
            start = time.fromisoformat(asked[0])
            if asked[1] == "24:00":
                return local.time() >= start
            end = time.fromisoformat(asked[1])
            return start <= local.time() < end if start < end else not end <= local.time() < start
        day = date.fromisoformat(asked)
        return local.date() < day if operator == "before" else local.date() > day


def fold(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def known_value(kind: str, raw: Any) -> Any:
    """The value in a form that compares, or None for unknown."""
    if raw is None:
        return None
    is_number = isinstance(raw, int | Decimal) and not isinstance(raw, bool)
    if kind in ("number", "duration"):
        return Decimal(raw) if is_number and not (kind == "duration" and raw < 0) else None
    if kind == "boolean":
        return raw if isinstance(raw, bool) else None
    if kind == "time":
        return raw if isinstance(raw, datetime) else None
    if kind == "list":
        labels = [fold(item) for item in raw if isinstance(item, str) and item.strip()] if isinstance(raw, list) else []
        return labels or None
    if kind == "id" and is_number:
        return str(raw)
    if not isinstance(raw, str) or not raw.strip():
        return None
    return raw if kind == "id" else fold(raw)


def number_test(text: str, value: Decimal, kind: str) -> bool:
    def amount(source: str) -> Decimal:
        return Decimal(source) if kind == "number" else Decimal(seconds(source))

    parts = text.split(" and ")
    if len(parts) > 1:
        return all(number_test(part, value, kind) for part in parts)
    if " to " in text:
        low, high = text.split(" to ")
        return amount(low) <= value <= amount(high)
    comparisons: dict[str, Callable[[Decimal], bool]] = {
        "at most ": lambda n: value <= n,
        "at least ": lambda n: value >= n,
        "below ": lambda n: value < n,
        "above ": lambda n: value > n,
    }
    for word, holds in comparisons.items():
        if text.startswith(word):
            return holds(amount(text.removeprefix(word)))
    return value == amount(text)


def seconds(text: str) -> int:
    number, unit = text.split()
    return int(number) * SECONDS[unit.removesuffix("s")]


def mentions(text: str, phrase: str) -> bool:
    """A phrase as whole words, looked for at every place."""

    def ends(start: int) -> list[int]:
        places = [start]
        for n, part in enumerate(phrase.split()):
            following = []
            for place in places:
                begin = place
                while n and begin < len(text) and text[begin].isspace():
                    begin += 1
                if (n == 0 or begin > place) and text.startswith(part, begin):
                    following.append(begin + len(part))
            places = following
        return places

    def is_word(place: int) -> bool:
        return 0 <= place < len(text) and (text[place].isalnum() or text[place] == "_")

    return any(not is_word(start - 1) and any(not is_word(end) for end in ends(start)) for start in range(len(text)))


TEXT: dict[str, Callable[[str, str], bool]] = {
    "mentions": mentions,
    "contains": lambda text, part: part in text,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}


def in_rollout(rule_id: str, customer_id: str | None, share: str) -> bool:
    """20 % are the lowest fifth of all hashes."""
    if customer_id is None:
        return False
    hashed = hashlib.sha256(f"{rule_id}\0crm/{customer_id}".encode()).hexdigest()[:16]
    return int(hashed, 16) * 100 < Decimal(share.removesuffix("%")) * 2**64
