"""How a clause is written: from the node after `field:` to tests.

An operator is one record in OPERATORS: the key in braces, the kinds of field it fits, and what reads its value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from worker.calendars import Calendar
from worker.model.directory import CalendarSpec
from worker.model.response import Number
from worker.model.span import Unit
from worker.route import shape
from worker.route.conditions import (
    AllOf, AnyOf, Between, ClockBetween, Contains, Dates, EndsWith, InHours, Is, IsNot, Matches, Mentions, NoneOf,
    NotOnDates, OnDates, OnDays, StartsWith, Test, WithinLast,
)  # fmt: skip
from worker.route.fields import NUMBERS, Field, Kind, fold
from worker.route.findings import did_you_mean
from worker.route.nodes import SYMBOLS, Map, Node, Scalar, Seq, written
from worker.route.shape import File, shown

try:
    import re2
except ImportError:  # the optional extra
    re2 = None

TEXTUAL = frozenset({Kind.TEXT, Kind.ID})
_LIST = frozenset({Kind.LIST})
_TIME = frozenset({Kind.TIME})
_ELAPSED = frozenset({Unit.SECONDS, Unit.MINUTES, Unit.HOURS, Unit.DAYS, Unit.WEEKS})
_BOUND = re.compile(r"(at most|at least|below|above)\s+(.+)", re.IGNORECASE)
_RANGE = re.compile(r"(.+?)\s+to\s+(.+)", re.IGNORECASE)
_SYMBOLS = re.compile(r"(<=|>=|<|>|=)\s*(.+)")
_ANY_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_LONGEST_PATTERN = 1000


@dataclass(frozen=True, slots=True)
class Context:
    """What a test may need from the rest of the rule set. A calendar that could not be read is None."""

    zone: ZoneInfo
    calendars: Mapping[str, CalendarSpec | None]


Reader = Callable[[File, Node, Field, Context], Test | None]


@dataclass(frozen=True, slots=True)
class Operator:
    """`says` explains the operator in a few words, `example` is a right way to write it."""

    name: str
    kinds: frozenset[Kind]
    read: Reader
    says: str
    example: str


# Values ------------------------------------------------------------------------------------------------------------


def value(file: File, node: Node, field: Field) -> Any:
    """One written value in the field's canonical form, or None after a finding."""
    found = shape.word(file, node, field.name) if isinstance(node, Scalar) else _no_value(file, node, field)
    return _VALUES[field.kind](file, found, field) if found else None


def _no_value(file: File, node: Node, field: Field) -> None:
    file.add("E116", node, f"{field.name} takes values here, not {shown(written(node))}.", f"Write: {field.name}: value")


def _label(file: File, node: Scalar, field: Field) -> str | None:
    label = node.text if field.kind is Kind.ID else fold(node.text)
    if field.allows(label):
        return label
    listed = field.values or ()
    file.add(
        "E103", node, f'{field.name} is never "{shown(node.text)}". There are: {shown(", ".join(listed), 200)}.',
        did_you_mean(node.text, listed),
    )  # fmt: skip
    return None


def _text(file: File, node: Scalar, field: Field) -> str:
    return fold(node.text)


def _boolean(file: File, node: Scalar, field: Field) -> bool | None:
    return shape.boolean(file, node, field.name)


def _number_value(file: File, node: Scalar, field: Field) -> Number | None:
    found = _amount(node.text, field)
    if found is None:
        code, message, fix = _number_trouble(node.text, field)
        file.add(code, node, message, fix)
    elif _outside(found, field):
        file.add("E105", node, f"{_range_words(field)}, so {shown(node.text)} can never hold.", _range_fix(field))
    else:
        return found
    return None


def _enum_or_number(file: File, node: Scalar, field: Field) -> str:
    return fold(node.text)


def _any_value(file: File, node: Scalar, field: Field) -> str:
    return fold(node.text)


def _no_time_value(file: File, node: Scalar, field: Field) -> date | None:
    found = shape.parse_date(node.text)
    if found is None:
        file.add(
            "E104", node, f'cannot read "{shown(node.text)}" as a test of a time.',
            "Write a date such as 2026-12-31, or one of: {within_last: 30 days}, {on: [sat, sun]}, "
            '{between: ["18:00", "23:00"]}, {before: 2026-12-31}, {after: 2026-12-31}.',
        )  # fmt: skip
    return found


