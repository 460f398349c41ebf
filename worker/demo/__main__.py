"""The demo's worker process: `python -m worker.demo CLOCK`. The real program, with the demo's clock.

It ends when its standard input does: however the demo dies, the worker does not outlive it.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from worker import log
from worker.app import build
from worker.demo.clock import DemoClock
from worker.settings import load


def main(clock_file: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the demo, which then ends this process in order
    settings = load()
    log.configure(settings.log_level, settings.log_format)
    app = build(settings, clock=DemoClock(Path(clock_file)))
    app.start()
    sys.stdin.read()
    app.stop()


if __name__ == "__main__":
    main(sys.argv[1])
