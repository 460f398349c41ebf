"""The Kafka client: how it is set up, and what its faults mean."""

from __future__ import annotations

import base64
import contextlib
import gc
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import kafka.codec
import kafka.errors
import kafka.record.util
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.net.compat import KafkaNetClient
from kafka.structs import MemberState

from worker.errors import ConfigError
from worker.ingest.clientlog import ClientLog
from worker.ingest.guard import guard, network
from worker.ingest.records import Record
from worker.settings import Settings

_Client = TypeVar("_Client")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds, unless named otherwise. Tests shorten them; nothing else should."""

    poll: float = 0.5
    session: float = 30
    heartbeat: float = 1
    poll_interval: float = 60  # a member that is busy for longer is out
    metadata_age: float = 15
    bootstrap: float = 10  # of one attempt
    silence: float = 10  # of a broker that was asked something, until it is left and another one is asked
    request: float = 1  # offsets and commits
    survey: float = 7  # lag, reachability, topic ids
    commit_every: float = 1
    commit_pause: float = 5  # after a failed one
    look_again: float = 5  # at a batch that cannot be decoded
    unreadable_after: float = 60
    backoff: float = 1
    backoff_max: float = 30
    storm: float = 5  # between looks whether ops accepted it
    busy: float = 2  # a batch should take less
    quiet: float = 2  # without a record, until brokers are asked less often


# Setting up ------------------------------------------------------------------------------------------------------


def connect(settings: Settings, timing: Timing, stop: threading.Event, waiting: Callable[[str], None]) -> KafkaConsumer:
    """A consumer that has reached a broker. Waits for one as long as it takes, saying why through `waiting`.

    Raises ConfigError for what waiting will not mend, and Stopped when `stop` was set.
    """
    if not settings.kafka_bootstrap_servers:
        raise ConfigError("INNERLOOP_KAFKA_BOOTSTRAP_SERVERS is not set, and reading needs it. Write host:port.")
    check_certificates(settings)
    causes = ClientLog.install()
    while not stop.is_set():
        causes.forget()
        try:
            return _attempt(options(settings, timing))
        except kafka.errors.KafkaConfigurationError as error:
            raise ConfigError(f"Kafka: {error}") from None
        except (kafka.errors.KafkaError, OSError, RuntimeError) as error:
            sentence, fatal = explain(error, causes.seen(), settings)
            if fatal:
                raise ConfigError(sentence) from None
            waiting(sentence)
            let_go()
            stop.wait(timing.backoff)
    raise Stopped


class Stopped(Exception):
    """The process ends before a broker was found."""


def _attempt(configured: dict[str, Any]) -> KafkaConsumer:
    """One bootstrap."""
    consumer = open_client(KafkaConsumer, configured)
    guard(consumer)
    return consumer


def open_client(kind: Callable[..., _Client], configured: Mapping[str, Any]) -> _Client:
    """A consumer or an admin client over a guarded network. One that cannot start would keep its thread and sockets."""
    networks: list[KafkaNetClient] = []

    def guarded(**given: Any) -> KafkaNetClient:
        networks.append(network(**given))
        return networks[0]

    try:
        return kind(kafka_client=guarded, **configured)
    except BaseException:
        for one in networks:
            one.close()
        raise


def let_go() -> None:
    """The client leaves sockets of refused connections to the garbage collector, which an idle process seldom runs."""
    gc.collect()


# While records flow, small batches form by themselves: each wakes us once. A longer wait would only add delay.
FLOWING = {"fetch_min_bytes": 100_000, "fetch_max_wait_ms": 50}
# Where nothing flows, twenty questions a second were most of what an idle worker cost. The first record is the answer
# at once; a longer wait would stand in the way of what else is asked over the same connection.
QUIET = {"fetch_min_bytes": 1, "fetch_max_wait_ms": 200}


def options(settings: Settings, timing: Timing) -> dict[str, Any]:
    """Keyword arguments of the consumer. Offsets are placed and committed by our own loop, never by the client."""
    return {
        "bootstrap_servers": list(settings.kafka_bootstrap_servers),
        "group_id": settings.kafka_group_id,
        "client_id": "innerloop",
        "partition_assignment_strategy": [CooperativeStickyAssignor],
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "allow_auto_create_topics": False,
        "heartbeat_interval_ms": int(timing.heartbeat * 1000),
        "session_timeout_ms": int(timing.session * 1000),
        "max_poll_interval_ms": int(timing.poll_interval * 1000),
        "reconnect_backoff_max_ms": 1000,
        "metadata_max_age_ms": int(timing.metadata_age * 1000),
        "bootstrap_timeout_ms": int(timing.bootstrap * 1000),
        # A frozen broker keeps its connections: what it was asked, such as who leads now, is asked elsewhere only then.
        # Nothing that a slow line brings may take as long, so no answer is large.
        "request_timeout_ms": int(timing.silence * 1000),
        "fetch_max_bytes": 16 * 1024 * 1024,
        **FLOWING,
        "max_poll_records": settings.kafka_max_poll_records,
        **_security(settings),
        **_version(settings),
    }


def _version(settings: Settings) -> dict[str, Any]:
    if settings.kafka_api_version is None:
        return {}
    try:
        return {"api_version": tuple(int(part) for part in settings.kafka_api_version.split("."))}
    except ValueError:
        given = settings.kafka_api_version
        raise ConfigError(f'INNERLOOP_KAFKA_API_VERSION: cannot read "{given}". Write a version such as 2.3.') from None


def _security(settings: Settings) -> dict[str, Any]:
    password, key_password = settings.kafka_sasl_password, settings.kafka_ssl_key_password
    chosen = {
        "security_protocol": settings.kafka_security_protocol,
        "sasl_mechanism": settings.kafka_sasl_mechanism,
        "sasl_plain_username": settings.kafka_sasl_username,
        "sasl_plain_password": password.get_secret_value() if password else None,
        "ssl_cafile": _text(settings.kafka_ssl_cafile),
        "ssl_certfile": _text(settings.kafka_ssl_certfile),
        "ssl_keyfile": _text(settings.kafka_ssl_keyfile),
        "ssl_password": key_password.get_secret_value() if key_password else None,
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        _check_sasl(settings)
    return {name: value for name, value in chosen.items() if value is not None}


def _text(path: Path | None) -> str | None:
    return str(path) if path else None


def _check_sasl(settings: Settings) -> None:
    for name in ("kafka_sasl_mechanism", "kafka_sasl_username", "kafka_sasl_password"):
        if getattr(settings, name) is None:
            protocol = settings.kafka_security_protocol
            raise ConfigError(f"INNERLOOP_{name.upper()} is not set, and {protocol} needs it.")


def check_certificates(settings: Settings) -> None:
    """The client would only say that no broker answers. Raises ConfigError naming the file."""
    if "SSL" not in settings.kafka_security_protocol.split("_")[-1]:
        return
    context = ssl.create_default_context()
    if settings.kafka_ssl_cafile:
        _try("INNERLOOP_KAFKA_SSL_CAFILE", settings.kafka_ssl_cafile, context.load_verify_locations)
    if settings.kafka_ssl_certfile:
        secret = settings.kafka_ssl_key_password
        key, password = settings.kafka_ssl_keyfile, secret.get_secret_value() if secret else ""
        _try(
            "INNERLOOP_KAFKA_SSL_CERTFILE (with its key)",
            settings.kafka_ssl_certfile,
            lambda path: context.load_cert_chain(path, key, password),
        )


def _try(name: str, path: Path, load: Callable[[Path], object]) -> None:
    try:
        path.read_bytes()
        load(path)
    except ssl.SSLError as error:
        raise ConfigError(f"{name} names {path}, which is no usable PEM file: {error.reason or error}.") from None
    except OSError as error:
        raise ConfigError(f"{name} names {path}, which cannot be read: {error.strerror or error}.") from None


def missing_packages() -> list[str]:
    """One sentence for each library without which some topics cannot be read, or only slowly."""
    needed = (
        (kafka.codec.has_snappy(), "snappy", "python-snappy"),
        (kafka.codec.has_lz4(), "lz4", "lz4"),
        (kafka.codec.has_zstd(), "zstd", "zstandard"),
    )
    missing = [
        f"Records compressed with {codec} cannot be read: the package {package} is missing. pip install {package}"
        for there, codec, package in needed
        if not there
    ]
    if kafka.record.util.crc32c_c is None:
        missing.append("The package crc32c is missing: decoding is about 12 times slower. pip install crc32c")
    return missing


# What faults mean ------------------------------------------------------------------------------------------------

# The client raises the same timeout for every cause; only its log tells them apart. In order: what to look for there,
# what it means, and whether only other settings mend it.
_HANGS_UP = "it hangs up; check INNERLOOP_KAFKA_SECURITY_PROTOCOL, and the password if it wants one"
_CAUSES = (
    ("SaslAuthenticationFailed", "the user name or the password is wrong (INNERLOOP_KAFKA_SASL_…)", True),
    ("UnsupportedSaslMechanism", "the broker does not offer this INNERLOOP_KAFKA_SASL_MECHANISM", True),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not signed by INNERLOOP_KAFKA_SSL_CAFILE", True),
    ("WRONG_VERSION_NUMBER", "it does not speak TLS on this port (INNERLOOP_KAFKA_SECURITY_PROTOCOL)", False),
    ("UNEXPECTED_EOF", "it does not speak TLS on this port (INNERLOOP_KAFKA_SECURITY_PROTOCOL)", False),
    ("CERTIFICATE_REQUIRED", "it wants a client certificate (INNERLOOP_KAFKA_SSL_CERTFILE)", False),
    ("BAD_CERTIFICATE", "it wants another client certificate (INNERLOOP_KAFKA_SSL_CERTFILE)", False),
    ("ECONNREFUSED", "nothing listens there", False),
    ("gaierror", "its name cannot be resolved", False),
    ("DNS", "its name cannot be resolved", False),
    ("socket disconnected", _HANGS_UP, False),
)


def explain(error: Exception, seen: Sequence[str], settings: Settings) -> tuple[str, bool]:
    """A sentence for a failed start, and whether waiting is of no use."""
    servers = ", ".join(settings.kafka_bootstrap_servers)
    lines = [*seen, str(error)]
    for mark, meaning, fatal in _CAUSES:
        if any(mark.lower() in line.lower() for line in lines):
            return f"Kafka at {servers} cannot be used: {meaning}.", fatal
    return f"Kafka at {servers} does not answer.", False


def fatal(error: Exception) -> ConfigError | None:
    """A clear error for what going on will not mend; None for everything else."""
    if isinstance(error, kafka.errors.UnsupportedCodecError):
        missing = " ".join(missing_packages()) or "Its compression is not known to this client."
        return ConfigError(f"Records cannot be read: {error}. {missing}")
    if isinstance(error, kafka.errors.FencedInstanceIdError):
        return ConfigError("Another process uses this member's group instance id. Give each its own, or none.")
    if isinstance(error, kafka.errors.GroupAuthorizationFailedError):
        group = error.args[0] if error.args else ""
        return ConfigError(f'Kafka does not let us use the group "{group}". We need the ACL READ on the group.')
    if isinstance(error, kafka.errors.TopicAuthorizationFailedError):
        topics = ", ".join(sorted(error.args[0])) if error.args and isinstance(error.args[0], set) else error
        return ConfigError(f"Kafka does not let us read: {topics}. We need the ACL READ on the topic.")
    if isinstance(error, kafka.errors.AuthorizationError | kafka.errors.SaslAuthenticationFailedError):
        return ConfigError(f"Kafka refuses us: {error}.")
    return None


# What only the client's inner parts tell -------------------------------------------------------------------------


def position(consumer: KafkaConsumer, at: TopicPartition) -> int | None:
    """Where the next record will be read; None while there is no position. Never asks a broker."""
    state = consumer._subscription.assignment.get(at)
    return state.position.offset if state is not None and state.position is not None else None


def seek(consumer: KafkaConsumer, at: TopicPartition, offset: int) -> None:
    """Read on at `offset`, and let go of what was fetched for another one and parked while the partition rested."""
    fetcher = consumer._fetcher
    fetcher._paused_completed_fetches.pop(at, None)
    parked = fetcher._paused_partition_records.pop(at, None)
    if parked is not None:
        parked.drain()
    consumer.seek(at, offset)


def let_in_parked(consumer: KafkaConsumer) -> None:
    """Let the next poll take back a buffer that was parked while its partition rested.

    The client does so only while no buffer is in line, and takes an emptied one for one in line (kafka-python 3.0): a
    partition could wait for ever while others flow. So an emptied one is let go of.
    """
    fetcher = consumer._fetcher
    in_line = fetcher._next_partition_records
    if in_line is not None and not in_line:
        fetcher._next_partition_records = None


def joined(consumer: KafkaConsumer) -> bool:
    """Whether this member belongs to its group, and no rebalance is under way."""
    return bool(consumer.group_metadata().state is MemberState.STABLE)


def keep_joining(consumer: KafkaConsumer) -> None:
    """Let a join that outlasted its poll be finished by the next one.

    A leader that joins again because partitions came or went forgets, once it has assigned them, that it still has
    to finish: need_rejoin() says no, heartbeats stay off, and the member is dead without knowing (kafka-python 3.0).
    """
    coordinator = consumer._coordinator
    if coordinator.rejoining and not coordinator.rejoin_needed:
        coordinator.request_rejoin()


def end_producer(producer: KafkaProducer, timeout: float) -> None:
    """Close it, and drop what it still holds.

    Its own close() waits for that first, raises when it waited in vain, and goes on sending (kafka-python 3.0).
    """
    producer._sender.force_close()
    producer._sender.join(timeout)
    with contextlib.suppress(kafka.errors.KafkaError):
        producer.close(timeout=0)


def fetch_as(consumer: KafkaConsumer, way: Mapping[str, int]) -> None:
    """How brokers answer from the next request on: FLOWING or QUIET. The client reads its settings for each request."""
    consumer._fetcher.config.update(way)


def refresh_metadata(consumer: KafkaConsumer, timeout: float) -> None:
    """Ask now which topics, partitions and topic ids there are. Raises KafkaError after `timeout` seconds."""
    network, manager = consumer._net, consumer._manager  # the public ways wait for ever
    try:
        network.run(manager.wait_for, manager.cluster.request_update(), timeout * 1000)
    except kafka.errors.AuthorizationError:
        raise
    except kafka.errors.BrokerResponseError:
        return  # an answer too: that one of the topics is missing, or has no leader yet


def topic_id(consumer: KafkaConsumer, topic: str) -> str:
    """As Kafka's own tools write it, from the newest metadata; "" for a broker that knows none."""
    found = consumer._cluster.topic_id(topic)
    if found is None or not found.int:
        return ""
    return base64.urlsafe_b64encode(found.bytes).decode().rstrip("=")


