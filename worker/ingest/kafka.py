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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import kafka.errors
from kafka import KafkaConsumer, TopicPartition

from worker import log, metrics
from worker.clock import Clock, SystemClock
from worker.errors import StoreUnavailable
from worker.ingest import client
from worker.ingest.client import Stopped, Timing
from worker.ingest.commits import Commits
from worker.ingest.guard import place_of
from worker.ingest.holdings import Holdings, Reading
from worker.ingest.records import Batch, Head, Pause, Sink, Slice
from worker.ingest.survey import Seen, is_another, survey
from worker.ingest.tending import Tending
from worker.ingest.unreadable import Interrupted
from worker.settings import Settings

__all__ = ["Batch", "Head", "KafkaReader", "Pause", "Sink", "Slice", "Status", "Timing"]

_log = log.get(__name__)
_LEAST = 10  # records a poll may bring at least, however slow they are
_REBALANCE = 10.0  # seconds one may take without being a reason to worry
_QUIET_TURNS = 4  # without a partition, until nobody expects to be given one


@dataclass(frozen=True, slots=True)
class Status:
    """How reading goes, for readiness, liveness and people. `progress` is when the loop last turned (monotonic)."""

    progress: float
    reachable: bool = False
    joined: bool = False
    waiting_for: str | None = None  # why there is no connection yet
    partitions: int = 0
    missing_topics: tuple[str, ...] = ()
    resting: Mapping[str, str] = field(default_factory=dict)  # topic:partition -> why
    unreadable: tuple[str, ...] = ()  # topic:partition
    store_away: bool = False
    lag: int | None = None

    @property
    def failing(self) -> list[str]:
        """Names for readiness: what keeps responses from being read."""
        names = [] if self.reachable else ["kafka"]
        if not self.joined:
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
        timing: Timing | None = None,
        monotonic: Callable[[], float] | None = None,
    ) -> None:
        self._settings = settings
        self._sink = sink
        self._clock = clock
        self._timing = timing or Timing()
        self._monotonic = monotonic or SystemClock().monotonic  # the machine's: brokers do not live in a test's time
        self._status = Status(self._monotonic())

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set. Outages are waited for; raises ConfigError for what only a person can mend."""
        self._run(stop, until_idle=False)

    def run_until_idle(self, stop: threading.Event | None = None) -> None:
        """Read to where the topics ended at the start, then return."""
        self._run(stop or threading.Event(), until_idle=True)

    def status(self) -> Status:
        """How it goes. May be asked from any thread."""
        return self._status

    def _run(self, stop: threading.Event, *, until_idle: bool) -> None:
        try:
            consumer = client.connect(self._settings, self._timing, stop, self._waiting)
        except Stopped:
            return
        loop = Loop(consumer, self._settings, self._sink, self._clock, self._timing, self._monotonic, stop)
        try:
            loop.begin()
            ends = loop.ends() if until_idle else None
            while not stop.is_set() and not (ends is not None and loop.is_idle(ends)):
                loop.turn()
                self._status = loop.status()
        finally:
            loop.end()
            self._status = Status(self._monotonic())

    def _waiting(self, why: str) -> None:
        if why != self._status.waiting_for:
            _log.warning("waiting for Kafka", why=why)
        metrics.KAFKA_REACHABLE.set(0)
        self._status = Status(self._monotonic(), waiting_for=why)


class Loop:
    """One stay in the group, from subscribing to closing."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        settings: Settings,
        sink: Sink,
        clock: Clock,
        timing: Timing,
        monotonic: Callable[[], float],
        stop: threading.Event,
    ) -> None:
        self._consumer = consumer
        self._topics = settings.kafka_topics
        self._most = self._size = settings.kafka_max_poll_records
        self._sink = sink
        self._clock = clock
        self._timing = timing
        self._monotonic = monotonic
        self._stop = stop
        self._holdings = Holdings(consumer)
        self._commits = Commits(consumer, timing, monotonic)
        self._tending = Tending(consumer, self._holdings, sink, self._commits, timing, monotonic)
        self._held: _Held | None = None
        self._seen = Seen(reachable=True)
        self._survey_at = self._tend_at = 0.0
        self._tend_delay = timing.backoff
        self._quiet_turns = 0
        self._joined_until = 0.0
        self._last_error = ""
        self._flowed_at = monotonic()

    def begin(self) -> None:
        for sentence in client.missing_packages():
            _log.warning(sentence)
        self._consumer.subscribe(topics=list(self._topics), listener=self._holdings)

    def end(self) -> None:
        """Commit what is stored and leave the group; at most 6 seconds."""
        try:
            self._commits.commit(final=True)
        finally:
            self._consumer.close(autocommit=False, timeout_ms=5000)
            metrics.KAFKA_REACHABLE.set(0)

    def turn(self) -> None:
        records = self._poll()
        if self._held:
            self._retry(self._held)
        else:
            self._hand_over(self._moved(records))
        if not self._held:
            self._commits.commit()
            self._tend()
        self._look()
        if client.joined(self._consumer):
            self._joined_until = self._monotonic() + _REBALANCE

    def status(self) -> Status:
        holdings, seen = self._holdings, self._seen
        return Status(
            progress=self._monotonic(), reachable=seen.reachable, joined=self._monotonic() < self._joined_until,
            partitions=len(holdings.placed), missing_topics=seen.missing,
            resting={_name(at): why for at, why in holdings.resting.items()},
            unreadable=tuple(_name(at) for at in holdings.unreadable), store_away=self._held is not None, lag=seen.lag,
        )  # fmt: skip

    # Reading -----------------------------------------------------------------------------------------------------

    def _poll(self) -> dict[TopicPartition, list[Any]]:
        wait = int(self._timing.poll * 1000)
        client.keep_joining(self._consumer)
        client.let_in_parked(self._consumer)
        try:
            polled: dict[TopicPartition, list[Any]] = self._consumer.poll(timeout_ms=wait, max_records=self._size)
        except Exception as error:  # noqa: BLE001  # decoders raise what they like, and none of it may stop the loop
            self._poll_failed(error)
            return {}
        self._last_error = ""
        self._ask_as_often_as_needed(flows=bool(polled))
        return polled

    def _ask_as_often_as_needed(self, *, flows: bool) -> None:
        now = self._monotonic()
        if flows:
            self._flowed_at = now
        quiet = now - self._flowed_at > self._timing.quiet
        client.fetch_as(self._consumer, client.QUIET if quiet else client.FLOWING)

    def _poll_failed(self, error: Exception) -> None:
        if clear := client.fatal(error):
            raise clear from error
        if place := place_of(error):
            self._tending.cannot_decode(*place, error)
        elif isinstance(error, kafka.errors.OffsetOutOfRangeError | kafka.errors.NoOffsetForPartitionError):
            self._put_back(error.args[0])
        elif isinstance(error, kafka.errors.LogTruncationError):
            self._put_back(error.divergent_offsets)
        else:
            self._complain(error)
            self._stop.wait(0.3)
        self._step_back()

    def _complain(self, error: Exception) -> None:
        metrics.POLL_ERRORS.labels(type(error).__name__).inc()
        if repr(error) != self._last_error:  # three a second otherwise
            _log.warning("poll failed", error=repr(error))
        self._last_error = repr(error)

    def _put_back(self, partitions: Iterable[TopicPartition]) -> None:
        for at in [at for at in partitions if at in self._consumer.assignment()]:
            self._holdings.put_back(at)

    def _step_back(self) -> None:
        """A poll that raised may have moved positions past records that nobody got."""
        if self._held:
            return
        for at, reading in self._holdings.placed.items():
            if client.position(self._consumer, at) not in (None, reading.position):
                client.seek(self._consumer, at, reading.position)

    def _moved(self, records: Mapping[TopicPartition, Sequence[Any]]) -> list[tuple[Reading, Slice]]:
        """A slice for each partition whose position moved, also where no record came."""
        slices = []
        for at in self._holdings.flowing():
            reading, now = self._holdings.placed[at], client.position(self._consumer, at)
            if now is None or is_another(self._consumer, reading):  # what came may be the new topic's
                self._put_back([at])
            elif now != reading.position:
                slices.append((reading, _slice(reading, now, records.get(at, ()))))
        return slices

    def _hand_over(self, slices: list[tuple[Reading, Slice]]) -> bool:
        """Whether the store has it now."""
        if not slices:
            return True
        started = self._monotonic()
        try:
            pauses = self._sink.process(Batch(slices=tuple(part for _, part in slices)))
        except StoreUnavailable as error:
            self._hold(slices, error)
            return False
        took = self._monotonic() - started
        metrics.BATCH_SECONDS.observe(took)
        self._adapt(took, sum(len(part.records) for _, part in slices))
        for reading, part in slices:
            self._advance(reading, part)
        for pause in pauses or ():
            self._tending.rest(pause)
        return True

    def _advance(self, reading: Reading, part: Slice) -> None:
        reading.position, reading.trouble = part.next, None
        self._commits.note(reading.at, part.next)
        if part.records and (last := part.records[-1].timestamp):
            reading.read_until = max(last, reading.read_until or last)

    def _adapt(self, took: float, count: int) -> None:
        """One member that is busy for long stops the whole group at its next rebalance."""
        if took > self._timing.busy * 0.75:
            self._size = max(_LEAST, count // 2)
        elif took < self._timing.busy * 0.25 and count >= self._size:
            self._size = min(self._most, self._size * 2)

    # The store is away -------------------------------------------------------------------------------------------

    def _hold(self, slices: list[tuple[Reading, Slice]], error: StoreUnavailable) -> None:
        records = sum(len(part.records) for _, part in slices)
        _log.warning("the store is away; reading waits", error=str(error), records=records)
        for reading, part in slices:
            reading.read_until = reading.read_until or (part.records[0].timestamp if part.records else None)
        self._held = _Held(slices, self._monotonic() + self._timing.backoff, self._timing.backoff)
        self._consumer.pause(*self._consumer.assignment())

    def _retry(self, held: _Held) -> None:
        self._consumer.pause(*self._consumer.assignment())  # a rebalance may have brought partitions meanwhile
        if self._monotonic() < held.retry_at:
            return
        slices = [(reading, part) for reading, part in held.slices if self._holdings.owns(reading)]
        self._held = None
        if self._hand_over(slices):
            _log.info("the store is back")
            self._consumer.resume(*self._holdings.flowing())
        else:
            delay = min(held.delay * 2, self._timing.backoff_max)
            self._held = _Held(slices, self._monotonic() + delay, delay)

    # Between two polls -------------------------------------------------------------------------------------------

    def _tend(self) -> None:
        if self._monotonic() < self._tend_at:
            return
        try:
            self._tending.tend()
        except (StoreUnavailable, kafka.errors.KafkaError, Interrupted) as error:
            if clear := client.fatal(error):
                raise clear from error
            _log.warning("placing partitions has to wait", error=repr(error))
            self._tend_at = self._monotonic() + self._tend_delay
            self._tend_delay = min(self._tend_delay * 2, self._timing.backoff_max)
        else:
            self._tend_delay = self._timing.backoff

    def _look(self) -> None:
        if self._monotonic() < self._survey_at:
            return
        self._survey_at = self._monotonic() + self._timing.survey
        before = self._seen
        self._seen = survey(self._consumer, self._topics, self._holdings, self._clock.now(), self._timing.request)
        if not self._seen.reachable:
            self._seen = replace(self._seen, missing=before.missing)
        for topic in set(self._seen.missing) - set(before.missing):
            _log.error("the topic is missing; reading waits for it", topic=topic)
        self._put_back(self._seen.recreated)

    # Until idle --------------------------------------------------------------------------------------------------

    def ends(self) -> dict[TopicPartition, int]:
        """Where every partition of the topics ends now. Waits for brokers that do not answer."""
        while not self._stop.is_set():
            try:
                client.refresh_metadata(self._consumer, self._timing.request)
                every = [at for topic in self._topics for at in client.partitions(self._consumer, topic)]
                return client.ends(self._consumer, every, self._timing.request)
            except kafka.errors.KafkaError as error:
                _log.warning("waiting for Kafka", why=repr(error))
                self._stop.wait(self._timing.backoff)
        return {}

    def is_idle(self, ends: Mapping[TopicPartition, int]) -> bool:
        """Whether everything of ours is read up to `ends`. What rests after a storm is not waited for."""
        holdings = self._holdings
        if not ends:  # none of the topics is there
            return True
        if self._held or holdings.new or holdings.unreadable or not client.joined(self._consumer):
            return False
        if not holdings.placed:
            self._quiet_turns += 1
            return self._quiet_turns >= _QUIET_TURNS
        return all(holdings.placed[at].position >= ends.get(at, 0) for at in holdings.flowing())


def _name(at: TopicPartition) -> str:
    return f"{at.topic}:{at.partition}"


def _slice(reading: Reading, next_: int, records: Sequence[Any]) -> Slice:
    return Slice(
        topic=reading.at.topic, partition=reading.at.partition, incarnation=reading.incarnation,
        first=reading.position, next=next_,
        records=tuple(client.record_of(one, reading.incarnation) for one in records),
    )  # fmt: skip
