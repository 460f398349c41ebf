"""Files of events, as people hand them to a command: one event, or one a line."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from worker.errors import UsageError

_BOM = b"\xef\xbb\xbf"
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Given:
    """One event as the file has it, and what stands for the store."""

    value: bytes
    facts: dict[str, Any] = field(default_factory=dict)


class _Wrapped(msgspec.Struct, forbid_unknown_fields=True):
    event: msgspec.Raw
    facts: dict[str, Any] = {}


def read_bytes(file: str) -> bytes:
    """A file, or standard input for `-`. Raises UsageError."""
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}.") from None


def events(content: bytes) -> list[Given]:
    """One event over any number of lines, or one event a line. Blank lines are passed over."""
    content = content.removeprefix(_BOM)
    lines = [line for line in content.split(b"\n") if line.strip()]
    # A file of which not even one line is JSON by itself is one event, be it well formed or not.
    is_lines = len(lines) > 1 and any(_is_json(line) for line in lines) and not _is_json(content)
    return [unwrapped(line) for line in lines] if is_lines else [unwrapped(content)]


def _is_json(text: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except _UNREADABLE:
        return False


def unwrapped(text: bytes) -> Given:
    """`{"event": {…}, "facts": {…}}` or the event itself, byte for byte."""
    try:
        wrapped = msgspec.json.decode(text, type=_Wrapped)
    except _UNREADABLE:
        return Given(text)
    return Given(bytes(wrapped.event), wrapped.facts)