def partitions(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    """From the newest metadata; empty when there is no such topic."""
    found = consumer._cluster.partitions_for_topic(topic)
    return [TopicPartition(topic, n) for n in sorted(found or ())]


def committed(consumer: KafkaConsumer, at: Sequence[TopicPartition], timeout: float) -> dict[TopicPartition, int]:
    """The group's offsets; partitions without one are absent."""
    coordinator = consumer._coordinator  # the public way asks for one partition at a time
    found = coordinator.fetch_committed_offsets(list(at), timeout_ms=timeout * 1000)
    return {one: offset.offset for one, offset in found.items() if offset.offset >= 0}


def beginnings(consumer: KafkaConsumer, at: Sequence[TopicPartition], timeout: float) -> dict[TopicPartition, int]:
    """The first offset of each log."""
    return dict(consumer.beginning_offsets(list(at), timeout_ms=timeout * 1000)) if at else {}


def ends(consumer: KafkaConsumer, at: Sequence[TopicPartition], timeout: float) -> dict[TopicPartition, int]:
    """The offset after the last one that a read_committed reader may see."""
    return dict(consumer.end_offsets(list(at), timeout_ms=timeout * 1000)) if at else {}


# Records -----------------------------------------------------------------------------------------------------------


def record_of(found: Any, incarnation: str, how: str = "kafka") -> Record:
    """A record of the client's as ours."""
    return Record(
        topic=found.topic, partition=found.partition, offset=found.offset, incarnation=incarnation,
        timestamp=_time(found.timestamp), key=found.key, value=found.value, headers=tuple(found.headers or ()), how=how,
    )  # fmt: skip


def _time(milliseconds: int | None) -> datetime | None:
    """None for no timestamp and for one beyond the calendar: some producers write microseconds."""
    if milliseconds is None or milliseconds < 0:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
