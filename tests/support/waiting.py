"""Waiting for something to become true, with a deadline instead of a guess."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_STEP = 0.01  # seconds between two looks


def until(predicate: Callable[[], T], timeout: float = 10.0, *, what: str = "") -> T:
    """Return the first true value of `predicate()`. Fails after `timeout` seconds, naming what was waited for.

    An AssertionError inside the predicate means "not yet"; the last one is shown when time is up.
    """
    deadline = time.monotonic() + timeout
    while True:
        value, problem = _look(predicate)
        if value:
            return value
        if time.monotonic() >= deadline:
            name = what or getattr(predicate, "__name__", "something")
            raise AssertionError(f"waited {timeout:g} s for {name}; the last look gave {value!r}") from problem
        time.sleep(_STEP)


def _look(predicate: Callable[[], T]) -> tuple[T | None, AssertionError | None]:
    try:
        return predicate(), None
    except AssertionError as error:
        return None, error
