"""Starts workers, kills them, starts them again; then lets one finish in peace and has everything counted."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.acceptance.kill.points import DELIVERING, MARK, POINTS
from tests.acceptance.kill.stage import SENDERS, Stage
from tests.support import servers
from tests.support.process import Process, RunningWorker

_BURST = (10, 60)  # records between two kills
_POINT_SECONDS = 30.0  # from the start; a point that is not reached by then is not on the way today
_RANDOM_SECONDS = 3.0  # at most so long after becoming ready
_READY_SECONDS = 60.0


@dataclass(slots=True)
class Killer:
    """Kills what works on a stage. The same seed kills at the same points."""

    stage: Stage
    seed: int
    killed_at: Counter[str] = field(default_factory=Counter)
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def run(self, kills: int) -> list[str]:
        """`kills` rounds, then the count: one sentence for each thing that is wrong."""
        for n in range(kills):
            point = self.random.choice([*POINTS, "-"])
            self.stage.produce(self.random.randint(*_BURST))
            where = self._kill_replay() if point == "replaying" else self._kill_worker(point)
            self.killed_at[where] += 1
            self.stage.say(f"{n + 1:3}/{kills} killed: {where}")
        self.stage.finish()
        return self.stage.count(most_extra_mails=kills * SENDERS)

    def _kill_worker(self, point: str) -> str:
        worker = self._start(point)
        try:
            where = self._at_random(worker) if point == "-" else self._at_point(worker.process, point)
        finally:
            worker.process.kill()
        # A dead member would keep its partitions until its session ends, half a minute on.
        self.stage.kafka.expel(self.stage.group)
        return where

    def _kill_replay(self) -> str:
        """Read what is there, then replay what is dead because its survey was not known."""
        done = self.stage.program("run", "--only", "consume", "--until-idle", timeout=120)
        assert done.code == 0, done.err
        nth = str(self.random.randint(1, 3))
        wanted = ["dead-letters", "replay", "--reason", "unknown_scale"]
        process = self.stage.program.start_program([*_victim("replaying", nth), *wanted], **self.stage.mended)
        try:
            return self._at_point(process, "replaying", may_end=True)
        finally:
            process.kill()

    def _start(self, point: str) -> RunningWorker:
        # A poll and a batch come about once a round, deliveries many times.
        nth = self.random.randint(1, 4) if point in DELIVERING else 1
        port = servers.free_port()
        command = [*_victim(point, str(nth)), "run"]
        process = self.stage.program.start_program(command, INNERLOOP_HTTP_LISTEN=f"127.0.0.1:{port}")
        return RunningWorker(process, f"http://127.0.0.1:{port}")

    def _at_random(self, worker: RunningWorker) -> str:
        """While it starts, or in the first seconds of its work."""
        if self.random.random() < 0.75:
            worker.wait_ready(_READY_SECONDS)
        self._pass(worker.process, self.random.uniform(0, _RANDOM_SECONDS), lambda: False)
        return "at random"

    def _at_point(self, process: Process, point: str, *, may_end: bool = False) -> str:
        def over() -> bool:
            return (may_end and not process.running) or _reached(process)

        self._pass(process, _POINT_SECONDS, over)
        return point if _reached(process) else f"{point} not reached"

    def _pass(self, process: Process, seconds: float, over: Callable[[], bool]) -> None:
        """Let time pass until `over`. A worker that ends by itself is a failure."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not over():
            if not process.running:
                raise AssertionError(f"the worker ended by itself:\n{process.output[-4000:]}")
            threading.Event().wait(0.01)


def _victim(point: str, nth: str) -> list[str]:
    return [sys.executable, "-m", "tests.acceptance.kill.victim", point, nth]


def _reached(process: Process) -> bool:
    return any(line.startswith(MARK) for line in process.err)
