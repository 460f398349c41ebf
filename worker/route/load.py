"""From files to a rule set, or to findings.

1. Parse every file.  2. Labels and fields, which conditions speak of.  3. Directory.  4. Playbooks.
5. Rules, files in the order of `include`, routing.yaml last.  6. Source mappings.  7. References between all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from worker.classify.scales import SCALES
from worker.model.directory import CalendarSpec, Directory
from worker.model.notice import CHANNELS
from worker.model.playbook import Playbook
from worker.model.survey import Lexicon, Survey
from worker.route import label_files, lint, nodes, shape
from worker.route.directory_file import read_directory
from worker.route.fields import Field
from worker.route.findings import Finding, Notes, Place, closest, did_you_mean
from worker.route.nodes import Map, Node, Scalar
from worker.route.operators import Context
from worker.route.playbook_file import read_playbooks
from worker.route.references import Desk, References
from worker.route.rule_file import INCLUDED, MOST_RULES, TOP, Rulebook, read_entries
from worker.route.schema import FORMAT, InlineTest, Rule, RuleSet
from worker.route.shape import File, shown
from worker.route.test_entries import read_tests
from worker.route.when import Vocabulary

REQUIRED = ("routing.yaml", "playbooks.yaml", "directory.yaml")
OPTIONAL = ("root_causes.yaml", "themes.yaml", "severity.yaml", "surveys.yaml", "fields.yaml")
MOST_BYTES_IN_ALL = 16 * 1024 * 1024

Parse = Callable[[str, bytes, Notes], Map | None]
CheckSource = Callable[[Any], Iterable[tuple[tuple[str | int, ...], str, str]]]


@dataclass(frozen=True, slots=True)
class Loaded:
    """`rule_set` is None when a finding is an error."""

    rule_set: RuleSet | None
    findings: tuple[Finding, ...]


def revision(files: Mapping[str, bytes]) -> str:
    """The first 12 hex digits of SHA-256 over sorted paths and contents. Paths begin with rules/ or templates/."""
    digest = hashlib.sha256()
    for path in sorted(files):
        # Lengths keep "a" + "bc" apart from "ab" + "c".
        for part in (path.encode("utf-8", "surrogateescape"), files[path]):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:12]


def load(
    files: Mapping[str, bytes],
    *,
    root: str = "rules",
    revision_: str | None = None,
    check_source: CheckSource | None = None,
    channels: Collection[str] = CHANNELS,
    parse: Parse = nodes.parse,
) -> Loaded:
    """Read and check a rule set.

    `files` maps paths below the rules directory ("routing.yaml", "sources/x.yaml") to contents; `root` is how findings
    name that directory. `revision_` is the revision of rules and templates together, when the caller knows both.
    `check_source` gets each mapping as plain values and says what is wrong with it: (path, message, fix).
    `parse` may remember trees, which nothing changes.
    """
    known = revision_ or revision({f"rules/{path}": data for path, data in files.items()})
    return _Loading(files, root.rstrip("/"), check_source, tuple(channels), parse).run(known)


@dataclass(slots=True)
class _Routing:
    """What routing.yaml and its included files hold."""

    rules: list[Rule] = field(default_factory=list)
    also: list[Rule] = field(default_factory=list)
    tests: list[InlineTest] = field(default_factory=list)
    ends: Node | None = None  # the last entry of routing.yaml's own rules


class _Loading:
    """One load: holds what the steps hand to each other."""

    def __init__(
        self,
        files: Mapping[str, bytes],
        root: str,
        check_source: CheckSource | None,
        channels: tuple[str, ...],
        parse: Parse,
    ) -> None:
        self._files, self._root, self._check_source, self._channels = files, root, check_source, channels
        self._parse = parse
        self._notes = Notes()
        self._references = References(self._notes)
        self._trees: dict[str, Map | None] = {}
        self._lexicons: dict[str, tuple[Lexicon, ...]] = {}
        self._surveys: dict[str, Survey] = {}

    def run(self, known_revision: str) -> Loaded:
        if not self._acceptable():
            return Loaded(None, self._notes.sorted())
        fields = self._fields()
        root_causes = self._optional("root_causes.yaml", label_files.read_root_causes) or {}
        directory = self._directory()
        playbooks = self._playbooks()
        routing = self._tree("routing.yaml")
        zone = self._zone(routing)
        words = Vocabulary(fields, Context(ZoneInfo(zone), self._calendars(directory)))
        found = self._routing(routing, Rulebook(words, playbooks))
        sources = self._sources()
        self._references.known["rule"] = self._ids(found.rules)
        self._references.known["also entry"] = self._ids(found.also)
        self._check(found, directory, playbooks)
        maintained_by = self._maintained_by(routing) if routing else None
        if self._notes.has_errors or directory is None or routing is None:
            return Loaded(None, self._notes.sorted())
        rule_set = RuleSet(
            revision=known_revision,
            timezone=zone,
            rules=tuple(found.rules),
            also=tuple(found.also),
            playbooks=playbooks,
            directory=directory,
            fields=fields,
            maintained_by=maintained_by,
            root_causes=root_causes,
            themes=self._lexicons.get("themes", ()),
            severity=self._lexicons.get("severity", ()),
            surveys=self._surveys,
            sources=sources,
            tests=tuple(found.tests),
        )
        lint.warn(rule_set, self._notes)
        self._warn_unread()
        return Loaded(rule_set, self._notes.sorted())

    # Files ---------------------------------------------------------------------------------------------------------

    def _acceptable(self) -> bool:
        size = sum(map(len, self._files.values()))
        if size > MOST_BYTES_IN_ALL:
            self._note(
                "E117",
                "routing.yaml",
                f"the rule set has {size:,} bytes; at most {MOST_BYTES_IN_ALL:,} are read.",
                "Take files out.",
            )
        for name in REQUIRED:
            if name not in self._files:
                self._note("E124", name, "the file is missing.", self._misnamed(name) or "Every rule set needs it.")
        return not self._notes.has_errors

    def _misnamed(self, name: str) -> str:
        wrong = name.removesuffix(".yaml") + ".yml"
        return f"Rename {wrong} to {name}." if wrong in self._files else ""

    def _note(self, code: str, name: str, message: str, fix: str = "") -> None:
        self._notes.add(code, Place(f"{self._root}/{name}", 1, 1), message, fix)

    def _file(self, name: str) -> File:
        return File(f"{self._root}/{name}", self._notes)

    def _desk(self, name: str) -> Desk:
        return Desk(self._file(name), self._references, self._channels)

    def _tree(self, name: str) -> Map | None:
        """The parsed file; None when it is not there or cannot be parsed, which is told once."""
        if name not in self._trees:
            data = self._files.get(name)
            tree = self._parse(f"{self._root}/{name}", data, self._notes) if data is not None else None
            self._trees[name] = tree
            if tree is not None:
                self._check_format(name, tree)
        return self._trees[name]

    def _check_format(self, name: str, tree: Map) -> None:
        found = tree.get("format")
        if found is None:
            if tree.entries and not name.startswith("sources/"):
                self._note("W204", name, "format is missing; it is taken as 1.", "Add: format: 1")
        elif not isinstance(found, Scalar) or found.text != FORMAT:
            self._file(name).add(
                "E125",
                found,
                f"this version reads format {FORMAT}, not {shown(nodes.written(found))}.",
                f"Write: format: {FORMAT}",
            )

    def _optional(self, name: str, read: Callable[[File, Map], Any]) -> Any:
        tree = self._tree(name)
        return read(self._file(name), tree) if tree is not None else None

    # Steps ---------------------------------------------------------------------------------------------------------

    def _fields(self) -> dict[str, Field]:
        for name, keys in (("themes", ("themes",)), ("severity", ("severity", "severities"))):
            tree = self._tree(f"{name}.yaml")
            if tree is not None:
                file = self._file(f"{name}.yaml")
                labels = label_files.read_lexicons(file, tree, keys) or ()
                # A broken lexicon is one mistake; the rules that speak of its labels are not another.
                self._lexicons[name] = () if self._notes.has_errors_in(file.name) else labels
        self._surveys = self._optional("surveys.yaml", label_files.read_surveys) or {}
        metrics = dict.fromkeys([*SCALES, *(survey.metric for survey in self._surveys.values() if survey.metric)])
        known = label_files.Labels(
            tuple(entry.label for entry in self._lexicons.get("themes", ())),
            tuple(entry.label for entry in self._lexicons.get("severity", ())),
            tuple(metrics),
            tuple(self._surveys.values()),
        )
        own = label_files.own_fields(known)
        tree = self._tree("fields.yaml")
        site = label_files.read_fields(self._file("fields.yaml"), tree, own) if tree is not None else {}
        return {**own, **site}

    def _directory(self) -> Directory | None:
        tree = self._tree("directory.yaml")
        if tree is None:
            return None
        directory = read_directory(self._desk("directory.yaml"), tree, self._files)
        if not tree.entries:  # an empty file is one mistake; whoever the rules name is not another
            for kind in ("person", "team", "unit", "calendar"):
                self._references.known.pop(kind, None)
        return directory

    def _playbooks(self) -> dict[str, Playbook]:
        tree = self._tree("playbooks.yaml")
        return read_playbooks(self._desk("playbooks.yaml"), tree) if tree is not None else {}

    def _calendars(self, directory: Directory | None) -> Mapping[str, CalendarSpec | None]:
        """All calendars by id; those that could not be read are None, so that a mistake is told once."""
        known = dict.fromkeys(self._references.known.get("calendar", ()))
        return {**known, **(directory.calendars if directory else {})}

    def _zone(self, routing: Map | None) -> str:
        node = routing.get("timezone") if routing else None
        return shape.zone(self._file("routing.yaml"), node, "timezone") or "UTC"

    def _maintained_by(self, routing: Map) -> str | None:
        return shape.text(self._file("routing.yaml"), routing.get("maintained_by"), "maintained_by")

    def _routing(self, routing: Map | None, book: Rulebook) -> _Routing:
        found = _Routing()
        if routing is None:
            return found
        top = shape.keys(self._file("routing.yaml"), routing, "routing.yaml", TOP, ("rules",))
        for name in self._included(top.get("include")):
            tree = self._tree(name)
            if tree is not None:
                self._rules_of(name, shape.keys(self._file(name), tree, "An included file", INCLUDED), book, found)
        self._rules_of("routing.yaml", top, book, found)
        self._refuse_many(found)
        own = top.get("rules")
        found.ends = own.items[-1] if isinstance(own, nodes.Seq) and own.items else own
        return found

    def _included(self, node: Node | None) -> list[str]:
        names: list[str] = []
        for item in shape.items(self._file("routing.yaml"), node, "include"):
            word = shape.word(self._file("routing.yaml"), item, "an entry of include")
            if word and self._may_include(word, names):
                names.append(word.text)
        return names

    def _may_include(self, word: Scalar, names: list[str]) -> bool:
        name = word.text
        if name in REQUIRED or name in OPTIONAL:
            trouble = (f'"{name}" is read anyway and cannot be included.', "Take it out.")
        elif name in names:
            trouble = (f'"{name}" is included twice.', "Keep one of them.")
        elif name not in self._files:
            near = did_you_mean(name, [known for known in self._files if known.endswith(".yaml")])
            trouble = (
                f'there is no file "{shown(name)}" in {self._root}/.',
                near or "Add the file, or take the line out.",
            )
        else:
            return True
        self._file("routing.yaml").add("E123", word, *trouble)
        return False

    def _rules_of(self, name: str, top: Mapping[str, Node], book: Rulebook, found: _Routing) -> None:
        desk = self._desk(name)
        found.rules += read_entries(desk, top.get("rules"), "rules", book)
        found.also += read_entries(desk, top.get("also"), "also", book)
        found.tests += read_tests(desk, top.get("tests"), book.words)

    def _refuse_many(self, found: _Routing) -> None:
        count = len(found.rules) + len(found.also)
        if count > MOST_RULES:
            self._note(
                "E117",
                "routing.yaml",
                f"there are {count:,} rules; at most {MOST_RULES:,} are read.",
                "Delete some, or join them.",
            )

    def _sources(self) -> dict[str, Mapping[str, Any]]:
        made: dict[str, Mapping[str, Any]] = {}
        for path in sorted(self._files):
            if path.startswith("sources/") and path.endswith(".yaml"):
                tree = self._tree(path)
                if tree is not None:
                    plain = {key: nodes.plain(value) for key, (_, value) in tree.entries.items() if key != "format"}
                    made[path.removeprefix("sources/").removesuffix(".yaml")] = plain
                    self._ask_about(path, tree, plain)
        return made

    def _ask_about(self, path: str, tree: Map, plain: object) -> None:
        for way, message, fix in self._check_source(plain) if self._check_source else ():
            self._file(path).add("E150", _key_or_value(tree, way), f"{message.rstrip('.')}.", fix)

    def _warn_unread(self) -> None:
        for name in sorted(self._files):
            if name.endswith((".yaml", ".yml")) and name not in self._trees:
                self._note("W203", name, "nothing reads this file.", self._to_be_read(name))

    def _to_be_read(self, name: str) -> str:
        if not name.endswith(".yaml"):
            return "Rename it: .yaml"
        own = closest(name.removesuffix(".yaml"), [known.removesuffix(".yaml") for known in OPTIONAL])
        if own and f"{own}.yaml" not in self._files:
            return f"Rename it to {own}.yaml, if that is what it is."
        return f"Add it to routing.yaml: include: [{name}]"

    # Checks --------------------------------------------------------------------------------------------------------

    def _ids(self, rules: list[Rule]) -> Collection[str]:
        return {rule.id: None for rule in rules}

    def _check(self, found: _Routing, directory: Directory | None, playbooks: Mapping[str, Playbook]) -> None:
        lint.refuse_doubles([*found.rules, *found.also], self._notes)
        if self._notes.has_errors:
            # A broken entry is one mistake; what refers to it is not another.
            self._references.known.pop("rule", None)
            self._references.known.pop("also entry", None)
        else:
            place = self._file("routing.yaml").place(found.ends or Map(1, 1))
            lint.refuse_open_end(found.rules, place, self._notes)
        self._references.check()
        if directory is not None:
            lint.refuse_without_calendar(directory, self._references.business, self._notes)
            lint.refuse_private_queue(directory, playbooks, found.rules, self._default_owner(), self._notes)

    def _default_owner(self) -> Place:
        tree = self._trees["directory.yaml"] or Map(1, 1)
        return self._file("directory.yaml").place(tree.get("default_owner") or tree)


def _key_or_value(tree: Map, way: tuple[str | int, ...]) -> Node:
    """Where a finding about a mapping points: the key of what is wrong, else the nearest that exists."""
    parent = nodes.find(tree, way[:-1]) if way else tree
    if way and isinstance(parent, Map) and str(way[-1]) in parent.entries:
        return parent.key(str(way[-1]))
    return nodes.find(tree, way)
