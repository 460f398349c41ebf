"""How a test is written: from the node after `field:` to something that holds or does not.

An operator is one record in OPERATORS: the key in braces, the kinds of field it fits, and what reads its value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from worker.calendars import Calendar
from worker.model.directory import CalendarSpec
from worker.route import bounds, shape
from worker.route.conditions import (
    AllOf,
    AnyOf,
    ClockBetween,
    Contains,
    Dates,
    EndsWith,
    InHours,
    Is,
    IsNot,
    Matches,
    Mentions,
    NoneOf,
    NotOnDates,
    OnDates,
    OnDays,
    StartsWith,
    Test,
    WithinLast,
)  # fmt: skip
from worker.route.fields import NUMBERS, Field, Kind, fold
from worker.route.findings import did_you_mean
from worker.route.nodes import Map, Node, Scalar, Seq, written
from worker.route.shape import YES_NO, File, shown

try:
    import re2
except ImportError:  # the optional extra
    re2 = None

_TEXTUAL = frozenset({Kind.TEXT, Kind.ID})
_LIST = frozenset({Kind.LIST})
_TIME = frozenset({Kind.TIME})
_LONGEST_PATTERN = 1000
_OR = re.compile(r"\s+or\s+")
_NEGATED = re.compile(r"^(?:not\s+|!=\s*)")
_TIME_TESTS = (
    "Write a date such as 2026-12-31, or one of: {within_last: 30 days}, {on: [sat, sun]}, "
    '{between: ["18:00", "23:00"]}, {before: 2026-12-31}, {after: 2026-12-31}.'
)


@dataclass(frozen=True, slots=True)
class Context:
    """What a test may need from the rest of the rule set. A calendar that could not be read is None."""

    zone: ZoneInfo
    calendars: Mapping[str, CalendarSpec | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """One test as written: `node` is what stands after the field or the operator, which messages call `what`."""

    file: File
    node: Node
    field: Field
    context: Context
    what: str = ""

    def refuse(self, code: str, message: str, fix: str = "", at: Node | None = None) -> None:
        self.file.add(code, at or self.node, message, fix)

    @property
    def words(self) -> list[Scalar]:
        return shape.one_or_many(self.file, self.node, self.what or self.field.name)


Reader = Callable[[Asked], Test | None]


@dataclass(frozen=True, slots=True)
class Operator:
    """`says` explains the operator in a few words, `example` is a right way to write it."""

    name: str
    kinds: frozenset[Kind]
    read: Reader
    says: str
    example: str

    def suits(self, field: Field) -> bool:
        return field.kind in self.kinds


# Values ------------------------------------------------------------------------------------------------------------


def _label(asked: Asked, word: Scalar) -> str | None:
    field = asked.field
    label = word.text if field.kind is Kind.ID else fold(word.text)
    if field.allows(label):
        if word.plain and field.values is None and field.kind not in (Kind.TEXT, Kind.LIST):
            _warn_of_test(asked, word)
        return label
    listed = field.values or ()
    message = f'{field.name} is never "{shown(word.text)}". There are: {shown(", ".join(listed), 200)}.'
    meant = _meant_test(word.text)
    fix = f"Write: {field.name}: {shown(meant)}" if meant else did_you_mean(word.text, listed)
    asked.refuse("E103", message, fix, word)
    return None


def _warn_of_test(asked: Asked, word: Scalar) -> None:
    """`gold or platinum` and `not gold` are values like any other, and seldom meant as such."""
    name, meant = asked.field.name, _meant_test(word.text)
    if meant:
        message = f'"{shown(word.text)}" is one value of {name}, with all its words.'
        asked.refuse("W205", message, f"Write: {name}: {shown(meant)}, or put the value in quotes.", word)


def _meant_test(text: str) -> str:
    """What `gold or platinum` and `not gold` would be as tests."""
    wanted = _NEGATED.sub("", text)
    several = _OR.split(wanted)
    values = f"[{', '.join(several)}]" if len(several) > 1 else wanted
    if wanted != text:
        return f"{{not: {values}}}"
    return values if len(several) > 1 else ""


def _boolean(asked: Asked, word: Scalar) -> bool | None:
    return shape.boolean(asked.file, word, asked.field.name)


def _number(asked: Asked, word: Scalar) -> Any:
    field = asked.field
    found = bounds.amount(word.text, field.kind)
    if found is None and bounds.parse_bounds(word.text, field.kind):
        message = f'"{shown(word.text)}" is a test, and a list takes values.'
        asked.refuse("E106", message, "Put the tests into an any group, one in each member.", word)
    elif found is None:
        asked.refuse(*bounds.trouble(word.text, field), word)
    elif bounds.outside(found, field):
        message = f"{bounds.range_words(field)}, so {shown(word.text)} can never hold."
        asked.refuse("E105", message, bounds.range_fix(field), word)
    else:
        return found
    return None


def _date(asked: Asked, word: Scalar) -> date | None:
    found = shape.parse_date(word.text)
    if found is None:
        asked.refuse("E104", f'cannot read "{shown(word.text)}" as a test of a time.', _TIME_TESTS, word)
    return found


_VALUES: Mapping[Kind, Callable[[Asked, Scalar], Any]] = {
    Kind.BOOLEAN: _boolean,
    Kind.NUMBER: _number,
    Kind.DURATION: _number,
    Kind.TIME: _date,
}


def _values(asked: Asked) -> tuple[list[Any], tuple[str, ...]]:
    """`a` or `[a, b]`: canonical values and how they were written. Empty after a finding."""
    if isinstance(asked.node, Map):
        message = f"{asked.field.name} takes values here, not {shown(written(asked.node))}."
        asked.refuse("E116", message, f"Write: {asked.field.name}: value")
        return [], ()
    words = asked.words
    read = _VALUES.get(asked.field.kind, _label)
    values = [read(asked, word) for word in words]
    return ([], ()) if None in values else (values, tuple(word.text for word in words))


def _both_readings(values: list[Any], said: tuple[str, ...], field: Field) -> frozenset[Any]:
    """An undeclared field's unquoted 3 means the text as well as the number."""
    more: list[Any] = [shape.number(text) for text in said] if field.kind is Kind.ENUM_OR_NUMBER else []
    if field.kind is Kind.ENUM_OR_BOOLEAN:
        more = list(_yes_no(said))
    return frozenset(values) | frozenset(more)


