"""Conditions of a mapping: every test in a block must hold.

    has: [a.b, c]   lacks: d   is: {path: value, other: [one, two]}   is_not: {path: value}
    starts_with: {path: text}   above: {path: 1}

Values are compared as text: YAML's types do not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from worker.ingest.decode import is_number, number
from worker.ingest.paths import Given, Path, as_text, parse_path
from worker.ingest.problems import Place, Problems
from worker.model.response import Json

Test = Callable[[Given], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    tests: tuple[Test, ...]

    def holds(self, given: Given) -> bool:
        return all(test(given) for test in self.tests)


def _has(path: Path, _: Any) -> Test:
    return lambda given: bool(path.find(given))


def _lacks(path: Path, _: Any) -> Test:
    return lambda given: not path.find(given)


def _is(path: Path, wanted: Any) -> Test:
    words = frozenset(as_text(word) for word in _list(wanted))
    return lambda given: any(as_text(value) in words for value in path.find(given))


def _is_not(path: Path, wanted: Any) -> Test:
    words = frozenset(as_text(word) for word in _list(wanted))
    return lambda given: all(as_text(value) not in words for value in path.find(given))


def _starts_with(path: Path, wanted: Any) -> Test:
    beginnings = tuple(as_text(word) for word in _list(wanted))
    return lambda given: any(as_text(value).startswith(beginnings) for value in path.find(given))


def _above(path: Path, wanted: Any) -> Test:
    limit = number(as_text(wanted))
    return lambda given: any(_exceeds(value, limit) for value in path.find(given))


def _exceeds(value: Json, limit: Any) -> bool:
    found = number(value) if isinstance(value, str) else value
    return is_number(found) and found > limit


_WITH_PATHS = {"has": _has, "lacks": _lacks}
_WITH_VALUES = {"is": _is, "is_not": _is_not, "starts_with": _starts_with, "above": _above}
_TESTS = (*_WITH_PATHS, *_WITH_VALUES)


def compile_condition(raw: Any, place: Place, problems: Problems) -> Condition:
    """Complains into `problems`; what cannot be read is left out of the result."""
    if not isinstance(raw, Mapping) or not raw:
        problems.add(place, "a condition is a block of tests", f"Write one or more of {', '.join(_TESTS)}.")
        return Condition(())
    tests: list[Test] = []
    for name, body in raw.items():
        if name in _WITH_PATHS:
            tests += [_WITH_PATHS[name](path, None) for path in _paths(_list(body), (*place, name), problems)]
        elif name in _WITH_VALUES:
            tests += _valued(_WITH_VALUES[name], body, (*place, name), problems)
        else:
            problems.unknown((*place, name), _TESTS)
    return Condition(tuple(tests))


def _valued(make: Callable[[Path, Any], Test], body: Any, place: Place, problems: Problems) -> list[Test]:
    if not isinstance(body, Mapping):
        problems.add(place, "this test needs paths with values", f"Write {place[-1]}: {{path: value}}.")
        return []
    pairs = [(_path(text, (*place, text), problems), wanted) for text, wanted in body.items()]
    return [make(path, wanted) for path, wanted in pairs if path]


def _paths(texts: list[Any], place: Place, problems: Problems) -> list[Path]:
    return [path for text in texts if (path := _path(text, place, problems))]


def _path(text: Any, place: Place, problems: Problems) -> Path | None:
    try:
        return parse_path(str(text))
    except ValueError as error:
        problems.add(place, str(error), "Write keys with dots, such as person.email or answers[0].text.")
        return None


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
