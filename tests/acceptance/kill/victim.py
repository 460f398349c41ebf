"""Runs the program so that it can be stopped at a named point: `python -m … POINT NTH ARGS…`.

When the program reaches the point for the NTH time, the thread that does so says a line and waits for ever, holding
whatever it holds; the harness outside sees the line and sends SIGKILL to the process. A POINT of "-" runs it as it is.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading

from tests.acceptance.kill.victim_mark import MARK
from worker.cli.main import main


def arm(point: str, nth: int) -> None:
    seen = 0
    lock = threading.Lock()

    def reached(name: str) -> None:
        nonlocal seen
        if name != point:
            return
        with lock:
            seen += 1
            hit = seen == nth
        if hit:
            print(MARK, name, file=sys.stderr, flush=True)
            threading.Event().wait()

    # Without such a module, workers are killed at random moments only.
    if importlib.util.find_spec("worker.points"):
        importlib.import_module("worker.points").reached = reached  # type: ignore[attr-defined]


if __name__ == "__main__":
    arm(sys.argv[1], int(sys.argv[2]))
    sys.argv = ["innerloop", *sys.argv[3:]]
    main()
