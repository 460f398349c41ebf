"""How a mapping gets one value: where it is, and what is done to it.

A pick is a path, a list of picks (the first that gives something), or a block:

    path: a.b          value: email          join: [first, last]       all_of: [a, b]   (joined by `with`, default " ")
    when: condition    pick: first | last | all    lower: yes
    as: number | text | boolean
    values: {bad: 1, good: 5}    otherwise: 3
    time: iso | epoch seconds | epoch milliseconds | seconds and nanos | %Y-%m-%d %H:%M:%S    zone: Europe/Berlin

Whatever gives nothing leaves its field unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from worker.ingest.conditions import Condition, compile_condition
from worker.ingest.decode import is_number, number
from worker.ingest.event import BOOLEANS, NUMBERS, TIMES
from worker.ingest.paths import Given, Path, as_text, parse_path
from worker.ingest.problems import Place, Problems
from worker.model.response import Json

_BEYOND_CALENDAR = 10**15  # milliseconds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SOURCES = ("path", "value", "join", "all_of")
_OPTIONS = ("when", "pick", "lower", "as", "values", "otherwise", "time", "zone", "with")
_PICKS = ("first", "last", "all")
_YES_NO = {"yes": True, "true": True, "no": False, "false": False}
_DATE_IN_FORMAT = re.compile(r"%[a-zA-Z%]")
_NUMERIC = re.compile(r"\s*[+-]?\d+(\.\d+)?\s*")


class Unusable(Exception):
    """Something is there, but not what the mapping expects. The text says what it is, without the value."""


Change = Callable[[Json], Json]


@dataclass(frozen=True, slots=True)
class Pick:
    """`find` gives the value or None; raises Unusable. `places` is where it looks, for messages."""

    find: Callable[[Given], Json]
    places: str


_NOTHING = Pick(lambda _: None, "nowhere")


def compile_pick(raw: Any, target: str, place: Place, problems: Problems) -> Pick:
    """Complains into `problems`. `target` is the field it is for, which says what type constants have."""
    if isinstance(raw, list):
        return _first_of([compile_pick(one, target, (*place, n), problems) for n, one in enumerate(raw)])
    if not isinstance(raw, Mapping):
        return _from_path(raw, {}, target, place, problems)
    for key in raw:
        if key not in _SOURCES and key not in _OPTIONS:
            problems.unknown((*place, key), (*_SOURCES, *_OPTIONS))
    given = [name for name in _SOURCES if name in raw]
    if len(given) != 1:
        problems.add(place, f"a pick has one of {', '.join(_SOURCES)}; here are {len(given)}", "Keep exactly one.")
        return _NOTHING
    pick = _MAKERS[given[0]](raw[given[0]], raw, target, (*place, given[0]), problems)
    return _guarded(pick, raw, place, problems)


def _first_of(picks: list[Pick]) -> Pick:
    def find(given: Given) -> Json:
        return next((value for pick in picks if (value := pick.find(given)) is not None), None)

    return Pick(find, " or ".join(pick.places for pick in picks))


def _guarded(pick: Pick, raw: Mapping[str, Any], place: Place, problems: Problems) -> Pick:
    if "when" not in raw:
        return pick
    condition: Condition = compile_condition(raw["when"], (*place, "when"), problems)
    return Pick(lambda given: pick.find(given) if condition.holds(given) else None, pick.places)


def _from_path(text: Any, raw: Mapping[str, Any], target: str, place: Place, problems: Problems) -> Pick:
    path = read_path(text, place, problems)
    changes = _changes(raw, target, place[:-1] if raw else place, problems)
    which = raw.get("pick", "first")
    if which not in _PICKS:
        problems.add((*place[:-1], "pick"), f'"{which}" is no way to pick', f"Write {', '.join(_PICKS)}.")
    if path is None:
        return _NOTHING
    return Pick(lambda given: _pick(path.find(given), which, changes), path.text)


def _pick(found: list[Json], which: str, changes: list[Change]) -> Json:
    if not found:
        return None
    if which == "all":
        return [_through(value, changes) for value in found]
    return _through(found[-1 if which == "last" else 0], changes)


def _through(value: Json, changes: list[Change]) -> Json:
    for change in changes:
        if value is not None:
            value = change(value)
    return value


def _constant(value: Any, _: Mapping[str, Any], target: str, place: Place, problems: Problems) -> Pick:
    typed = _typed(value, target, place, problems)
    return Pick(lambda _: typed, "the mapping")


def _joined(texts: Any, raw: Mapping[str, Any], _: str, place: Place, problems: Problems) -> Pick:
    paths = _paths(texts, place, problems)
    glue = str(raw.get("with", " "))
    name = " + ".join(path.text for path in paths)
    return Pick(lambda given: glue.join(_parts(paths, given)) or None, name)


def _all_of(texts: Any, raw: Mapping[str, Any], _: str, place: Place, problems: Problems) -> Pick:
    paths = _paths(texts, place, problems)
    glue = str(raw.get("with", " "))

    def find(given: Given) -> Json:
        parts = _parts(paths, given)
        return glue.join(parts) if len(parts) == len(paths) else None

    return Pick(find, " + ".join(path.text for path in paths))


def _parts(paths: list[Path], given: Given) -> list[str]:
    found = [path.find(given) for path in paths]
    return [text for values in found if values and (text := as_text(values[0]).strip())]


def _paths(texts: Any, place: Place, problems: Problems) -> list[Path]:
    if not isinstance(texts, list) or not texts:
        problems.add(place, "this is a list of paths", "Write [first_name, last_name].")
        return []
    return [path for n, text in enumerate(texts) if (path := read_path(text, (*place, n), problems))]


_MAKERS = {"path": _from_path, "value": _constant, "join": _joined, "all_of": _all_of}


def read_path(text: Any, place: Place, problems: Problems) -> Path | None:
    """The path, or a complaint."""
    try:
        return parse_path(str(text))
    except ValueError as error:
        problems.add(place, str(error), "Write keys with dots, such as person.email or answers[field.ref=nps].number.")
        return None


# What is done to a value -----------------------------------------------------------------------------------------


def _changes(raw: Mapping[str, Any], target: str, place: Place, problems: Problems) -> list[Change]:
    changes: list[Change] = []
    if as_text(raw.get("lower", False)) in ("true", "yes"):
        changes.append(lambda value: value.lower() if isinstance(value, str) else value)
    if "values" in raw:
        changes.append(_table(raw, target, place, problems))
    if "as" in raw:
        changes.append(_as(raw["as"], place, problems))
    if "time" in raw or "zone" in raw or target in TIMES:
        changes.append(_time(raw, place, problems))
    return changes


def _table(raw: Mapping[str, Any], target: str, place: Place, problems: Problems) -> Change:
    where = (*place, "values")
    if not isinstance(raw["values"], Mapping):
        problems.add(where, "values is a table", "Write values: {bad: 1, good: 5}.")
        return lambda value: value
    table = {as_text(key): _typed(value, target, (*where, key), problems) for key, value in raw["values"].items()}
    if "otherwise" in raw:
        rest = _typed(raw["otherwise"], target, (*place, "otherwise"), problems)
        return lambda value: table.get(as_text(value), rest)

    def look_up(value: Json) -> Json:
        if as_text(value) not in table:
            raise Unusable("holds a value that the mapping's table does not list; add it to `values`")
        return table[as_text(value)]

    return look_up


def _typed(value: Any, target: str, place: Place, problems: Problems) -> Any:
    """A constant of the mapping in the type of its target; YAML may have left it as text."""
    if value is None:
        return None
    if target in BOOLEANS:
        return _constant_boolean(value, place, problems)
    if target in NUMBERS:
        found = value if is_number(value) else number(as_text(value))
        if not is_number(found):
            problems.add(place, f"{target} needs a number", "Write a number without quotes.")
        return found
    return as_text(value) if target.partition(".")[0] not in ("answers", "attributes") else value


def _constant_boolean(value: Any, place: Place, problems: Problems) -> bool | None:
    found = _YES_NO.get(as_text(value))
    if found is None:
        problems.add(place, f'"{value}" is neither yes nor no', "Write yes or no.")
    return found


def _as(kind: Any, place: Place, problems: Problems) -> Change:
    if kind not in _KINDS:
        problems.add((*place, "as"), f'"{kind}" is no type', f"Write {', '.join(_KINDS)}.")
    return _KINDS.get(kind, lambda value: value)


def _to_number(value: Json) -> Json:
    if is_number(value):
        return value
    if isinstance(value, str) and _NUMERIC.fullmatch(value):
        return number(value.strip())
    raise Unusable("is no number, not even in quotes")


def _to_boolean(value: Json) -> Json:
    found = _YES_NO.get(as_text(value).lower())
    if found is None:
        raise Unusable("is neither true nor false")
    return found


_KINDS: dict[Any, Change] = {"number": _to_number, "text": as_text, "boolean": _to_boolean}


# Times -----------------------------------------------------------------------------------------------------------


def _time(raw: Mapping[str, Any], place: Place, problems: Problems) -> Change:
    form = str(raw.get("time", "iso"))
    zone = _zone(raw, place, problems)
    if form in _FORMS:
        read = _FORMS[form]
    elif _DATE_IN_FORMAT.search(form):
        if zone is None and "%z" not in form:
            problems.add((*place, "time"), f'"{form}" gives a time without an offset', "Add zone: Europe/Berlin.")
        read = _by_format(form)
    else:
        problems.add((*place, "time"), f'"{form}" is no form of time', f"Write {', '.join(_FORMS)} or a format with %.")
        return lambda value: value
    return lambda value: _in_zone(read(value), zone)


def _zone(raw: Mapping[str, Any], place: Place, problems: Problems) -> ZoneInfo | None:
    if "zone" not in raw:
        return None
    try:
        return ZoneInfo(str(raw["zone"]))
    except (KeyError, ValueError, OSError):
        problems.add((*place, "zone"), f'"{raw["zone"]}" is no time zone', "Write a name such as Europe/Berlin or UTC.")
        return None


def _in_zone(at: Json, zone: ZoneInfo | None) -> Json:
    """Text without an offset goes on as it is, to be refused where our own event's would be."""
    if isinstance(at, str) and zone is None:
        return at
    found = _iso(at) if isinstance(at, str) else at
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise Unusable("is a time beyond the calendar") from None


