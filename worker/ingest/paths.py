"""Paths into a survey tool's JSON, as mappings write them.

    event_data.person.email                 keys
    person_properties."Agent Id"            a key with blanks or dots
    comments[0].text   answers[-1].value    by number
    pages[*].questions[*].id                every element
    answers[field.ref=nps].number           the elements where a path inside them has a value
    @header.webhook-id   @envelope.type   @topic   @key

A path finds every value there that is not null.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from worker.ingest.envelopes import Envelope
from worker.model.response import Json

_SEGMENT = re.compile(r'(?:"(?P<quoted>[^"]+)"|(?P<bare>[^."\[\]]+))(?P<picks>(?:\[[^\[\]]+\])*)(?P<end>\.|$)')
_PICK = re.compile(r"\[(?:(?P<every>\*)|(?P<number>-?\d+)|(?P<path>[^=\]]+)=(?P<value>[^\]]*))\]")
ROOTS = ("@header", "@envelope", "@topic", "@key")


@dataclass(frozen=True, slots=True)
class Given:
    """What a mapping can ask: the document and what came around it."""

    document: Mapping[str, Json]
    envelope: Envelope
    topic: str
    key: bytes | None = None

    def root(self, name: str) -> Json:
        if name == "@header":
            return self.envelope.headers
        if name == "@envelope":
            return self.envelope.attributes
        return self.topic if name == "@topic" else (self.key or b"").decode("utf-8", "replace") or None


@dataclass(frozen=True, slots=True)
class _Where:
    path: Path
    value: str


_Step = str | int | None | _Where  # key, index, every element, elements where


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. `text` is how the mapping wrote it."""

    text: str
    root: str | None
    steps: tuple[_Step, ...]

    def find(self, given: Given) -> list[Json]:
        """Every value there that is not null, in document order."""
        start = given.document if self.root is None else given.root(self.root)
        return self.within(start)

    def within(self, start: Json) -> list[Json]:
        found = [start]
        for step in self.steps:
            found = [inner for value in found for inner in _take(value, step)]
        return [value for value in found if value is not None]


def _take(value: Json, step: _Step) -> Iterable[Json]:
    if isinstance(step, str):
        return (value[step],) if isinstance(value, Mapping) and step in value else ()
    if not isinstance(value, list):
        return ()
    if step is None:
        return value
    if isinstance(step, int):
        return (value[step],) if -len(value) <= step < len(value) else ()
    return [element for element in value if any(as_text(v) == step.value for v in step.path.within(element))]


def parse_path(text: str) -> Path:
    """Raises ValueError with a sentence."""
    root, rest = _root(text)
    steps: list[_Step] = []
    at = 0
    while at < len(rest):
        match = _SEGMENT.match(rest, at)
        if not match or (match["end"] and match.end() == len(rest)):
            raise ValueError(f'"{text}" is no path: it cannot be read from "{rest[at:]}" on')
        steps.append(match["quoted"] or match["bare"].strip())
        steps.extend(_picks(match["picks"], text))
        at = match.end()
    if root is None and not steps:
        raise ValueError("a path is empty")
    return Path(text, root, tuple(steps))


def _root(text: str) -> tuple[str | None, str]:
    if not text.startswith("@"):
        return None, text
    root, _, rest = text.partition(".")
    if root not in ROOTS:
        raise ValueError(f'"{text}" begins with {root}; there are {", ".join(ROOTS)}')
    return root, rest.lower() if root == "@header" else rest


def _picks(text: str, whole: str) -> Iterable[_Step]:
    at = 0
    while at < len(text):
        match = _PICK.match(text, at)
        if not match:
            raise ValueError(f'"{whole}" is no path: "{text[at:]}" is none of [0], [*], [path=value]')
        at = match.end()
        if match["every"]:
            yield None
        elif match["number"]:
            yield int(match["number"])
        else:
            yield _Where(parse_path(match["path"].strip()), match["value"].strip())


def as_text(value: Json) -> str:
    """How a mapping writes a value: `true`, `7`, `bad`; YAML's types do not matter when comparing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value) if isinstance(value, str | int | float) else ""
