"""Strict reading of nodes: what a mapping may hold, and the small values of the language.

Every reader returns None after adding a finding, so that a caller can go on and find the next mistake.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from worker.model.directory import Window
from worker.model.span import Span, Unit
from worker.route.findings import Notes, Place, closest, did_you_mean
from worker.route.nodes import Map, Node, Scalar, Seq, written

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS_IN_WORDS = {"weekend": "sat-sun", "weekends": "sat-sun", "weekday": "mon-fri", "weekdays": "mon-fri"}
YES_NO = {"yes": True, "true": True, "no": False, "false": False}
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_LANGUAGES = {
    "english": "en", "german": "de", "deutsch": "de", "french": "fr", "français": "fr", "spanish": "es",
    "español": "es", "portuguese": "pt", "português": "pt", "italian": "it", "dutch": "nl",
}  # fmt: skip
_ID = re.compile(r"[a-z][a-z0-9_.-]*")
_SPAN = re.compile(r"(\d+)\s+((?:business\s+)?(?:second|minute|hour|day|week))s?", re.IGNORECASE)
_BARE_SPAN = re.compile(r"(\d+)\s*(s|sec|secs|m|min|mins|h|hr|hrs|d|w|bd|bh)", re.IGNORECASE)
_BARE_UNITS = {
    "s": "seconds",
    "m": "minutes",
    "h": "hours",
    "d": "days",
    "w": "weeks",
    "bd": "business days",
    "bh": "business hours",
}
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_CLOCK_OTHERWISE = re.compile(r"(\d{1,2})(?:[:.h](\d{2}))?\s*([ap]\.?m\.?)?", re.IGNORECASE)
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_MOST_DIGITS = 30
_LONGEST = 10 * 366 * 24 * 3600  # seconds; a longer span is a slip of the keyboard
_SECONDS = {
    Unit.SECONDS: 1,
    Unit.MINUTES: 60,
    Unit.HOURS: 3600,
    Unit.DAYS: 86400,
    Unit.WEEKS: 604800,
    Unit.BUSINESS_MINUTES: 60,
    Unit.BUSINESS_HOURS: 3600,
    Unit.BUSINESS_DAYS: 86400,
}


@dataclass(frozen=True, slots=True)
class File:
    """One file that is being read. `name` is how people see it: rules/routing.yaml."""

    name: str
    notes: Notes

    def place(self, node: Node) -> Place:
        return Place(self.name, node.line, node.column)

    def add(self, code: str, node: Node, message: str, fix: str = "") -> None:
        self.notes.add(code, self.place(node), message, fix)


def shown(text: str, most: int = 60) -> str:
    """A value for a message: on one line, not too long."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def mapping(file: File, node: Node | None, what: str, fix: str = "") -> Map | None:
    """The node as a mapping. An empty value is an empty mapping."""
    if isinstance(node, Map):
        return node
    if isinstance(node, Scalar) and node.is_null:
        return Map(node.line, node.column)
    if node is not None:
        file.add("E116", node, f'{what} is a mapping of "key: value" lines, not {_kind(node)}.', fix)
    return None


# What people write instead, where no spelling is near enough to be guessed.
_INSTEAD = {
    "active": "mode", "add": "then", "assign": "owner", "assignee": "owner", "cc": "copy", "condition": "when",
    "conditions": "when", "deadline": "due", "description": "name", "disabled": "mode", "enabled": "mode",
    "end": "until", "if": "when", "min_priority": "priority_at_least", "playbook": "open",
    "priority": "priority_at_least", "sla": "due", "start": "from", "then": "add", "title": "name", "to": "until",
    "tz": "timezone",
}  # fmt: skip
_EXAMPLES = {
    "add": "{tags: [app-feedback]}", "default_owner": '"person:ID"', "detractor": "at most 6",
    "due": "1 business day", "expect": "{rule: some-rule}", "given": "{response.score: 2}",
    "hours": '{mon-fri: "09:00-17:00"}', "id": "some-id", "messages": "30", "name": "in a few words",
    "owner": "[agent, manager]", "per": "1 hour", "promoter": "at least 9", "range": "0 to 10",
    "say": "recovery_reply",
    "then": "{open: recover}", "timezone": "Europe/Berlin", "to": "manager", "type": "enum", "until": "2026-12-31",
    "words": "{en: [invoice, bill]}",
}  # fmt: skip


