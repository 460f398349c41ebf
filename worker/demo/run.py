"""`innerloop demo`: everything on one machine, played out in about a minute."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text
from sqlalchemy import select

from worker.demo import board, keys, show
from worker.demo.broker import API_VERSION, Broker
from worker.demo.clock import DemoClock
from worker.demo.player import Player, Stage
from worker.demo.process import WorkerProcess
from worker.demo.sandbox.messages import Kept, Messages
from worker.demo.sandbox.server import HOST, Sandbox, listen, serve
from worker.demo.sandbox.views import Surroundings
from worker.demo.story import beats
from worker.demo.stream import TOPIC, afternoon
from worker.demo.times import START, ZONE
from worker.demo.why import Reasons
from worker.errors import RuleSetRefused
from worker.followup.service import Service
from worker.model.directory import Directory
from worker.ruleset import LiveSet, compose, read_files, rules_dir, templates_dir
from worker.store import schema
from worker.store.engine import Store, open_store
from worker.store.migrate import migrate

DOMAIN = "quillbay.example"
_FRAME = 0.25  # seconds between two pictures


@dataclass(frozen=True, slots=True)
class Options:
    """Ports of 0 take any that is free."""

    once: bool = False
    port: int = 0
    worker_port: int = 0


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that is set up: the worker is ready and the clock stands at the beginning."""

    player: Player
    screen: show.Show
    reasons: Reasons
    sandbox: Sandbox

    @property
    def stage(self) -> Stage:
        return self.player.stage

    def board(self) -> board.Board:
        with self.stage.store.read() as conn:
            return board.look(conn, self.stage.clock.now())


def run(options: Options, out: Console) -> int:
    """Set up, play, clean up. Gives the exit code: 1 when the totals do not agree."""
    with ExitStack() as stack:
        demo = stack.enter_context(set_up(options, out))
        try:
            if options.once or not out.is_terminal:
                play_plainly(demo, out, hurry=options.once)
            else:
                play_live(demo, out)
        except KeyboardInterrupt:
            out.print("Stopped.")
        final = demo.board()
    write_end(final, out)
    return 1 if final.account.problems else 0
