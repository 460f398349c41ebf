"""The way of a response, on a whole batch at a time.

    read → redact → classify → one transaction: compare → decide → join → write → move the ledger → wake the senders

Kafka batches, imports, settled partial responses and replayed dead letters all go this way.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from worker import log, metrics
from worker.classify.classifier import Unclassifiable
from worker.classify.redact import excerpt, redact_response
from worker.clock import Clock
from worker.followup.deciding import Deciding, ToDecide
from worker.followup.joining import Decided, Effects
from worker.followup.write import write_effects
from worker.ingest.reader import content_hash, order_key
from worker.ingest.records import Accepted, Batch, Dead, Head, Partition, Pause, Reason, Record, Slice
from worker.ingest.versions import Candidate, Intake, Known, Understood, Version, compare_all
from worker.model.response import Origin
from worker.model.survey import Survey
from worker.ruleset import LiveSet
from worker.store import batch as stored
from worker.store import bulk, dead_letters, ledger, settling
from worker.store.batch import KnownRow, Lost
from worker.store.engine import Store, Trouble, trouble
from worker.store.ids import allocate
from worker.store.responses import decision_row, response_change, response_row, version_row
from worker.store.schema import decisions, responses, versions
from worker.store.types import encode_document

_TRIES = 3
_SETTLE = Survey(id="").settle.elapsed

_log = log.get(__name__)


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

    # The three ways in -------------------------------------------------------------------------------------------

    def process(self, batch: Batch) -> Sequence[Pause] | None:
        """Write a batch and move the ledger's heads. Raises StoreUnavailable; may be called again with the same."""
        live, now = self._live(), self._clock.now()
        understood = understand([record for part in batch.slices for record in part.records], live)
        with metrics.BATCH_SECONDS.time():
            try:
                self._durably(lambda conn: self._write_batch(conn, live, now, batch.slices, understood))
            except SQLAlchemyError as error:
                if trouble(error) is not Trouble.DATA:
                    raise
                self._one_by_one(live, now, batch.slices, understood)
        return None

    def settle(self, limit: int = 500) -> int:
        """Decide partial responses whose window is over. Gives how many were found."""
        live, now = self._live(), self._clock.now()
        found = 0

        def work(conn: Connection) -> tuple[Intake, Effects]:
            nonlocal found
            waiting = settling.due(conn, now, limit)
            found = len(waiting)
            items = [
                ToDecide(w.id, w.version, w.response, w.verdict, w.read_at, belongs_to=w.follow_up_id) for w in waiting
            ]
            effects = self._decide(conn, live, now, items)
            settling.done(conn, [w.id for w in waiting])
            return Intake(), effects

        self._durably(work)
        return found

    def replay(self, record: Record, dead_letter_id: int) -> str:
        """Send a dead letter's record once more. Gives what became of it, in a word of the ledger."""
        live, now = self._live(), self._clock.now()
        understood = understand([record], live)

        def work(conn: Connection) -> tuple[Intake, Effects]:
            intake, effects = self._take(conn, live, now, understood)
            if intake.dead:
                dead_letters.failed_again(conn, dead_letter_id, intake.dead[0].reason.value, intake.dead[0].message)
            else:
                identities = [one.identity for one in understood if isinstance(one, Candidate)]
                rows = stored.known_responses(conn, identities)
                dead_letters.replayed(conn, dead_letter_id, rows[0].id if rows else None)
            return intake, effects

        return next(iter(self._durably(work).counts[record.topic, record.partition]))

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
        with self._store.write() as conn:
            ledger.gap(conn, (topic, partition), incarnation, self._clock.now().date(), from_, to, reason)
        _log.error(
            "records lost before they were read", topic=topic, partition=partition, first=from_, end=to, cause=reason
        )

    # One transaction ---------------------------------------------------------------------------------------------

    def _durably(self, work: Callable[[Connection], tuple[Intake, Effects]]) -> Intake:
        """Run a transaction, again where another worker was faster."""
        tries_left = _TRIES
        while True:
            tries_left -= 1
            try:
                with self._store.write() as conn:
                    intake, effects = work(conn)
            except (Lost, SQLAlchemyError) as error:
                clash = isinstance(error, Lost) or trouble(error) is Trouble.CLASH
                if not tries_left or not clash:
                    raise
                threading.Event().wait(random.uniform(0.005, 0.1))  # noqa: S311 - jitter, not a secret
            else:
                _count(intake, effects)
                if effects.notices:
                    self._told()
                return intake

    def _write_batch(
        self, conn: Connection, live: LiveSet, now: datetime, slices: Sequence[Slice], understood: Sequence[Understood]
    ) -> tuple[Intake, Effects]:
        heads = ledger.lock(conn, [(part.topic, part.partition) for part in slices])
        fresh = [one for one in understood if _is_fresh(one.origin, heads)]
        intake, effects = self._take(conn, live, now, fresh)
        records = {record.origin: record for part in slices for record in part.records}
        dead_letters.add(conn, [self._dead_letter(dead, records.get(dead.origin)) for dead in intake.dead], now)
        for part in slices:
            _account(conn, part, heads.get((part.topic, part.partition)), intake.counts, now)
        return intake, effects

    def _take(
        self, conn: Connection, live: LiveSet, now: datetime, understood: Sequence[Understood]
    ) -> tuple[Intake, Effects]:
        """Compare with what is known, write the versions that are kept, decide and let the decisions act."""
        identities = [one.identity for one in understood if isinstance(one, Candidate)]
        known = {(row.source, row.external_id): _known(row) for row in stored.known_responses(conn, identities)}
        ids = _fresh_ids(conn, len(set(identities) - known.keys()))
        intake = compare_all(understood, known, ids, lambda survey: _window(live, survey), now)
        _write_versions(conn, intake.kept, now)
        return intake, self._decide(conn, live, now, [_to_decide(version) for version in intake.kept])

    def _decide(self, conn: Connection, live: LiveSet, now: datetime, items: Sequence[ToDecide]) -> Effects:
        decided, effects = Deciding(live.decider, live.people, self._max_age, now).run(conn, items)
        stored.insert_planned(conn, decisions, [_decision_row(one) for one in decided])
        write_effects(conn, effects, now)
        for one in decided:
            metrics.DECISIONS.labels(one.decision.rule).inc()
        return effects

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
                self._alone(live, now, _piece(part, first, record.offset + 1, record), by_origin[record.origin])
                first = record.offset + 1
            rest = _piece(part, first, part.next)
            self._durably(lambda conn, rest=rest: self._write_batch(conn, live, now, [rest], []))  # type: ignore[misc]

    def _alone(self, live: LiveSet, now: datetime, part: Slice, understood: Understood) -> None:
        try:
            self._durably(lambda conn: self._write_batch(conn, live, now, [part], [understood]))
        except SQLAlchemyError as error:
            if trouble(error) is not Trouble.DATA:
                raise
            source = understood.response.source if isinstance(understood, Candidate) else None
            message = dead_letters.refusal(error)
            dead = Dead(
                origin=understood.origin, source=source, stage="store", reason=Reason.STORE_REFUSED, message=message
            )
            self._durably(lambda conn: self._write_batch(conn, live, now, [part], [dead]))

    def _dead_letter(self, dead: Dead, record: Record | None) -> dead_letters.NewDeadLetter:
        metrics.DEAD_LETTERS.labels(dead.reason.value).inc()
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
            sealed=self._seal.close(_sealed(record)) if record and self._seal else None,
        )


