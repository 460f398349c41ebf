"""YAML text to nodes that know their place.

The tree is built from PyYAML's events (libyaml's where it is there), because events still show anchors, aliases and
explicit tags, which the language refuses, and need no recursion, so depth is checked before it can hurt.
Scalars stay source text: what `NO` or `00123` means is for the type of the field to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from worker.route.findings import Notes, Place

MOST_BYTES = 2 * 1024 * 1024
MOST_DEPTH = 20
_MOST_NODES = 400_000  # 2 MB of "a,a,a" would otherwise take half a gigabyte
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_FAR = 50  # lines to look back for the cause of a mistake
_HASH = re.compile(r"\s+(#[^\s,\]}]+)")
_HASH_IN_FLOW = re.compile(r"([\w.-]+):\s+(#[^\s,\]}]+)")
_SYMBOL = re.compile(r":\s*(<=|>=|<|>|=)\s*(-?\d+(?:\.\d+)?)")
_QUOTE_BEGINS = re.compile(r'(?:: |- |\[|, |\{)(")')
_QUOTE_ENDS = re.compile(r"\s*(?:$|[,\]}:#])", re.MULTILINE)
_BLOCK_SYMBOL = re.compile(r"(>=?)\s*(\d+)")
SYMBOLS = {"<=": "at most", ">=": "at least", "<": "below", ">": "above", "=": ""}


@dataclass(slots=True)
class Scalar:
    """`plain`: written without quotes."""

    text: str
    line: int
    column: int
    plain: bool

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in _NULLS


@dataclass(slots=True)
class Seq:
    line: int
    column: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Map:
    line: int
    column: int
    entries: dict[str, tuple[Scalar, Node]] = field(default_factory=dict)

    def get(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return entry[1] if entry else None

    def key(self, key: str) -> Scalar:
        return self.entries[key][0]


Node = Scalar | Seq | Map


class _Unreadable(Exception):
    """Nothing more can be made of this file."""

    def __init__(self, code: str, line: int, column: int, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.code, self.line, self.column, self.message, self.fix = code, line, column, message, fix


def parse(file: str, data: bytes, notes: Notes) -> Map | None:
    """The top mapping of a file, or None after adding a finding. An empty file is an empty mapping."""
    try:
        text = _decode(data)
        lines = text.splitlines()
        _refuse_tabs(lines)
        return _top(_Builder(file, lines, notes).build(_events(text, lines)))
    except _Unreadable as error:
        notes.add(error.code, Place(file, error.line, error.column), error.message, error.fix)
    return None


def written(node: Node) -> str:
    """A node in flow style, as its author could have written it on one line."""
    if isinstance(node, Scalar):
        return node.text if node.plain else f'"{node.text}"'
    if isinstance(node, Seq):
        return f"[{', '.join(map(written, node.items))}]"
    return f"{{{', '.join(f'{key}: {written(value)}' for key, (_, value) in node.entries.items())}}}"


def plain(node: Node) -> object:
    """A node as dicts, lists, text and None, without places."""
    if isinstance(node, Scalar):
        return None if node.is_null else node.text
    if isinstance(node, Seq):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, (_, value) in node.entries.items()}


def find(node: Node, path: tuple[str | int, ...]) -> Node:
    """The node at `path`, or the deepest one on the way that exists."""
    for step in path:
        found: Node | None = None
        if isinstance(node, Map):
            found = node.get(str(step))
        elif isinstance(node, Seq) and isinstance(step, int) and 0 <= step < len(node.items):
            found = node.items[step]
        if found is None:
            break
        node = found
    return node


def _decode(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise _Unreadable(
            "E117", 1, 1, f"the file has more than {MOST_BYTES:,} bytes, and that many are read.", "Split it."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        line = before.count("\n") + 1
        column = len(before) - before.rfind("\n")
        raise _Unreadable(
            "E118", line, column, f"byte 0x{data[error.start]:02x} is not UTF-8.", "Save the file as UTF-8."
        ) from None


def _refuse_tabs(lines: list[str]) -> None:
    for number, line in enumerate(lines, 1):
        body = line.lstrip(" \t")
        indent = line[: len(line) - len(body)]
        if body and not body.startswith("#") and "\t" in indent:
            raise _Unreadable("E110", number, indent.index("\t") + 1, "a tab in the indentation.", "Use spaces.")


def _events(text: str, lines: list[str]) -> Iterator[yaml.Event]:
    try:
        # Straight from the parser: yaml.parse() asks it twice for every event.
        yield from iter(_LOADER(text).get_event, None)
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, lines) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        character = error.character if isinstance(error.character, int) else 0
        raise _Unreadable(
            "E100",
            before.count("\n") + 1,
            len(before) - before.rfind("\n"),
            f"the character U+{character:04X} cannot stand in a YAML file.",
            "Delete it.",
        ) from None


def _top(node: Node | None) -> Map:
    if node is None or (isinstance(node, Scalar) and node.is_null):
        return Map(1, 1)
    if not isinstance(node, Map):
        raise _Unreadable(
            "E116", node.line, node.column, 'the file must hold "key: value" lines.', "Begin with: format: 1"
        )
    return node


class _Builder:
    """Stacks open containers; `keys` holds the key that waits for its value, one per level."""

    def __init__(self, file: str, lines: list[str], notes: Notes) -> None:
        self._file, self._lines, self._notes = file, lines, notes
        self._open: list[Map | Seq] = []
        self._keys: list[Scalar | None] = []
        self._top: Node | None = None
        self._count = self._documents = 0

    def build(self, events: Iterator[yaml.Event]) -> Node | None:
        does: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        for event in events:
            if act := does.get(type(event)):
                act(event)
        return self._top

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            raise _at("E100", event, 'a second document begins here ("---").', "Keep one document in a file.")

    def _alias(self, event: yaml.AliasEvent) -> None:
        raise _at("E111", event, f'"*{event.anchor}" is an alias.', _WRITE_OUT)

    def _begin(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> tuple[int, int]:
        """Where a value stands, if it may."""
        self._count += 1
        if self._count > _MOST_NODES:
            raise _at("E117", event, f"the file holds more than {_MOST_NODES:,} values.", "Split it.")
        if event.anchor is not None:
            raise _at("E111", event, f'"&{event.anchor}" is an anchor.', _WRITE_OUT)
        if event.tag is not None:
            raise _at("E111", event, f'"{event.tag}" is a tag.', "Delete it: the field says what a value is.")
        return _where(event)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        line, column = self._begin(event)
        if event.style == ">":
            self._refuse_block(event, line, column)
        plain = not event.style  # "" from libyaml, None from PyYAML
        node = Scalar(event.value, line, column, plain)
        self._place(node if node.text or not plain else self._without_hash(node))

    def _refuse_block(self, event: yaml.ScalarEvent, line: int, column: int) -> None:
        """`>4` begins a block of text in YAML. Nobody who writes it means that."""
        if line > len(self._lines):
            return
        match = _BLOCK_SYMBOL.match(self._lines[line - 1], column - 1)
        if match:
            words = f"{SYMBOLS[match[1]]} {match[2]}"
            raise _at("E104", event, f'cannot read "{match[0]}" as a number test.', f"Write it in words: {words}")

    def _without_hash(self, node: Scalar) -> Scalar:
        """An empty value before a "#" is told, and then read as what was meant: it is one mistake."""
        line = self._lines[node.line - 1] if node.line <= len(self._lines) else ""
        match = _HASH.match(line, node.column - 1)
        if not match:
            return node
        waiting = self._keys[-1] if self._keys else None
        key = waiting.text if waiting else "this entry"
        self._notes.add("E109", Place(self._file, node.line, match.start(1) + 1), *_hash_words(key, match[1]))
        return Scalar(match[1], node.line, node.column, plain=False)

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._open) >= MOST_DEPTH:
            raise _at("E117", event, f"nested deeper than {MOST_DEPTH} levels.", "Nothing in the language needs that.")
        line, column = self._begin(event)
        kind = Map if isinstance(event, yaml.MappingStartEvent) else Seq
        node = kind(line, column)
        self._place(node)
        self._open.append(node)
        self._keys.append(None)

    def _close(self, _event: yaml.CollectionEndEvent) -> None:
        self._open.pop()
        self._keys.pop()

    def _place(self, node: Node) -> None:
        if not self._open:
            self._top = node
            return
        parent = self._open[-1]
        if isinstance(parent, Seq):
            parent.items.append(node)
            return
        key = self._keys[-1]
        if key is None:
            self._keys[-1] = _key(node)
            return
        self._keys[-1] = None
        if key.text in parent.entries:
            first = parent.entries[key.text][0]
            message = f'"{key.text}" is written twice; the first is in line {first.line}.'
            self._notes.add("E108", Place(self._file, key.line, key.column), message, "Keep one of them.")
        else:
            parent.entries[key.text] = (key, node)


_WRITE_OUT = "The language has no anchors: write the value out."


def _key(node: Node) -> Scalar:
    if not isinstance(node, Scalar):
        raise _Unreadable("E116", node.line, node.column, "a key must be one word.", "Write: key: value")
    if node.text == "<<" and node.plain:
        raise _Unreadable("E111", node.line, node.column, '"<<" is a merge key.', _WRITE_OUT)
    return node


def _at(code: str, event: yaml.Event, message: str, fix: str = "") -> _Unreadable:
    return _Unreadable(code, *_where(event), message, fix)


def _where(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _hash_words(key: str, value: str) -> tuple[str, str]:
    what = "the channel" if key == "slack" else "it"
    return f'{key} has no value: everything after " #" is a comment.', f'Put {what} in quotes: "{value}".'


# What libyaml says, and what that means to somebody who has never seen a parser.
_SYNTAX = (
    ("mapping values are not allowed", 'a ": " inside a value.', "Put the whole value in quotes."),
    ("did not find expected ',' or '}'", "braces that are not closed, or a missing comma.", "Write: {a: 1, b: 2}"),
    ("did not find expected ',' or ']'", "brackets that are not closed, or a missing comma.", "Write: [a, b]"),
    ("could not find expected ':'", 'a line without ": ".', 'Write: key: value, with a space after the ":".'),
    ("found unexpected ':'", 'a ":" with nothing after it.', "Write a value after it, or delete the key."),
    (
        "did not find expected key",
        "this line is not indented like the lines above it.",
        "Line it up with the key it belongs beside.",
    ),
    (
        "did not find expected '-' indicator",
        "this line is not indented like the entries above it.",
        'Line it up with the lines above, or begin it with "- " in the column of theirs.',
    ),
    ("block sequence entries are not allowed", 'a "- " where no list can begin.', "Put it on a line of its own."),
    ("unexpected end of stream", "a quote that is opened and never closed.", "Close it."),
    ("while scanning a tag", 'a value cannot begin with "!".', "Write: {not: value}, or put it in quotes."),
    ("unknown escape character", 'a "\\" inside double quotes.', "Use single quotes, or write it twice."),
    (
        "did not find expected <document start>",
        "this line does not belong to what stands above it.",
        "Check the indentation.",
    ),
)


def _in_a_name(error: yaml.MarkedYAMLError) -> bool:
    """Of an anchor or an alias, which YAML expects after "&" and "*"."""
    return (error.context or "").startswith("while scanning an a")


def _syntax(error: yaml.MarkedYAMLError, lines: list[str]) -> _Unreadable:
    # A "*" that no name follows is stumbled over where it ends.
    mark = (error.context_mark if _in_a_name(error) else error.problem_mark) or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    hidden = _hidden_end(lines[:line]) or _open_quote(lines[:line])
    if hidden:
        return hidden
    if error.context_mark and "flow" in (error.context or "") and error.context_mark.line + 1 < line:
        line, column = error.context_mark.line + 1, error.context_mark.column + 1
    source = lines[line - 1] if line <= len(lines) else ""
    symbol = _SYMBOL.search(source)
    if symbol:
        words = f"{SYMBOLS[symbol[1]]} {symbol[2]}".strip()
        message = f'cannot read "{symbol[1]} {symbol[2]}" as a number test.'
        return _Unreadable("E104", line, symbol.start(1) + 1, message, f"Write it in words: {words}.")
    return _Unreadable("E100", line, column, *_plain_words(error, source, column))


def _hidden_end(lines: list[str]) -> _Unreadable | None:
    """Braces that a " #" before their end left open: the parser only stumbles some lines further down."""
    for number in range(len(lines), max(0, len(lines) - _FAR), -1):
        source = lines[number - 1]
        match = _HASH_IN_FLOW.search(source)
        if match and source.count("{", 0, match.start()) > source.count("}", 0, match.start()):
            return _Unreadable("E109", number, match.start(2) + 1, *_hash_words(match[1], match[2]))
    return None


def _open_quote(lines: list[str]) -> _Unreadable | None:
    """A quote that is not closed on its line: the parser reads on to the next one, and stumbles there."""
    for number in range(len(lines), max(0, len(lines) - _FAR), -1):
        source = lines[number - 1]
        for match in _QUOTE_BEGINS.finditer(source):
            after = match.end(1)
            if '"' not in source[after:] and not source.lstrip().startswith("#"):
                _, quote, behind = "\n".join(lines[number:]).partition('"')
                if not quote or not _QUOTE_ENDS.match(behind):
                    message = "a quote that is opened and never closed."
                    return _Unreadable("E100", number, match.start(1) + 1, message, "Close it.")
    return None


def _plain_words(error: yaml.MarkedYAMLError, source: str, column: int) -> tuple[str, str]:
    problem = error.problem or ""
    if "cannot start any token" in problem or _in_a_name(error):
        character = source[column - 1 : column]
        if character == "\t":
            return "a tab where YAML wants spaces.", "Use spaces."
        return f'a value cannot begin with "{character}".', "Put it in quotes."
    if "expected ',' or" in problem and source[column - 1 : column] == ":":
        word = source[: column - 1].rpartition(" ")[2].strip('{["')
        message = f'a ": " inside a value, or no comma before "{word[:60]}".'
        return message, "Put the whole value in quotes, or write the comma."
    for sign, message, fix in _SYNTAX:
        if sign in problem or sign in (error.context or ""):
            return message, fix
    return f"this is not YAML: {problem or 'it cannot be read'}.", "Compare the line with its neighbours."
