"""Starts workers, kills them, starts them again; then lets one finish in peace and has everything counted."""

from __future__ import annotations

import random
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.kill.checker import Database, Sent, check, read_to_the_end, settled, unfinished
from tests.acceptance.kill.points import DELIVERING, MARK, POINTS
from tests.acceptance.kill.story import RULES, Story
from tests.support import servers
from tests.support.kafka.cluster import Kafka
from tests.support.process import Innerloop, Process, RunningWorker
from tests.support.slack_server import SlackServer
from tests.support.smtp_server import SmtpServer
from tests.support.waiting import until

SENDERS = 4
_PARTITIONS = 3
_BURST = (10, 60)  # records between two kills
_POINT_SECONDS = 30.0  # from the start; a point that is not reached by then is not on the way today
_RANDOM_SECONDS = 3.0  # at most so long after becoming ready
_READY_SECONDS = 60.0
_FINISH_SECONDS = 120.0  # leases of the dead end after 30 s, read-backs take their time
_GROUP = "kill-test"


@dataclass(slots=True)
class Stage:
    """Everything around the worker."""

    kafka: Kafka
    store_url: str
    directory: Path
    seed: int
    slack: SlackServer
    smtp: SmtpServer
    say: Callable[[str], None] = lambda line: None
    topic: str = ""
    program: Innerloop = field(init=False)
    story: Story = field(init=False)
    random: random.Random = field(init=False)
    killed_at: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.story = Story(self.seed)
        self.topic = self.kafka.create_topic(partitions=_PARTITIONS)
        home = self.directory / "home"
        (home / "rules").mkdir(parents=True)
        for name, text in RULES.items():
            (home / "rules" / name).write_text(textwrap.dedent(text), encoding="utf-8")
        self.program = Innerloop(home)
        self.program.settings = {
            **self.kafka.settings(),
            **self.slack.settings(),
            **self.smtp.settings(),
            "INNERLOOP_KAFKA_TOPICS": self.topic,
            "INNERLOOP_KAFKA_GROUP_ID": f"{_GROUP}-{self.topic}",
            "INNERLOOP_STORE_URL": self.store_url,
            "INNERLOOP_RULES_DIR": str(home / "rules"),
            "INNERLOOP_SENDERS": str(SENDERS),
            "INNERLOOP_HTTP_LISTEN": "127.0.0.1:0",
            "INNERLOOP_SECRET_KEYS": "k" * 40,
            "INNERLOOP_LOG_LEVEL": "warning",
        }
        done = self.program("migrate")
        assert done.code == 0, done.err

    def run(self, kills: int) -> list[str]:
        """`kills` rounds, then the count: one sentence for each thing that is wrong."""
        for n in range(kills):
            point = self.random.choice([*POINTS, "-"])
            self._produce()
            where = self._kill_one(point)
            self.killed_at[where] += 1
            self.say(f"{n + 1:3}/{kills} killed: {where}")
        self._finish()
        return self._count(kills)

    def _produce(self) -> None:
        for record in self.story.burst(self.random.randint(*_BURST)):
            self.kafka.produce_later(self.topic, record.value, key=record.key)
        self.kafka.flush()

    def _kill_one(self, point: str) -> str:
        worker = self._start(point)
        try:
            where = self._at_random(worker) if point == "-" else self._at_point(worker.process, point)
        finally:
            worker.process.kill()
        # A dead member would keep its partitions until its session ends, half a minute on.
        self.kafka.expel(f"{_GROUP}-{self.topic}")
        return where

    def _start(self, point: str) -> RunningWorker:
        # A poll and a batch come about once a round, deliveries many times.
        nth = self.random.randint(1, 4) if point in DELIVERING else 1
        port = servers.free_port()
        command = [sys.executable, "-m", "tests.acceptance.kill.victim", point, str(nth), "run"]
        process = self.program.start_program(command, INNERLOOP_HTTP_LISTEN=f"127.0.0.1:{port}")
        return RunningWorker(process, f"http://127.0.0.1:{port}")

    def _at_random(self, worker: RunningWorker) -> str:
        """While it starts, or in the first seconds of its work."""
        if self.random.random() < 0.75:
            worker.wait_ready(_READY_SECONDS)
        self._pass(worker.process, self.random.uniform(0, _RANDOM_SECONDS), lambda: False)
        return "at random"

    def _at_point(self, process: Process, point: str) -> str:
        reached = self._pass(process, _POINT_SECONDS, lambda: any(line.startswith(MARK) for line in process.err))
        return point if reached else f"{point} not reached"

    def _pass(self, process: Process, seconds: float, over: Callable[[], bool]) -> bool:
        """Let time pass until `over`; False when the time ran out. A worker that ends by itself is a failure."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if over():
                return True
            if not process.running:
                raise AssertionError(f"the worker ended by itself:\n{process.output[-4000:]}")
            threading.Event().wait(0.01)
        return False

    def _finish(self) -> None:
        database, ends = Database(self.store_url), self._ends()
        process = self.program.run().process
        try:
            until(lambda: read_to_the_end(database, ends), _FINISH_SECONDS, what="the worker to read to the end")
            until(lambda: settled(database), _FINISH_SECONDS, what="everything to be settled and told")
            code = process.terminate()
            assert code == 0, f"the worker ended with {code}"
        except AssertionError as error:
            state = unfinished(database)
            raise AssertionError(f"{error}\n{state}\nthe worker said:\n{process.output[-4000:]}") from None
        finally:
            process.kill()

    def _ends(self) -> dict[tuple[str, int], int]:
        return {(self.topic, partition): end for partition, end in self.kafka.end_offsets(self.topic).items()}

    def _count(self, kills: int) -> list[str]:
        sent = Sent(
            slack=[message.delivery_id or "?" for message in self.slack.messages],
            mail=[mail.delivery_id for mail in self.smtp.messages],
        )
        expected = self.story.expected
        self.say(
            f"written {expected.outcomes.total()}: {dict(expected.outcomes)}; {len(expected.opened)} follow-ups; "
            f"{len(sent.slack)} Slack messages, {len(sent.mail)} mails"
        )
        return check(Database(self.store_url), expected, self._ends(), sent, most_extra_mails=kills * SENDERS)
