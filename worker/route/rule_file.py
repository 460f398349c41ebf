"""routing.yaml and the files it includes: rules, also, tests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from msgspec import structs

from worker.model.playbook import Playbook, Priority
from worker.route import playbook_file, shape
from worker.route.clauses import When
from worker.route.nodes import Map, Node, Scalar
from worker.route.playbook_file import KEYS, PRIORITIES
from worker.route.references import RECIPIENTS, Desk
from worker.route.schema import Addition, Rule
from worker.route.shape import shown
from worker.route.when import Vocabulary, read_when

MOST_RULES = 20_000
TOP = ("format", "maintained_by", "timezone", "include", "rules", "also", "tests")
INCLUDED = ("format", "rules", "also", "tests")
_RULE = ("id", "name", "when", "then", "mode", "from", "until", "rollout", "was", "maintained_by")
_ALSO = tuple("add" if key == "then" else key for key in _RULE)
_THEN = ("open", "ignore", *KEYS)
_ADD = ("copy", "tags", "priority_at_least")
# What stands one level deeper, or in another section: by key what is meant, what is wrong, and the fix.
_IN_THEN = {key: ("then", f'"{key}" stands in then.', f"Write: then: {{…, {key}: …}}") for key in _THEN}
_IN_ADD = {key: ("add", f'"{key}" stands in add.', f"Write: add: {{…, {key}: …}}") for key in _ADD}
_IN_ALSO = {
    key: ("open", f'"{key}" cannot stand in then.', f"Write it in an also entry: add: {{{key}: …}}") for key in _ADD
}
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What reading a rule needs besides its own file."""

    words: Vocabulary
    playbooks: Mapping[str, Playbook]


def read_entries(desk: Desk, node: Node | None, section: str, book: Rulebook) -> list[Rule]:
    """The entries of `rules` or `also` that could be read."""
    rules = []
    for item in shape.items(desk.file, node, section):
        body = shape.mapping(desk.file, item, f"an entry of {section}", "Write: - id: first-rule")
        rule = _Entry(desk, body, section, book).read() if body is not None else None
        if rule:
            rules.append(rule)
    return rules


class _Entry:
    """One entry being read. `what` is how messages name it."""

    def __init__(self, desk: Desk, body: Map, section: str, book: Rulebook) -> None:
        self._desk, self._file, self._body, self._book = desk, desk.file, body, book
        self._adds = section == "also"
        self._what = "An also entry" if self._adds else "A rule"

    def read(self) -> Rule | None:
        action = "add" if self._adds else "then"
        allowed = _ALSO if self._adds else _RULE
        found = shape.keys(
            self._file, self._body, self._what, allowed, ("id", action), elsewhere=_IN_ADD if self._adds else _IN_THEN
        )
        rule_id = shape.identifier(self._file, found.get("id"), "a rule")
        when = read_when(self._file, found.get("when"), self._book.words)
        values = self._common(found)
        done = self._add(found.get(action)) if self._adds else self._then(found.get(action))
        if rule_id is None or when is None or done is None:
            return None
        return self._rule(rule_id, when, values, done)

    def _rule(self, rule_id: str, when: When, values: dict[str, Any], done: dict[str, Any]) -> Rule | None:
        since, until = values.get("since"), values.get("until")
        if since and until and until < since:
            self._file.add(
                "E105",
                self._body.get("until") or self._body,
                f'"{rule_id}" ends on {until}, before it begins on {since}.',
                "Swap from and until.",
            )
            return None
        place = self._file.place(self._body.get("id") or self._body)
        return Rule(id=rule_id, place=place, when=when, **values, **done)

    def _common(self, found: Mapping[str, Node]) -> dict[str, Any]:
        file = self._file
        mode = shape.choice(file, found.get("mode"), "mode", ("live", "observe"))
        return shape.present(
            {
                "name": shape.text(file, found.get("name"), "name"),
                "observe": mode == "observe",
                "since": shape.day(file, found.get("from"), "from"),
                "until": shape.day(file, found.get("until"), "until"),
                "rollout": self._share(found.get("rollout")),
                "was": shape.identifier(file, found.get("was"), "a rule"),
                "maintained_by": shape.text(file, found.get("maintained_by"), "maintained_by"),
            }
        )

    def _share(self, node: Node | None) -> Decimal | None:
        word = shape.word(self._file, node, "rollout")
        if word is None:
            return None
        match = _PERCENT.fullmatch(word.text.strip())
        if match and Decimal(match[1]) <= 100:
            return Decimal(match[1]) / 100
        self._file.add("E104", word, f'cannot read "{shown(word.text)}" as a share of customers.', "Write: 20%")
        return None

    def _then(self, node: Node | None) -> dict[str, Any] | None:
        body = shape.mapping(self._file, node, "then", "Write: then: {open: recover}, or: then: {ignore: the reason}")
        if body is None:
            return None
        found = shape.keys(self._file, body, "then", _THEN, elsewhere=_IN_ALSO)
        if "ignore" in found:
            return self._ignore(found)
        if "open" not in found:
            if set(body.entries) <= set(_THEN):
                self._file.add(
                    "E107",
                    body,
                    "then needs open or ignore.",
                    "Write: then: {open: recover}, or: then: {ignore: the reason}",
                )
            return None
        return self._open(found)

    def _ignore(self, found: Mapping[str, Node]) -> dict[str, Any] | None:
        others = [name for name in found if name != "ignore"]
        if others:
            self._file.add(
                "E129",
                found["ignore"],
                f"ignore stands beside {', '.join(others)}: nothing is opened.",
                "Keep ignore alone, or take it out.",
            )
            return None
        node = found["ignore"]
        if isinstance(node, Scalar) and (node.is_null or (node.plain and node.text.lower() in shape.YES_NO)):
            self._file.add("E107", node, "ignore needs a reason.", "Write: ignore: not a detractor")
            return None
        reason = shape.text(self._file, node, "ignore")
        return {"ignore": reason} if reason else None

    def _open(self, found: Mapping[str, Node]) -> dict[str, Any] | None:
        name = self._desk.named(found["open"], "playbook", "open")
        own = {key: node for key, node in found.items() if key != "open"}
        values = playbook_file.read_keys(self._desk, own)
        playbook = self._book.playbooks.get(name or "")
        if playbook is None:
            return None
        if not values:
            return {"plan": playbook}
        plan = structs.replace(playbook, **values)
        playbook_file.check_customer(self._desk, found.get("tell_customer") or found.get("closes_itself"), plan)
        return {"plan": plan}

    def _add(self, node: Node | None) -> dict[str, Any] | None:
        body = shape.mapping(self._file, node, "add", "Write: add: {tags: [app-feedback]}")
        if body is None:
            return None
        found = shape.keys(self._file, body, "add", _ADD)
        if not body.entries:
            self._file.add("E112", body, "add is empty.", "Write: add: {tags: [app-feedback]}")
        copy = self._desk.whos(found.get("copy"), "copy", RECIPIENTS)
        tags = [tag.text for tag in shape.one_or_many(self._file, found["tags"], "tags")] if "tags" in found else []
        least = shape.choice(self._file, found.get("priority_at_least"), "priority", PRIORITIES)
        return {"add": Addition(copy or (), tuple(dict.fromkeys(tags)), Priority.of(least) if least else None)}
