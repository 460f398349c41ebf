"""`python -m tests.acceptance.kill --kills 50 --seed 7 --store both`; a seed replays a run."""

from __future__ import annotations

import argparse
import functools
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.kill.harness import Killer
from tests.acceptance.kill.stage import Stage
from tests.acceptance.kill.story import Story
from tests.support import servers
from tests.support.kafka.broker import Nodes
from tests.support.kafka.cluster import Kafka
from tests.support.postgres import start_private
from tests.support.slack_server import SlackServer
from tests.support.smtp_server import SmtpServer


def main() -> int:
    parser = argparse.ArgumentParser(prog="kill-test", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--store", choices=["sqlite", "postgresql", "both"], default="both")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    stores = ["sqlite", "postgresql"] if given.store == "both" else [given.store]
    print(f"kill-test: {given.kills} kills, seed {seed}, on {' and '.join(stores)}", flush=True)
    with tempfile.TemporaryDirectory(prefix="innerloop-kill-") as directory, a_kafka(Path(directory)) as kafka:
        # The kills are shared out between the stores.
        problems = [
            problem
            for n, store in enumerate(stores)
            for problem in run(kafka, store, Path(directory) / store, _share(given.kills, len(stores), n), seed + n)
        ]
    print(f"seed {seed}: " + (f"{len(problems)} problems" if problems else "nothing lost, nothing doubled"))
    return 1 if problems else 0


def run(kafka: Kafka, store: str, directory: Path, kills: int, seed: int) -> list[str]:
    """One store's share of the kills; prints as it goes."""
    directory.mkdir()
    with SlackServer() as slack, SmtpServer(directory / "mail") as smtp, a_store(store, directory) as url:
        say = functools.partial(print, store, flush=True)
        killer = Killer(Stage(kafka, url, directory, slack, smtp, Story(seed), say=say), seed)
        try:
            problems = killer.run(kills)
        finally:
            killer.stage.program.close()
    for problem in problems:
        say(f"PROBLEM {problem}")
    say(f"killed at {dict(killer.killed_at)}")
    return problems


@contextmanager
def a_kafka(directory: Path, count: int = 1) -> Iterator[Kafka]:
    nodes = Nodes(directory / "kafka", os.getpid(), count)
    try:
        nodes.create()
        yield Kafka(nodes.bootstrap, nodes)
    finally:
        for node in nodes.nodes:
            node.server.kill()


@contextmanager
def a_store(kind: str, directory: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{directory / 'innerloop.db'}"
        return
    server = start_private(servers.owner_pid())
    try:
        yield server.create_database()
    finally:
        server.destroy()


def _share(total: int, parts: int, n: int) -> int:
    return total // parts + (1 if n < total % parts else 0)


if __name__ == "__main__":
    sys.exit(main())
