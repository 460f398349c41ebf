"""Reading inline tests: what is given, in the types of the fields, and what is expected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from worker.model.response import Json
from worker.route import shape
from worker.route.bounds import amount
from worker.route.fields import FIELDS, Field, Kind
from worker.route.findings import did_you_mean
from worker.route.nodes import Map, Node, Scalar, Seq
from worker.route.operators import instant_of
from worker.route.playbook_file import PRIORITIES
from worker.route.references import Desk
from worker.route.schema import InlineTest
from worker.route.shape import YES_NO, File, shown
from worker.route.when import Vocabulary

_TEST = ("name", "now", "given", "expect")
_EXAMPLE = "2026-11-20T16:30:00+01:00"


def read_tests(desk: Desk, node: Node | None, words: Vocabulary) -> list[InlineTest]:
    tests = (_test(desk, item, words) for item in shape.items(desk.file, node, "tests"))
    return [test for test in tests if test]


def _test(desk: Desk, node: Node, words: Vocabulary) -> InlineTest | None:
    file = desk.file
    body = shape.mapping(file, node, "an entry of tests", "Write: - name: what it shows")
    if body is None:
        return None
    found = shape.keys(file, body, "A test", _TEST, ("given", "expect"))
    expected = _expected(desk, found.get("expect"))
    given = _given(file, found.get("given"), words)
    now = _moment(file, found.get("now"), "now")
    if expected is None or given is None or (now is None and "now" in found):
        return None
    if "due" in expected and now is None:
        file.add("E132", body, "now is missing: without it no due time can be expected.", f"Add: now: {_EXAMPLE}")
        return None
    name = shape.text(file, found.get("name"), "name") or f"test in line {body.line}"
    return InlineTest(name=name, place=file.place(body), given=given, expect=expected, now=now)


def _moment(file: File, node: Node | None, what: str) -> datetime | None:
    found = shape.word(file, node, what)
    if found is None:
        return None
    at = instant_of(found.text)
    if at is None:
        file.add(
            "E104",
            found,
            f'cannot read "{shown(found.text)}" as a moment with its offset from UTC.',
            f"Write: {_EXAMPLE}",
        )
    return at


# Given -------------------------------------------------------------------------------------------------------------


def _given(file: File, node: Node | None, words: Vocabulary) -> dict[str, Any] | None:
    body = shape.mapping(file, node, "given", "Write: {response.score: 2, customer.tier: gold}")
    if body is None:
        return None
    made: dict[str, Any] = {}
    for name, (key, value) in body.entries.items():
        field = words.field(name, value)
        if field is None:
            file.add("E102", key, f'unknown field "{shown(name)}".', words.suggestion(name))
        elif name == "now":
            file.add("E129", key, "now is not a given: it stands beside given.", f"Write: now: {_EXAMPLE}")
        elif not (isinstance(value, Scalar) and value.is_null):
            made[name] = _value(file, value, field)
    return made


def _value(file: File, node: Node, field: Field) -> Any:
    """What an event would hold. Fields that nobody declared take what is written: text, number, boolean or list."""
    if not field.declared:
        return _json(node)
    if field.kind is Kind.LIST:
        return (
            [_checked(file, item, field) for item in shape.one_or_many(file, node, field.name)] if _some(node) else []
        )
    found = shape.word(file, node, field.name)
    return _READ[field.kind](file, found, field) if found else None


def _some(node: Node) -> bool:
    return not isinstance(node, Seq) or bool(node.items)


def _json(node: Node) -> Json:
    if isinstance(node, Scalar):
        if not node.plain:
            return node.text
        number = shape.number(node.text)
        truth = {"true": True, "false": False}.get(node.text)
        return None if node.is_null else truth if truth is not None else node.text if number is None else number
    if isinstance(node, Seq):
        return [_json(item) for item in node.items]
    return {key: _json(value) for key, (_, value) in node.entries.items()}


def _checked(file: File, node: Scalar, field: Field) -> str | None:
    """A word the field can have: a typing mistake in a test would hide one in a rule."""
    fits = field.fit([node.text] if field.kind is Kind.LIST else node.text)
    if fits is None or not field.allows(fits[0] if field.kind is Kind.LIST else fits):
        listed = field.values or ()
        near = did_you_mean(node.text, listed)
        file.add(
            "E103",
            node,
            f'{field.name} is never "{shown(node.text)}". There are: {shown(", ".join(listed), 200)}.',
            near,
        )
        return None
    return node.text


def _number(file: File, node: Scalar, field: Field) -> Any:
    number = shape.number(node.text)
    if number is None and field.kind is Kind.DURATION:
        number = amount(node.text, field.kind)
    if number is None:
        what = "a duration" if field.kind is Kind.DURATION else "a number"
        file.add(
            "E104",
            node,
            f'cannot read "{shown(node.text)}" as {what}.',
            "Write: 10 minutes" if field.kind is Kind.DURATION else "Write a number, such as 4.",
        )
    return number


def _boolean(file: File, node: Scalar, field: Field) -> bool | None:
    return shape.boolean(file, node, field.name)


def _time(file: File, node: Scalar, field: Field) -> datetime | None:
    return _moment(file, node, field.name)


_READ: Mapping[Kind, Callable[[File, Scalar, Field], Any]] = {
    Kind.TEXT: _checked,
    Kind.ID: _checked,
    Kind.ENUM: _checked,
    Kind.NUMBER: _number,
    Kind.DURATION: _number,
    Kind.BOOLEAN: _boolean,
    Kind.TIME: _time,
}


# Expected ----------------------------------------------------------------------------------------------------------

Expectation = Callable[[Desk, Node], Json]


def _named(kind: str) -> Expectation:
    return lambda desk, node: desk.named(node, kind, kind)


def _word_of(name: str) -> Expectation:
    values = FIELDS[f"response.{name}"].values or ()
    return lambda desk, node: shape.choice(desk.file, node, name, values)


def _somebody(desk: Desk, node: Node) -> str | None:
    """A person's id (person:ID will do) or team:ID."""
    found = shape.word(desk.file, node, "owner")
    if found is None:
        return None
    kind, colon, name = found.text.partition(":")
    kind, name = (kind, name) if colon else ("person", found.text)
    if kind not in ("person", "team"):
        desk.file.add(
            "E103", found, f'"{shown(found.text)}" is neither a person nor a team.', "Write: ana, or team:billing"
        )
        return None
    desk.references.ask(kind, name, desk.file.place(found))
    return name if kind == "person" else found.text


