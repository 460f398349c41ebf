"""directory.yaml: people, teams, units, calendars, and the HR export that people may come from."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import structs

from worker.model.directory import (
    Absence,
    Cap,
    Digest,
    Directory,
    OrgUnit,
    Person,
    Quiet,
    Team,
)
from worker.route import shape
from worker.route.calendar_file import read_calendar
from worker.route.findings import Place, closest
from worker.route.nodes import MOST_BYTES, Map, Node, Scalar, Seq
from worker.route.playbook_file import PRIORITIES
from worker.route.references import Desk
from worker.route.shape import File, shown

_TOP = ("format", "default_owner", "default_calendar", "calendars", "units", "teams", "people", "people_from")
_SECTIONS = {"person": "people", "team": "teams", "unit": "units", "calendar": "calendars"}
_PERSON = (  # and their address on each channel
    "name", "known_as", "team", "manager", "language", "timezone", "calendar", "away", "left", "quiet", "at_most",
    "digest",
)  # fmt: skip
_TEAM = ("name", "lead", "calendar", "queue", "unit", "language", "quiet", "at_most", "digest")
_COLUMNS = ("id", "name", "known_as", "team", "manager", "language", "timezone", "calendar", "left")  # and the same
_PASSES = (*PRIORITIES, "alert", "copy", "update", "reminder", "due_soon", "escalation", "handed_over", "taken_over")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MOST_STEPS = 50


def read_directory(desk: Desk, top: Map, files: Mapping[str, bytes]) -> Directory | None:
    """The directory, or None when it lacks something nothing works without. Findings go to the desk's notes."""
    file = desk.file
    found = shape.keys(file, top, "directory.yaml", _TOP, ("default_owner",))
    calendars = _section(desk, found.get("calendars"), "calendar", read_calendar)
    units = _section(desk, found.get("units"), "unit", _unit)
    teams = _section(desk, found.get("teams"), "team", _team)
    people = _people(desk, found, files)
    if not set(top.entries) <= set(
        _TOP
    ):  # a misspelt "teams" is told; that there is no such team is not another mistake
        for kind, section in _SECTIONS.items():
            if section not in found:
                desk.references.known.pop(kind, None)
    owner = desk.who(found.get("default_owner"), "default_owner", ())
    calendar = desk.named(found.get("default_calendar"), "calendar", "default_calendar")
    _refuse_loops(desk, found, people, units)
    if owner is None:
        return None
    return Directory(
        people=people,
        teams=teams,
        units=units,
        calendars=calendars,
        default_owner=owner,
        default_calendar=calendar,
        aliases=_aliases(desk, people, found.get("people")),
    )


def _section(desk: Desk, node: Node | None, kind: str, read: Any) -> dict[str, Any]:
    """A mapping of ids; each entry by its reader. The ids of unreadable entries are known all the same."""
    body = shape.mapping(desk.file, node, f"{kind}s", f"Write: some-id: {{…}} under {kind}s")
    entries = body.entries if body else {}
    if node is None or body is not None:
        desk.references.known[kind] = dict.fromkeys(entries)
    made = {}
    for name, (key, value) in entries.items():
        shape.is_identifier(desk.file, key, f"a {kind}")
        inner = shape.mapping(desk.file, value, f'{kind} "{name}"')
        entry = read(desk, key, inner) if inner is not None else None
        if entry is not None:
            made[name] = entry
    return made


# Units, teams and people -------------------------------------------------------------------------------------------


def _unit(desk: Desk, key: Scalar, body: Map) -> OrgUnit:
    found = shape.keys(desk.file, body, f'unit "{key.text}"', ("name", "manager", "parent"))
    return OrgUnit(
        id=key.text,
        name=shape.text(desk.file, found.get("name"), "name") or key.text,
        manager=desk.named(found.get("manager"), "person", "manager"),
        parent=desk.named(found.get("parent"), "unit", "parent"),
    )


def _team(desk: Desk, key: Scalar, body: Map) -> Team:
    file = desk.file
    found = shape.keys(file, body, f'team "{key.text}"', _TEAM)
    queue = shape.mapping(file, found.get("queue"), "queue", 'Write: {slack: "#channel", email: team@example.com}')
    addresses = shape.keys(file, queue, "queue", desk.channels) if queue else {}
    return Team(
        id=key.text,
        name=shape.text(file, found.get("name"), "name") or key.text,
        lead=desk.named(found.get("lead"), "person", "lead"),
        calendar=desk.named(found.get("calendar"), "calendar", "calendar"),
        queue=_addresses(file, addresses),
        unit=desk.named(found.get("unit"), "unit", "unit"),
        language=shape.language(file, found.get("language")),
        **_habits(desk, found),
    )


