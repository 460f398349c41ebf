"""Hard nights at full length, on real servers: `python -m tests.acceptance.kill.ordeals store-outage frozen-replica`.

store-outage    the store goes away for a minute while records keep coming
frozen-replica  one of three replicas stands still for two sessions of its group, then wakes up
stops           SIGTERM while the store or the broker is down, or stands still

and each trouble of a cluster of three nodes (tests.acceptance.kill.cluster), three workers on PostgreSQL or with
`--store sqlite` one on a file: leader-stopped, leader-killed, coordinator-stopped, coordinator-killed, broker-frozen,
rolling, commits-refused, new-partitions, slow-member, still-member.
"""

from __future__ import annotations

import argparse
import functools
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.kill.__main__ import a_kafka, a_store
from tests.acceptance.kill.checker import Database
from tests.acceptance.kill.cluster import TROUBLES, play, producing
from tests.acceptance.kill.stage import SENDERS, Stage
from tests.acceptance.kill.story import QUIET, Story
from tests.support import servers
from tests.support.postgres import Postgres, start_private
from tests.support.process import RunningWorker
from tests.support.slack_server import SlackServer
from tests.support.smtp_server import SmtpServer
from tests.support.waiting import until

_SESSION = 30.0  # seconds; a member that is silent for longer is thrown out of its group
_SETTLED_IN = 10.0  # seconds of ordinary work before and after
_RED = 15.0  # seconds until readiness must have noticed
_STOPPED = 20.0  # seconds a stop may take
_BACK = 45.0  # seconds until it reads again: waits grow to 30
_CATCH_UP = 600.0  # seconds for what piled up, on a machine that has other things to do


def store_outage(stage: Stage, postgres: Postgres, seconds: float, rate: int) -> list[str]:
    worker = stage.program.run()
    member = stage.kafka.member_ids(stage.group)
    with producing(stage, rate):
        _pass(_SETTLED_IN)
        postgres.stop()
        stopped = time.monotonic()
        red = _seconds_until(lambda: "store" in worker.failing(), _RED)
        dead = _watch(worker, seconds - (time.monotonic() - stopped))
        stayed = stage.kafka.member_ids(stage.group) == member
        postgres.start()
        read = worker.metric("innerloop_records_total")
        back = _seconds_until(lambda: worker.metric("innerloop_records_total") > read, _BACK)
        green = _seconds_until(lambda: not worker.failing(), _RED)
        _pass(_SETTLED_IN)
    caught_up = _seconds_until(lambda: worker.metric("innerloop_kafka_lag") == 0, _CATCH_UP)
    code = worker.process.terminate()
    stage.say(
        f"red after {red:.1f} s; the store back: reading after {back:.1f} s, ready {green:.1f} s later; "
        f"{stage.story.expected.outcomes.total()} records, the last read {caught_up:.1f} s after its writing"
    )
    problems = [f"/livez said no {dead} times"] if dead else []
    problems += [] if stayed else ["the group threw the worker out"]
    problems += [] if code == 0 else [f"the worker ended with {code}"]
    stage.finish()
    return problems + stage.count(most_extra_mails=SENDERS)


def frozen_replica(stage: Stage, _: Postgres, seconds: float, rate: int) -> list[str]:
    workers = [stage.program.run() for _ in range(3)]
    until(lambda: len(stage.kafka.member_ids(stage.group)) == len(workers), 60, what="three members")
    frozen = random.choice(workers)
    with producing(stage, rate):
        _pass(_SETTLED_IN)
        frozen.process.freeze()
        _pass(max(seconds, 2 * _SESSION + 5))
        members = len(stage.kafka.member_ids(stage.group))
        frozen.process.thaw()
        back = _seconds_until(lambda: len(stage.kafka.member_ids(stage.group)) == len(workers), 60)
        _pass(_SETTLED_IN)
    codes = [worker.process.terminate() for worker in workers]
    again = Database(stage.store_url).one("SELECT COALESCE(SUM(again), 0) FROM ledger")
    stage.say(f"{members} members while one stood still; it was back after {back:.1f} s; {again} records read again")
    problems = [] if codes == [0, 0, 0] else [f"the workers ended with {codes}"]
    stage.finish()
    return problems + stage.count(most_extra_mails=2 * SENDERS, most_extra_slack=SENDERS)


