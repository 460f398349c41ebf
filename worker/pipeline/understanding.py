"""Bytes to candidates, dead letters and records that are no response: read, redact, classify."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from worker import metrics
from worker.classify.classifier import Unclassifiable
from worker.classify.redact import redact, redact_response
from worker.ingest.parts import both, lay_over
from worker.ingest.reader import content_hash, order_key
from worker.ingest.records import Accepted, Dead, Reason, Record
from worker.ingest.versions import Candidate, Known, Part, Understood
from worker.model.response import Contact, Response
from worker.ruleset import LiveSet
from worker.store.types import encode_document


def understand(records: Iterable[Record], live: LiveSet) -> list[Understood]:
    """Read, redact and classify: bytes to candidates, parts, dead letters and records that are no response."""
    return [_understand_one(record, live) for record in records]


def _understand_one(record: Record, live: LiveSet) -> Understood:
    outcome = live.reader.read(record)
    if isinstance(outcome, Dead):
        return _speakable(outcome)
    if not isinstance(outcome, Accepted):
        return outcome
    _count_oddities(outcome)
    response, contact = redact_response(outcome.response)
    part = Part(outcome.origin, response, contact, content_hash(outcome.response), order_key(outcome))
    return part if outcome.part else _classified(part, response, contact, part.order_key, live)


def complete(part: Part, known: Known | None, live: LiveSet) -> Candidate | Dead:
    """A part beside the other answers of its response, classified as a whole. What it does not mention stays."""
    if known is None or known.response is None:
        return _classified(part, part.response, part.contact, part.order_key, live)
    newer = part.order_key > known.order_key
    response = lay_over(known.response, part.response) if newer else lay_over(part.response, known.response)
    contact = both(known.contact, part.contact) if newer else both(part.contact, known.contact)
    return _classified(part, response, contact, max(part.order_key, known.order_key), live)


def _classified(part: Part, response: Response, contact: Contact, order: str, live: LiveSet) -> Candidate | Dead:
    try:
        verdict = live.classifier.classify(response)
    except Unclassifiable as error:
        dead = Dead(origin=part.origin, source=response.source, reason=Reason(error.reason), message=str(error))
        return _speakable(dead)
    return Candidate(
        origin=part.origin,
        response=response,
        contact=contact,
        verdict=verdict,
        content=encode_document(response),
        content_hash=part.content_hash,
        order_key=order,
    )


def _speakable(dead: Dead) -> Dead:
    """The message quotes what was found: a customer's number or address may have slipped into any field."""
    return msgspec.structs.replace(dead, message=redact(dead.message).text)


def _count_oddities(accepted: Accepted) -> None:
    if accepted.unknown_keys:
        metrics.UNKNOWN_KEYS.labels(accepted.response.source).inc(len(accepted.unknown_keys))
    for place in accepted.ignored_values:
        metrics.IGNORED_VALUES.labels(place).inc()
