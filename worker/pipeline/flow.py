"""The way of a response, on a whole batch at a time.

    read → redact → classify → one transaction: compare → decide → join → write → move the ledger → wake the senders

Kafka batches, imports, settled partial responses and replayed dead letters all go this way.
"""

from __future__ import annotations

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection

from worker import log, metrics
from worker.classify.redact import excerpt
from worker.clock import Clock
from worker.errors import Clash, RowRefused, StoreUnavailable
from worker.followup.deciding import Deciding, ToDecide
from worker.followup.joining import Effects
from worker.followup.write import write_effects
from worker.ingest.records import Batch, Dead, Head, Partition, Pause, Reason, Record, Slice
from worker.ingest.storms import Storms, Stretch, pause_reason, rests
from worker.ingest.versions import ANSWERS, Intake, Part, Surroundings, Understood, compare_all
from worker.model.notice import NewNotice
from worker.model.response import Origin
from worker.model.survey import Survey
from worker.pipeline.accounting import account, cut, halves, is_fresh, partition_of, write_gap
from worker.pipeline.erased import without_erased
from worker.pipeline.late import open_late
from worker.pipeline.rows import decision_row_of, known, sealed, to_decide, write_versions
from worker.pipeline.telling import gap_notice, log_joined, nobody_notices, pause_notice, storm_notice
from worker.pipeline.understanding import complete, understand
from worker.ruleset import LiveSet
from worker.store import batch as stored
from worker.store import dead_letters, ledger, settling
from worker.store.engine import Store
from worker.store.ids import allocate
from worker.store.schema import decisions

_TRIES = 3
_SETTLE = Survey(id="").settle.elapsed
_LOOK_AGAIN = timedelta(hours=1)

_T = TypeVar("_T")
_log = log.get(__name__)


@dataclass(slots=True)
class Done:
    """What one transaction did."""

    intake: Intake
    effects: Effects
    written: Sequence[Understood] = ()
    runs: Mapping[Partition, int] = field(default_factory=dict)
    pauses: list[Pause] = field(default_factory=list)


