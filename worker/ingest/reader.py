"""One record to Accepted, Dead or NotResponse. Reading neither redacts nor classifies."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import msgspec

from worker.clock import utc_text
from worker.ingest import decode, envelopes, event
from worker.ingest.decode import Fault
from worker.ingest.envelopes import Envelope
from worker.ingest.event import Notes
from worker.ingest.records import Accepted, Dead, NotResponse, Outcome, Reason, Record
from worker.ingest.sources import Given, Source, compile_source
from worker.model.response import Json, Origin, Response
from worker.model.survey import Survey

__all__ = ["Accepted", "Dead", "NotResponse", "Reader", "Reason", "content_hash", "customer_key", "order_key"]

OUR_NAMESPACE = "crm"
_IMPORT = "import:"
_PRECEDENCE = {reason: n for n, reason in enumerate(Reason)}
_DECODING = frozenset({Reason.TOO_LARGE, Reason.NOT_UTF8, Reason.NOT_JSON, Reason.NOT_AN_OBJECT})
_FIRST = datetime(1, 1, 1, tzinfo=UTC)


def customer_key(namespace: str, customer_id: str | None, email: str | None, hash_key: bytes) -> str | None:
    """Who it is, for history and merging: the id in its namespace, else a keyed hash of the e-mail, else unknown.

    Never phone or name: merging by mistake shows one stranger's words to another's agent.
    """
    if customer_id and customer_id.strip():
        return f"{namespace}/{customer_id}"
    if email and (address := email.strip().lower()):
        return f"mail/{hmac.digest(hash_key, address.encode(), hashlib.sha256).hex()[:32]}"
    return None


def erased_mark(key: str, hash_key: bytes) -> str:
    """What stays of an erased customer's key: enough to know it again, too little to read it."""
    return f"erased/{hmac.digest(hash_key, key.encode(), hashlib.sha256).hex()[:32]}"


class Reader:
    """Reads records of every known shape. Immutable and safe to share between threads.

    `mappings` are the documents of `sources/*.yaml` by name (the file's stem), already checked; `hash_key` keys the
    hash of e-mail addresses; `surveys` may name the metric of a response that names none.
    """

    def __init__(
        self,
        mappings: Mapping[str, Mapping[str, Any]],
        hash_key: bytes,
        surveys: Mapping[str, Survey] = MappingProxyType({}),
    ) -> None:
        self._surveys = surveys
        self._sources = tuple(compile_source(name, mappings[name]) for name in sorted(mappings))
        self._hash_key = hash_key

    def mark_of(self, key: str) -> str:
        """Under which mark an erased customer of this key is remembered."""
        return erased_mark(key, self._hash_key)

    def read(self, record: Record) -> Outcome:
        """What this record is."""
        if record.value is None:
            return NotResponse(origin=record.origin, why="tombstone")
        try:
            return self._fast(record, record.value) or self._carefully(record, record.value)
        except Fault as fault:
            return _dead(record.origin, None, [fault])

    def _fast(self, record: Record, value: bytes) -> Accepted | None:
        decode.check_size(value)
        if event.needs_a_closer_look(value):
            return None
        event_id = envelopes.binary(record.headers).event_id if record.headers else None
        response = event.fast(value, default_source(record), self._key_of)
        if response is None and (peeled := envelopes.peel(value)):
            event_id = peeled[0]
            response = event.fast(peeled[1], default_source(record), self._key_of)
        if response is None:
            return None
        order = _time_text(response.updated_at) if response.updated_at else None
        return Accepted(origin=record.origin, response=response, event_id=event_id, order=order)

    def _carefully(self, record: Record, value: bytes) -> Outcome:
        document, envelope = decode.document(value), envelopes.binary(record.headers)
        if envelopes.is_structured(document, envelope):
            document, envelope = envelopes.open_structured(document, envelope)
        if not document.keys() >= {"id", "responded_at"}:
            given = Given(document, envelope, record.topic, record.key)
            if source := next((source for source in self._sources if source.matches(given)), None):
                return self._mapped(source, given, record)
        if not event.looks_like_ours(document):
            raise Fault(Reason.UNKNOWN_SHAPE, _unknown_shape(document))
        return self._ours(document, envelope, record)

    def _ours(self, document: dict[str, Json], envelope: Envelope, record: Record) -> Outcome:
        notes = Notes(surveys=self._surveys)
        source = default_source(record)
        response = event.read(document, source, self._key_of, notes)
        if response is None:
            named = document.get("source")
            return _dead(record.origin, named if isinstance(named, str) and named.strip() else source, notes.faults)
        return Accepted(
            origin=record.origin, response=response, event_id=envelope.event_id,
            order=_time_text(response.updated_at) if response.updated_at else None,
            unknown_keys=tuple(notes.unknown), ignored_values=tuple(notes.ignored),
        )  # fmt: skip

    def _mapped(self, source: Source, given: Given, record: Record) -> Outcome:
        if why := source.ignores(given):
            return NotResponse(origin=record.origin, why=f"{source.name}: {why}")
        if source.reference_only:
            fault = Fault(Reason.NO_ANSWERS, f"This event only refers to a response. {source.reference_only}")
            return _dead(record.origin, source.source, [fault])
        mapped = source.map(given)
        notes = Notes(mapped.places, self._surveys, list(mapped.faults), ignored=list(mapped.ignored), part=source.part)
        response = event.read(mapped.document, source.source, self._key_in(source.namespace), notes)
        if response is None:
            return _dead(record.origin, source.source, notes.faults)
        return Accepted(
            origin=record.origin, response=response, event_id=mapped.event_id or given.envelope.event_id,
            order=mapped.order or (_time_text(response.updated_at) if response.updated_at else None),
            vendor_class=mapped.vendor_class, ignored_values=tuple(notes.ignored), part=source.part,
            mapping=source.name,
        )  # fmt: skip

    def _key_of(self, customer_id: str | None, email: str | None) -> str | None:
        return customer_key(OUR_NAMESPACE, customer_id, email, self._hash_key)

    def _key_in(self, namespace: str) -> event.KeyOf:
        return lambda customer_id, email: customer_key(namespace, customer_id, email, self._hash_key)


