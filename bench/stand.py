"""What the measurements stand on: a real Kafka, both stores, and child processes that say what they cost."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from confluent_kafka import Producer

from tests.support import postgres, servers
from tests.support.kafka.broker import Nodes
from tests.support.kafka.cluster import Kafka
from worker.store.engine import open_store
from worker.store.migrate import migrate

SQLITE, POSTGRESQL = "sqlite", "postgresql"


@contextlib.contextmanager
def kafka() -> Iterator[Kafka]:
    """One node, gone afterwards."""
    home = servers.short_temp_dir("bench-kafka")
    nodes = Nodes(home, os.getpid())
    cluster = Kafka("", nodes)
    try:
        nodes.create()
        cluster.bootstrap = nodes.bootstrap
        yield cluster
    finally:
        cluster.close()
        for node in nodes.nodes:
            node.server.kill()
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def stores(names: Sequence[str]) -> Iterator[Stores]:
    """These stores, gone afterwards. PostgreSQL commits durably here, as SQLite does: fsync is on."""
    home = servers.short_temp_dir("bench-store")
    server = None
    try:
        if POSTGRESQL in names:
            server = postgres.start_private(os.getpid())
            server = durable(server)
        yield Stores(home, server)
    finally:
        if server:
            server.destroy()
        shutil.rmtree(home, ignore_errors=True)


def durable(server: postgres.Postgres) -> postgres.Postgres:
    """The same server, started again as one that keeps what it has committed."""
    server.stop()
    options = [f"--{name}=on" for name in ("fsync", "full_page_writes", "synchronous_commit")]
    server.server.command = [*server.server.command, *options]
    server.start()
    return server


class Stores:
    """Hands out fresh, migrated stores."""

    def __init__(self, home: Path, server: postgres.Postgres | None) -> None:
        self._home = home
        self._server = server
        self._made = 0

    def fresh(self, name: str) -> str:
        """The URL of an empty store with our tables."""
        self._made += 1
        if name == SQLITE:
            url = f"sqlite:///{self._home / f'{self._made}.db'}"
        else:
            assert self._server is not None
            url = self._server.create_database()
        store = open_store(url)
        migrate(store)
        store.close()
        return url


def produce(cluster: Kafka, topic: str, values: Sequence[bytes]) -> None:
    """Write them all, several to a batch, as a producer under load does."""
    producer: Producer = cluster.producer(linger_ms=20)
    for value in values:
        while True:
            try:
                producer.produce(topic, value)
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(60):
        raise RuntimeError("Kafka did not take all events")


def slack_settings(store_url: str, slack_url: str) -> dict[str, str]:
    """What a worker needs to keep its work there and to tell people here."""
    return {
        "INNERLOOP_STORE_URL": store_url,
        "INNERLOOP_SLACK_BOT_TOKEN": "xoxb-1-bench",
        "INNERLOOP_SLACK_BASE_URL": slack_url,
        "INNERLOOP_SECRET_KEYS": "k" * 32,
        "INNERLOOP_LOG_LEVEL": "error",
    }


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far, in user and kernel mode (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
