"""Hearing a single key while something else is on the screen."""

from __future__ import annotations

import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

try:
    import termios
    import tty
except ImportError:  # not a POSIX terminal: Ctrl-C still works
    termios = None  # type: ignore[assignment]


@contextmanager
def pressed() -> Iterator[Callable[[], str]]:
    """A function that gives the key pressed since the last call, or nothing. The terminal is put back at the end."""
    if termios is None or not sys.stdin.isatty():
        yield lambda: ""
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield _read
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _read() -> str:
    ready, _, _ = select.select([sys.stdin], [], [], 0)
    return sys.stdin.read(1) if ready else ""
