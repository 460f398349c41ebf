"""Troubles of a cluster of three nodes, and of a group with a busy member, while workers read.

Each trouble comes twice: once to see how reading goes on and whether everybody stays in the group, and once with a
worker that is told to stop in the middle of it, and another one that starts there.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.acceptance.kill.checker import Database, read_to_the_end
from tests.acceptance.kill.slow_door import SlowDoor, a_slow_door
from tests.acceptance.kill.stage import SENDERS, Stage
from tests.support.kafka.broker import Node, Nodes
from tests.support.process import RunningWorker
from tests.support.servers import Server
from tests.support.waiting import until

_OFFSETS = "__consumer_offsets"
_REPLICAS = 3
_LOOK = 0.5  # seconds between two looks
_SETTLED_IN = 10.0
_STOPPED = 20.0  # seconds a stop may take
_GREEN = 15.0  # seconds until everybody is ready after the trouble
_EVER_GREEN = 120.0
_JOINED = 60.0
_CATCH_UP = 300.0


@dataclass(slots=True)
class Scene:
    """A group at work on a cluster."""

    stage: Stage
    nodes: Nodes
    door: SlowDoor | None
    workers: list[RunningWorker] = field(default_factory=list)
    joining: list[RunningWorker] = field(default_factory=list)

    def node(self, number: int) -> Node:
        return self.nodes.node(number)

    def leader(self) -> Node:
        return self.node(self.stage.kafka.leader(self.stage.topic, 0))

    def coordinator(self) -> Node:
        return self.node(self.stage.kafka.leader(_OFFSETS, 0))

    def bystander(self) -> Node:
        """A node that does not coordinate."""
        return next(node for node in self.nodes.nodes if node is not self.coordinator())

    def whole(self) -> None:
        """Every node runs and has everything."""
        self.nodes.start()
        for topic in (self.stage.topic, _OFFSETS):
            until(lambda topic=topic: self.stage.kafka.is_in_sync(topic), 120, what=f"the replicas of {topic}")  # type: ignore[misc]

    def another(self) -> None:
        self.joining.append(self.stage.program.run_unready())


Mend = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Trouble:
    """`hurt` gives what ends it after `seconds`; meanwhile reading may stand still for `longest` seconds."""

    hurt: Callable[[Scene], Mend]
    seconds: float
    longest: float
    stay: bool = True  # nobody loses the group
    group: bool = False  # of several workers, so on PostgreSQL only


def _without(which: Callable[[Scene], Node], end: Callable[[Server], None]) -> Callable[[Scene], Mend]:
    """One node goes."""

    def hurt(scene: Scene) -> Mend:
        end(which(scene).server)
        return scene.whole

    return hurt


def _freeze(scene: Scene) -> Mend:
    """The coordinator stands still: its connections stay open, nothing answers."""
    node = scene.coordinator()
    node.server.pause()

    def mend() -> None:
        node.server.resume()
        scene.whole()

    return mend


def _restart_all(scene: Scene) -> Mend:
    for node in scene.nodes.nodes:
        node.server.stop()
        _pass(3)
        scene.whole()
    return lambda: None


def _refuse_commits(scene: Scene) -> Mend:
    """Offsets want more replicas than there are; everything else goes on."""
    scene.stage.kafka.change_topic(_OFFSETS, "min.insync.replicas", "3")
    scene.bystander().server.stop()

    def mend() -> None:
        scene.whole()
        scene.stage.kafka.change_topic(_OFFSETS, "min.insync.replicas", "1")

    return mend


def _add_partitions(scene: Scene) -> Mend:
    scene.stage.add_partitions(3)
    return lambda: None


def _slow_member(scene: Scene) -> Mend:
    """One member's batches take long, and another one wants to join."""
    assert scene.door is not None
    scene.door.seconds_a_chunk = 0.2
    _pass(5)
    scene.another()

    def mend() -> None:
        assert scene.door is not None
        scene.door.seconds_a_chunk = 0.0

    return mend


def _still_member(scene: Scene) -> Mend:
    """One member stands still for less than its session, and another one wants to join."""
    frozen = scene.workers[0].process
    frozen.freeze()
    scene.another()
    return frozen.thaw


TROUBLES = {
    "leader-stopped": Trouble(_without(Scene.leader, Server.stop), 25, longest=15),
    "leader-killed": Trouble(_without(Scene.leader, Server.kill), 25, longest=25),
    "coordinator-stopped": Trouble(_without(Scene.coordinator, Server.stop), 25, longest=15),
    "coordinator-killed": Trouble(_without(Scene.coordinator, Server.kill), 25, longest=25),
    "broker-frozen": Trouble(_freeze, 40, longest=25),
    "rolling": Trouble(_restart_all, 0, longest=20),
    "commits-refused": Trouble(_refuse_commits, 25, longest=15),
    "new-partitions": Trouble(_add_partitions, 20, longest=10),
    "slow-member": Trouble(_slow_member, 40, longest=60, stay=False, group=True),
    "still-member": Trouble(_still_member, 20, longest=30, group=True),
}


