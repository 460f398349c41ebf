"""What one look at one thing says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Check:
    """`name` is the thing, `what` one sentence about it; `why` and `fix` are empty when all is well."""

    name: str
    state: State
    what: str
    why: str = ""
    fix: str = ""


def ok(name: str, what: str) -> Check:
    return Check(name, State.OK, what)


def warning(name: str, what: str, why: str, fix: str) -> Check:
    return Check(name, State.WARNING, _sentence(what), why, fix)


def error(name: str, what: str, why: str, fix: str) -> Check:
    return Check(name, State.ERROR, _sentence(what), why, fix)


def _sentence(text: str) -> str:
    """With a full stop, also where it ends in what a driver said."""
    return text if text.endswith((".", "?")) else f"{text}."