def understand(records: Iterable[Record], live: LiveSet) -> list[Understood]:
    """Read, redact and classify: bytes to candidates, dead letters and records that are no response."""
    return [_understand_one(record, live) for record in records]


def _understand_one(record: Record, live: LiveSet) -> Understood:
    outcome = live.reader.read(record)
    if not isinstance(outcome, Accepted):
        return outcome
    _count_oddities(outcome)
    response, contact = redact_response(outcome.response)
    try:
        verdict = live.classifier.classify(response)
    except Unclassifiable as error:
        return Dead(origin=outcome.origin, source=response.source, reason=Reason(error.reason), message=str(error))
    return Candidate(
        origin=outcome.origin,
        response=response,
        contact=contact,
        verdict=verdict,
        content=encode_document(response),
        content_hash=content_hash(outcome.response),
        order_key=order_key(outcome),
    )


def _write_versions(conn: Connection, kept: Sequence[Version], now: datetime) -> None:
    """Rows of responses (the last version of each) and of versions (all of them)."""
    last = {version.known.id: version for version in kept}
    first = {version.known.id: version for version in reversed(kept)}
    new = [_response_row(last[id_], first[id_], now) for id_ in first if first[id_].before is None]
    stored.insert_planned(conn, responses, new)
    changed = [_response_change(last[id_], first[id_].before) for id_ in first if first[id_].before is not None]
    stored.update_planned(conn, responses, "id", "version", changed)
    stored.insert_planned(conn, versions, [_version_row(version, now) for version in kept])


