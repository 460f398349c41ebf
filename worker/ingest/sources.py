"""Mappings: a survey tool's JSON to our event, by YAML. Nothing here knows a tool by name.

    source: shop                     name of the source; default: the file's name
    match:  {is: {type: rated}}      which documents it is for (see conditions)
    ignore:                          what is no response
      - {when: {…}, because: text}
    reference_only: text             such events hold no answers; the text says what to do instead
    part: yes                        each event brings some of the answers; the others stay
    namespace: crm                   of customer ids; default: the source
    event_id, order, vendor_class: pick
    partial_when: {…}                more answers will come
    fields:                          our event's fields by dotted name, each with a pick (see picks)
      id: response.id

`check_source` tells what is wrong with one, `compile_source` makes it usable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from worker.errors import ConfigError
from worker.ingest import event
from worker.ingest.conditions import Condition, compile_condition
from worker.ingest.decode import Fault, is_number
from worker.ingest.event import FIELDS
from worker.ingest.paths import Given, as_text
from worker.ingest.picks import Pick, Unusable, compile_pick
from worker.ingest.problems import Place, Problem, Problems
from worker.ingest.records import Reason
from worker.model.response import Json

__all__ = ["Given", "Mapped", "Source", "check_source", "compile_source"]

_KEYS = (
    "source", "match", "ignore", "reference_only", "part", "namespace", "event_id", "order", "partial_when",
    "vendor_class", "fields",
)  # fmt: skip
_OPEN = ("answers.", "attributes.", "customer.attributes.")
_CLASSES = ("promoter", "passive", "detractor")
_REQUIRED = ("id", "responded_at")
_BEYOND_ORDER = 10**20  # the width of the text
_NAME = re.compile(r"[A-Za-z0-9][\w.\-]*")


@dataclass(frozen=True, slots=True)
class Mapped:
    """Our event's document, with where each field was found and what went wrong on the way."""

    document: dict[str, Json]
    places: Mapping[str, str]
    event_id: str | None = None
    order: str | None = None
    vendor_class: str | None = None
    faults: list[Fault] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Source:
    """A compiled mapping."""

    name: str
    source: str
    namespace: str
    match: Condition
    ignore: tuple[tuple[Condition, str], ...]
    reference_only: str | None
    part: bool
    partial_when: Condition | None
    extras: Mapping[str, Pick]  # event_id, order, vendor_class
    fields: Mapping[str, Pick]

    def matches(self, given: Given) -> bool:
        return self.match.holds(given)

    def ignores(self, given: Given) -> str | None:
        """Why this document is no response, or None."""
        return next((because for condition, because in self.ignore if condition.holds(given)), None)

    def map(self, given: Given) -> Mapped:
        """The document as our event. What a required field lacks is told by whoever reads that event."""
        mapped = Mapped({}, {name: pick.places for name, pick in self.fields.items()})
        for name, pick in self.fields.items():
            value = self._value(name, pick, given, mapped)
            if value is not None:
                _put(mapped.document, name, value)
        if self.partial_when and "status" not in mapped.document:
            mapped.document["status"] = "partial" if self.partial_when.holds(given) else "final"
        extras = {name: self._value(name, pick, given, mapped) for name, pick in self.extras.items()}
        return Mapped(
            mapped.document, mapped.places, as_text(extras.get("event_id")) or None, _order(extras.get("order")),
            _vendor_class(extras.get("vendor_class")), mapped.faults, mapped.ignored,
        )  # fmt: skip

    def _value(self, name: str, pick: Pick, given: Given, mapped: Mapped) -> Json:
        try:
            return pick.find(given)
        except Unusable as error:
            reason = {"score": Reason.WRONG_TYPE, "responded_at": Reason.BAD_TIME}.get(name)
            if reason:
                mapped.faults.append(Fault(reason, f"{name} (from {pick.places}) {error} (mapping {self.name})."))
            else:
                mapped.ignored.append(name)
            return None


def _put(document: dict[str, Json], name: str, value: Json) -> None:
    """`customer.value.amount` into nested objects. What follows an open prefix is one key, dots and all."""
    prefix = next((prefix for prefix in _OPEN if name.startswith(prefix)), None)
    *parents, last = (*prefix[:-1].split("."), name[len(prefix) :]) if prefix else name.split(".")
    for parent in parents:
        document = document.setdefault(parent, {})
    document[last] = value