def _addresses(file: File, found: Mapping[str, Node]) -> dict[str, str]:
    """Addresses by channel; those that are none are left out, and said."""
    read = {
        name: _email(file, node) if name == "email" else shape.text(file, node, name) for name, node in found.items()
    }
    return shape.present(read)


def _email(file: File, node: Node) -> str | None:
    found = shape.word(file, node, "email")
    if found is None:
        return None
    if not _EMAIL.fullmatch(found.text):
        file.add("E104", found, f'"{shown(found.text)}" is no e-mail address.', "Write: ana@example.com")
        return None
    return found.text


def _person(desk: Desk, key: Scalar, body: Map, base: Person | None = None) -> Person | None:
    """A person; what the HR export said holds for the keys that are not written here."""
    file = desk.file
    known = ("name", *sorted(desk.channels), *_PERSON[1:])
    found = shape.keys(file, body, f'person "{key.text}"', known, () if base else ("name",), at=key)
    known_as = shape.one_or_many(file, found.get("known_as"), "known_as") if "known_as" in found else None
    addresses = _addresses(file, {channel: found[channel] for channel in desk.channels if channel in found})
    values = shape.present(
        {
            "name": shape.text(file, found.get("name"), "name"),
            **{channel: addresses.pop(channel, None) for channel in ("email", "slack")},
            "elsewhere": {**(base.elsewhere if base else {}), **addresses} or None,
            "known_as": tuple(alias.text for alias in known_as) if known_as is not None else None,
            "team": desk.named(found.get("team"), "team", "team"),
            "manager": desk.named(found.get("manager"), "person", "manager"),
            "language": shape.language(file, found.get("language")),
            "timezone": shape.zone(file, found.get("timezone"), "timezone"),
            "calendar": desk.named(found.get("calendar"), "calendar", "calendar"),
            "away": _absences(desk, found.get("away")) if "away" in found else None,
            "left": shape.day(file, found.get("left"), "left"),
            **_habits(desk, found),
        }
    )
    if base:
        return structs.replace(base, **values)
    return Person(id=key.text, **values) if "name" in values else None


def _absences(desk: Desk, node: Node | None) -> tuple[Absence, ...]:
    absences = (_absence(desk, item) for item in shape.items(desk.file, node, "away"))
    return tuple(absence for absence in absences if absence)


def _absence(desk: Desk, node: Node) -> Absence | None:
    file, what = desk.file, "an entry of away"
    body = shape.mapping(file, node, what, "Write: {from: 2026-12-20, until: 2027-01-02}")
    if body is None:
        return None
    found = shape.keys(file, body, what, ("from", "until", "delegate"), ("from", "until"))
    since, until = shape.day(file, found.get("from"), "from"), shape.day(file, found.get("until"), "until")
    delegate = desk.named(found.get("delegate"), "person", "delegate")
    if since is None or until is None:
        return None
    if until < since:
        file.add("E105", body, f"the absence ends on {until}, before it begins on {since}.", "Swap the two dates.")
        return None
    return Absence(since=since, until=until, delegate=delegate)


def _habits(desk: Desk, found: Mapping[str, Node]) -> dict[str, Any]:
    """When and how often a person or a team wants to be told."""
    return shape.present(
        {
            "quiet": _quiet(desk, found.get("quiet")),
            "at_most": _cap(desk, found.get("at_most")),
            "digest": _digest(desk, found.get("digest")),
        }
    )


def _quiet(desk: Desk, node: Node | None) -> Quiet | None:
    body = shape.mapping(desk.file, node, "quiet", 'Write: {hours: "19:00-08:00", except: urgent}')
    if body is None:
        return None
    found = shape.keys(desk.file, body, "quiet", ("hours", "except"), ("hours",))
    passes = shape.choices(desk.file, found.get("except"), "priority or kind of message", _PASSES) or ()
    hours = found.get("hours")
    if isinstance(hours, Scalar) and hours.text == "outside_calendar":
        return Quiet(outside_calendar=True, except_=passes)
    if isinstance(hours, Scalar) and closest(hours.text, ["outside_calendar"]):
        message = f'cannot read "{shown(hours.text)}" as quiet hours.'
        desk.file.add("E104", hours, message, 'Did you mean "outside_calendar"?')
        return None
    window = shape.window(desk.file, hours, "quiet hours", "19:00-08:00")
    return Quiet(start=window.start, end=window.end, except_=passes) if window else None