def _iso(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Unusable("is no ISO 8601 time") from None


def _epoch(per_second: int) -> Change:
    def read(value: Json) -> Json:
        count = _to_number(value)
        if abs(count) > _BEYOND_CALENDAR:
            raise Unusable("is a time beyond the calendar")
        try:
            return _EPOCH + timedelta(microseconds=int(count * 1_000_000 // per_second))
        except OverflowError:
            raise Unusable("is a time beyond the calendar") from None

    return read


def _seconds_and_nanos(value: Json) -> Json:
    if not isinstance(value, Mapping):
        raise Unusable("is no object with seconds and nanos")
    nanos = _to_number(value.get("nanos", 0))
    seconds = Decimal(_to_number(value.get("seconds"))) + Decimal(nanos) / 1_000_000_000
    return _epoch(1)(seconds)


def _by_format(form: str) -> Change:
    def read(value: Json) -> Json:
        try:
            return datetime.strptime(as_text(value), form)  # noqa: DTZ007  # the zone follows
        except ValueError:
            raise Unusable(f"does not look like {form}") from None

    return read


def _text_only(value: Json) -> Json:
    if isinstance(value, str):
        return value
    raise Unusable("is no text; if it counts seconds, write time: epoch seconds")


_FORMS: dict[str, Change] = {
    "iso": _text_only,
    "epoch seconds": _epoch(1),
    "epoch milliseconds": _epoch(1000),
    "seconds and nanos": _seconds_and_nanos,
}