def stops(stage: Stage, postgres: Postgres, _: float, rate: int) -> list[str]:
    assert stage.kafka.nodes is not None
    (broker,) = (node.server for node in stage.kafka.nodes.nodes)
    frozen: list[int] = []
    troubles = {
        "store down": (postgres.stop, postgres.start, "store"),
        "store frozen": (lambda: frozen.extend(postgres.freeze()), lambda: postgres.thaw(frozen), "store"),
        "broker down": (stage.kafka.kill, stage.kafka.start, "kafka"),
        "broker frozen": (broker.pause, broker.resume, "kafka"),
    }
    problems = []
    for name, (hurt, mend, failing) in troubles.items():
        worker = stage.program.run()
        with producing(stage, rate):
            _pass(3)
        hurt()
        red = _seconds_until(functools.partial(_names, worker, failing), 2 * _RED)
        begun = time.monotonic()
        code = worker.process.terminate(timeout=60)
        took = time.monotonic() - begun
        mend()
        stage.say(f"{name}: red after {red:.1f} s, ended with {code} after {took:.1f} s")
        if code or red > _RED or took > _STOPPED:
            problems.append(f"{name}: red after {red:.1f} s, ended with {code} after {took:.1f} s")
    stage.finish()
    return problems + stage.count(most_extra_mails=len(troubles) * SENDERS, most_extra_slack=len(troubles) * SENDERS)


def _names(worker: RunningWorker, what: str) -> bool:
    return what in worker.failing()


ORDEALS: dict[str, Callable[[Stage, Postgres, float, int], list[str]]] = {
    "store-outage": store_outage,
    "frozen-replica": frozen_replica,
    "stops": stops,
}


def _watch(worker: RunningWorker, seconds: float) -> int:
    """How often in this time the worker did not say that it is alive."""
    noes, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        noes += worker.get("/livez")[0] != 200
        _pass(1)
    return noes


def _seconds_until(predicate: Callable[[], object], most: float) -> float:
    begun = time.monotonic()
    until(predicate, most, what=getattr(predicate, "__qualname__", ""))
    return time.monotonic() - begun


def _pass(seconds: float) -> None:
    threading.Event().wait(seconds)


def main() -> int:
    parser = argparse.ArgumentParser(prog="ordeals", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join([*ORDEALS, *TROUBLES])}; all without")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=int, default=500, help="records a second")
    parser.add_argument(
        "--store", choices=["sqlite", "postgresql"], default="postgresql", help="of a cluster's troubles"
    )
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args()
    names = given.names or [*ORDEALS, *TROUBLES]
    if given.store == "sqlite":
        names = [name for name in names if name in TROUBLES and not TROUBLES[name].group]
    problems = [f"{name}: {problem}" for name in names for problem in run(name, given)]
    print(*problems, f"seed {given.seed}: {len(problems)} problems", sep="\n", flush=True)
    return 1 if problems else 0


def run(name: str, given: argparse.Namespace) -> list[str]:
    say = functools.partial(print, name, flush=True)
    say(f"{given.rate} records a second, seed {given.seed}")
    with (
        tempfile.TemporaryDirectory(prefix="innerloop-ordeal-") as place,
        a_kafka(Path(place), 3 if name in TROUBLES else 1) as kafka,
        SlackServer() as slack,
        SmtpServer(Path(place) / "mail") as smtp,
    ):
        home = Path(place) / "home"
        home.mkdir()
        around = functools.partial(
            Stage, directory=home, slack=slack, smtp=smtp, story=Story(given.seed, QUIET), say=say, finish_within=600
        )
        if name in TROUBLES:
            with a_store(given.store, home) as url:
                return _ended(around(kafka, url), lambda stage: play(TROUBLES[name], stage, given.rate))
        postgres = start_private(servers.owner_pid())
        try:
            url = postgres.create_database()
            return _ended(around(kafka, url), lambda stage: ORDEALS[name](stage, postgres, given.seconds, given.rate))
        finally:
            postgres.destroy()


def _ended(stage: Stage, ordeal: Callable[[Stage], list[str]]) -> list[str]:
    try:
        return ordeal(stage)
    finally:
        stage.program.close()


if __name__ == "__main__":
    sys.exit(main())