_VALUES: Mapping[Kind, Callable[[File, Scalar, Field], Any]] = {
    Kind.TEXT: _text,
    Kind.ID: _label,
    Kind.ENUM: _label,
    Kind.LIST: _label,
    Kind.BOOLEAN: _boolean,
    Kind.NUMBER: _number_value,
    Kind.DURATION: _number_value,
    Kind.TIME: _no_time_value,
    Kind.ENUM_OR_NUMBER: _enum_or_number,
    Kind.ENUM_OR_BOOLEAN: _any_value,
    Kind.ANY: _any_value,
}


def _values(file: File, node: Node, field: Field) -> tuple[list[Any], tuple[str, ...]]:
    """`a` or `[a, b]`: canonical values and how they were written. Empty after a finding."""
    nodes = shape.one_or_many(file, node, field.name) if not isinstance(node, Map) else []
    if isinstance(node, Map):
        _no_value(file, node, field)
    found = [(value(file, item, field), item.text) for item in nodes]
    if any(canonical is None for canonical, _ in found):
        return [], ()
    return [canonical for canonical, _ in found], tuple(said for _, said in found)


def _both_readings(values: list[Any], said: tuple[str, ...], field: Field) -> frozenset[Any]:
    """An undeclared field's unquoted 3 means the text as well as the number."""
    numbers: list[Any] = [shape.number(text) for text in said] if field.kind is Kind.ENUM_OR_NUMBER else []
    if field.kind is Kind.ENUM_OR_BOOLEAN:
        numbers = ["yes" if shape.YES_NO[text.lower()] else "no" for text in said]
    return frozenset(values) | frozenset(numbers)


def plain(file: File, node: Node, field: Field, context: Context) -> Test | None:
    """`field: value`, `field: [a, b]`, and for numbers `field: at most 4`."""
    if field.kind in NUMBERS and isinstance(node, Scalar) and _amount(node.text, field) is None:
        return _number_test(file, node, field)
    if isinstance(node, Scalar) and node.plain and field.kind not in NUMBERS and is_number_test(node.text):
        file.add("E106", node, f'"{shown(node.text)}" tests a number, and {field.name} is {article(field.kind)}.', _quotes_or(node, field))  # fmt: skip
        return None
    values, said = _values(file, node, field)
    if not values:
        return None
    if field.kind is Kind.LIST:
        return AnyOf(frozenset(values), said)
    if field.kind is Kind.TIME:
        return OnDates(frozenset(values), context.zone, said)
    return Is(_both_readings(values, said, field), _spoken(field, said))


def _negation(file: File, node: Node, field: Field, context: Context) -> Test | None:
    if isinstance(node, Scalar) and field.kind in NUMBERS and _looks_like_test(node.text):
        file.add("E106", node, f'{{not: {shown(node.text)}}}: "not" takes values, never tests.', _opposite(node.text, field))  # fmt: skip
        return None
    values, said = _values(file, node, field)
    if not values:
        return None
    if field.kind is Kind.LIST:
        return NoneOf(frozenset(values), said)
    if field.kind is Kind.TIME:
        return NotOnDates(frozenset(values), context.zone, said)
    return IsNot(_both_readings(values, said, field), _spoken(field, said))


def _quotes_or(node: Scalar, field: Field) -> str:
    if field.kind is Kind.TIME:
        return 'Write: {within_last: 30 days}, {before: 2026-12-31} or {between: ["18:00", "23:00"]}'
    if field.values is None:
        return f'If the text is meant, put it in quotes: "{node.text}".'
    return f"Write one of: {shown(', '.join(field.values), 200)}."


def _spoken(field: Field, said: tuple[str, ...]) -> tuple[str, ...]:
    if field.kind is Kind.BOOLEAN:
        return tuple("yes" if shape.YES_NO[word.lower()] else "no" for word in said)
    return said


# Numbers -----------------------------------------------------------------------------------------------------------


def _amount(source: str, field: Field) -> Number | None:
    """A number, or for a duration the seconds of `10 minutes`."""
    if field.kind is not Kind.DURATION:
        return shape.number(source.strip())
    number, _, unit = source.strip().partition(" ")
    amount = shape.number(number)
    length = shape.parse_span(f"1 {unit.strip()}")
    if amount is None or length is None or length.unit not in _ELAPSED:
        return None
    return amount * int(length.elapsed.total_seconds())


