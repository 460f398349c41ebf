"""Ctrl-C and SIGTERM as something the demo looks for while it waits, never an exception in the middle of its work.

A KeyboardInterrupt may come up where Python swallows it, in a callback or a `__del__`, and is not raised at all in a
process that inherited an ignored SIGINT, as what a script puts into the background does.
"""

from __future__ import annotations

import queue
import signal
from collections.abc import Callable
from types import FrameType

Pause = Callable[[float], None]
"""Waits for so many seconds. Raises Stopped once somebody asked for the end."""


class Stopped(Exception):
    """Somebody has seen enough."""


def on_signal() -> Pause:
    """Hear SIGINT and SIGTERM from now on. A second one breaks off whatever the ending is busy with."""
    heard: queue.SimpleQueue[int] = queue.SimpleQueue()  # may be written while it is read, as a signal does

    def hear(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.default_int_handler)
        heard.put(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, hear)

    def pause(seconds: float) -> None:
        try:
            number = heard.get(timeout=seconds)
        except queue.Empty:
            return
        heard.put(number)  # whoever waits next stops as well
        raise Stopped

    return pause