def _cap(desk: Desk, node: Node | None) -> Cap | None:
    body = shape.mapping(desk.file, node, "at_most", "Write: {messages: 30, per: 1 hour}")
    if body is None:
        return None
    found = shape.keys(desk.file, body, "at_most", ("messages", "per", "except"), ("messages", "per"))
    messages = shape.whole_number(desk.file, found.get("messages"), "a number of messages")
    per = shape.span(desk.file, found.get("per"), "per", business=False)
    passes = shape.choices(desk.file, found.get("except"), "priority or kind of message", _PASSES) or ()
    return Cap(messages=messages, per=per, except_=passes) if messages and per else None


def _digest(desk: Desk, node: Node | None) -> Digest | None:
    body = shape.mapping(desk.file, node, "digest", 'Write: {at: "08:30", priorities: [low, normal]}')
    if body is None:
        return None
    found = shape.keys(desk.file, body, "digest", ("at", "priorities"), ("at",))
    at = shape.clock(desk.file, found.get("at"), "at")
    priorities = shape.choices(desk.file, found.get("priorities"), "priority", PRIORITIES) or ()
    return Digest(at=at, priorities=priorities) if at else None


def _people(desk: Desk, found: Mapping[str, Node], files: Mapping[str, bytes]) -> dict[str, Person]:
    exported = _exported(desk, found.get("people_from"), files)
    body = shape.mapping(desk.file, found.get("people"), "people", "Write: ana: {name: Ana Keller, …}")
    entries = body.entries if body else {}
    if exported is not None and (body is not None or "people" not in found):
        desk.references.known["person"] = {**dict.fromkeys(exported), **dict.fromkeys(entries)}
    people = dict(exported or {})
    for name, (key, value) in entries.items():
        shape.is_identifier(desk.file, key, "a person")
        inner = shape.mapping(desk.file, value, f'person "{name}"', "Write: {name: Ana Keller, email: ana@example.com}")
        person = _person(desk, key, inner, people.get(name)) if inner is not None else None
        if person:
            people[name] = person
    return people


# The HR export -----------------------------------------------------------------------------------------------------


def _exported(desk: Desk, node: Node | None, files: Mapping[str, bytes]) -> dict[str, Person] | None:
    """People from a CSV file with a header; columns that are not ours are passed over. None after a finding."""
    if node is None:
        return {}
    found = shape.word(desk.file, node, "people_from")
    data = files.get(found.text) if found else None
    if found is None or data is None:
        if found:
            desk.file.add(
                "E123",
                node,
                f'there is no file "{shown(found.text)}" beside directory.yaml.',
                "Add it, or delete people_from.",
            )
        return None
    root = desk.file.name.removesuffix("directory.yaml")
    export = Desk(File(root + found.text, desk.file.notes), desk.references, desk.channels)
    return _rows(export, data)


def _columns(desk: Desk) -> tuple[str, ...]:
    return (*_COLUMNS[:2], *sorted(desk.channels), *_COLUMNS[2:])


def _rows(desk: Desk, data: bytes) -> dict[str, Person] | None:
    top = Map(1, 1)
    if len(data) > MOST_BYTES:
        desk.file.add("E117", top, f"the file has more than {MOST_BYTES:,} bytes, and that many are read.", "Split it.")
        return None
    try:
        source = data.decode("utf-8-sig")
        header = source.splitlines()[0] if source.strip() else ""
        reader = csv.reader(
            io.StringIO(source, newline=""), delimiter=";" if header.count(";") > header.count(",") else ","
        )
        columns = [name.strip().lower() for name in next(reader, [])]
        missing = [name for name in ("id", "name") if name not in columns]
        if missing:
            desk.file.add(
                "E107",
                top,
                f"the header has no column {missing[0]}.",
                f"The first line names columns: {', '.join(_columns(desk))}.",
            )
            return None
        return _read_rows(desk, columns, reader)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        desk.file.add(
            "E118", Map(line, 1), f"byte 0x{data[error.start]:02x} is not UTF-8.", "Export the file as UTF-8."
        )
    except csv.Error as error:
        desk.file.add("E100", top, f"this is not CSV: {error}.", "Export it again.")
    return None


