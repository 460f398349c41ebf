"""Playing the story: what is due is sent and done, and what came of it is told once the store says so."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from worker.demo import board, outcomes
from worker.demo.broker import Broker
from worker.demo.clock import DemoClock
from worker.demo.process import WorkerProcess
from worker.demo.sandbox.messages import Messages
from worker.demo.scene import Scene
from worker.demo.stopping import Pause
from worker.demo.story import Beat, Shows, Turn
from worker.demo.stream import TOPIC, Record
from worker.demo.times import MONDAY
from worker.errors import ConflictError
from worker.followup.closing import CloseOut
from worker.followup.service import Service
from worker.model.directory import Directory
from worker.store.engine import Store

SETTLE_SECONDS = 15
TIMER_SECONDS = 1.5  # the worker looks at its timers once a second
_STEP = 0.05


@dataclass(frozen=True, slots=True)
class Stage:
    """What the story is played on."""

    clock: DemoClock
    broker: Broker
    worker: WorkerProcess
    store: Store
    service: Service
    directory: Directory
    messages: Messages
    slack_down: threading.Event  # while set, Slack answers 503
    pause: Pause

    @contextmanager
    def scene(self) -> Iterator[Scene]:
        with self.store.read() as conn:
            yield Scene(conn, self.clock.now(), self.directory, self.messages, partial(board.account, conn))


@dataclass(slots=True)
class Player:
    """`tell` gets each line of the story with its time."""

    stage: Stage
    records: deque[Record]
    beats: deque[Beat]
    tell: Callable[[datetime, str], None]
    sent: int = 0
    lives: int = 1
    _waiting: list[Shows] = field(default_factory=list)
    _todo: list[Callable[[], bool]] = field(default_factory=list)  # what somebody does as soon as it can be done

    @property
    def is_over(self) -> bool:
        return not self.records and not self.beats

    @property
    def next_beat(self) -> datetime | None:
        return self.beats[0].at if self.beats else None

    def play(self, until: datetime) -> None:
        """Everything up to a moment, in order."""
        while (at := self.next_at) is not None and at <= until:
            if self.records and (not self.beats or self.records[0].at < self.beats[0].at):
                self._send(self.records.popleft())
            else:
                self._play(self.beats.popleft())
        self.stage.broker.flush()

    def look(self) -> None:
        """Do what can be done by now, and tell what has come about since the last look."""
        self._todo = [act for act in self._todo if not act()]
        with self.stage.scene() as scene:
            for shows in list(self._waiting):
                if text := shows(scene):
                    self._waiting.remove(shows)
                    self.tell(self.stage.clock.now(), text)

    def settle(self) -> bool:
        """Wait until the worker has done what is due, timers included. False when it takes too long."""
        fired = self._wait(lambda conn, now: not board.is_waited_for(conn, now), TIMER_SECONDS)
        return self._wait(lambda conn, now: board.is_quiet(conn, now, self.sent), SETTLE_SECONDS) and fired

    def _wait(self, is_so: Callable[[Connection, datetime], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.stage.store.read() as conn:
                if is_so(conn, self.stage.clock.now()):
                    return True
            self.stage.pause(_STEP)
        return False

    @property
    def next_at(self) -> datetime | None:
        """When the next record or beat is due; None at the end."""
        return min((line[0].at for line in (self.records, self.beats) if line), default=None)

    def _send(self, record: Record) -> None:
        self.stage.broker.send(TOPIC, record.key, record.value, record.at)
        self.sent += 1

    def _play(self, beat: Beat) -> None:
        if beat.says:
            self.tell(max(beat.at, self.stage.clock.now()), beat.says)
        for record in beat.records:
            self._send(record)
        if beat.turn is not None:
            self._turn(beat.turn)
        if beat.shows is not None:
            self._waiting.append(beat.shows)

    def _turn(self, turn: Turn) -> None:
        match turn:
            case Turn.SLACK_DOWN:
                self.stage.slack_down.set()
            case Turn.SLACK_BACK:
                self.stage.slack_down.clear()
            case Turn.KILL:
                self._kill()
            case Turn.FIX_WEBER:
                self._todo.append(self._fix)
            case Turn.SKIP_TO_MONDAY:
                self.stage.clock.jump(MONDAY)

    def _kill(self) -> None:
        """Between two messages: one killed on its way would be held by its lease for half a minute."""
        deadline = time.monotonic() + 2
        while self._is_sending() and time.monotonic() < deadline:
            self.stage.pause(_STEP)
        self.stage.worker.kill()
        self.lives += 1
        # The in-process broker keeps a killed member's seat for its whole session of 30 s. Another group need not
        # wait, and it makes the point: Kafka's own memory is gone as well, only the store's is left.
        self.stage.worker.start(kafka_group_id=f"innerloop-demo-{self.lives}")
        self._waiting.append(partial(outcomes.totals_agree, sent=self.sent))

    def _is_sending(self) -> bool:
        with self.stage.store.read() as conn:
            return board.is_sending(conn)

    def _fix(self) -> bool:
        """Cyd closes Mr Weber's follow-up, once there is one."""
        with self.stage.scene() as scene:
            found = scene.follow_up("weber-1")
        if found is None:
            return False
        close_out = CloseOut(outcome="no_contact", root_cause="billing.amount", action="New bill with the discount.")
        try:
            self.stage.service.close(
                found["id"], close_out, by="cyd", via="cli", note="He asked not to be contacted."
            )  # fmt: skip
        except ConflictError:  # the worker changed it at the same moment: look again
            return False
        return True
