"""Number tests in words: `at most 4`, `0 to 6`, `at least 15 and below 30`, `above 10 minutes`."""

from __future__ import annotations

import re

from worker.model.response import Number
from worker.model.span import Unit
from worker.route import shape
from worker.route.conditions import Between
from worker.route.fields import Field, Kind
from worker.route.nodes import SYMBOLS
from worker.route.shape import shown

_ELAPSED = frozenset({Unit.SECONDS, Unit.MINUTES, Unit.HOURS, Unit.DAYS, Unit.WEEKS})
_BOUND = re.compile(r"(at most|at least|below|above)\s+(.+)", re.IGNORECASE)
_RANGE = re.compile(r"(.+?)\s+to\s+(.+)", re.IGNORECASE)
_SYMBOLS = re.compile(r"(<=|>=|<|>|=)\s*(.+)")
_ANY_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def amount(source: str, kind: Kind) -> Number | None:
    """A number, or for a duration the seconds of `10 minutes`."""
    if kind is not Kind.DURATION:
        return shape.number(source.strip())
    number, _, unit = source.strip().partition(" ")
    many = shape.number(number)
    length = shape.parse_span(f"1 {unit.strip()}")
    if many is None or length is None or length.unit not in _ELAPSED:
        return None
    return many * int(length.elapsed.total_seconds())


def parse_bounds(source: str, kind: Kind) -> Between | None:
    """A number test, or None for anything else; a bare number is no test."""
    said = " ".join(source.split())
    pair = _RANGE.fullmatch(said)
    if pair and not _BOUND.match(said):
        low, high = amount(_with_unit(pair[1], pair[2], kind), kind), amount(pair[2], kind)
        return None if low is None or high is None else Between(low, high, said)
    parts = re.split(r"\s+and\s+", said, maxsplit=1, flags=re.IGNORECASE)
    return _joined([_bound(part, kind) for part in parts], said)


def _with_unit(low: str, high: str, kind: Kind) -> str:
    """`5 to 10 minutes` means 5 minutes to 10 minutes."""
    bare = kind is Kind.DURATION and shape.number(low) is not None
    return f"{low} {high.partition(' ')[2]}" if bare else low


def _bound(source: str, kind: Kind) -> Between | None:
    match = _BOUND.fullmatch(source.strip())
    found = amount(match[2], kind) if match else None
    if match is None or found is None:
        return None
    match match[1].lower():
        case "at most":
            return Between(None, found, source)
        case "at least":
            return Between(found, None, source)
        case "below":
            return Between(None, found, source, high_open=True)
        case _:
            return Between(found, None, source, low_open=True)


def _joined(bounds: list[Between | None], said: str) -> Between | None:
    """One bound, or one from below and one from above."""
    lows = [bound for bound in bounds if bound is not None and bound.low is not None]
    highs = [bound for bound in bounds if bound is not None and bound.high is not None]
    if None in bounds or len(lows) > 1 or len(highs) > 1:
        return None
    low, high = lows[0] if lows else None, highs[0] if highs else None
    return Between(
        low.low if low else None,
        high.high if high else None,
        said,
        low_open=low is not None and low.low_open,
        high_open=high is not None and high.high_open,
    )


def is_number_test(source: str) -> bool:
    """Whether words such as `at most 4` or `above 10 minutes` stand there, whatever the field is."""
    return any(parse_bounds(source, kind) is not None for kind in (Kind.NUMBER, Kind.DURATION))


def looks_like_test(source: str) -> bool:
    return bool(_BOUND.match(source) or _RANGE.match(source) or _SYMBOLS.match(source))


# Ranges of fields --------------------------------------------------------------------------------------------------


def outside(number: Number, field: Field) -> bool:
    return (field.low is not None and number < field.low) or (field.high is not None and number > field.high)


def never(test: Between, field: Field) -> bool:
    """Whether no value of the field's range passes."""
    low, high = test.low, test.high
    too_high = low is not None and field.high is not None and (low, test.low_open) >= (field.high, True)
    too_low = high is not None and field.low is not None and (high, not test.high_open) <= (field.low, False)
    beyond = low is not None and field.high is not None and low > field.high
    below = high is not None and field.low is not None and high < field.low
    return too_high or too_low or beyond or below


# Words for messages ------------------------------------------------------------------------------------------------