def is_number_test(source: str) -> bool:
    """Whether words such as `at most 4` or `above 10 minutes` stand there, whatever the field is."""
    return any(parse_bounds(source, probe) is not None for probe in _PROBES)


def article(kind: Kind) -> str:
    """A kind of field with its article, for messages."""
    return {Kind.ID: "an id", Kind.BOOLEAN: "yes or no", Kind.TEXT: "text", Kind.ENUM: "one word of a set"}.get(
        kind, f"an {kind}" if kind.value[0] in "ae" else f"a {kind}"
    )


def _nothing(subject: object) -> None:
    return None


_PROBES = (Field("number", Kind.NUMBER, _nothing), Field("duration", Kind.DURATION, _nothing))


def _looks_like_test(source: str) -> bool:
    return bool(_BOUND.match(source) or _RANGE.match(source) or _SYMBOLS.match(source))


def _number_test(file: File, node: Scalar, field: Field) -> Test | None:
    word = shape.word(file, node, field.name)
    if word is None:
        return None
    test = parse_bounds(word.text, field)
    if test is None:
        code, message, fix = _number_trouble(word.text, field)
        file.add(code, node, message, fix)
    elif test.empty:
        file.add("E105", node, f'no number is "{shown(word.text)}".', "Swap the ends, or use an any group.")
    elif _never(test, field):
        file.add("E105", node, f'{_range_words(field)}, so "{shown(word.text)}" can never hold.', _range_fix(field))
    else:
        return test
    return None


def parse_bounds(source: str, field: Field) -> Between | None:
    """`at most 4`, `0 to 6`, `at least 15 and below 30`."""
    said = " ".join(source.split())
    pair = _RANGE.fullmatch(said)
    if pair and not _BOUND.match(said):
        low, high = _amount(_with_unit(pair[1], pair[2], field), field), _amount(pair[2], field)
        return None if low is None or high is None else Between(low, high, said)
    bounds = [_bound(part, field) for part in re.split(r"\s+and\s+", said, maxsplit=1, flags=re.IGNORECASE)]
    return _joined(bounds, said)


def _with_unit(low: str, high: str, field: Field) -> str:
    """`5 to 10 minutes` means 5 minutes to 10 minutes."""
    bare = field.kind is Kind.DURATION and shape.number(low) is not None
    return f"{low} {high.partition(' ')[2]}" if bare else low


def _bound(source: str, field: Field) -> Between | None:
    match = _BOUND.fullmatch(source.strip())
    amount = _amount(match[2], field) if match else None
    if match is None or amount is None:
        return None
    match match[1].lower():
        case "at most":
            return Between(None, amount, source)
        case "at least":
            return Between(amount, None, source)
        case "below":
            return Between(None, amount, source, high_open=True)
        case _:
            return Between(amount, None, source, low_open=True)


def _joined(bounds: list[Between | None], said: str) -> Between | None:
    """One bound, or one from below and one from above."""
    lows = [b for b in bounds if b is not None and b.low is not None]
    highs = [b for b in bounds if b is not None and b.high is not None]
    if None in bounds or len(lows) > 1 or len(highs) > 1:
        return None
    low, high = lows[0] if lows else None, highs[0] if highs else None
    return Between(
        low.low if low else None, high.high if high else None, said,
        low_open=bool(low and low.low_open), high_open=bool(high and high.high_open),
    )  # fmt: skip


def _number_trouble(source: str, field: Field) -> tuple[str, str, str]:
    symbol = _SYMBOLS.fullmatch(source.strip())
    if symbol and _amount(symbol[2], field) is not None:
        return "E104", f'cannot read "{shown(source)}" as a number test.', f"Write it in words: {SYMBOLS[symbol[1]]} {symbol[2]}".rstrip()  # fmt: skip
    found = _ANY_NUMBER.search(source)
    n = found[0] if found else "4"
    if field.kind is Kind.DURATION:
        return "E104", f'cannot read "{shown(source)}" as a duration test.', f"Write: above {n} minutes, at most {n} minutes, or 0 to {n} minutes."  # fmt: skip
    what = "a number test" if not _ANY_NUMBER.fullmatch(source) else "a number"
    return "E104", f'cannot read "{shown(source)}" as {what}.', f"Write: at most {n}, at least {n}, below {n}, above {n}, or 0 to {n}."  # fmt: skip


