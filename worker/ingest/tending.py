"""What happens to partitions besides being read: placed, rested after a storm, searched for a readable offset."""

from __future__ import annotations

from collections.abc import Callable

from kafka import KafkaConsumer, TopicPartition

from worker import log, metrics
from worker.ingest import client
from worker.ingest.client import Timing
from worker.ingest.commits import Commits
from worker.ingest.holdings import Holdings, Reading, Trouble
from worker.ingest.placing import Placing, place
from worker.ingest.records import Batch, Pause, Sink, Slice
from worker.ingest.unreadable import first_readable, prober

_log = log.get(__name__)


class Tending:
    """Works between two polls. Its methods raise StoreUnavailable, KafkaError and Interrupted: try again later."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        holdings: Holdings,
        sink: Sink,
        commits: Commits,
        timing: Timing,
        monotonic: Callable[[], float],
    ) -> None:
        self._consumer = consumer
        self._holdings = holdings
        self._sink = sink
        self._commits = commits
        self._timing = timing
        self._monotonic = monotonic
        self._look_at_resting_at = 0.0

    def tend(self) -> None:
        self._place_new()
        self._look_at_unreadable()
        self._look_at_resting()

    # Placing -----------------------------------------------------------------------------------------------------

    def _place_new(self) -> None:
        new = [at for at in self._holdings.new if at in self._consumer.assignment()]
        if not new:
            return
        timeout = self._timing.request
        client.refresh_metadata(self._consumer, timeout)
        heads = self._sink.heads({at.topic for at in new})
        committed = client.committed(self._consumer, new, timeout)
        lows, highs = client.beginnings(self._consumer, new, timeout), client.ends(self._consumer, new, timeout)
        for at in new:
            head = heads.get((at.topic, at.partition))
            placing = place(
                topic_id=client.topic_id(self._consumer, at.topic), head=head, committed=committed.get(at),
                low=lows[at], high=highs[at],
            )  # fmt: skip
            self._place(at, placing, head.paused_reason if head else None)

    def _place(self, at: TopicPartition, placing: Placing, paused_reason: str | None) -> None:
        self._write_down(at, placing)
        client.seek(self._consumer, at, placing.start)
        self._holdings.new.discard(at)
        self._holdings.placed[at] = Reading(at, placing.incarnation, placing.start)
        if paused_reason:
            self._holdings.resting[at] = paused_reason
        else:
            self._consumer.resume(at)
        _log.info("reading", topic=at.topic, partition=at.partition, start=placing.start, chain=placing.chain)

    def _write_down(self, at: TopicPartition, placing: Placing) -> None:
        if placing.alert:
            _log.error("reading begins elsewhere", topic=at.topic, partition=at.partition, why=placing.alert)
        if placing.ended and placing.chain:
            incarnation, head = placing.ended
            self._gap(at, incarnation, head, head, reason=placing.chain)
        if placing.chain:
            self._sink.start_partition(at.topic, at.partition, placing.incarnation, placing.start, placing.chain)
        if placing.chain == "recreated":
            metrics.TOPIC_RECREATED.labels(at.topic).inc()
        if placing.gap:
            self._gap(at, placing.incarnation, *placing.gap, reason="retention")

    def _gap(self, at: TopicPartition, incarnation: str, from_: int, to: int, *, reason: str) -> None:
        self._sink.gap(at.topic, at.partition, incarnation, from_, to, reason)
        metrics.RECORDS_LOST.labels(reason).inc(to - from_)

    # What cannot be decoded --------------------------------------------------------------------------------------

    def cannot_decode(self, at: TopicPartition, offset: int, error: Exception) -> None:
        """Rest this partition and look again for a while: the damage may have happened on the way from the broker."""
        reading = self._holdings.placed.get(at)
        if reading is None:
            return
        now, known = self._monotonic(), reading.trouble
        since = known.since if known and known.offset == offset else now
        reading.trouble = Trouble(offset, since, now + self._timing.look_again)
        self._consumer.pause(at)
        self._holdings.unreadable.add(at)
        metrics.UNREADABLE.labels(at.topic).inc()
        where = {"topic": at.topic, "partition": at.partition, "offset": offset}
        _log.error("a batch cannot be decoded", **where, error=repr(error))

    def _look_at_unreadable(self) -> None:
        now = self._monotonic()
        for at in list(self._holdings.unreadable):
            reading = self._holdings.placed[at]
            trouble = reading.trouble
            if trouble and now - trouble.since >= self._timing.unreadable_after:
                self._skip(reading, trouble)
            elif not trouble or now >= trouble.look_again:
                self._holdings.unreadable.discard(at)
                self._consumer.resume(at)

    def _skip(self, reading: Reading, trouble: Trouble) -> None:
        at = reading.at
        end = client.ends(self._consumer, [at], self._timing.request)[at]
        readable = self._search(at, trouble.offset, end)
        if not self._holdings.owns(reading):
            return
        if trouble.offset > reading.position:  # markers and aborted records before it: nothing is lost with them
            self._sink.process(Batch(slices=(_nothing(reading, trouble.offset),)))
        self._gap(at, reading.incarnation, trouble.offset, readable, reason="unreadable")
        self._continue(reading, readable)
        reading.trouble = None
        self._holdings.unreadable.discard(at)
        self._consumer.resume(at)

    def _search(self, at: TopicPartition, start: int, end: int) -> int:
        """The first readable offset after `start`. Everything else rests meanwhile, so that no poll brings it."""
        self._consumer.pause(*self._consumer.assignment())
        self._consumer.resume(at)
        try:
            return first_readable(prober(self._consumer, at, self._monotonic), start, end)
        finally:
            if reading := self._holdings.placed.get(at):
                self._consumer.pause(at)
                client.seek(self._consumer, at, reading.position)
            self._consumer.resume(*self._holdings.flowing())

    def _continue(self, reading: Reading, offset: int) -> None:
        reading.position = offset
        client.seek(self._consumer, reading.at, offset)
        self._commits.note(reading.at, offset)

    # Storms ------------------------------------------------------------------------------------------------------

    def rest(self, pause: Pause) -> None:
        """Stop reading a partition that brings nothing but what nobody can read."""
        at = TopicPartition(pause.topic, pause.partition)
        if reading := self._holdings.placed.get(at):
            self._consumer.pause(at)
            self._continue(reading, pause.next_offset)
            self._holdings.resting[at] = pause.reason
            _log.error("a partition rests", topic=at.topic, partition=at.partition, why=pause.reason)

    def _look_at_resting(self) -> None:
        if not self._holdings.resting or self._monotonic() < self._look_at_resting_at:
            return
        self._look_at_resting_at = self._monotonic() + self._timing.storm
        heads = self._sink.heads({at.topic for at in self._holdings.resting})
        for at in list(self._holdings.resting):
            head = heads.get((at.topic, at.partition))
            if head and head.paused_reason is None:
                del self._holdings.resting[at]
                self._continue(self._holdings.placed[at], head.next_offset)
                self._consumer.resume(at)


def _nothing(reading: Reading, next_: int) -> Slice:
    return Slice(
        topic=reading.at.topic, partition=reading.at.partition, incarnation=reading.incarnation,
        first=reading.position, next=next_,
    )  # fmt: skip