def keys(
    file: File,
    node: Map,
    what: str,
    allowed: Collection[str],
    required: Collection[str] = (),
    at: Node | None = None,
    elsewhere: Mapping[str, tuple[str, str, str]] = MappingProxyType({}),
) -> dict[str, Node]:
    """The known keys of a mapping; complains about unknown, valueless and missing ones.

    `elsewhere`: keys of another place, each with the key that is meant, what is wrong, and the fix.
    """
    found: dict[str, Node] = {}
    meant: set[str | None] = set()
    for name, (key, value) in node.entries.items():
        if name in allowed:
            found[name] = value
        elif name in elsewhere:
            instead, message, fix = elsewhere[name]
            file.add("E101", key, message, fix)
            meant.add(instead)
        else:
            meant.add(_unknown_key(file, key, value, what, allowed))
    for name in required:
        # A misspelt key is one mistake, not two.
        if name not in found and name not in meant:
            file.add("E107", at or node, f"{what} needs {name}.", f"Add: {name}: {_EXAMPLES.get(name, '…')}")
    return found


def _unknown_key(file: File, key: Scalar, value: Node, what: str, allowed: Collection[str]) -> str | None:
    """The key that was probably meant."""
    head, colon, tail = key.text.partition(":")
    instead = _INSTEAD.get(key.text)
    if colon and head in allowed:
        meant: str | None = head
        fix = f'Put a space after the ":". Write: {head}: {shown(tail)}'
    else:
        meant = instead if instead in allowed else closest(key.text, allowed)
        fix = f'Did you mean "{meant}"?' if meant else ""
        if not meant and isinstance(value, Scalar) and value.is_null:
            fix = "If it belongs to a list, put that into brackets: [a, b]."
    message = f'unknown key "{shown(key.text)}". {what} may have: {", ".join(allowed)}.'
    file.add("E101", key, message, fix)
    return meant


def items(file: File, node: Node | None, what: str) -> Iterator[Node]:
    """The entries of a list. An empty value is an empty list."""
    if isinstance(node, Seq):
        yield from node.items
    elif node is not None and not (isinstance(node, Scalar) and node.is_null):
        fix = f"Write: [{shown(node.text)}]" if isinstance(node, Scalar) else f"Write: [{shown(written(node), 100)}]"
        file.add("E116", node, f'{what} is a list of entries that begin with "- ", not {_kind(node)}.', fix)


def text(file: File, node: Node | None, what: str) -> str | None:
    """A scalar with something in it."""
    scalar = word(file, node, what)
    return scalar.text if scalar else None


def word(file: File, node: Node | None, what: str) -> Scalar | None:
    if node is None:
        return None
    if not isinstance(node, Scalar):
        file.add("E116", node, f"{what} is one value, not {_kind(node)}.", _as_one_value(node))
    elif node.is_null or not node.text.strip():
        file.add("E107", node, f"{what} has no value.", "Give it one, or delete the key.")
    else:
        return node
    return None


def _as_one_value(node: Map | Seq) -> str:
    """`team: product` in a list was meant as "team:product"; [recover] as recover."""
    if isinstance(node, Seq):
        only = node.items[0] if len(node.items) == 1 else None
        return f"Take the brackets away: {shown(written(only))}" if isinstance(only, Scalar) else "Write one of them."
    pairs = [(name, value) for name, (_, value) in node.entries.items() if isinstance(value, Scalar)]
    if len(node.entries) == 1 and pairs:
        return f'Write it in quotes, without a space: "{shown(pairs[0][0])}:{shown(pairs[0][1].text)}"'
    return "Write one word in its place."


def one_or_many(file: File, node: Node | None, what: str) -> list[Scalar]:
    """`a` or `[a, b]`, at least one."""
    if isinstance(node, Seq):
        if not node.items:
            file.add("E112", node, f"{what} is an empty list.", "Put something in it, or delete the key.")
        found = (word(file, item, f"an entry of {what}") for item in node.items)
        return [scalar for scalar in found if scalar]
    scalar = word(file, node, what)
    return [scalar] if scalar else []


def identifier(file: File, node: Node | None, what: str) -> str | None:
    """An id of ours."""
    found = word(file, node, what)
    if found is None or is_identifier(file, found, what):
        return found.text if found else None
    return None


def is_identifier(file: File, node: Scalar, what: str) -> bool:
    if _ID.fullmatch(node.text):
        return True
    fitting = fitting_id(node.text)
    fix = f"Write: {fitting}" if _ID.fullmatch(fitting) else "Write something like: first-rule"
    file.add(
        "E114",
        node,
        f'"{shown(node.text)}" cannot be an id of {what}: ids are lower-case letters, digits, "-", "_" and ".", '
        "and begin with a letter.",
        fix,
    )
    return False


def fitting_id(text: str) -> str:
    """What somebody's `Gold Billing` would be as an id."""
    return re.sub(r"[^a-z0-9_.-]+", "-", text.lower()).strip("-.")[:60]


