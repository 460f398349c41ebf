"""What tests do with a Kafka, through confluent-kafka: a client that shares no code with the one we use."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
)
from kafka.admin import KafkaAdminClient, MemberToRemove

from tests.support.kafka.broker import Nodes, run_tool
from tests.support.waiting import until

_SECONDS = 20.0
_QUIET = {"log_level": 0}
Value = bytes | str | Mapping[str, Any] | None


class Kafka:
    """A cluster. `is_real` is False for librdkafka's in-process one, which knows no topic ids, ACLs or retention."""

    def __init__(self, bootstrap: str, nodes: Nodes | None = None, *, is_real: bool = True) -> None:
        self.bootstrap = bootstrap
        self.nodes = nodes
        self.is_real = is_real
        self._admin_client: AdminClient | None = None
        self._producer: Producer | None = None
        self._patient: Producer | None = None
        self._known: set[tuple[str, int]] = set()

    # Topics

    def create_topic(
        self, name: str | None = None, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> str:
        """Create a topic (with a name nobody else has, if none is given) and wait until it can be written to.

        The in-process cluster makes every topic with four partitions when it is first asked about.
        """
        name = name or f"t-{secrets.token_hex(6)}"
        if not self.is_real:
            self._admin().list_topics(name, timeout=_SECONDS)
            return name
        replicas = self.nodes.count if self.nodes else 1
        topic = NewTopic(name, num_partitions=partitions, replication_factor=replicas, config=dict(config or {}))
        self._admin().create_topics([topic])[name].result(_SECONDS)
        until(lambda: self._has_leaders(name, partitions), _SECONDS, what=f"leaders of {name}")
        return name

    def delete_topic(self, name: str) -> None:
        self._admin().delete_topics([name])[name].result(_SECONDS)
        until(lambda: name not in self._admin().list_topics(timeout=_SECONDS).topics, _SECONDS, what=f"{name} to go")

    def add_partitions(self, name: str, total: int) -> None:
        self._admin().create_partitions([NewPartitions(name, total)])[name].result(_SECONDS)
        until(lambda: self._has_leaders(name, total), _SECONDS, what=f"leaders of {name}")

    def delete_records(self, name: str, before: Mapping[int, int]) -> None:
        """Cut the log as retention would: everything below these offsets goes, by partition."""
        asked = [TopicPartition(name, partition, offset) for partition, offset in before.items()]
        for done in self._admin().delete_records(asked).values():
            done.result(_SECONDS)

    def change_topic(self, name: str, setting: str, value: str) -> None:
        change = ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET)
        asked = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[change])
        self._admin().incremental_alter_configs([asked])[asked].result(_SECONDS)

    def leader(self, name: str, partition: int) -> int:
        """Number of the node that leads it now."""
        return int(self._admin().list_topics(name, timeout=_SECONDS).topics[name].partitions[partition].leader)

    def is_in_sync(self, name: str) -> bool:
        """Whether every replica of every partition has everything."""
        partitions = self._admin().list_topics(name, timeout=_SECONDS).topics[name].partitions.values()
        return all(len(one.isrs) == len(one.replicas) for one in partitions)

    def topic_id(self, name: str) -> str:
        """As Kafka's own tools write it: base64 for URLs."""
        described = self._admin().describe_topics(TopicCollection([name]))[name].result(_SECONDS)
        return str(described.topic_id).translate(str.maketrans("+/", "-_"))

    def _has_leaders(self, name: str, partitions: int) -> bool:
        topic = self._admin().list_topics(name, timeout=_SECONDS).topics.get(name)
        return (
            topic is not None
            and len(topic.partitions) == partitions
            and all(partition.leader >= 0 for partition in topic.partitions.values())
        )

    # Records

    def producer(self, **config: Any) -> Producer:
        """A producer of your own: `transactional_id="t"`, `compression_type="zstd"`."""
        values = {name.replace("_", "."): value for name, value in config.items()}
        return Producer({"bootstrap.servers": self.bootstrap, **_QUIET, **values})

    def produce(
        self,
        topic: str,
        *values: Value,
        key: str | bytes | None = None,
        headers: Mapping[str, bytes | str] | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> list[tuple[int, int]]:
        """Write values and wait until all are stored; returns (partition, offset) of each.

        Mappings become JSON, None is a tombstone.
        """
        self._producer = self._producer or self.producer()
        more: dict[str, Any] = {} if partition is None else {"partition": partition}
        if timestamp_ms is not None:
            more["timestamp"] = timestamp_ms
        if headers is not None:
            more["headers"] = list(headers.items())
        return produce_all(self._producer, topic, values, key=key, **more)

    def produce_later(self, topic: str, value: Value, *, key: str, partition: int) -> None:
        """Hand over without waiting; `flush` waits for all of them. Over an outage each is stored once, in order."""
        self._patient = self._patient or self.producer(
            enable_idempotence=True, request_timeout_ms=5000, socket_timeout_ms=10_000,
            topic_metadata_refresh_interval_ms=2000, retry_backoff_max_ms=1000, reconnect_backoff_max_ms=1000,
        )  # fmt: skip
        until(lambda: self._knows(topic, partition), what=f"{topic}:{partition} to be known")
        self._patient.produce(topic, to_bytes(value), key=key, partition=partition)

    def _knows(self, topic: str, partition: int) -> bool:
        """A producer hears of new partitions when it asks."""
        if (topic, partition) not in self._known:
            assert self._patient is not None
            found = self._patient.list_topics(topic, timeout=_SECONDS).topics[topic].partitions
            self._known |= {(topic, number) for number in found}
        return (topic, partition) in self._known

    def flush(self, timeout: float = _SECONDS) -> None:
        assert self._patient is not None and self._patient.flush(timeout) == 0, "Kafka did not take everything"

    def read(self, topic: str, *, committed: bool = True) -> list[Message]:
        """Everything in the topic now, by partition and offset."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": f"reader-{secrets.token_hex(4)}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed" if committed else "read_uncommitted",
                **_QUIET,
            }
        )
        starts = self.begin_offsets(topic)
        try:
            consumer.assign([TopicPartition(topic, partition, start) for partition, start in starts.items()])
            return _read_to_the_end(consumer, len(starts))
        finally:
            consumer.close()

    def begin_offsets(self, topic: str) -> dict[int, int]:
        return self._offsets(topic, OffsetSpec.earliest(), committed=False)

    def end_offsets(self, topic: str, *, committed: bool = False) -> dict[int, int]:
        """Next offset to be written, by partition; `committed`: what a read_committed reader may see."""
        return self._offsets(topic, OffsetSpec.latest(), committed=committed)

    def _offsets(self, topic: str, spec: OffsetSpec, *, committed: bool) -> dict[int, int]:
        partitions = self._admin().list_topics(topic, timeout=_SECONDS).topics[topic].partitions
        asked = {TopicPartition(topic, partition): spec for partition in partitions}
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        found = self._admin().list_offsets(asked, isolation_level=level)
        return {at.partition: found[at].result(_SECONDS).offset for at in sorted(asked, key=lambda at: at.partition)}

    # Groups

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """The group's committed offsets of a topic; partitions without one are absent."""
        asked = [ConsumerGroupTopicPartitions(group)]
        answer = self._admin().list_consumer_group_offsets(asked)[group].result(_SECONDS)
        return {at.partition: at.offset for at in answer.topic_partitions if at.topic == topic and at.offset >= 0}

    def members(self, group: str) -> int:
        """How many there are; 0 where nobody ever joined."""
        return len(self.member_ids(group))

    def expel(self, group: str) -> None:
        """Make the group forget members that were killed: they would keep their partitions until their session ends."""
        members = [MemberToRemove(member_id=member) for member in self.member_ids(group)]
        if members:
            admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
            try:
                admin.remove_group_members(group, members)
            finally:
                admin.close()

    def member_ids(self, group: str) -> list[str]:
        """Each member's own id, which it keeps as long as it is not thrown out."""

        def ask() -> tuple[list[str]] | None:
            try:
                described = self._admin().describe_consumer_groups([group])[group].result(_SECONDS)
            except KafkaException as error:
                # The first look at any group makes the broker create its offsets topic: no coordinator yet.
                return ([],) if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND else None
            return ([member.member_id for member in described.members],)

        found = until(ask, _SECONDS, what=f"the coordinator of {group}")
        return found[0] if found else []

    # The cluster itself

    def settings(self) -> dict[str, str]:
        """INNERLOOP_KAFKA_* for a worker that is to use this cluster's plain door."""
        values = {"INNERLOOP_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap}
        return values if self.is_real else {**values, "INNERLOOP_KAFKA_API_VERSION": "2.3"}

    def secure_settings(self, user: str = "innerloop", **changes: str) -> dict[str, str]:
        """INNERLOOP_KAFKA_* for the secured door; `changes` spoil it: `sasl_password="wrong"`."""
        nodes = self._own_nodes()
        assert nodes.security is not None, "this cluster was made without security"
        return {
            "INNERLOOP_KAFKA_BOOTSTRAP_SERVERS": nodes.secure_bootstrap,
            **nodes.security.settings(user, **changes),
        }

    def allow(self, user: str, operation: AclOperation, kind: ResourceType, name: str) -> None:
        """Grant: `kafka.allow("innerloop", AclOperation.READ, ResourceType.TOPIC, topic)`. Returns once it holds."""
        nodes = self._own_nodes()
        assert nodes.security is not None, "this cluster was made without security"
        rule = AclBinding(
            kind,
            name,
            ResourcePatternType.LITERAL,
            nodes.security.principal(user),
            "*",
            operation,
            AclPermissionType.ALLOW,
        )
        self._admin().create_acls([rule])[rule].result(_SECONDS)
        asked = AclBindingFilter(
            kind, name, ResourcePatternType.LITERAL, rule.principal, "*", operation, AclPermissionType.ALLOW
        )
        until(lambda: self._admin().describe_acls(asked).result(_SECONDS), what="the broker to know the rule")

    def tool(self, name: str, *arguments: str, stdin: str | None = None) -> str:
        """One of Kafka's own programs, such as `org.apache.kafka.tools.ConsoleProducer`."""
        return run_tool(name, arguments, stdin)

    def start(self) -> None:
        self._own_nodes().start()

    def stop(self) -> None:
        for node in self._own_nodes().nodes:
            node.server.stop()

    def kill(self) -> None:
        for node in self._own_nodes().nodes:
            node.server.kill()

    def pause(self) -> None:
        """Freeze: connections stay open and nothing answers."""
        for node in self._own_nodes().nodes:
            node.server.pause()

    def resume(self) -> None:
        for node in self._own_nodes().nodes:
            node.server.resume()

    def close(self) -> None:
        """Let go of the clients, whose threads would go on asking a stopped broker."""
        self._admin_client = self._producer = self._patient = None

    def _admin(self) -> AdminClient:
        self._admin_client = self._admin_client or AdminClient({"bootstrap.servers": self.bootstrap, **_QUIET})
        return self._admin_client

    def _own_nodes(self) -> Nodes:
        assert self.nodes is not None, "this Kafka is shared: ask for private_kafka to stop, pause or secure one"
        return self.nodes


def produce_all(producer: Producer, topic: str, values: Sequence[Value], **more: Any) -> list[tuple[int, int]]:
    """Write and wait; returns (partition, offset) of each value in order. Raises what the broker refused."""
    stored: list[tuple[int, int] | Exception | None] = [None] * len(values)

    def keep(n: int, error: Any, message: Message) -> None:
        stored[n] = RuntimeError(str(error)) if error else (message.partition() or 0, message.offset() or 0)

    def keeper(n: int) -> Callable[[Any, Message], None]:
        return lambda error, message: keep(n, error, message)

    for n, value in enumerate(values):
        while True:
            try:
                producer.produce(topic, to_bytes(value), on_delivery=keeper(n), **more)
                break
            except BufferError:  # the queue is full: let it drain
                producer.poll(0.1)
        producer.poll(0)
    left = producer.flush(_SECONDS)
    refused = [one for one in stored if isinstance(one, Exception)]
    if left or refused:
        raise RuntimeError(f"{left} records not stored, {len(refused)} refused: {refused[:1]}")
    return [one for one in stored if isinstance(one, tuple)]


def to_bytes(value: Value) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else json.dumps(value, ensure_ascii=False).encode()


def _read_to_the_end(consumer: Consumer, partitions: int) -> list[Message]:
    found: list[Message] = []
    ended: set[int | None] = set()

    def done() -> bool:
        for message in consumer.consume(500, timeout=0.2):
            error = message.error()
            if error is None:
                found.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(message.partition())
            else:
                raise RuntimeError(str(error))
        return len(ended) == partitions

    until(done, _SECONDS, what="the end of the topic")
    return sorted(found, key=lambda message: (message.partition() or 0, message.offset() or 0))