def _order(value: Json) -> str | None:
    """Sortable text of a time or of a number that is not negative; None for everything else."""
    if is_number(value):
        return f"{value:030.9f}" if 0 <= value < _BEYOND_ORDER else None
    at = event.time_or_none(value)
    return at.isoformat(timespec="microseconds") if at else None


def _vendor_class(value: Json) -> str | None:
    word = as_text(value).lower()
    return word if word in _CLASSES else None


# Compiling and checking ------------------------------------------------------------------------------------------


def check_source(mapping: Any) -> list[Problem]:
    """Everything wrong with a mapping: (place in it, message, fix)."""
    problems = Problems()
    _compile("mapping", mapping, problems)
    return problems


def compile_source(name: str, mapping: Any) -> Source:
    """The mapping, ready to use. Raises ConfigError naming the first problem."""
    problems = Problems()
    source = _compile(name, mapping, problems)
    if problems or source is None:
        place = ".".join(str(step) for step in problems[0].place)
        raise ConfigError(f"sources/{name}.yaml: {place}: {problems[0].message}. {problems[0].fix}")
    return source


def _compile(name: str, raw: Any, problems: Problems) -> Source | None:
    if not isinstance(raw, Mapping):
        problems.add((), "a mapping is a block with source, match and fields", "See docs: sources.")
        return None
    for key in raw:
        if key not in _KEYS:
            problems.unknown((key,), _KEYS)
    source = _name(raw, "source", name, problems)
    if "match" not in raw:
        problems.add((), "match is missing", "Say which documents this is for: match: {has: [response.id]}.")
    reference_only = str(raw["reference_only"]) if raw.get("reference_only") else None
    return Source(
        name=name, source=source, namespace=_name(raw, "namespace", source, problems),
        match=compile_condition(raw["match"], ("match",), problems) if "match" in raw else Condition(()),
        ignore=_ignore(raw.get("ignore", ()), problems), reference_only=reference_only,
        part=as_text(raw.get("part", False)) in ("true", "yes"),
        partial_when=_optional_condition(raw, "partial_when", problems),
        extras=_extras(raw, problems), fields={} if reference_only else _fields(raw.get("fields"), problems),
    )  # fmt: skip


def _name(raw: Mapping[str, Any], key: str, default: str, problems: Problems) -> str:
    found = as_text(raw.get(key, default))
    if key in raw and not _NAME.fullmatch(found):
        problems.add((key,), f'"{found}" is no name', "Write letters, digits, dots, - and _, without blanks.")
    return found


def _optional_condition(raw: Mapping[str, Any], key: str, problems: Problems) -> Condition | None:
    return compile_condition(raw[key], (key,), problems) if key in raw else None


def _ignore(raw: Any, problems: Problems) -> tuple[tuple[Condition, str], ...]:
    found = []
    for n, entry in enumerate(raw if isinstance(raw, list | tuple) else [raw]):
        if not isinstance(entry, Mapping) or set(entry) != {"when", "because"}:
            problems.add(("ignore", n), "an entry of ignore has when and because", "Write - {when: {…}, because: …}.")
        else:
            condition = compile_condition(entry["when"], ("ignore", n, "when"), problems)
            found.append((condition, str(entry["because"])))
    return tuple(found)


def _extras(raw: Mapping[str, Any], problems: Problems) -> dict[str, Pick]:
    return {
        name: compile_pick(raw[name], name, (name,), problems)
        for name in ("event_id", "order", "vendor_class")
        if name in raw
    }


def _fields(raw: Any, problems: Problems) -> dict[str, Pick]:
    if not isinstance(raw, Mapping):
        problems.add(("fields",), "fields is missing", "Map at least id, responded_at and score or comment.")
        return {}
    for name in _REQUIRED:
        if name not in raw:
            problems.add(("fields",), f"{name} is not mapped", f"Add {name} with the path where it is.")
    if "score" not in raw and "comment" not in raw:
        problems.add(("fields",), "neither score nor comment is mapped", "Add at least one of them.")
    return {name: compile_pick(pick, name, ("fields", name), problems) for name, pick in _known(raw, problems)}


def _known(raw: Mapping[str, Any], problems: Problems) -> list[tuple[str, Any]]:
    known = []
    for name, pick in raw.items():
        if name == "source":
            problems.add(("fields", name), "the source is the mapping's own", "Write source at the top.")
        elif name in FIELDS or any(str(name).startswith(prefix) and name != prefix for prefix in _OPEN):
            known.append((name, pick))
        else:
            place: Place = ("fields", name)
            problems.unknown(place, sorted(FIELDS))
    return known