@dataclass(slots=True)
class Watch:
    """How long reading a partition stood still, how long a worker was not ready and why."""

    scene: Scene
    stood: float = 0.0
    red: float = 0.0
    names: set[str] = field(default_factory=set)
    ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def looking(self) -> Iterator[None]:
        thread = threading.Thread(target=self._look)
        thread.start()
        try:
            yield
        finally:
            self.ended.set()
            thread.join()

    def _look(self) -> None:
        database = Database(self.scene.stage.store_url)
        heads: dict[int, int] = {}
        moved: dict[int, float] = {}
        green = time.monotonic()
        while not self.ended.wait(_LOOK):
            now = time.monotonic()
            for partition, head in database.rows("SELECT partition, next_offset FROM partitions"):
                if head != heads.get(partition):
                    heads[partition], moved[partition] = head, now
            self.stood = max([self.stood, *(now - at for at in moved.values())])
            failing = {name for worker in self._awake() for name in worker.failing()}
            green = green if failing else now
            self.red = max(self.red, now - green)
            self.names |= failing

    def _awake(self) -> list[RunningWorker]:
        return [worker for worker in self.scene.workers if worker.process.running]


def play(trouble: Trouble, stage: Stage, rate: int) -> list[str]:
    assert stage.kafka.nodes is not None
    shared = not stage.store_url.startswith("sqlite")
    with _a_door(stage.store_url, shared=shared) as door:
        scene = Scene(stage, stage.kafka.nodes, door)
        for n in range(_REPLICAS if shared else 1):
            url = door.url if door and n == 0 else stage.store_url
            scene.workers.append(stage.program.run(INNERLOOP_STORE_URL=url))
        until(lambda: len(stage.kafka.member_ids(stage.group)) == len(scene.workers), _JOINED, what="everybody to join")
        with producing(stage, rate):
            _pass(_SETTLED_IN)
            problems = _reading_goes_on(trouble, scene) + _stopping_works(trouble, scene)
        problems += _caught_up(scene)
        codes = [worker.process.terminate() for worker in scene.workers]
    problems += [] if not any(codes) else [f"the workers ended with {codes}"]
    stage.finish()
    return problems + stage.count(most_extra_mails=2 * SENDERS, most_extra_slack=SENDERS)


@contextmanager
def _a_door(url: str, *, shared: bool) -> Iterator[SlowDoor | None]:
    if not shared:
        yield None
        return
    with a_slow_door(url) as door:
        yield door


def _reading_goes_on(trouble: Trouble, scene: Scene) -> list[str]:
    stage = scene.stage
    members = set(stage.kafka.member_ids(stage.group))
    watch = Watch(scene)
    with watch.looking():
        mend = trouble.hurt(scene)
        _pass(trouble.seconds)
        mend()
        green = _seconds_until_ready(scene)
        _pass(_SETTLED_IN)
    left = members - set(stage.kafka.member_ids(stage.group))
    stage.say(
        f"a partition stood still for {watch.stood:.1f} s, not ready for {watch.red:.1f} s {sorted(watch.names)}, "
        f"ready {green:.1f} s after its end, {len(left)} of {len(members)} lost the group"
    )
    problems = [] if watch.stood <= trouble.longest else [f"a partition stood still for {watch.stood:.1f} s"]
    problems += [] if green <= _GREEN else [f"ready {green:.1f} s after the end of the trouble"]
    return problems + ([] if not left or not trouble.stay else [f"{len(left)} of {len(members)} lost the group"])


def _stopping_works(trouble: Trouble, scene: Scene) -> list[str]:
    """In the middle of the trouble, a worker is told to stop; another one takes its place."""
    with ThreadPoolExecutor(1) as background:
        hurting = background.submit(trouble.hurt, scene)
        _pass(8)
        leaving = scene.workers.pop(random.randrange(len(scene.workers)))
        leaving.process.thaw()
        begun = time.monotonic()
        code = leaving.process.terminate(timeout=60)
        took = time.monotonic() - begun
        scene.another()
        _pass(5)
        hurting.result()()
    green = _seconds_until_ready(scene)
    scene.stage.say(f"a stop in it: {code} after {took:.1f} s; everybody ready {green:.1f} s after its end")
    problems = [] if took <= _STOPPED else [f"a stop took {took:.1f} s"]
    return problems + ([] if code == 0 else [f"a stop ended with {code}"])


def _seconds_until_ready(scene: Scene) -> float:
    scene.workers += scene.joining
    scene.joining.clear()
    begun = time.monotonic()
    failing: list[list[str]] = []

    def ready() -> bool:
        failing[:] = [worker.failing() for worker in scene.workers]
        return not any(failing)

    try:
        until(ready, _EVER_GREEN)
    except AssertionError:
        said = [worker.process.output[-2000:] for worker, names in zip(scene.workers, failing, strict=True) if names]
        raise AssertionError(f"not ready after {_EVER_GREEN:g} s: {failing}", *said) from None
    return time.monotonic() - begun


def _caught_up(scene: Scene) -> list[str]:
    stage, database = scene.stage, Database(scene.stage.store_url)
    begun = time.monotonic()
    until(lambda: read_to_the_end(database, stage.ends()), _CATCH_UP, what="the workers to read to the end")
    account = json.loads(stage.program("reconcile", "--json", timeout=120).out)
    stage.say(
        f"read to the end {time.monotonic() - begun:.1f} s after the last was written; {account['responses']} responses"
    )
    return [f"reconcile: {problem}" for problem in account["problems"]]


@contextmanager
def producing(stage: Stage, rate: int) -> Iterator[None]:
    """About `rate` records a second, in the background; all of them are stored when it ends."""
    stop = threading.Event()

    def produce() -> None:
        begun, sent = time.monotonic(), 0
        while not stop.wait(0.1):
            due = int((time.monotonic() - begun) * rate) - sent
            stage.hand_over(due)
            sent += due

    with ThreadPoolExecutor(1) as background:
        producer = background.submit(produce)
        try:
            yield
        finally:
            stop.set()
            producer.result()
            stage.kafka.flush(120)


def _pass(seconds: float) -> None:
    threading.Event().wait(seconds)
