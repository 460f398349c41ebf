"""Fixtures: `kafka` (shared by the whole run), `real_kafka`, `private_kafka` (yours to stop, freeze and secure)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.support import servers
from tests.support.kafka import jars
from tests.support.kafka.broker import Nodes
from tests.support.kafka.cluster import Kafka
from tests.support.kafka.security import Security

_reason: list[str] = []  # why Apache Kafka could not be had, once somebody tried

PrivateKafka = Callable[..., Kafka]


def _say() -> str | None:
    reason = jars.why_not() or next(iter(_reason), None)
    return f"Kafka: {reason}; librdkafka's in-process broker stood in for Apache Kafka" if reason else None


servers.stand_in("kafka", _say)


@pytest.fixture(scope="session")
def kafka(run_dir: servers.RunDir) -> Iterator[Kafka]:
    """One Kafka for the run. Use topics and groups of your own; never stop it."""
    started: list[Nodes] = []
    shared = run_dir.once("kafka", lambda: _start_shared(started))
    if shared["bootstrap"] is None:
        _reason.append(shared["reason"])
        yield from _in_process()
        return
    cluster = Kafka(shared["bootstrap"])
    yield cluster
    cluster.close()
    if started and servers.owns_run():
        _end(started[0])


@pytest.fixture
def real_kafka(kafka: Kafka) -> Kafka:
    """For what only Apache Kafka does: transactions, retention, topic ids, its own tools."""
    if not kafka.is_real:
        servers.missing("needs Apache Kafka: java 17+ and mvn")
    return kafka


@pytest.fixture
def private_kafka(kafka: Kafka, tmp_path: Path) -> Iterator[PrivateKafka]:
    """`private_kafka()` starts a cluster for one test: `nodes=3`, `security={"acl": True}`, `properties={…}`."""
    if not kafka.is_real:
        servers.missing("needs Apache Kafka: java 17+ and mvn")
    made: list[Kafka] = []

    def make(
        nodes: int = 1, *, security: Mapping[str, object] | None = None, properties: Mapping[str, str] | None = None
    ) -> Kafka:
        home = servers.short_temp_dir("kafka")
        secured = None if security is None else Security(tmp_path / "tls", **security)  # type: ignore[arg-type]
        cluster = Nodes(home, servers.owner_pid(), nodes, secured, properties or {})
        made.append(Kafka("", cluster))
        cluster.create()
        made[-1].bootstrap = cluster.bootstrap
        return made[-1]

    yield make
    for one in made:
        one.close()
        if one.nodes:
            _end(one.nodes)


def _start_shared(started: list[Nodes]) -> dict[str, str | None]:
    try:
        jars.classpath()
    except jars.NoKafka as error:
        if servers.in_ci():
            pytest.fail(f"no Apache Kafka: {error} (CI=true: this must not be skipped)")
        return {"bootstrap": None, "reason": str(error)}
    nodes = Nodes(servers.short_temp_dir("kafka"), servers.owner_pid())
    started.append(nodes)
    nodes.create()
    return {"bootstrap": nodes.bootstrap}


def _in_process() -> Iterator[Kafka]:
    """The broker of librdkafka lives as long as this producer."""
    host = Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 0})
    brokers = host.list_topics(timeout=10).brokers.values()
    cluster = Kafka(",".join(f"{one.host}:{one.port}" for one in brokers), is_real=False)
    yield cluster
    cluster.close()
    del host


def _end(nodes: Nodes) -> None:
    for node in nodes.nodes:
        node.server.kill()  # nothing in it is worth a clean end
    shutil.rmtree(nodes.home, ignore_errors=True)