def _people(desk: Desk, node: Node) -> list[str]:
    return _list(node, lambda item: _somebody(desk, item))


def _labels(desk: Desk, node: Node) -> list[str]:
    return _list(node, lambda item: shape.text(desk.file, item, "a label"))


def _entries(kind: str) -> Expectation:
    return lambda desk, node: _list(node, lambda item: desk.named(item, kind, kind))


def _list(node: Node, read: Callable[[Node], str | None]) -> list[str]:
    """A list, possibly empty; one value is a list of one."""
    found = map(read, node.items if isinstance(node, Seq) else [node])
    return [item for item in found if item]


def _due(desk: Desk, node: Node) -> str | None:
    """As written, so that a failing test shows it as its author knows it."""
    return node.text if _moment(desk.file, node, "due") and isinstance(node, Scalar) else None


def _ignored(desk: Desk, node: Node) -> Json:
    """A reason, or yes or no."""
    found = shape.text(desk.file, node, "ignored")
    return YES_NO.get(found.lower(), found) if found else None


def _priority(desk: Desk, node: Node) -> str | None:
    return shape.choice(desk.file, node, "priority", PRIORITIES)


EXPECTATIONS: Mapping[str, Expectation] = {
    "rule": _named("rule"),
    "ignored": _ignored,
    "playbook": _named("playbook"),
    "owner": _somebody,
    "priority": _priority,
    "due": _due,
    "copies": _people,
    "tags": _labels,
    "also": _entries("also entry"),
    "observed": _entries("rule"),
    "class": _word_of("class"),
    "sentiment": _word_of("sentiment"),
    "themes": _labels,
    "severity": _labels,
}


def _expected(desk: Desk, node: Node | None) -> dict[str, Json] | None:
    body = shape.mapping(desk.file, node, "expect", "Write: {rule: gold-billing, owner: ana}")
    if not isinstance(body, Map):
        return None
    found = shape.keys(desk.file, body, "expect", tuple(EXPECTATIONS))
    if not body.entries:
        desk.file.add("E112", body, "expect is empty, so the test shows nothing.", "Write: {rule: gold-billing}")
        return None
    made = {name: EXPECTATIONS[name](desk, right) for name, right in found.items()}
    return shape.present(made) if len(shape.present(made)) == len(body.entries) else None
