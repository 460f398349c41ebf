"""The way of a response, on a whole batch at a time.

    read → redact → classify → one transaction: compare → decide → join → write → move the ledger → wake the senders

Kafka batches, imports, settled partial responses and replayed dead letters all go this way.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from worker import log, metrics
from worker.classify.redact import excerpt
from worker.clock import Clock
from worker.errors import Clash, RowRefused, StoreUnavailable
from worker.followup.deciding import Deciding, ToDecide
from worker.followup.joining import Effects
from worker.followup.write import write_effects
from worker.ingest.records import Batch, Dead, Head, Partition, Pause, Reason, Record, Slice
from worker.ingest.storms import Storms
from worker.ingest.versions import Candidate, Intake, Understood, compare_all
from worker.model.survey import Survey
from worker.pipeline.accounting import account, is_fresh, partition_of, piece
from worker.pipeline.rows import decision_row_of, known, sealed, to_decide, write_versions
from worker.pipeline.telling import gap_notice, nobody_notices, pause_notice, storm_notice
from worker.pipeline.understanding import understand
from worker.ruleset import LiveSet
from worker.store import batch as stored
from worker.store import dead_letters, ledger, settling
from worker.store.engine import Store
from worker.store.ids import allocate
from worker.store.schema import decisions

_TRIES = 3
_SETTLE = Survey(id="").settle.elapsed

_STORM = "50 records in a row that nobody can read"

_log = log.get(__name__)


@dataclass(slots=True)
class Done:
    """What one transaction did."""

    intake: Intake
    effects: Effects
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

    # The three ways in -------------------------------------------------------------------------------------------

    def process(self, batch: Batch) -> Sequence[Pause] | None:
        """Write a batch and move the ledger's heads. Raises StoreUnavailable; may be called again with the same."""
        live, now = self._live(), self._clock.now()
        understood = understand([record for part in batch.slices for record in part.records], live)
        with metrics.BATCH_SECONDS.time():
            try:
                done = self._durably(lambda conn: self._write_batch(conn, live, now, batch.slices, understood))
            except (RowRefused, Clash):
                self._one_by_one(live, now, batch.slices, understood)
                return None
        self._look_for_storms(understood, done, now)
        return done.pauses

    def settle(self, limit: int = 500) -> int:
        """Decide partial responses whose window is over. Gives how many were found."""
        live, now = self._live(), self._clock.now()
        found = 0

        def work(conn: Connection) -> Done:
            nonlocal found
            waiting = settling.due(conn, now, limit)
            found = len(waiting)
            items = [
                ToDecide(w.id, w.version, w.response, w.verdict, w.read_at, belongs_to=w.follow_up_id) for w in waiting
            ]
            effects = self._decide(conn, live, now, items)
            settling.done(conn, [w.id for w in waiting])
            return Done(Intake(), effects)

        self._durably(work)
        return found

    def replay(self, record: Record, dead_letter_id: int) -> str:
        """Send a dead letter's record once more. Gives what became of it, in a word of the ledger."""
        live, now = self._live(), self._clock.now()
        understood = understand([record], live)

        def work(conn: Connection) -> Done:
            done = self._take(conn, live, now, understood)
            intake = done.intake
            if intake.dead:
                dead_letters.failed_again(conn, dead_letter_id, intake.dead[0].reason.value, intake.dead[0].message)
            else:
                identities = [one.identity for one in understood if isinstance(one, Candidate)]
                rows = stored.known_responses(conn, identities)
                dead_letters.replayed(conn, dead_letter_id, rows[0].id if rows else None)
            return done

        return next(iter(self._durably(work).intake.counts[record.topic, record.partition]))

    # The ledger's side of a Sink ---------------------------------------------------------------------------------

    def heads(self, topics: Collection[str]) -> Mapping[Partition, Head]:
        """Heads of all known partitions of these topics."""
        with self._store.read() as conn:
            return {
                key: Head(incarnation=head.incarnation, next_offset=head.next_offset, paused_reason=head.paused_reason)
                for key, head in ledger.heads(conn, topics).items()
            }

    def start_partition(self, topic: str, partition: int, incarnation: str, offset: int, reason: str) -> None:
        """Begin a chain of the ledger."""
        with self._store.write() as conn:
            ledger.start(conn, (topic, partition), incarnation, offset)
        _log.info("partition started", topic=topic, partition=partition, offset=offset, reason=reason)

    def gap(self, topic: str, partition: int, incarnation: str, from_: int, to: int, reason: str) -> None:
        """Write down that nobody can read [from_, to) any more."""
        now = self._clock.now()
        with self._store.write() as conn:
            ledger.gap(conn, (topic, partition), incarnation, now.date(), from_, to, reason)
            stored.add_notices(conn, [gap_notice((topic, partition), from_, to, reason, now)], now)
        self._told()
        _log.error(
            "records lost before they were read", topic=topic, partition=partition, first=from_, end=to, cause=reason
        )

    # One transaction ---------------------------------------------------------------------------------------------

    def _durably(self, work: Callable[[Connection], Done]) -> Done:
        """Run a transaction, again where another worker was faster."""
        tries_left = _TRIES
        while True:
            tries_left -= 1
            try:
                with self._store.write() as conn:
                    done = work(conn)
            except Clash:
                if not tries_left:
                    raise
                threading.Event().wait(random.uniform(0.005, 0.1))  # noqa: S311 - jitter, not a secret
            else:
                _count(done)
                if done.effects.notices:
                    self._told()
                return done

    def _write_batch(
        self, conn: Connection, live: LiveSet, now: datetime, slices: Sequence[Slice], understood: Sequence[Understood]
    ) -> Done:
        heads = ledger.lock(conn, [(part.topic, part.partition) for part in slices])
        fresh = [one for one in understood if is_fresh(one.origin, heads)]
        parts, pauses = self._pause_storms(conn, slices, fresh, heads)
        ends = {(part.topic, part.partition): part.next for part in parts}
        done = self._take(conn, live, now, [one for one in fresh if one.origin.offset < ends[partition_of(one.origin)]])
        records = {record.origin: record for part in parts for record in part.records}
        dead = [self._dead_letter(dead, records.get(dead.origin)) for dead in done.intake.dead]
        dead_letters.add(conn, dead, now)
        for part in parts:
            account(conn, part, heads.get((part.topic, part.partition)), done.intake.counts, now)
        done.pauses = pauses
        return done

    def _take(self, conn: Connection, live: LiveSet, now: datetime, understood: Sequence[Understood]) -> Done:
        """Compare with what is known, write the versions that are kept, decide and let the decisions act."""
        identities = [one.identity for one in understood if isinstance(one, Candidate)]
        seen = {(row.source, row.external_id): known(row) for row in stored.known_responses(conn, identities)}
        ids = iter(allocate(conn, "responses", len(set(identities) - seen.keys())))
        intake = compare_all(understood, seen, ids, lambda survey: _window(live, survey), now)
        write_versions(conn, intake.kept, now)
        effects = self._decide(conn, live, now, [to_decide(version) for version in intake.kept])
        return Done(intake, effects)

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
        with self._store.write() as conn:
            ledger.unpause_all(conn)

    def _pause_storms(
        self,
        conn: Connection,
        slices: Sequence[Slice],
        fresh: Sequence[Understood],
        heads: Mapping[Partition, ledger.Head],
    ) -> tuple[list[Slice], list[Pause]]:
        """Cut slices short before the first record that is not to be written, and remember the pause."""
        parts, pauses = [], []
        for part in slices:
            at = (part.topic, part.partition)
            mine = [one for one in fresh if partition_of(one.origin) == at]
            head = heads.get(at)
            end = self._storms.unwritten_from(at, mine, head.accepted_until if head else None)
            if end is None:
                parts.append(part)
                continue
            records = tuple(record for record in part.records if record.offset < end)
            parts.append(piece(part, part.first, end, *records))
            pauses.append(Pause(topic=part.topic, partition=part.partition, next_offset=end, reason=_STORM))
            ledger.pause(conn, at, _STORM)
        return parts, pauses

    def _look_for_storms(self, understood: Sequence[Understood], done: Done, now: datetime) -> None:
        """Tell ops once about every storm that began with this batch."""
        notices = [storm_notice(storm, now) for storm in self._storms.saw(understood)]
        notices += [pause_notice(pause, now) for pause in done.pauses]
        if notices:
            with self._store.write() as conn:
                stored.add_notices(conn, notices, now)
            self._told()

    # A row that the store refuses --------------------------------------------------------------------------------

    def _one_by_one(
        self, live: LiveSet, now: datetime, slices: Sequence[Slice], understood: Sequence[Understood]
    ) -> None:
        """Let everything through but the row that the store refuses: each record in a transaction of its own.

        The ledger moves with each, so that a crash in between changes nothing.
        """
        by_origin = {one.origin: one for one in understood}
        for part in slices:
            first = part.first
            for record in part.records:
                self._alone(live, now, piece(part, first, record.offset + 1, record), by_origin[record.origin])
                first = record.offset + 1
            rest = piece(part, first, part.next)
            self._durably(lambda conn, rest=rest: self._write_batch(conn, live, now, [rest], []))  # type: ignore[misc]

    def _alone(self, live: LiveSet, now: datetime, part: Slice, understood: Understood) -> None:
        try:
            self._durably(lambda conn: self._write_batch(conn, live, now, [part], [understood]))
        except Clash as error:
            raise StoreUnavailable("Other workers change the same rows all the time; tried again soon.") from error
        except RowRefused as error:
            source = understood.response.source if isinstance(understood, Candidate) else None
            message = f"{error} Report this with the excerpt; everything else went through."
            dead = Dead(
                origin=understood.origin, source=source, stage="store", reason=Reason.STORE_REFUSED, message=message
            )
            self._durably(lambda conn: self._write_batch(conn, live, now, [part], [dead]))

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


def _window(live: LiveSet, survey: str | None) -> timedelta:
    known = live.rule_set.surveys.get(survey or "")
    return known.settle.elapsed if known else _SETTLE


def _count(done: Done) -> None:
    for counts in done.intake.counts.values():
        for word, n in counts.items():
            metrics.RECORDS.labels(word).inc(n)
    for dead in done.intake.dead:
        metrics.DEAD_LETTERS.labels(dead.reason.value).inc()
    for version in done.intake.kept:
        if version.before is None:
            klass = version.candidate.verdict.klass
            metrics.RESPONSES.labels(klass.value if klass else "none").inc()
    for rule in done.effects.rules:
        metrics.DECISIONS.labels(rule).inc()
    for opening in done.effects.opened:
        metrics.FOLLOW_UPS.labels("opened", opening.plan.id).inc()
    for opening in done.effects.reopened:
        metrics.FOLLOW_UPS.labels("reopened", opening.plan.id).inc()
