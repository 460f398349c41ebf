"""The loop that reads Kafka: poll, process, write, commit, poll again, all in one thread.

What makes it lose nothing:
1. The ledger's head in the store is the truth; Kafka's committed offset is a hint, written after the store.
2. Where to start is decided here (worker.ingest.placing), never by the client, and every jump is written down.
3. A batch goes from the position before a poll to the one after it, also when the poll brought no record.
4. Rebalances happen inside `poll()` only. New partitions are paused until they are placed.
5. While the store is away, the batch is held, everything is paused and polling goes on, so that the group keeps us.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import kafka.errors
from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from worker import log, metrics
from worker.clock import Clock, SystemClock
from worker.errors import StoreUnavailable
from worker.ingest import client
from worker.ingest.client import Stopped, Timing
from worker.ingest.guard import place_of
from worker.ingest.holdings import Holdings, Reading, Unreadable
from worker.ingest.placing import Placing, of_topic, place
from worker.ingest.records import Batch, Head, Pause, Record, Sink, Slice
from worker.ingest.unreadable import Interrupted, first_readable, prober
from worker.settings import Settings

__all__ = ["Batch", "Head", "KafkaReader", "Pause", "Sink", "Slice", "Status", "Timing"]

_log = log.get(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST = 10  # records a poll may bring at least, however slow they are


@dataclass(frozen=True, slots=True)
class Status:
    """How reading goes, for readiness, liveness and people. `progress` is when the loop last turned (monotonic)."""

    progress: float
    connected: bool = False
    reachable: bool = False
    joined: bool = False
    waiting_for: str | None = None  # why there is no connection yet
    partitions: int = 0
    missing_topics: tuple[str, ...] = ()
    resting: Mapping[str, str] = field(default_factory=dict)  # topic:partition -> reason
    unreadable: tuple[str, ...] = ()  # topic:partition
    store_down: bool = False
    lag: int | None = None

    @property
    def failing(self) -> list[str]:
        """Names for readiness: what keeps responses from being read."""
        names = [] if self.reachable else ["kafka"]
        if self.connected and not self.joined:
            names.append("group")
        names += [f"topic {name} is missing" for name in self.missing_topics]
        return names + [f"storm {at}" for at in self.resting]


@dataclass(slots=True)
class _Held:
    """A batch the store could not take."""

    slices: list[tuple[Reading, Slice]]
    retry_at: float
    delay: float


class KafkaReader:
    """Reads `settings.kafka_topics` as one member of `settings.kafka_group_id` and hands everything to `sink`."""

    def __init__(
        self,
        settings: Settings,
        sink: Sink,
        clock: Clock,
        *,
        timing: Timing = Timing(),
        monotonic: Callable[[], float] = SystemClock().monotonic,
    ) -> None:
        self._settings = settings
        self._topics = settings.kafka_topics
        self._sink = sink
        self._clock = clock
        self._timing = timing
        self._monotonic = monotonic  # the machine's own: brokers do not live in a test's time
        self._stop = threading.Event()
        self._status = Status(monotonic())
        self._size = settings.kafka_max_poll_records
        self._held: _Held | None = None
        self._to_commit: dict[TopicPartition, int] = {}
        self._commit_at = self._tend_at = self._survey_at = self._rest_at = 0.0
        self._delay = timing.backoff

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set. Outages are waited for; raises ConfigError for what only a person can mend."""
        self._run(stop, until_idle=False)

    def run_until_idle(self, stop: threading.Event | None = None) -> None:
        """Read to where the topics ended at the start, then return."""
        self._run(stop or threading.Event(), until_idle=True)

    def status(self) -> Status:
        """How it goes. May be asked from any thread."""
        return self._status

    def _run(self, stop: threading.Event, until_idle: bool) -> None:
        self._stop = stop
        try:
            self._consumer = client.connect(self._settings, self._timing, stop, self._waiting)
        except Stopped:
            return
        self._holdings = Holdings(self._consumer)
        try:
            self._begin()
            ends = self._ends() if until_idle else None
            while not stop.is_set() and not (ends is not None and self._is_idle(ends)):
                self._turn()
        finally:
            self._end()

    def _waiting(self, why: str) -> None:
        if why != self._status.waiting_for:
            _log.warning("waiting for Kafka", why=why)
        metrics.KAFKA_REACHABLE.set(0)
        self._status = Status(self._monotonic(), waiting_for=why)

    def _begin(self) -> None:
        for sentence in client.missing_packages():
            _log.warning("a package is missing", what=sentence)
        self._survey_at = self._tend_at = self._commit_at = self._rest_at = 0.0
        self._held, self._to_commit = None, {}
        self._consumer.subscribe(topics=list(self._topics), listener=self._holdings)

    def _end(self) -> None:
        """Commit what is stored and leave the group; never longer than 7 seconds."""
        self._commit_at = min(self._commit_at, self._monotonic())
        try:
            self._commit(final=True)
        finally:
            self._consumer.close(autocommit=False, timeout_ms=5000)
            self._status = Status(self._monotonic())
            metrics.KAFKA_REACHABLE.set(0)

    # One turn ----------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        records = self._poll()
        if self._held:
            self._retry(self._held)
        else:
            self._hand_over(self._moved(records))
        if not self._held:
            self._tend()
        self._survey()
        self._say_status()

    def _poll(self) -> dict[TopicPartition, list[Any]]:
        try:
            polled: dict[TopicPartition, list[Any]] = self._consumer.poll(
                timeout_ms=int(self._timing.poll * 1000), max_records=self._size
            )
        except Exception as error:  # noqa: BLE001  # decoders raise what they like, and none of it may stop the loop
            self._poll_failed(error)
            return {}
        return polled

    def _poll_failed(self, error: Exception) -> None:
        if clear := client.fatal(error, self._settings.kafka_group_id):
            raise clear from error
        if place := place_of(error):
            self._cannot_decode(*place, error)
        elif isinstance(error, kafka.errors.OffsetOutOfRangeError | kafka.errors.NoOffsetForPartitionError):
            self._put_back(error.args[0])
        elif isinstance(error, kafka.errors.LogTruncationError):
            self._put_back(error.divergent_offsets)
        else:
            metrics.POLL_ERRORS.labels(type(error).__name__).inc()
            _log.warning("poll failed", error=repr(error))
            self._stop.wait(0.3)
        self._step_back()

    def _put_back(self, partitions: Any) -> None:
        for at in [at for at in partitions if at in self._consumer.assignment()]:
            self._holdings.put_back(at)
        self._tend_at = 0.0

    def _step_back(self) -> None:
        """A poll that raised may have moved positions past records that nobody got."""
        if self._held:
            return
        for at, reading in self._holdings.placed.items():
            if client.position(self._consumer, at) not in (None, reading.position):
                self._consumer.seek(at, reading.position)

    def _moved(self, records: Mapping[TopicPartition, Sequence[Any]]) -> list[tuple[Reading, Slice]]:
        """A slice for each partition whose position moved, also where no record came."""
        slices = []
        for at in self._holdings.flowing():
            reading, now = self._holdings.placed[at], client.position(self._consumer, at)
            if now is None:
                self._put_back([at])
            elif now != reading.position:
                slices.append((reading, _slice(reading, now, records.get(at, ()))))
        return slices

    def _hand_over(self, slices: list[tuple[Reading, Slice]]) -> None:
        if not slices:
            return
        started = self._monotonic()
        try:
            pauses = self._sink.process(Batch(slices=tuple(part for _, part in slices)))
        except StoreUnavailable as error:
            self._hold(slices, error)
            return
        took = self._monotonic() - started
        metrics.BATCH_SECONDS.observe(took)
        self._adapt(took, sum(len(part.records) for _, part in slices))
        for reading, part in slices:
            self._advance(reading, part)
        for pause in pauses or ():
            self._rest(pause)

    def _advance(self, reading: Reading, part: Slice) -> None:
        reading.position = self._to_commit[reading.at] = part.next
        if part.records and part.records[-1].timestamp:
            reading.newest = part.records[-1].timestamp

    def _adapt(self, took: float, count: int) -> None:
        """One member that is busy for long stops the whole group at its next rebalance."""
        if took > self._timing.busy * 0.75:
            self._size = max(_LEAST, count // 2)
        elif took < self._timing.busy * 0.25 and count >= self._size:
            self._size = min(self._settings.kafka_max_poll_records, self._size * 2)

    # The store is away -------------------------------------------------------------------------------------------

    def _hold(self, slices: list[tuple[Reading, Slice]], error: StoreUnavailable) -> None:
        _log.warning("the store is away; reading waits", error=str(error), records=sum(len(s.records) for _, s in slices))
        self._held = _Held(slices, self._monotonic() + self._timing.backoff, self._timing.backoff)
        self._pause_all()

    def _pause_all(self) -> None:
        self._consumer.pause(*self._consumer.assignment())

    def _retry(self, held: _Held) -> None:
        self._pause_all()  # a rebalance may have brought partitions meanwhile
        if self._monotonic() < held.retry_at:
            return
        slices = [(reading, part) for reading, part in held.slices if self._holdings.owns(reading)]
        self._held = None
        self._hand_over(slices)
        if self._held is None:
            _log.info("the store is back", held=len(slices), dropped=len(held.slices) - len(slices))
            self._consumer.resume(*self._holdings.flowing())
        else:
            delay = min(held.delay * 2, self._timing.backoff_max)
            self._held = _Held(slices, self._monotonic() + delay, delay)

    # What is not reading -----------------------------------------------------------------------------------------

    def _tend(self) -> None:
        """Commit, look after what is paused, place what is new. Waits and tries again after trouble."""
        self._commit()
        if self._monotonic() < self._tend_at:
            return
        try:
            self._look_at_unreadable()
            self._look_at_resting()
            self._place_new()
        except (StoreUnavailable, kafka.errors.KafkaError, Interrupted) as error:
            if isinstance(error, kafka.errors.KafkaError) and (clear := client.fatal(error, self._settings.kafka_group_id)):
                raise clear from error
            _log.warning("looking after partitions has to wait", error=repr(error))
            self._tend_at = self._monotonic() + self._delay
            self._delay = min(self._delay * 2, self._timing.backoff_max)
        else:
            self._delay = self._timing.backoff

    def _commit(self, final: bool = False) -> None:
        if not self._to_commit or self._monotonic() < self._commit_at:
            return
        ours = self._consumer.assignment()
        offsets = {at: OffsetAndMetadata(next_, "", -1) for at, next_ in self._to_commit.items() if at in ours}
        self._to_commit.clear()
        try:
            if offsets:
                self._consumer.commit(offsets, timeout_ms=int(self._timing.request * 1000))
            self._commit_at = self._monotonic() + self._timing.commit_every
        except Exception as error:  # noqa: BLE001  # a hint that could not be left is no reason to stop
            if not final and (clear := client.fatal(error, self._settings.kafka_group_id)):
                raise clear from error
            metrics.COMMIT_FAILURES.inc()
            _log.info("offsets not committed; the store has them", error=repr(error))
            self._commit_at = self._monotonic() + self._timing.commit_pause

    # Placing -----------------------------------------------------------------------------------------------------

    def _place_new(self) -> None:
        new = [at for at in self._holdings.new if at in self._consumer.assignment()]
        if not new:
            return
        timeout = self._timing.request
        client.refresh_metadata(self._consumer, timeout)
        heads = self._sink.heads({at.topic for at in new})
        committed = client.committed(self._consumer, new, timeout)
        lows = self._consumer.beginning_offsets(new, timeout_ms=timeout * 1000)
        highs = self._consumer.end_offsets(new, timeout_ms=timeout * 1000)
        for at in new:
            head = heads.get((at.topic, at.partition))
            topic_id = client.topic_id(self._consumer, at.topic)
            placing = place(
                topic_id=topic_id, head=head, committed=committed.get(at), low=lows[at], high=highs[at]
            )  # fmt: skip
            self._place(at, placing, head.paused_reason if head else None)

    def _place(self, at: TopicPartition, placing: Placing, paused_reason: str | None) -> None:
        self._write_down(at, placing)
        self._consumer.seek(at, placing.start)
        self._holdings.new.discard(at)
        self._holdings.placed[at] = Reading(at, placing.incarnation, placing.start)
        if paused_reason:
            self._holdings.resting[at] = paused_reason
        else:
            self._consumer.resume(at)
        _log.info("reading", topic=at.topic, partition=at.partition, start=placing.start, chain=placing.chain)

    def _write_down(self, at: TopicPartition, placing: Placing) -> None:
        name = {"topic": at.topic, "partition": at.partition}
        if placing.alert:
            _log.error("reading begins elsewhere than expected", **name, why=placing.alert, start=placing.start)
        if placing.chain:
            self._sink.start_partition(at.topic, at.partition, placing.incarnation, placing.start, placing.chain)
        if placing.chain == "recreated":
            metrics.TOPIC_RECREATED.labels(at.topic).inc()
        if placing.gap:
            self._gap(at, placing.incarnation, *placing.gap, reason="retention")

    def _gap(self, at: TopicPartition, incarnation: str, from_: int, to: int, reason: str) -> None:
        self._sink.gap(at.topic, at.partition, incarnation, from_, to, reason)
        metrics.RECORDS_LOST.labels(reason).inc(to - from_)
        _log.error(
            "up to so many records cannot be read any more",
            topic=at.topic, partition=at.partition, from_=from_, to=to, records=to - from_, reason=reason,
        )  # fmt: skip

    # What cannot be decoded --------------------------------------------------------------------------------------

    def _cannot_decode(self, at: TopicPartition, offset: int, error: Exception) -> None:
        """Rest this partition and look again for a while: it may have been the way from the broker."""
        now = self._monotonic()
        known = self._holdings.unreadable.get(at)
        since = known.since if known and known.offset == offset else now
        self._consumer.pause(at)
        if at in self._holdings.placed:
            self._holdings.unreadable[at] = Unreadable(offset, since, now + self._timing.look_again, repr(error)[:200])
            metrics.UNREADABLE.labels(at.topic).inc()
            _log.error("a batch cannot be decoded", topic=at.topic, partition=at.partition, offset=offset, error=repr(error))

    def _look_at_unreadable(self) -> None:
        now = self._monotonic()
        for at, bad in list(self._holdings.unreadable.items()):
            reading = self._holdings.placed[at]
            if reading.position != bad.offset or client.position(self._consumer, at) != bad.offset:
                ...
            if now - bad.since >= self._timing.unreadable_after:
                self._skip(reading, bad)
            elif now >= bad.look_again:
                self._consumer.resume(at)