def _opposite(source: str, field: Field) -> str:
    test = parse_bounds(source, field)
    number = _ANY_NUMBER.search(source)
    if test is None or number is None or (test.low is not None and test.high is not None):
        return "Put the test into a none group."
    amount = re.sub(r"^(at most|at least|below|above)\s+", "", source, flags=re.IGNORECASE)
    if test.high is not None:
        return f"Write: {'at least' if test.high_open else 'above'} {amount}"
    return f"Write: {'at most' if test.low_open else 'below'} {amount}"


def _outside(amount: Number, field: Field) -> bool:
    return (field.low is not None and amount < field.low) or (field.high is not None and amount > field.high)


def _never(test: Between, field: Field) -> bool:
    """Whether no value of the field's range passes."""
    low = test.low if test.low is not None else field.low
    high = test.high if test.high is not None else field.high
    if field.high is not None and low is not None and (low > field.high or (low == field.high and test.low_open)):
        return True
    return field.low is not None and high is not None and (high < field.low or (high == field.low and test.high_open))


def _range_words(field: Field) -> str:
    if field.kind is Kind.DURATION:
        return f"{field.name} is a duration, never less than nothing"
    if field.low is not None and field.high is not None:
        return f"{field.name} is a number from {field.low} to {field.high}"
    if field.low is not None:
        return f"{field.name} is a number from {field.low} on"
    return f"{field.name} is a number up to {field.high}"


def _range_fix(field: Field) -> str:
    if field.kind is Kind.DURATION:
        return "Write a longer duration."
    if field.high is None:
        return f"Write a number from {field.low} on."
    return f"Write a number from {field.low} to {field.high}." if field.low is not None else f"Write a number up to {field.high}."  # fmt: skip


# Lists and text ----------------------------------------------------------------------------------------------------


def _labels(make: Callable[[frozenset[str], tuple[str, ...]], Test]) -> Reader:
    def read(file: File, node: Node, field: Field, context: Context) -> Test | None:
        values, said = _values(file, node, field)
        return make(frozenset(values), said) if values else None

    return read


def _parts(make: Callable[[tuple[str, ...], tuple[str, ...]], Test]) -> Reader:
    """Text to look for: folded for text, exact for ids."""

    def read(file: File, node: Node, field: Field, context: Context) -> Test | None:
        nodes = shape.one_or_many(file, node, field.name)
        same = str if field.kind is Kind.ID else fold
        if not nodes:
            return None
        return make(tuple(same(item.text) for item in nodes), tuple(item.text for item in nodes))

    return read


def _matches(file: File, node: Node, field: Field, context: Context) -> Test | None:
    nodes = shape.one_or_many(file, node, field.name)
    if re2 is None:
        file.add("E128", node, '"matches" needs the RE2 library, which is not installed.', 'Install it: pip install "innerloop[re2]". Or use mentions, contains, starts_with.')  # fmt: skip
        return None
    patterns = [_pattern(file, item, field) for item in nodes]
    if not patterns or None in patterns:
        return None
    return Matches(tuple(patterns), tuple(item.text for item in nodes))


def _pattern(file: File, node: Scalar, field: Field) -> Any:
    try:
        if len(node.text) > _LONGEST_PATTERN:
            raise ValueError(f"it has more than {_LONGEST_PATTERN} characters")
        options = re2.Options()
        options.case_sensitive = field.kind is Kind.ID
        options.log_errors = False
        return re2.compile(node.text, options)
    except Exception as error:  # re2 raises its own error, whose class moved between versions
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        file.add("E128", node, f'"{shown(node.text)}" is no RE2 pattern: {shown(reason)}.', "Mend it, or use mentions.")
        return None


# Time --------------------------------------------------------------------------------------------------------------


def _within_last(file: File, node: Node, field: Field, context: Context) -> Test | None:
    length = shape.span(file, node, "within_last", business=False)
    return WithinLast(length.elapsed, str(length)) if length else None


def _on(file: File, node: Node, field: Field, context: Context) -> Test | None:
    days = [day for item in shape.one_or_many(file, node, "on") for day in shape.weekdays(file, item, "day")]
    return OnDays(frozenset(days), context.zone) if days else None