_SAID_OTHERWISE = (
    (re.compile(r"(?:less|lower|fewer|smaller) than|under", re.IGNORECASE), "below"),
    (re.compile(r"(?:more|greater|higher|larger|bigger) than|over", re.IGNORECASE), "above"),
    (re.compile(r"(?:no|not) more than|up to|maximum|max", re.IGNORECASE), "at most"),
    (re.compile(r"(?:no|not) (?:less|fewer) than|minimum|min|from", re.IGNORECASE), "at least"),
)
_AFTERWARDS = (
    (re.compile(r"(\S+)\s*(?:-|–|\.\.+)\s*(\d\S*)"), r"\1 to \2"),
    (re.compile(r"between (.+?) and (.+)", re.IGNORECASE), r"\1 to \2"),
    (re.compile(r"(.+?)(?:\s*\+| (?:or|and) (?:more|higher|above|greater|over))", re.IGNORECASE), r"at least \1"),
    (re.compile(r"(.+?) (?:or|and) (?:less|fewer|lower|below|under)", re.IGNORECASE), r"at most \1"),
)
_MONEY = re.compile(r"[€$£¥]|\b(?:EUR|USD|GBP|CHF|BRL|euros?|dollars?|pounds?)\b", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?:\D|$))")
_SHORT_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}
_SHORT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:business\s+)?([smhdw])[a-z]*", re.IGNORECASE)


def reworded(source: str, kind: Kind) -> str | None:
    """What `less than 4`, `above 1d` or `above 4 business hours` would be in our words."""
    said = " ".join(_THOUSANDS.sub("", _MONEY.sub("", source.replace("_", " "))).split())
    for pattern, word in reversed(_SAID_OTHERWISE):
        said = pattern.sub(word, said, count=1) if pattern.match(said) else said
    for pattern, words in _AFTERWARDS:
        match = pattern.fullmatch(said)
        said = match.expand(words) if match else said
    if kind is Kind.DURATION:
        said = _SHORT.sub(lambda part: _spelt(part[1], _SHORT_UNITS[part[2].lower()]), said)
    return said if said != source and parse_bounds(said, kind) else None


def _spelt(many: str, unit: str) -> str:
    return f"{many} {unit}" if many == "1" else f"{many} {unit}s"


def trouble(source: str, field: Field) -> tuple[str, str, str]:
    """Code, message and fix for something that is no number test."""
    meant = reworded(source, field.kind)
    if meant:
        what = "duration" if field.kind is Kind.DURATION else "number"
        return "E104", f'cannot read "{shown(source)}" as a {what} test.', f"Write: {meant}"
    symbol = _SYMBOLS.fullmatch(source.strip())
    if symbol and amount(symbol[2], field.kind) is not None:
        words = f"{SYMBOLS[symbol[1]]} {symbol[2]}".strip()
        return "E104", f'cannot read "{shown(source)}" as a number test.', f"Write it in words: {words}"
    several = re.split(r"\s+or\s+", source.strip())
    if len(several) > 1 and all(amount(one, field.kind) is not None for one in several):
        return "E104", f'cannot read "{shown(source)}" as a number test.', f"Write: [{', '.join(several)}]"
    found = _ANY_NUMBER.search(source)
    n = found[0] if found else "4"
    if field.kind is Kind.DURATION:
        fix = f"Write: above {n} minutes, at most {n} minutes, or 0 to {n} minutes."
        return "E104", f'cannot read "{shown(source)}" as a duration test.', fix
    fix = f"Write: at most {n}, at least {n}, below {n}, above {n}, or 0 to {n}."
    return "E104", f'cannot read "{shown(source)}" as a number test.', fix


def opposite(source: str, kind: Kind) -> str:
    """What to write for `{not: at most 4}`."""
    test = parse_bounds(source, kind)
    if test is None or (test.low is not None and test.high is not None):
        return "Put the test into a none group."
    words = re.sub(r"^(at most|at least|below|above)\s+", "", source.strip(), flags=re.IGNORECASE)
    if test.high is not None:
        return f"Write: {'at least' if test.high_open else 'above'} {words}"
    return f"Write: {'at most' if test.low_open else 'below'} {words}"


def range_words(field: Field) -> str:
    if field.kind is Kind.DURATION:
        return f"{field.name} is a duration{_ends(field, ' seconds')}"
    return f"{field.name} is a number{_ends(field)}"


def range_fix(field: Field) -> str:
    if field.kind is Kind.DURATION:
        return "Write a duration that can be, such as: above 10 minutes"
    return f"Write a number{_ends(field)}."


def _ends(field: Field, unit: str = "") -> str:
    if field.low is not None and field.high is not None:
        return f" from {field.low} to {field.high}{unit}"
    return f" from {field.low}{unit} on" if field.low is not None else f" up to {field.high}{unit}"


def article(kind: Kind) -> str:
    """A kind of field with its article, for messages."""
    special = {Kind.ID: "an id", Kind.BOOLEAN: "yes or no", Kind.TEXT: "text", Kind.ENUM: "one word of a set"}
    return special.get(kind, f"an {kind}" if kind.value[0] in "ae" else f"a {kind}")
