"""KRaft nodes: each is broker and controller at once."""

from __future__ import annotations

import base64
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.support.kafka.jars import classpath
from tests.support.kafka.security import Security
from tests.support.servers import Server, free_port
from tests.support.waiting import until

_START_SECONDS = 60.0
_HEAP = ("-Xms64m", "-Xmx320m")
# A broker of a test lives for seconds: compile little, collect simply.
_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Dorg.slf4j.simpleLogger.showDateTime=true")

_COMMON = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAIN",
    "num.partitions": "1",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.min.isr": "1",
    # Tests want short sessions and no waiting for a group to fill up.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "log.cleaner.backoff.ms": "200",
    "log.retention.ms": "-1",  # records of a test may be as old as its story; retention is set topic by topic
    "log.retention.check.interval.ms": "500",
    "log.initial.task.delay.ms": "200",
    "controlled.shutdown.enable": "true",
    "num.network.threads": "2",
    "num.io.threads": "2",
}


@dataclass(slots=True)
class Node:
    """One node. Its ports stay the same over restarts."""

    number: int
    home: Path
    owner: int
    security: Security | None
    port: int = field(default_factory=free_port)
    controller_port: int = field(default_factory=free_port)
    secure_port: int = field(default_factory=free_port)
    server: Server = field(init=False)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        command = ["java", *_HEAP, *_JVM, "-cp", classpath(), "kafka.Kafka", str(self.properties)]
        self.server = Server(command, self.home, self.owner, remove=[self.home.parent])

    @property
    def properties(self) -> Path:
        return self.home / "server.properties"

    def write_properties(self, voters: str, replicas: int, more: Mapping[str, str]) -> None:
        listeners = {"PLAIN": self.port, "CONTROLLER": self.controller_port}
        protocols = {"PLAIN": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
        values = dict(_COMMON)
        if self.security:
            listeners["SECURE"] = self.secure_port
            protocols["SECURE"] = self.security.protocol
            values |= self.security.server_properties()
        values |= {
            "node.id": str(self.number),
            "log.dirs": str(self.home / "data"),
            "controller.quorum.voters": voters,
            "offsets.topic.replication.factor": str(replicas),
            "transaction.state.log.replication.factor": str(replicas),
            "listeners": _addresses(listeners),
            "advertised.listeners": _addresses({name: at for name, at in listeners.items() if name != "CONTROLLER"}),
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            **more,
        }
        self.properties.write_text("".join(f"{name}={value}\n" for name, value in values.items()))

    def format(self, cluster_id: str) -> None:
        scram = self.security.scram_arguments() if self.security else []
        run_tool(
            "kafka.tools.StorageTool",
            ["format", "-t", cluster_id, "-c", str(self.properties), "--ignore-formatted", *scram],
        )


@dataclass(slots=True)
class Nodes:
    """A cluster of one to three nodes."""

    home: Path
    owner: int
    count: int = 1
    security: Security | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list, init=False)

    def create(self) -> None:
        """Format the data directories, start every node, wait until the cluster answers."""
        self.nodes = [
            Node(number, self.home / f"node{number}", self.owner, self.security) for number in range(1, self.count + 1)
        ]
        voters = ",".join(f"{node.number}@127.0.0.1:{node.controller_port}" for node in self.nodes)
        cluster_id = _cluster_id()
        for node in self.nodes:
            node.write_properties(voters, self.count, self.properties)
            node.format(cluster_id)
        self.start()

    @property
    def bootstrap(self) -> str:
        """Where everybody is allowed everything: the tests' own door."""
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    @property
    def secure_bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{node.secure_port}" for node in self.nodes)

    def node(self, number: int) -> Node:
        return self.nodes[number - 1]

    def start(self) -> None:
        for node in self.nodes:
            if not node.server.running:
                node.server.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        until(lambda: self._answers(admin), _START_SECONDS, what="Kafka to answer")

    def _answers(self, admin: AdminClient) -> bool:
        ended = [node for node in self.nodes if not node.server.running]
        if ended:
            raise RuntimeError(f"Kafka ended while starting:\n{ended[0].server.tail()}")
        try:
            return len(admin.list_topics(timeout=1).brokers) == self.count
        except KafkaException:
            return False


def _cluster_id() -> str:
    """A random UUID in Kafka's 22 characters of base64; one that began with "-" would be taken for an option."""
    first, *rest = uuid.uuid4().bytes
    return base64.urlsafe_b64encode(bytes([first & 0x7F, *rest])).decode().rstrip("=")


def run_tool(name: str, arguments: Sequence[str], stdin: str | None = None, timeout: float = 120) -> str:
    """Run one of Kafka's own command line tools by its class name; returns what it wrote to stdout."""
    command = ["java", "-Xmx256m", *_JVM, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", classpath(), name]
    done = subprocess.run(
        [*command, *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=timeout
    )
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stdout}{done.stderr}")
    return done.stdout


def _addresses(listeners: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in listeners.items())