def _between(file: File, node: Node, field: Field, context: Context) -> Test | None:
    if not isinstance(node, Seq) or len(node.items) != 2:
        file.add("E104", node, f"cannot read {shown(written(node))} as two times of day.", 'Write: {between: ["18:00", "23:00"]}')  # fmt: skip
        return None
    start = shape.clock(file, node.items[0], "between")
    last = node.items[1]
    midnight = isinstance(last, Scalar) and last.text.strip() == "24:00"
    end = None if midnight else shape.clock(file, last, "between")
    if start is None or (end is None and not midnight):
        return None
    if start == end:
        file.add("E105", node, f"nothing lies between {start:%H:%M} and {start:%H:%M}.", 'For the whole day write: ["00:00", "24:00"]')  # fmt: skip
        return None
    return ClockBetween(start, end, context.zone)


def _before(file: File, node: Node, field: Field, context: Context) -> Test | None:
    day = shape.day(file, node, "before")
    return Dates(None, day - timedelta(days=1), context.zone, f"is before {day}") if day and day > date.min else None


def _after(file: File, node: Node, field: Field, context: Context) -> Test | None:
    day = shape.day(file, node, "after")
    return Dates(day + timedelta(days=1), None, context.zone, f"is after {day}") if day and day < date.max else None


def _in_hours(outside: bool) -> Reader:
    def read(file: File, node: Node, field: Field, context: Context) -> Test | None:
        found = shape.word(file, node, "a calendar")
        if found is None:
            return None
        if found.text not in context.calendars:
            file.add(
                "E119", node, f'there is no calendar "{shown(found.text)}" in directory.yaml.',
                did_you_mean(found.text, context.calendars) or f"There are: {', '.join(context.calendars) or 'none'}.",
            )  # fmt: skip
            return None
        spec = context.calendars[found.text]
        return InHours(Calendar.of(spec), found.text, outside) if spec else None

    return read


OPERATORS: Mapping[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator("is", frozenset(Kind), plain, "the braces form of a plain value or number test", "{is: at most 6, or_unknown: true}"),
        Operator("not", frozenset(Kind), _negation, "is known and none of these", "{not: [a, b]}"),
        Operator("any_of", _LIST, _labels(AnyOf), "has at least one of these", "{any_of: [a, b]}"),
        Operator("all_of", _LIST, _labels(AllOf), "has every one of these", "{all_of: [a, b]}"),
        Operator("none_of", _LIST, _labels(NoneOf), "has a value and none of these", "{none_of: [a, b]}"),
        Operator("mentions", TEXTUAL, _parts(Mentions.of), "has one of these whole words or phrases", "{mentions: [refund]}"),
        Operator("contains", TEXTUAL, _parts(Contains), "has one of these anywhere", "{contains: refund}"),
        Operator("starts_with", TEXTUAL, _parts(StartsWith), "begins with one of these", "{starts_with: eu-}"),
        Operator("ends_with", TEXTUAL, _parts(EndsWith), "ends with one of these", "{ends_with: -emea}"),
        Operator("matches", TEXTUAL, _matches, "an RE2 pattern finds something", "{matches: 'order \\d+'}"),
        Operator("within_last", _TIME, _within_last, "not older than this", "{within_last: 30 days}"),
        Operator("on", _TIME, _on, "on one of these days", "{on: [sat, sun]}"),
        Operator("between", _TIME, _between, "between two times of day", '{between: ["18:00", "23:00"]}'),
        Operator("before", _TIME, _before, "before that day", "{before: 2026-12-31}"),
        Operator("after", _TIME, _after, "after that day", "{after: 2026-12-31}"),
        Operator("in_hours", _TIME, _in_hours(False), "in the opening hours of a calendar", "{in_hours: berlin}"),
        Operator("outside_hours", _TIME, _in_hours(True), "outside the opening hours of a calendar", "{outside_hours: berlin}"),
    )
}  # fmt: skip
MODIFIERS = ("known", "or_unknown")


def suits(operator: str, field: Field) -> bool:
    return field.kind in OPERATORS[operator].kinds


def instant_of(source: str) -> datetime | None:
    """An ISO 8601 time with an offset, as UTC."""
    try:
        found = datetime.fromisoformat(source.strip())
    except ValueError:
        return None
    return found.astimezone(UTC) if found.utcoffset() is not None else None


