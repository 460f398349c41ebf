"""Kafka: reachable, topics there, allowed to read, able to decode, and kept for long enough."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    KafkaError,
)

from worker.cli import output
from worker.cli.doctor.check import Check, error, ok, warning
from worker.errors import ConfigError
from worker.ingest.client import Timing, check_certificates, explain, missing_packages, open_client, options
from worker.ingest.clientlog import ClientLog
from worker.settings import Settings

_UNKNOWN_TOPIC, _FORBIDDEN_TOPIC = 3, 29  # error codes of the protocol
_SHORTEST = timedelta(days=3)  # a weekend, and a day to notice
_KNOWN_FOR = timedelta(days=7)  # Kafka's own default
_GROUP_TRIES = 20


def kafka_checks(settings: Settings) -> Iterator[Check]:
    if not settings.kafka_bootstrap_servers:
        yield warning(
            "kafka", "INNERLOOP_KAFKA_BOOTSTRAP_SERVERS is not set.", "The role consume cannot run.",
            "Write host:port, by comma; or leave consume out with `run --only`.",
        )  # fmt: skip
        return
    yield _packages()
    try:
        check_certificates(settings)
        client = _connect(settings)
    except ConfigError as wrong:
        yield error("kafka", str(wrong), "Nothing is read.", "Mend the setting.")
        return
    except _Unreachable as cause:
        yield error("kafka", str(cause), "Nothing is read; `run` waits, not ready.", "See the cause, then try again.")
        return
    try:
        yield ok("kafka", f"{', '.join(settings.kafka_bootstrap_servers)} answers.")
        yield from _topics(client, settings.kafka_topics)
        yield _group(client, settings.kafka_group_id)
    finally:
        client.close()


class _Unreachable(Exception):
    """No broker was reached; the text says why."""


def _connect(settings: Settings) -> KafkaAdminClient:
    known = options(settings, Timing())
    configured = {name: value for name, value in known.items() if name in KafkaAdminClient.DEFAULT_CONFIG}
    causes = ClientLog.install()
    causes.forget()
    try:
        return open_client(KafkaAdminClient, configured)
    except (KafkaError, OSError, RuntimeError) as failed:
        sentence, _ = explain(failed, causes.seen(), settings)
        raise _Unreachable(sentence) from None


def _packages() -> Check:
    missing = missing_packages()
    if missing:
        return error(
            "decoding", " ".join(missing), "Such records stop their partition, or slow everything down.",
            "Install innerloop again with its dependencies.",
        )  # fmt: skip
    return ok("decoding", "gzip, snappy, lz4 and zstd can be read; checksums are quick.")


# Topics --------------------------------------------------------------------------------------------------------


def _topics(client: KafkaAdminClient, names: Sequence[str]) -> Iterator[Check]:
    described = {topic["name"]: topic for topic in client.describe_topics(list(names))}
    for name in names:
        topic = described.get(name, {"error_code": _UNKNOWN_TOPIC})
        yield _topic(name, topic)
        if topic["error_code"] == 0:
            yield from _kept(name, _config(client, name), len(topic["partitions"][0]["replica_nodes"]))


def _topic(name: str, topic: Mapping[str, Any]) -> Check:
    code = topic["error_code"]
    if code == _UNKNOWN_TOPIC:
        return error(
            "topic", f"{name} does not exist.", "Nothing is read from it; `run` is not ready.",
            "Create it, or mend INNERLOOP_KAFKA_TOPICS.",
        )  # fmt: skip
    allowed = topic.get("authorized_operations")
    # Brokers before 2.3 do not say what is allowed.
    if code == _FORBIDDEN_TOPIC or (allowed is not None and not {"READ", "ALL"} & set(allowed)):
        return error(
            "topic", f"This user may not read {name}, or it does not exist.", "Nothing is read from it.",
            "Allow READ on the topic.",
        )  # fmt: skip
    if code:
        return error(
            "topic", f"{name}: the broker answers with error {code}.", "It may not be read.", "Ask its owners."
        )
    leaderless = [part["partition_index"] for part in topic["partitions"] if part["leader_id"] < 0]
    if leaderless:
        return error(
            "topic", f"{name}: partitions {leaderless} have no leader.", "They stand still.", "Look at the brokers."
        )
    return ok("topic", f"{name} has {output.counted(len(topic['partitions']), 'partition')}, so up to as many readers.")


def _config(client: KafkaAdminClient, name: str) -> Mapping[str, str]:
    """The topic's settings; empty where the user may not see them or the broker does not say."""
    try:
        found = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)], config_filter="all")
    except KafkaError:
        return {}
    return {key: str(entry["value"]) for key, entry in found.get("topic", {}).get(name, {}).items()}


def _kept(name: str, config: Mapping[str, str], replicas: int) -> Iterator[Check]:
    if not config:
        yield ok("retention", f"{name}: this user may not see how long it is kept. Allow DESCRIBE_CONFIGS to check it.")
        return
    yield _retention(name, int(config.get("retention.ms", "-1")))
    if "compact" in config.get("cleanup.policy", ""):
        yield warning(
            "retention", f"{name} is compacted.", "Of several answers under one key only the last is kept.",
            "Set cleanup.policy=delete, or give each response a key of its own.",
        )  # fmt: skip
    if replicas > 1 and int(config.get("min.insync.replicas", "1")) < 2:
        yield warning(
            "replicas", f"{name}: min.insync.replicas is 1.", "One lost broker can lose accepted answers.",
            "Set it to 2, and acks=all in producers.",
        )  # fmt: skip


def _retention(name: str, milliseconds: int) -> Check:
    if milliseconds < 0:
        return ok("retention", f"{name} is kept for ever.")
    kept = timedelta(milliseconds=milliseconds)
    said = f"{name} is kept for {kept.total_seconds() / 86400:.1f} days"
    if kept < _SHORTEST:
        return warning(
            "retention", f"{said}.", "An outage longer than that loses answers for good.",
            f"Set retention.ms to {int(_KNOWN_FOR.total_seconds() * 1000)} or more.",
        )  # fmt: skip
    return ok("retention", f"{said}; the store remembers what it read for longer.")


# Group ---------------------------------------------------------------------------------------------------------


def _group(client: KafkaAdminClient, group: str) -> Check:
    try:
        described = _describe(client, group)
    except GroupAuthorizationFailedError:
        return _no_group(group)
    except KafkaError as failed:
        return warning(
            "group", f"{group}: {type(failed).__name__}.", "Whether it may be joined is unknown.", "Try again."
        )
    allowed = described.get("authorized_operations")
    if allowed is not None and not {"READ", "ALL"} & set(allowed):
        return _no_group(group)
    members = output.counted(len(described.get("members") or ()), "member")
    return ok("group", f"{group} may be joined; it has {members} now.")


def _no_group(group: str) -> Check:
    return error(
        "group", f"This user may not join the group {group}.", "Nothing is read.",
        "Allow READ on the group, or mend INNERLOOP_KAFKA_GROUP_ID.",
    )  # fmt: skip


def _describe(client: KafkaAdminClient, group: str) -> Mapping[str, Any]:
    """The group as its coordinator sees it. On a new cluster the first question makes the coordinator."""
    wait = threading.Event()
    for tries_left in reversed(range(_GROUP_TRIES)):
        try:
            found = client.describe_groups([group], include_authorized_operations=True)
        except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError):
            if not tries_left:
                raise
            wait.wait(0.25)
        else:
            groups = found.values() if isinstance(found, Mapping) else found
            return next(iter(groups), {})
    return {}