def boolean(file: File, node: Node | None, what: str) -> bool | None:
    found = word(file, node, what)
    if found is None:
        return None
    value = YES_NO.get(found.text.lower())
    if value is None:
        file.add("E103", found, f'{what} is yes or no, not "{shown(found.text)}".', "Write: yes, or no.")
    return value


def choice(file: File, node: Node | None, what: str, allowed: Collection[str]) -> str | None:
    """One of a closed list of words."""
    found = word(file, node, what)
    if found is None:
        return None
    if found.text in allowed:
        return found.text
    file.add(
        "E103",
        found,
        f'"{shown(found.text)}" is no {what}. There are: {", ".join(allowed)}.',
        did_you_mean(found.text, allowed),
    )
    return None


def choices(file: File, node: Node | None, what: str, allowed: Collection[str]) -> tuple[str, ...] | None:
    """One or several of a closed list of words; an empty list is fine."""
    if node is None:
        return None
    if isinstance(node, Seq) and not node.items:
        return ()
    return tuple(
        found for item in one_or_many(file, node, what) if (found := choice(file, item, what, allowed)) is not None
    )


def whole_number(file: File, node: Node | None, what: str, least: int = 1, most: int = 1_000_000) -> int | None:
    found = word(file, node, what)
    if found is None:
        return None
    if re.fullmatch(r"\d{1,9}", found.text) and least <= int(found.text) <= most:
        return int(found.text)
    file.add("E104", found, f'cannot read "{shown(found.text)}" as {what}.', f"Write a whole number from {least} on.")
    return None


def number(source: str) -> int | Decimal | None:
    """A decimal as the language writes it: no exponent, no thousands separators."""
    if not _NUMBER.fullmatch(source) or len(source) > _MOST_DIGITS:
        return None
    value = Decimal(source)
    return int(value) if value == value.to_integral_value() else value


def span(file: File, node: Node | None, what: str, *, business: bool = True) -> Span | None:
    """`10 minutes`, `4 business hours`. `business=False` refuses spans whose length depends on a calendar."""
    found = word(file, node, what)
    if found is None:
        return None
    value = parse_span(found.text)
    if value is None:
        file.add(*_span_trouble(found, what, business))
    elif value.unit.is_business and not business:
        file.add(
            "E104",
            found,
            f'{what} cannot be "{value}": it is elapsed time.',
            f"Write: {Span(value.amount, Unit(value.unit.value.removeprefix('business ')))}",
        )
    else:
        return value
    return None


def parse_span(source: str) -> Span | None:
    match = _SPAN.fullmatch(source.strip())
    if not match or len(match[1]) > 9 or int(match[1]) == 0:
        return None
    unit = Unit(f"{' '.join(match[2].lower().split())}s")
    value = Span(int(match[1]), unit)
    return value if value.amount * _SECONDS[unit] <= _LONGEST else None


def _span_trouble(node: Scalar, what: str, business: bool) -> tuple[str, Scalar, str, str]:
    source = node.text.strip()
    bare = _BARE_SPAN.fullmatch(source)
    if bare:
        fix = f"Write: {', or '.join(_spelt_out(int(bare[1][:9]), bare[2].lower(), business))}."
        return "E126", node, f'"{node.text}" means different things to different people.', fix
    days = "4 business hours, 1 business day or 14 days" if business else "24 hours or 14 days"
    fix = f"Write: 10 minutes, {days}."
    if _SPAN.fullmatch(source):
        return "E104", node, f'"{shown(source)}" cannot be {what}: it is nothing, or more than ten years.', fix
    return "E104", node, f'cannot read "{shown(source)}" as a span of time.', fix


def _spelt_out(amount: int, unit: str, business: bool) -> list[str]:
    """What `4h` may have meant: 4 hours, 4 business hours."""
    full = _BARE_UNITS[unit if unit in _BARE_UNITS else unit[0]]
    working = f"business {full}" in set(Unit) and business
    return [str(Span(amount, Unit(full))), *([str(Span(amount, Unit(f"business {full}")))] if working else [])]


def day(file: File, node: Node | None, what: str) -> date | None:
    """A date, YYYY-MM-DD."""
    found = word(file, node, what)
    if found is None:
        return None
    value = parse_date(found.text)
    if value is None:
        message = f'cannot read "{shown(found.text)}" as a date.'
        if _ISO_DAY.fullmatch(found.text):
            message = f'there is no day "{found.text}".'
        dotted = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", found.text)
        meant = f"{dotted[3]}-{dotted[2]:0>2}-{dotted[1]:0>2}" if dotted else ""
        fix = f"Write: {meant}" if parse_date(meant) else "Write year-month-day: 2026-12-31"
        file.add("E104", found, message, fix)
    return value


def parse_date(source: str) -> date | None:
    if not _ISO_DAY.fullmatch(source):
        return None
    try:
        return date.fromisoformat(source)
    except ValueError:
        return None