class Pipeline:
    """The sink of everything that is read. Safe to call from several threads; each call is one transaction."""

    def __init__(
        self,
        store: Store,
        live: Callable[[], LiveSet],
        clock: Clock,
        *,
        alert_max_age: timedelta | None,
        seal: dead_letters.Seal | None,
        told: Callable[[], None],
    ) -> None:
        """`told` is called after a commit that wrote notices: the senders wake."""
        self._store = store
        self._live = live
        self._clock = clock
        self._max_age = alert_max_age
        self._seal = seal
        self._told = told
        self._storms = Storms()
        self._untold: list[NewNotice] = []  # a storm is seen to begin only once
        self._begun: set[Partition] = set()

    # The three ways in -------------------------------------------------------------------------------------------

    def process(self, batch: Batch) -> Sequence[Pause] | None:
        """Write a batch and move the ledger's heads. Raises StoreUnavailable; may be called again with the same."""
        live, now = self._live(), self._clock.now()
        self._begin(batch.slices)
        understood = understand([record for part in batch.slices for record in part.records], live)
        with metrics.BATCH_SECONDS.time():
            try:
                done = self._durably(lambda conn: self._write_batch(conn, live, now, batch.slices, understood))
            except (RowRefused, Clash):
                return self._half_by_half(live, now, batch.slices, understood)
        self._look_for_storms(done, now)
        return done.pauses

    def settle(self, limit: int = 500) -> int:
        """Decide partial responses whose window is over. Gives how many were found."""
        live, now = self._live(), self._clock.now()
        try:
            return self._settle(live, now, limit)
        except RowRefused:
            with self._store.read() as conn:
                ids = [waiting.id for waiting in settling.due(conn, now, limit)]
        return sum(self._settle_alone(live, now, id_) for id_ in ids)

    def replay(self, record: Record, dead_letter_id: int) -> str:
        """Send a dead letter's record once more. Gives what became of it, in a word of the ledger.

        A dead letter that is not open any more is left alone: `duplicate`.
        """
        live, now = self._live(), self._clock.now()
        understood = understand([record], live)
        try:
            done = self._durably(lambda conn: self._replay(conn, live, now, understood, dead_letter_id))
        except RowRefused as error:
            why = str(error)
            self._transaction(
                lambda conn: dead_letters.failed_again(conn, dead_letter_id, Reason.STORE_REFUSED.value, why)
            )
            return "dead"
        return next(iter(done.intake.counts[record.topic, record.partition]), "duplicate")

    def open_late(self, source: str, external_id: str, *, by: str, via: str, note: str | None = None) -> int:
        """Open what was too old to alert, because somebody asks for it. Gives the follow-up it opened or joined.

        Raises NotFound, and NotAllowed where there is nothing to open.
        """
        live, now = self._live(), self._clock.now()
        follow_up_id, effects = self._transaction(
            lambda conn: open_late(conn, live, (source, external_id), by=by, via=via, note=note, now=now)
        )
        _count(Done(Intake(), effects))
        self._told()
        return follow_up_id

    # The ledger's side of a Sink ---------------------------------------------------------------------------------

    def heads(self, topics: Collection[str]) -> Mapping[Partition, Head]:
        """Heads of all known partitions of these topics. One that paused under another rule set rests no more."""
        revision = self._live().revision
        with self._store.read() as conn:
            found = ledger.heads(conn, topics)
        return {
            key: Head(
                incarnation=head.incarnation,
                next_offset=head.next_offset,
                paused_reason=head.paused_reason if rests(head.paused_reason, revision) else None,
            )
            for key, head in found.items()
        }

    def start_partition(self, topic: str, partition: int, incarnation: str, offset: int, reason: str) -> None:
        """Begin a chain of the ledger; one that has begun already goes on."""
        self._surely(lambda conn: ledger.start(conn, (topic, partition), incarnation, offset))
        _log.info("partition started", topic=topic, partition=partition, offset=offset, reason=reason)

    def gap(self, topic: str, partition: int, incarnation: str, from_: int, to: int, reason: str) -> None:
        """Write down that nobody can read [from_, to) any more, as far as it is not accounted for."""
        now, key = self._clock.now(), (topic, partition)

        def work(conn: Connection) -> tuple[int, int] | None:
            lost = write_gap(conn, key, incarnation, (from_, to), reason, now)
            stored.add_notices(conn, [gap_notice(key, *lost, reason, now)] if lost else [], now)
            return lost

        if lost := self._surely(work):
            self._told()
            where = {"topic": topic, "partition": partition, "first": lost[0], "end": lost[1]}
            _log.error("records lost before they were read", **where, cause=reason)

    # One transaction ---------------------------------------------------------------------------------------------

    def _durably(self, work: Callable[[Connection], Done]) -> Done:
        """Run a transaction, count what it did, wake the senders. Raises Clash and RowRefused."""
        done = self._transaction(work)
        _count(done)
        log_joined(done.intake.kept, done.effects.joined)
        if done.effects.notices:
            self._told()
        return done

    def _surely(self, work: Callable[[Connection], _T]) -> _T:
        """A transaction that a Sink's caller may simply try again. Raises StoreUnavailable only."""
        try:
            return self._transaction(work)
        except Clash as error:
            raise StoreUnavailable("Other workers change the same rows all the time; tried again soon.") from error

    def _transaction(self, work: Callable[[Connection], _T]) -> _T:
        """Run a transaction, again where another worker was faster."""
        tries_left = _TRIES
        while True:
            tries_left -= 1
            try:
                with self._store.write() as conn:
                    return work(conn)
            except Clash:
                metrics.CLASHES.inc()
                if not tries_left:
                    raise
                threading.Event().wait(random.uniform(0.005, 0.1))  # noqa: S311 - jitter, not a secret

    def _write_batch(
        self, conn: Connection, live: LiveSet, now: datetime, slices: Sequence[Slice], understood: Sequence[Understood]
    ) -> Done:
        heads = ledger.lock(conn, [(part.topic, part.partition) for part in slices])
        fresh = [one for one in understood if is_fresh(one.origin, heads)]
        parts, runs, pauses = self._cut_short(live, slices, fresh, heads)
        ends = {(part.topic, part.partition): part.next for part in parts}
        written = [one for one in fresh if one.origin.offset < ends[partition_of(one.origin)]] if pauses else fresh
        done = self._take(conn, live, now, written)
        records = {record.origin: record for part in parts for record in part.records} if done.intake.dead else {}
        dead = [self._dead_letter(dead, records.get(dead.origin)) for dead in done.intake.dead]
        dead_letters.add(conn, dead, now)
        for part in parts:
            account(conn, part, heads[part.topic, part.partition], done.intake.counts, now)
        for pause in pauses:
            ledger.pause(conn, (pause.topic, pause.partition), pause.reason)
        done.written, done.runs, done.pauses = written, runs, pauses
        return done

    def _begin(self, slices: Sequence[Slice]) -> None:
        """See that every partition has a head to lock; each in a transaction of its own, which waits for nobody."""
        for part in slices:
            key = (part.topic, part.partition)
            if key not in self._begun:
                self._surely(lambda conn, key=key, part=part: ledger.begin(conn, key, part.incarnation, part.first))  # type: ignore[misc]
                self._begun.add(key)

    def _take(self, conn: Connection, live: LiveSet, now: datetime, understood: Sequence[Understood]) -> Done:
        """Compare with what is known, write the versions that are kept, decide and let the decisions act."""
        identities = [one.identity for one in understood if isinstance(one, ANSWERS)]
        rows = stored.known_responses(conn, identities)
        parts = {one.identity for one in understood if isinstance(one, Part)}
        contents = stored.contents(conn, [row.id for row in rows if (row.source, row.external_id) in parts])
        seen = {(row.source, row.external_id): known(row, contents) for row in rows}
        understood = without_erased(conn, understood, seen, live.reader.mark_of)
        around = Surroundings(
            ids=iter(allocate(conn, "responses", len(set(identities) - seen.keys()))),
            window=lambda survey: _window(live, survey),
            now=now,
            complete=lambda part, before: complete(part, before, live),
        )
        intake = compare_all(understood, seen, around)
        write_versions(conn, intake.kept, now)
        effects = self._decide(conn, live, now, [to_decide(version) for version in intake.kept])
        return Done(intake, effects)

    def _replay(
        self, conn: Connection, live: LiveSet, now: datetime, understood: Sequence[Understood], dead_letter_id: int
    ) -> Done:
        if not dead_letters.lock_open(conn, dead_letter_id):
            return Done(Intake(), Effects())
        done = self._take(conn, live, now, understood)
        if dead := done.intake.dead:
            dead_letters.failed_again(conn, dead_letter_id, dead[0].reason.value, dead[0].message)
        else:
            identities = [one.identity for one in understood if isinstance(one, ANSWERS)]
            rows = stored.known_responses(conn, identities)
            dead_letters.replayed(conn, dead_letter_id, rows[0].id if rows else None)
        return done

    def _settle(self, live: LiveSet, now: datetime, limit: int, only: int | None = None) -> int:
        found = 0

        def work(conn: Connection) -> Done:
            nonlocal found
            waiting = settling.due(conn, now, limit, only)
            found = len(waiting)
            items = [
                ToDecide(w.id, w.version, w.response, w.verdict, w.read_at, belongs_to=w.follow_up_id) for w in waiting
            ]
            effects = self._decide(conn, live, now, items)
            settling.done(conn, [w.id for w in waiting])
            return Done(Intake(), effects)

        self._durably(work)
        return found

    def _settle_alone(self, live: LiveSet, now: datetime, id_: int) -> int:
        """One that the store refuses must not keep the others waiting."""
        try:
            return self._settle(live, now, 1, id_)
        except RowRefused as error:
            _log.error("a waiting response cannot be decided; tried again in an hour", response=id_, why=str(error))
            self._transaction(lambda conn: settling.postpone(conn, id_, now + _LOOK_AGAIN))
            return 0

    def _decide(self, conn: Connection, live: LiveSet, now: datetime, items: Sequence[ToDecide]) -> Effects:
        decided, effects = Deciding(live.decider, live.people, self._max_age, now).run(conn, items)
        stored.insert_planned(conn, decisions, [decision_row_of(one) for one in decided])
        effects.notices.extend(nobody_notices(effects.opened, now))
        write_effects(conn, effects, now)
        return effects

    # Storms ------------------------------------------------------------------------------------------------------

    def forget_storms(self) -> None:
        """Another rule set may read what the last one could not: paused partitions go on."""
        self._storms.forget()
        if resumed := self._surely(ledger.unpause_all):
            _log.info("another rule set: paused partitions go on", partitions=resumed)

    def _cut_short(
        self,
        live: LiveSet,
        slices: Sequence[Slice],
        fresh: Sequence[Understood],
        heads: Mapping[Partition, ledger.Head],
    ) -> tuple[list[Slice], dict[Partition, int], list[Pause]]:
        """Slices up to the first record that is not to be written, how many unreadable ones end them, and pauses."""
        parts, runs, pauses = [], {}, []
        of: dict[Partition, list[Understood]] = defaultdict(list)
        for one in fresh:
            of[partition_of(one.origin)].append(one)
        for part in slices:
            at = (part.topic, part.partition)
            stretch = self._stretch(live, part, of[at], heads[at])
            runs[at] = stretch.run
            end = stretch.pause_at
            parts.append(part if end is None else cut(part, end))
            if end is not None:
                reason = pause_reason(live.revision)
                pauses.append(Pause(topic=part.topic, partition=part.partition, next_offset=end, reason=reason))
        return parts, runs, pauses

    def _stretch(self, live: LiveSet, part: Slice, fresh: Sequence[Understood], head: ledger.Head) -> Stretch:
        if rests(head.paused_reason, live.revision) and part.incarnation == head.incarnation:
            return Stretch(0, min(part.next, head.next_offset))  # another worker paused it while this one read on
        return self._storms.look((part.topic, part.partition), fresh, head.accepted_until)

    def _look_for_storms(self, done: Done, now: datetime) -> None:
        """Tell ops once about every storm that began with this batch, or with an earlier one if the store went away."""
        self._untold += [storm_notice(storm, now) for storm in self._storms.saw(done.written, done.runs)]
        notices = [*self._untold, *(pause_notice(pause, now) for pause in done.pauses)]
        if notices:
            self._surely(lambda conn: stored.add_notices(conn, notices, now))
            self._untold.clear()
            self._told()

    # A row that the store refuses --------------------------------------------------------------------------------

    def _half_by_half(
        self, live: LiveSet, now: datetime, slices: Sequence[Slice], understood: Sequence[Understood]
    ) -> list[Pause]:
        """Let everything through but the row that the store refuses: it is found by halves, each a transaction.

        The ledger moves with each, so that a crash in between changes nothing.
        """
        by_origin = {one.origin: one for one in understood}
        return [pause for part in slices for pause in self._narrowed(live, now, part, by_origin)]

    def _narrowed(
        self, live: LiveSet, now: datetime, part: Slice, by_origin: Mapping[Origin, Understood]
    ) -> Sequence[Pause]:
        understood = [by_origin[record.origin] for record in part.records]
        try:
            done = self._durably(lambda conn: self._write_batch(conn, live, now, [part], understood))
        except (RowRefused, Clash) as error:
            if len(part.records) > 1:
                first, second = halves(part)
                return self._narrowed(live, now, first, by_origin) or self._narrowed(live, now, second, by_origin)
            done = self._refused(live, now, part, understood, error)
        self._look_for_storms(done, now)
        return done.pauses

    def _refused(
        self, live: LiveSet, now: datetime, part: Slice, understood: Sequence[Understood], error: RowRefused | Clash
    ) -> Done:
        """The record alone, as a dead letter. Raises StoreUnavailable where other workers are always faster."""
        if isinstance(error, Clash):
            raise StoreUnavailable("Other workers change the same rows all the time; tried again soon.") from error
        dead = [_refused(one, error) for one in understood]
        return self._durably(lambda conn: self._write_batch(conn, live, now, [part], dead))

    def _dead_letter(self, dead: Dead, record: Record | None) -> dead_letters.NewDeadLetter:
        return dead_letters.NewDeadLetter(
            topic=dead.origin.topic,
            partition=dead.origin.partition,
            incarnation=dead.origin.incarnation,
            offset=dead.origin.offset,
            source=dead.source,
            stage=dead.stage,
            reason=dead.reason.value,
            message=dead.message,
            excerpt=excerpt(record.value) if record and record.value is not None else None,
            sealed=self._seal.close(sealed(record)) if record and self._seal else None,
        )