def _read_rows(desk: Desk, columns: list[str], reader: Any) -> dict[str, Person]:
    people: dict[str, Person] = {}
    known = _columns(desk)
    for cells in reader:
        row = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if name in known and cell.strip()}
        if not row:
            continue
        key = Scalar(row.pop("id", ""), reader.line_num, 1, plain=True)
        if key.text in people:
            desk.file.add("E115", key, f'person "{shown(key.text)}" stands here twice.', "Keep one row.")
        elif shape.is_identifier(desk.file, key, "a person"):
            person = _person(desk, key, _as_map(row, reader.line_num))
            if person:
                people[key.text] = person
    return people


def _as_map(row: Mapping[str, str], line: int) -> Map:
    """A row as the mapping it would be in directory.yaml."""
    made = Map(line, 1)
    for name, cell in row.items():
        values: Node = Scalar(cell, line, 1, plain=False)
        if name == "known_as":
            parts = [part.strip() for part in re.split(r"[;|]", cell) if part.strip()]
            values = _list(parts, line)
        made.entries[name] = (Scalar(name, line, 1, plain=True), values)
    return made


def _list(parts: Iterable[str], line: int) -> Node:
    return Seq(line, 1, [Scalar(part, line, 1, plain=False) for part in parts])


# Whole-directory checks --------------------------------------------------------------------------------------------


def _aliases(desk: Desk, people: Mapping[str, Person], node: Node | None) -> dict[str, str]:
    """id, known_as and lower-cased e-mail to person. Two people under one name are refused."""
    aliases = {name: name for name in people}
    for person in people.values():
        names = [*person.known_as, *([person.email.lower()] if person.email else [])]
        for name in names:
            other = aliases.setdefault(name, person.id)
            if other != person.id and not (people[other].left or person.left):
                place = _place_of(desk, node, person.id)
                desk.file.notes.add(
                    "E127", place, f'"{shown(name)}" means {other} as well as {person.id}.', "Keep it at one of them."
                )
            elif people[other].left and not person.left:
                aliases[name] = person.id  # a number that was given on
    return aliases


def _place_of(desk: Desk, node: Node | None, name: str) -> Place:
    inside = isinstance(node, Map) and name in node.entries
    return desk.file.place(node.key(name) if inside and isinstance(node, Map) else node or Map(1, 1))


def _refuse_loops(
    desk: Desk, found: Mapping[str, Node], people: Mapping[str, Person], units: Mapping[str, OrgUnit]
) -> None:
    told: set[frozenset[str]] = set()
    for person in people.values():
        for absence in person.away:
            loop = _delegates(person.id, absence, people)
            if loop and frozenset(loop) not in told:
                told.add(frozenset(loop))
                message = f"{' → '.join((person.id, *loop))}: the delegates of {person.id} lead back to {person.id}."
                place = _place_of(desk, found.get("people"), person.id)
                desk.file.notes.add("E121", place, message, "Name somebody who is there.")
    for unit in _circles({unit.id: unit.parent for unit in units.values()}):
        place = _place_of(desk, found.get("units"), unit)
        desk.file.notes.add("E121", place, f'unit "{unit}" is above itself.', "Give it another parent, or none.")


def _delegates(start: str, absence: Absence, people: Mapping[str, Person]) -> list[str] | None:
    """The way from a person's delegate back to that person, through absences that overlap; None when there is none."""
    todo = [([absence.delegate], absence.since, absence.until)] if absence.delegate else []
    for _ in range(_MOST_STEPS):  # ways multiply, and work is handed on once only: a longer circle does no harm
        if not todo:
            break
        way, since, until = todo.pop()
        if way[-1] == start:
            return way
        person = people.get(way[-1])
        for other in person.away if person else ():
            overlap = max(since, other.since), min(until, other.until)
            if other.delegate and overlap[0] <= overlap[1] and other.delegate not in way:
                todo.append(([*way, other.delegate], *overlap))
    return None


def _circles(parents: Mapping[str, str | None]) -> Iterable[str]:
    """One unit of every circle."""
    done: set[str] = set()
    for start in parents:
        way: dict[str, None] = {}
        unit: str | None = start
        while unit is not None and unit not in done and unit not in way:
            way[unit] = None
            unit = parents.get(unit)
        if unit in way:
            yield unit
        done.update(way)
