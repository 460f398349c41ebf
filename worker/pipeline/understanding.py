"""Bytes to candidates, dead letters and records that are no response: read, redact, classify."""

from __future__ import annotations

from collections.abc import Iterable

from worker import metrics
from worker.classify.classifier import Unclassifiable
from worker.classify.redact import redact_response
from worker.ingest.reader import content_hash, order_key
from worker.ingest.records import Accepted, Dead, Reason, Record
from worker.ingest.versions import Candidate, Understood
from worker.ruleset import LiveSet
from worker.store.types import encode_document


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


def _count_oddities(accepted: Accepted) -> None:
    if accepted.unknown_keys:
        metrics.UNKNOWN_KEYS.labels(accepted.response.source).inc(len(accepted.unknown_keys))
    for place in accepted.ignored_values:
        metrics.IGNORED_VALUES.labels(place).inc()