def _response_row(last: Version, first: Version, now: datetime) -> bulk.Row:
    candidate, known = last.candidate, last.known
    return response_row(
        known.id, candidate.response, candidate.verdict, candidate.contact, first.candidate.origin,
        customer_key=known.customer_key, version=known.version, order_key=known.order_key, settle_at=known.settle_at,
        received_at=now,
    )  # fmt: skip


def _response_change(last: Version, before: int | None) -> dict[str, object]:
    candidate, known = last.candidate, last.known
    change = response_change(
        candidate.response, candidate.verdict, candidate.contact, customer_key=known.customer_key,
        version=known.version, order_key=known.order_key, settle_at=known.settle_at,
    )  # fmt: skip
    return {"key": known.id, "old": before, **change}


def _version_row(version: Version, now: datetime) -> bulk.Row:
    candidate, known = version.candidate, version.known
    return version_row(
        known.id, known.version, candidate.order_key, candidate.content, candidate.content_hash, candidate.origin, now
    )


def _decision_row(decided: Decided) -> bulk.Row:
    return decision_row(decided.response_id, decided.version, decided.decision)


def _to_decide(version: Version) -> ToDecide:
    known, candidate = version.known, version.candidate
    return ToDecide(
        known.id, known.version, candidate.response, candidate.verdict, known.read_at,
        waits=known.settle_at is not None, belongs_to=known.follow_up_id,
    )  # fmt: skip


def _known(row: KnownRow) -> Known:
    return Known(
        id=row.id,
        version=row.version,
        order_key=row.order_key,
        settle_at=row.settle_at,
        customer_key=row.customer_key,
        survey=row.survey,
        hashes=row.hashes,
        read_at=row.read_at,
        follow_up_id=row.follow_up_id,
    )


def _fresh_ids(conn: Connection, n: int) -> Iterator[int]:
    return iter(allocate(conn, "responses", n))


def _window(live: LiveSet, survey: str | None) -> timedelta:
    known = live.rule_set.surveys.get(survey or "")
    return known.settle.elapsed if known else _SETTLE


def _is_fresh(origin: Origin, heads: Mapping[Partition, ledger.Head]) -> bool:
    """Not yet accounted for. A frozen worker that wakes up brings what others have long written."""
    head = heads.get((origin.topic, origin.partition))
    return head is None or (origin.incarnation == head.incarnation and origin.offset >= head.next_offset)


def _account(
    conn: Connection, part: Slice, head: ledger.Head | None, counts: Mapping[Partition, Counter[str]], now: datetime
) -> None:
    """Grow the ledger by one slice and move the partition's head."""
    key, day = (part.topic, part.partition), now.date()
    if head is None:
        ledger.start(conn, key, part.incarnation, part.first)
        head = ledger.Head(part.incarnation, part.first)
    if head.incarnation != part.incarnation:
        return  # a zombie of a topic that was deleted and created again
    below = sum(record.offset < head.next_offset for record in part.records)
    if below:
        ledger.again(conn, key, part.incarnation, day, head.next_offset, below)
        metrics.RECORDS.labels("again").inc(below)
    start = max(part.first, head.next_offset)
    if start > head.next_offset:
        ledger.gap(conn, key, part.incarnation, day, head.next_offset, start, "unexplained")
    if part.next > start:
        mine = counts.get(key, Counter())
        absent = part.next - start - sum(mine.values())
        ledger.move(conn, key, part.incarnation, day, start, part.next, {**mine, "absent": absent})


def _piece(part: Slice, first: int, next_: int, *records: Record) -> Slice:
    return Slice(
        topic=part.topic,
        partition=part.partition,
        incarnation=part.incarnation,
        first=first,
        next=next_,
        records=records,
    )


def _sealed(record: Record) -> dead_letters.Sealed:
    return dead_letters.Sealed(key=record.key, value=record.value, headers=record.headers, timestamp=record.timestamp)


def _count_oddities(accepted: Accepted) -> None:
    if accepted.unknown_keys:
        metrics.UNKNOWN_KEYS.labels(accepted.response.source).inc(len(accepted.unknown_keys))
    for place in accepted.ignored_values:
        metrics.IGNORED_VALUES.labels(place).inc()


def _count(intake: Intake, effects: Effects) -> None:
    for counts in intake.counts.values():
        for word, n in counts.items():
            metrics.RECORDS.labels(word).inc(n)
    for version in intake.kept:
        if version.before is None:
            klass = version.candidate.verdict.klass
            metrics.RESPONSES.labels(klass.value if klass else "none").inc()
    for opening in effects.opened:
        metrics.FOLLOW_UPS.labels("opened", opening.plan.id).inc()
    for opening in effects.reopened:
        metrics.FOLLOW_UPS.labels("reopened", opening.plan.id).inc()
