"""References between files: who names whom, checked when everything is read."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from worker.model.span import Span
from worker.route import shape
from worker.route.findings import Notes, Place, did_you_mean
from worker.route.nodes import Node, Scalar
from worker.route.shape import File, shown

OWNERS = ("agent", "manager", "account_manager", "unit_manager", "team_lead", "team_queue")
RECIPIENTS = ("owner", *OWNERS)
_MOST_LISTED = 12
_MOST_PLACES = 4
_WHERE = {
    "person": "directory.yaml",
    "team": "directory.yaml",
    "unit": "directory.yaml",
    "calendar": "directory.yaml",
    "playbook": "playbooks.yaml",
    "rule": "the rules",
    "also entry": "also",
    "theme": "themes.yaml",
    "severity": "severity.yaml",
}


@dataclass(slots=True)
class References:
    """`known` has the ids of each kind; a kind that is missing could not be read, so nothing is said about it."""

    notes: Notes
    known: dict[str, Collection[str]] = field(default_factory=dict)
    asked: list[tuple[str, str, Place]] = field(default_factory=list)
    business: list[tuple[Span, Place]] = field(default_factory=list)

    def ask(self, kind: str, name: str, place: Place) -> None:
        self.asked.append((kind, name, place))

    def check(self) -> None:
        """A finding for every name that nobody has, at the first place that has it: adding it mends them all."""
        missing: dict[tuple[str, str], list[Place]] = {}
        for kind, name, place in self.asked:
            known = self.known.get(kind)
            # An id in capitals is told where it stands.
            if known is not None and name not in known and name not in map(shape.fitting_id, known):
                missing.setdefault((kind, name), []).append(place)
        for (kind, name), places in missing.items():
            first, *others = sorted(set(places), key=lambda place: (place.file, place.line, place.column))
            known = self.known[kind]
            a = "an" if kind[0] in "aeiou" else "a"
            listed = f"There are: {', '.join(known)}." if 0 < len(known) <= _MOST_LISTED else ""
            fix = (
                self._elsewhere(kind, name)
                or did_you_mean(name, known)
                or listed
                or f"Add {a} {kind} with that id, or name another."
            )
            also = f" (also in {_listed(others, first.file)})" if others else ""
            self.notes.add("E119", first, f'there is no {kind} "{shown(name)}" in {_WHERE[kind]}{also}.', fix)

    def _elsewhere(self, kind: str, name: str) -> str:
        """Rules and also entries are mistaken for each other."""
        if kind == "rule" and name in self.known.get("also entry", ()):
            return f"It is the id of an also entry. Write: also: [{name}]"
        if kind == "also entry" and name in self.known.get("rule", ()):
            return f"It is the id of a rule. Write: rule: {name}"
        return ""


def _listed(places: Sequence[Place], here: str) -> str:
    """Lines; with their file where it is another one."""
    said = [
        f"line {place.line}" if place.file == here else f"{place.file.rpartition('/')[2]}:{place.line}"
        for place in places[:_MOST_PLACES]
    ]
    more = len(places) - len(said)
    return ", ".join([*said, *([f"{more} more"] if more else [])])


@dataclass(frozen=True, slots=True)
class Desk:
    """One file being read, with what its values may refer to."""

    file: File
    references: References
    channels: Collection[str]

    def named(self, node: Node | None, kind: str, what: str) -> str | None:
        """An id of something in another file."""
        found = shape.word(self.file, node, what)
        if found is None:
            return None
        head, colon, name = found.text.partition(":")
        if colon and head == kind:
            fix = f"Write: {name.strip()}"
            self.file.add("E103", found, f'{what} is the id of a {kind}, without "{kind}:".', fix)
            return None
        self.references.ask(kind, found.text, self.file.place(found))
        return found.text

    def span(self, node: Node | None, what: str) -> Span | None:
        """A span; business spans are remembered, since they need a calendar."""
        found = shape.span(self.file, node, what)
        if found and found.unit.is_business and node is not None:
            self.references.business.append((found, self.file.place(node)))
        return found

    def who(self, node: Node | None, what: str, roles: Collection[str]) -> str | None:
        """A role, person:ID or team:ID."""
        found = shape.word(self.file, node, what)
        if found is None:
            return None
        kind, colon, name = found.text.partition(":")
        if colon and kind in ("person", "team") and name and name == name.strip():
            place = self.file.place(found)
            self.references.ask(kind, name, Place(place.file, place.line, place.column))
            return found.text
        if found.text in roles:
            return found.text
        self._refuse_who(found, what, roles)
        return None

    def _refuse_who(self, node: Scalar, what: str, roles: Collection[str]) -> None:
        kinds = [kind for kind in ("person", "team") if node.text in self.references.known.get(kind, ())]
        kind, colon, name = node.text.partition(":")
        if colon and kind.strip().lower() in ("person", "team") and name.strip():
            fix = f'Write: "{kind.strip().lower()}:{name.strip()}"'
            self.file.add("E103", node, f'{what} cannot be "{shown(node.text)}".', fix)
            return
        several = re.split(r"[,\s]+", node.text)
        fix = f'Write: "{kinds[0]}:{node.text}"' if kinds else did_you_mean(node.text, roles)
        if len(several) > 1 and set(several) <= set(roles):
            fix = f"Write: [{', '.join(several)}]"
        if node.text == "customer":
            fix = "A customer is told by a key of the playbook: tell_customer: [{say: recovery_reply}]"
        said = ", ".join([*roles, "person:ID", "team:ID"])
        self.file.add("E103", node, f'{what} cannot be "{shown(node.text)}". It may be: {said}.', fix)

    def whos(self, node: Node | None, what: str, roles: Collection[str]) -> tuple[str, ...] | None:
        """One or several of them, in order."""
        if node is None:
            return None
        found = (self.who(item, what, roles) for item in shape.one_or_many(self.file, node, what))
        return tuple(who for who in found if who is not None)
