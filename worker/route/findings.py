"""Findings: what is wrong with a rule set, where, why, and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from msgspec import Struct

MOST_SHOWN = 20
_MOST_COMPARED = 400  # names: comparing is slow
_MOST_MISSING = 8  # letters that somebody may have left out or added
_LONGEST_WORD = 80  # longer rubbish is nobody's slip of the finger
_MOST_KEPT = 1000  # a hostile file can hold a hundred thousand mistakes; nobody reads them


class Level(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: `line` and `column` count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Finding(Struct, frozen=True, kw_only=True):
    """One mistake. `message` says what and why, `fix` what to write instead (may be empty)."""

    code: str
    level: Level
    file: str
    line: int
    column: int
    message: str
    fix: str = ""

    @property
    def text(self) -> str:
        return f"{self.message} {self.fix}".rstrip()


class Notes:
    """Collects findings. The same mistake at the same place is kept once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, int, int], Finding] = {}
        self._files: dict[str, int] = {}

    def add(self, code: str, place: Place, message: str, fix: str = "") -> None:
        self._files.setdefault(place.file, len(self._files))
        if len(self._found) < _MOST_KEPT:
            level = Level.ERROR if code.startswith("E") else Level.WARNING
            finding = Finding(
                code=code, level=level, file=place.file, line=place.line, column=place.column, message=message, fix=fix
            )
            self._found.setdefault((code, place.file, place.line, place.column), finding)

    @property
    def has_errors(self) -> bool:
        return any(finding.level is Level.ERROR for finding in self._found.values())

    def has_errors_in(self, file: str) -> bool:
        return any(finding.level is Level.ERROR and finding.file == file for finding in self._found.values())

    def sorted(self) -> tuple[Finding, ...]:
        """Errors before warnings, then in reading order."""
        return tuple(
            sorted(
                self._found.values(), key=lambda f: (f.level is not Level.ERROR, self._files[f.file], f.line, f.column)
            )
        )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean "when"?`, or nothing when no known word is close."""
    close = closest(word, known)
    return f'Did you mean "{close}"?' if close else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word nearest to `word`, if one is near."""
    word = word.lower()
    alike = {name.lower(): name for name in known if abs(len(name) - len(word)) <= _MOST_MISSING}
    if len(alike) > _MOST_COMPARED:  # a directory of thousands: a slip is seldom in the first letter
        alike = {name: alike[name] for name in alike if name[:1] == word[:1]}
    names = list(alike)[:_MOST_COMPARED] if len(word) <= _LONGEST_WORD else []
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return alike[near[0]] if near else None


def ok(findings: Sequence[Finding], *, strict: bool = False) -> bool:
    """No errors; with `strict` no warnings either."""
    return not any(strict or finding.level is Level.ERROR for finding in findings)


def as_text(findings: Sequence[Finding]) -> list[str]:
    """One line each, places in one column, at most 20 and then a count."""
    shown = findings[:MOST_SHOWN]
    places = [f"{f.file}:{f.line}:{f.column}" for f in shown]
    width = max(map(len, places), default=0)
    lines = [f"{place:<{width}} {f.code} {f.text}" for place, f in zip(places, shown, strict=True)]
    return lines + ([f"and {more} more"] if (more := len(findings) - len(shown)) else [])


def as_github(findings: Sequence[Finding]) -> list[str]:
    """Workflow commands: GitHub shows them beside the changed line."""
    return [
        f"::{f.level} file={_property(f.file)},line={f.line},col={f.column},title={f.code}::{_data(f.text)}"
        for f in findings[:MOST_SHOWN]
    ]


def as_json(findings: Sequence[Finding], revision: str | None, *, strict: bool = False) -> dict[str, Any]:
    """The shape of `rules check --format json`; `more` counts what is not listed."""
    return {
        "ok": ok(findings, strict=strict),
        "revision": revision,
        "findings": [
            {
                "code": f.code,
                "level": str(f.level),
                "file": f.file,
                "line": f.line,
                "column": f.column,
                "message": f.message,
                "fix": f.fix,
            }
            for f in findings[:MOST_SHOWN]
        ],
        "more": max(0, len(findings) - MOST_SHOWN),
    }


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