def _yes_no(said: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("yes" if YES_NO[word.lower()] else "no" for word in said)


def plain(asked: Asked) -> Test | None:
    """`field: value`, `field: [a, b]`, and for numbers `field: at most 4`."""
    node, field = asked.node, asked.field
    if isinstance(node, Scalar) and field.kind in NUMBERS and bounds.amount(node.text, field.kind) is None:
        return _number_test(asked, node)
    if isinstance(node, Scalar) and node.plain and field.kind not in NUMBERS and bounds.is_number_test(node.text):
        message = f'"{shown(node.text)}" tests a number, and {field.name} is {bounds.article(field.kind)}.'
        asked.refuse("E106", message, _instead_of_number(node, field))
        return None
    return _among(asked, negated=False)


def _instead_of_number(node: Scalar, field: Field) -> str:
    if field.kind is Kind.TIME:
        return _TIME_TESTS
    if field.values is None:
        return f'If the text is meant, put it in quotes: "{node.text}".'
    return f"Write one of: {shown(', '.join(field.values), 200)}."


def _negation(asked: Asked) -> Test | None:
    node, kind = asked.node, asked.field.kind
    if isinstance(node, Scalar) and kind in NUMBERS and bounds.looks_like_test(node.text):
        message = f'{{not: {shown(node.text)}}}: "not" takes values, never tests.'
        asked.refuse("E106", message, bounds.opposite(node.text, kind))
        return None
    return _among(asked, negated=True)


def _among(asked: Asked, *, negated: bool) -> Test | None:
    """One of some values, or none of them."""
    values, said = _values(asked)
    field = asked.field
    if not values:
        return None
    if field.kind is Kind.LIST:
        return (NoneOf if negated else AnyOf)(frozenset(values), said)
    if field.kind is Kind.TIME:
        return (NotOnDates if negated else OnDates)(frozenset(values), asked.context.zone, said)
    spoken = _yes_no(said) if field.kind is Kind.BOOLEAN else said
    return (IsNot if negated else Is)(_both_readings(values, said, field), spoken)


def _number_test(asked: Asked, node: Scalar) -> Test | None:
    field, word = asked.field, shape.word(asked.file, node, asked.field.name)
    if word is None:
        return None
    test = bounds.parse_bounds(word.text, field.kind)
    if test is None:
        asked.refuse(*bounds.trouble(word.text, field))
    elif test.empty:
        asked.refuse("E105", f'no number is "{shown(word.text)}".', "Swap the ends, or use an any group.")
    elif bounds.never(test, field):
        message = f'{bounds.range_words(field)}, so "{shown(word.text)}" can never hold.'
        asked.refuse("E105", message, bounds.range_fix(field))
    else:
        return test
    return None


# Lists and text ----------------------------------------------------------------------------------------------------


def _labels(make: Callable[[frozenset[str], tuple[str, ...]], Test]) -> Reader:
    def read(asked: Asked) -> Test | None:
        values, said = _values(asked)
        return make(frozenset(values), said) if values else None

    return read


def _parts(make: Callable[[tuple[str, ...], tuple[str, ...]], Test]) -> Reader:
    """Text to look for: folded for text, exact for ids."""

    def read(asked: Asked) -> Test | None:
        said = tuple(word.text for word in asked.words)
        same = str if asked.field.kind is Kind.ID else fold
        return make(tuple(map(same, said)), said) if said else None

    return read


def _matches(asked: Asked) -> Test | None:
    if re2 is None:
        fix = 'Install it: pip install "innerloop[re2]". Or use mentions, contains, starts_with.'
        asked.refuse("E128", '"matches" needs the RE2 library, which is not installed.', fix)
        return None
    words = asked.words
    patterns = [_pattern(asked, word) for word in words]
    return Matches(tuple(patterns), tuple(word.text for word in words)) if patterns and None not in patterns else None


def _pattern(asked: Asked, word: Scalar) -> Any:
    if len(word.text) > _LONGEST_PATTERN:
        asked.refuse("E128", f"the pattern has more than {_LONGEST_PATTERN} characters.", "Use mentions.", word)
        return None
    options = re2.Options()
    options.case_sensitive = asked.field.kind is Kind.ID
    options.log_errors = False
    try:
        return re2.compile(word.text, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "it cannot be read"
        said = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        asked.refuse(
            "E128", f'"{shown(word.text)}" is no RE2 pattern: {shown(said)}.', "Mend it, or use mentions.", word
        )
    return None


# Time --------------------------------------------------------------------------------------------------------------


def _within_last(asked: Asked) -> Test | None:
    length = shape.span(asked.file, asked.node, "within_last", business=False)
    return WithinLast(length.elapsed, str(length)) if length else None


def _on(asked: Asked) -> Test | None:
    days = [day for word in asked.words for day in shape.weekdays(asked.file, word, "day")]
    return OnDays(frozenset(days), asked.context.zone) if days else None


def _between(asked: Asked) -> Test | None:
    node = asked.node
    if not isinstance(node, Seq) or len(node.items) != 2:
        message = f"cannot read {shown(written(node))} as two times of day."
        meant = shape.meant_window(node.text) if isinstance(node, Scalar) else None
        start_, end_ = meant or ("18:00", "23:00")
        asked.refuse("E104", message, f'Write: {{between: ["{start_}", "{end_}"]}}')
        return None
    first, last = node.items
    start = shape.clock(asked.file, first, "between")
    midnight = isinstance(last, Scalar) and last.text.strip() == "24:00"
    end = None if midnight else shape.clock(asked.file, last, "between")
    if start is None or (end is None and not midnight):
        return None
    if start == end:
        message = f"nothing lies between {start:%H:%M} and {start:%H:%M}."
        asked.refuse("E105", message, 'For the whole day write: ["00:00", "24:00"]')
        return None
    return ClockBetween(start, end, asked.context.zone)


def _before(asked: Asked) -> Test | None:
    day = shape.day(asked.file, asked.node, "before")
    if day is None or day == date.min:
        return None
    return Dates(None, day - timedelta(days=1), asked.context.zone, f"is before {day}")


def _after(asked: Asked) -> Test | None:
    day = shape.day(asked.file, asked.node, "after")
    if day is None or day == date.max:
        return None
    return Dates(day + timedelta(days=1), None, asked.context.zone, f"is after {day}")


def _in_hours(*, outside: bool) -> Reader:
    def read(asked: Asked) -> Test | None:
        found = shape.word(asked.file, asked.node, "a calendar")
        if found is None:
            return None
        calendars = asked.context.calendars
        if found.text not in calendars:
            fix = did_you_mean(found.text, calendars) or f"There are: {', '.join(calendars) or 'none'}."
            asked.refuse("E119", f'there is no calendar "{shown(found.text)}" in directory.yaml.', fix)
            return None
        spec = calendars[found.text]
        return InHours(Calendar.of(spec), found.text, outside) if spec else None

    return read


_EVERY = frozenset(Kind)
OPERATORS: Mapping[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator("is", _EVERY, plain, "a plain value or number test, in braces", "{is: at most 6, or_unknown: true}"),
        Operator("not", _EVERY, _negation, "is known and none of these", "{not: [a, b]}"),
        Operator("any_of", _LIST, _labels(AnyOf), "has at least one of these", "{any_of: [a, b]}"),
        Operator("all_of", _LIST, _labels(AllOf), "has every one of these", "{all_of: [a, b]}"),
        Operator("none_of", _LIST, _labels(NoneOf), "has a value and none of these", "{none_of: [a, b]}"),
        Operator(
            "mentions", _TEXTUAL, _parts(Mentions.of), "has one of these whole words or phrases", "{mentions: [refund]}"
        ),
        Operator("contains", _TEXTUAL, _parts(Contains), "has one of these anywhere", "{contains: refund}"),
        Operator("starts_with", _TEXTUAL, _parts(StartsWith), "begins with one of these", "{starts_with: eu-}"),
        Operator("ends_with", _TEXTUAL, _parts(EndsWith), "ends with one of these", "{ends_with: -emea}"),
        Operator("matches", _TEXTUAL, _matches, "an RE2 pattern finds something", "{matches: 'order \\d+'}"),
        Operator("within_last", _TIME, _within_last, "not older than this, and not to come", "{within_last: 30 days}"),
        Operator("on", _TIME, _on, "on one of these days", "{on: [sat, sun]}"),
        Operator("between", _TIME, _between, "between two times of day", '{between: ["18:00", "23:00"]}'),
        Operator("before", _TIME, _before, "before that day", "{before: 2026-12-31}"),
        Operator("after", _TIME, _after, "after that day", "{after: 2026-12-31}"),
        Operator(
            "in_hours", _TIME, _in_hours(outside=False), "in the opening hours of a calendar", "{in_hours: berlin}"
        ),
        Operator(
            "outside_hours",
            _TIME,
            _in_hours(outside=True),
            "outside the hours of a calendar",
            "{outside_hours: berlin}",
        ),
    )
}
MODIFIERS = ("known", "or_unknown")


def instant_of(source: str) -> datetime | None:
    """An ISO 8601 time with an offset, as UTC."""
    try:
        found = datetime.fromisoformat(source.strip())
    except ValueError:
        return None
    # Nobody's deadline lies outside these years, and at the ends of time there is no adding days.
    return found.astimezone(UTC) if found.utcoffset() is not None and 1900 <= found.year <= 2200 else None