def parse_clock(source: str) -> time | None:
    """HH:MM. 24:00 is not a clock time: who allows it asks for it by name."""
    match = _CLOCK.fullmatch(source.strip())
    if not match or int(match[1]) > 23 or int(match[2]) > 59:
        return None
    return time(int(match[1]), int(match[2]))


def clock(file: File, node: Node | None, what: str) -> time | None:
    found = word(file, node, what)
    if found is None:
        return None
    value = parse_clock(found.text)
    if value is None:
        meant = _meant_clock(found.text) or "08:30"
        file.add("E104", found, f'cannot read "{shown(found.text)}" as a time of day.', f'Write: "{meant}"')
    return value


def _meant_clock(source: str) -> str | None:
    """What `9`, `8.30` or `5pm` would be as a time of day."""
    match = _CLOCK_OTHERWISE.fullmatch(source.strip())
    if not match:
        return None
    half = (match[3] or "").lower()[:1]
    hour = int(match[1]) % 12 + (12 if half == "p" else 0) if half else int(match[1])
    meant = f"{hour:02}:{match[2] or '00'}"
    return meant if meant == "24:00" or parse_clock(meant) else None


def meant_window(source: str) -> tuple[str, str] | None:
    """What `9-17` or `9am to 5pm` would be as start and end."""
    start, end = (_meant_clock(part) for part in (re.split(r"\s*(?:[-–]|to)\s*", source.strip()) * 2)[:2])
    return (start, end) if start and end and start != end else None


def window(file: File, node: Node | None, what: str, example: str = "09:00-17:30") -> Window | None:
    """`09:00-17:30`; an end of 24:00 is midnight, an end before the start is on the next day."""
    found = word(file, node, what)
    if found is None:
        return None
    start_text, dash, end_text = re.sub(r"\s*[-–]\s*", "-", found.text.strip()).partition("-")
    start, end = parse_clock(start_text), parse_clock(end_text)
    if not dash or start is None or (end is None and end_text != "24:00"):
        meant = meant_window(found.text)
        fix = f'Write: "{"-".join(meant) if meant else example}"'
        file.add("E104", found, f'cannot read "{shown(found.text)}" as {what}.', fix)
    elif start == end:
        file.add("E105", found, f'"{found.text}" is no time at all.', 'For the whole day write: "00:00-24:00"')
    else:
        return Window(start, end)
    return None


def weekdays(file: File, node: Scalar, what: str) -> tuple[int, ...]:
    """`mon`, `mon-fri`: numbers of days, Monday is 0."""
    first, dash, last = node.text.strip().lower().partition("-")
    if first in DAYS and (not dash or last in DAYS):
        start = DAYS.index(first)
        length = (DAYS.index(last) - start) % 7 if dash else 0
        return tuple((start + n) % 7 for n in range(length + 1))
    short = _DAYS_IN_WORDS.get(node.text.strip().lower(), f"{first[:3]}{dash}{last[:3]}")
    known = short in _DAYS_IN_WORDS.values() or (first[:3] in DAYS and (not dash or last[:3] in DAYS))
    fix = f"Write: {short}" if known else "Write: mon, or mon-fri."
    file.add("E103", node, f'"{shown(node.text)}" is no {what}. There are: {", ".join(DAYS)}.', fix)
    return ()


def zone(file: File, node: Node | None, what: str) -> str | None:
    """An IANA time zone."""
    found = word(file, node, what)
    if found is None:
        return None
    try:
        ZoneInfo(found.text)
    except (KeyError, ValueError, OSError):
        names = available_timezones()
        cities = {name.rpartition("/")[2]: name for name in names}
        near = closest(found.text, names) or cities.get(closest(found.text, cities) or "")
        fix = f'Did you mean "{near}"?' if near else "Write region and city: Europe/Berlin"
        file.add("E131", found, f'there is no time zone "{shown(found.text)}".', fix)
        return None
    return found.text


def language(file: File, node: Node | None) -> str | None:
    """A language code, such as `en` or `pt-BR`."""
    found = word(file, node, "language")
    if found is None:
        return None
    if not _LANGUAGE.fullmatch(found.text):
        fix = _LANGUAGES.get(found.text.strip().lower())
        file.add(
            "E103",
            found,
            f'"{shown(found.text)}" is no language code.',
            f"Write: {fix}" if fix else "Write two letters: en, de, pt.",
        )
        return None
    return found.text


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was not given, so that a value's own default holds."""
    return {name: value for name, value in values.items() if value is not None}


def _kind(node: Node) -> str:
    if isinstance(node, Seq):
        return "a list"
    return "a mapping" if isinstance(node, Map) else f'"{shown(node.text)}"'