def default_source(record: Record) -> str:
    """The topic's name; an import's own name."""
    return record.topic.removeprefix(_IMPORT)


def _dead(origin: Origin, source: str | None, faults: list[Fault]) -> Dead:
    first = min(faults, key=lambda fault: _PRECEDENCE[fault.reason])
    stage = "decode" if first.reason in _DECODING else "read"
    return Dead(origin=origin, source=source, stage=stage, reason=first.reason, message=first.message)


def _unknown_shape(document: Mapping[str, Json]) -> str:
    keys = ", ".join(event.shown_key(name) for name in list(document)[:6]) or "none"
    return (
        f"Neither our event nor a shape that sources/*.yaml knows (keys: {keys}). "
        "Send id, responded_at and score or comment, or write a mapping; `innerloop sources check FILE` tries it."
    )


def content_hash(response: Response) -> str:
    """A fingerprint of what the event says: the same for every order of keys and every coordinate.

    `updated_at` is part of it, so that a later return to earlier content is a version of its own. `customer.key` is
    not: it follows from id and e-mail, and from a key that may be changed.
    """
    said = msgspec.structs.replace(response, customer=msgspec.structs.replace(response.customer, key=None))
    return hashlib.sha256(_CANONICAL.encode(said)).hexdigest()


_CANONICAL = msgspec.json.Encoder(order="deterministic", decimal_format="number")


def order_key(accepted: Accepted) -> str:
    """Sorts the versions of one response as text: those with an order value by it and after those without.

    Those without, and equal ones, by (Kafka timestamp, topic, partition, offset).
    """
    origin = accepted.origin
    place = f"{_time_text(origin.timestamp or _FIRST)} {origin.topic} {origin.partition:010} {origin.offset:020}"
    return f"1 {accepted.order} {place}" if accepted.order is not None else f"0 {place}"


def _time_text(at: datetime) -> str:
    return utc_text(at) + "+00:00"
