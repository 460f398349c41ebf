"""What a record is to what is already known: new, a later version, a duplicate, stale, or a contradiction. Pure.

Many survey tools send the score first and the comment later under the same response id; topics are read again; two
partitions may hold versions of one response. The answer depends only on what arrived, never on when it was read.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from msgspec import Struct

from worker.ingest.records import Dead, NotResponse, Partition, Reason
from worker.model.response import Contact, Origin, Response, Status
from worker.model.verdict import Verdict

Identity = tuple[str, str]  # source, id


class Change(Enum):
    """The words of the ledger."""

    ACCEPTED = "accepted"
    UPDATED = "updated"
    DUPLICATE = "duplicate"
    STALE = "stale"
    CONFLICT = "dead"


class Candidate(Struct, frozen=True, gc=False):
    """A record that was read, redacted and classified. `content` is the redacted response as JSON text."""

    origin: Origin
    response: Response
    contact: Contact
    verdict: Verdict
    content: str
    content_hash: str
    order_key: str

    @property
    def identity(self) -> Identity:
        return self.response.source, self.response.id

    @property
    def critical(self) -> bool:
        """A partial response that must not wait for its other half: any severity, or the lowest fifth of the scale."""
        return bool(self.verdict.severity) or self.verdict.lowest_fifth


class Part(Struct, frozen=True, gc=False):
    """Some answers of a response, read and redacted. What they mean is known once the others are beside them."""

    origin: Origin
    response: Response
    contact: Contact
    content_hash: str
    order_key: str

    @property
    def identity(self) -> Identity:
        return self.response.source, self.response.id


ANSWERS: Final = (Candidate, Part)
Understood = Candidate | Part | Dead | NotResponse
Complete = Callable[[Part, "Known | None"], Candidate | Dead]
"""Puts a part together with what is known of its response, and classifies the whole."""


class Known(Struct, frozen=True, kw_only=True, gc=False):
    """What the store, or this batch, already holds of a response. `read_at` is when it was first read."""

    id: int
    version: int
    order_key: str
    settle_at: datetime | None  # None: decided
    customer_key: str | None
    survey: str | None
    hashes: frozenset[str]
    read_at: datetime
    follow_up_id: int | None = None
    response: Response | None = None  # the current version; from the store only where a part has to be added to it
    contact: Contact = Contact()
    erased: bool = False  # what it said was forgotten, and nothing that comes later brings it back


class Version(Struct, frozen=True, gc=False):
    """A candidate that is kept, with what is known once it is. `before` is the version it follows."""

    candidate: Candidate
    known: Known
    before: int | None


@dataclass(slots=True)
class Intake:
    """What became of each record of a batch."""

    counts: dict[Partition, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    kept: list[Version] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)

    def count(self, origin: Origin, word: str) -> None:
        self.counts[origin.topic, origin.partition][word] += 1

    def bury(self, dead: Dead) -> None:
        self.dead.append(dead)
        self.count(dead.origin, "dead")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What comparing needs besides records: one id per new response, how long a survey's partial ones wait, the time,
    and how a part becomes a whole."""

    ids: Iterator[int]
    window: Callable[[str | None], timedelta]
    now: datetime
    complete: Complete


def compare_all(understood: Iterable[Understood], known: Mapping[Identity, Known], around: Surroundings) -> Intake:
    """Compare in (responded_at, topic, partition, offset) order, each seeing what the ones before it left."""
    intake = Intake()
    seen = dict(known)
    answers: list[Candidate | Part] = []
    for one in understood:
        if isinstance(one, ANSWERS):
            answers.append(one)
        elif isinstance(one, Dead):
            intake.bury(one)
        else:
            intake.count(one.origin, "not_response")
    for answer in sorted(answers, key=_reading_order):
        _take(intake, answer, seen, around)
    return intake


def compare(candidate: Candidate | Part, known: Known | None) -> Change:
    """What this record is."""
    if known is None:
        return Change.ACCEPTED
    if candidate.content_hash in known.hashes:
        return Change.DUPLICATE
    if known.erased:
        return Change.STALE
    if contradiction(candidate, known):
        return Change.CONFLICT
    return Change.UPDATED if candidate.order_key > known.order_key else Change.STALE


def contradiction(candidate: Candidate | Part, known: Known) -> str | None:
    """How a version contradicts the response it names: a sentence, or None."""
    response = candidate.response
    named = f'response "{response.id}" of source "{response.source}" is already known'
    if known.customer_key and response.customer.key and known.customer_key != response.customer.key:
        return f"{named} with another customer. Give each response its own id."
    if known.survey and response.survey and known.survey != response.survey:
        return f'{named} for survey "{known.survey}", not "{response.survey}". Give each response its own id.'
    return None


def settle_at(candidate: Candidate, known: Known | None, window: timedelta, now: datetime) -> datetime | None:
    """Until when a response waits for its other half; None when it is decided at once.

    The window starts with the first partial version; a later partial one does not prolong it.
    """
    if candidate.response.status is Status.FINAL or candidate.critical:
        return None
    return now + window if known is None else known.settle_at


def _take(intake: Intake, answer: Candidate | Part, seen: dict[Identity, Known], around: Surroundings) -> None:
    known = seen.get(answer.identity)
    change = compare(answer, known)
    if change is Change.CONFLICT and known is not None:
        intake.bury(_conflict(answer, known))
        return
    if isinstance(answer, Part) and change is not Change.DUPLICATE and not (known and known.erased):
        whole = around.complete(answer, known)
        if isinstance(whole, Dead):
            intake.bury(whole)
            return
        # An older part may still hold answers that no newer one mentioned.
        change = Change.UPDATED if change is Change.STALE and _says_more(whole, known) else change
        answer = whole
    intake.count(answer.origin, change.value)
    if isinstance(answer, Candidate) and change in (Change.ACCEPTED, Change.UPDATED):
        _keep(intake, answer, seen, around)


def _keep(intake: Intake, candidate: Candidate, seen: dict[Identity, Known], around: Surroundings) -> None:
    known = seen.get(candidate.identity)
    waits = settle_at(candidate, known, around.window(candidate.response.survey), around.now)
    later = _after(candidate, known, known.id if known else next(around.ids), waits, around.now)
    seen[candidate.identity] = later
    intake.kept.append(Version(candidate, later, known.version if known else None))


def _conflict(answer: Candidate | Part, known: Known) -> Dead:
    return Dead(
        origin=answer.origin,
        source=answer.response.source,
        reason=Reason.IDENTITY_CONFLICT,
        message=contradiction(answer, known) or "",
    )


def _says_more(whole: Candidate, known: Known | None) -> bool:
    return known is None or whole.response != known.response


def _after(candidate: Candidate, known: Known | None, id_: int, waits: datetime | None, now: datetime) -> Known:
    response = candidate.response
    return Known(
        id=id_,
        version=known.version + 1 if known else 1,
        order_key=candidate.order_key,
        settle_at=waits,
        customer_key=response.customer.key or (known.customer_key if known else None),
        survey=response.survey or (known.survey if known else None),
        hashes=(known.hashes if known else frozenset()) | {candidate.content_hash},
        read_at=known.read_at if known else now,
        follow_up_id=known.follow_up_id if known else None,
        response=response,
        contact=candidate.contact,
    )


def _reading_order(candidate: Candidate | Part) -> tuple[datetime, str, int, int]:
    origin = candidate.origin
    return candidate.response.responded_at, origin.topic, origin.partition, origin.offset