def _refused(understood: Understood, error: RowRefused) -> Dead:
    source = understood.response.source if isinstance(understood, ANSWERS) else None
    message = f"{error} Report this with the excerpt; everything else went through."
    return Dead(origin=understood.origin, source=source, stage="store", reason=Reason.STORE_REFUSED, message=message)


def _window(live: LiveSet, survey: str | None) -> timedelta:
    known = live.rule_set.surveys.get(survey or "")
    return known.settle.elapsed if known else _SETTLE


def _count(done: Done) -> None:
    for counts in done.intake.counts.values():
        for word, n in counts.items():
            metrics.RECORDS.labels(word).inc(n)
    for dead in done.intake.dead:
        metrics.DEAD_LETTERS.labels(dead.reason.value).inc()
    classes = Counter(one.candidate.verdict.klass for one in done.intake.kept if one.before is None)
    for klass, n in classes.items():
        metrics.RESPONSES.labels(klass.value if klass else "none").inc(n)
    for rule, n in Counter(done.effects.rules).items():
        metrics.DECISIONS.labels(rule).inc(n)
    for how, openings in (("opened", done.effects.opened), ("reopened", done.effects.reopened)):
        for plan, n in Counter(opening.plan.id for opening in openings).items():
            metrics.FOLLOW_UPS.labels(how, plan).inc(n)
