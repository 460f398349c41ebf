"""CloudEvents 1.0: structured (`application/cloudevents+json`) and binary (`ce_…` headers), with the Kafka binding.

An envelope gives the event's id and attributes that a mapping may ask for. Its `source` is not the response's source,
and its `type` is not looked at when the data is our event.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from worker.ingest import decode
from worker.ingest.decode import Fault
from worker.ingest.records import Headers, Reason
from worker.model.response import Json

_PREFIX = "ce_"
_STRUCTURED = "application/cloudevents"
_MARK = b'"specversion"'


class _Structured(msgspec.Struct, gc=False):
    """As much of a structured event as the fast way needs."""

    specversion: str
    id: str
    data: msgspec.Raw


_decode = msgspec.json.Decoder(_Structured).decode


@dataclass(slots=True)
class Envelope:
    """`attributes` are the CloudEvents context attributes; empty without an envelope."""

    event_id: str | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def binary(headers: Headers) -> Envelope:
    """What the headers say. Names are compared in lower case; a header that is no text is left out."""
    texts = {name.lower(): value.decode("utf-8", "replace") for name, value in headers if value is not None}
    attributes = {name.removeprefix(_PREFIX): text for name, text in texts.items() if name.startswith(_PREFIX)}
    return Envelope(attributes.get("id"), attributes, texts)


def peel(value: bytes) -> tuple[str, msgspec.Raw] | None:
    """The event id and the data of a structured event, or None when it needs a closer look."""
    if _MARK not in value:
        return None
    try:
        event = _decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return (event.id, event.data) if event.specversion.startswith("1.") and event.id else None


def is_structured(document: Mapping[str, Json], envelope: Envelope) -> bool:
    """By content type, or by the attributes that every CloudEvent must have."""
    if envelope.headers.get("content-type", "").lower().startswith(_STRUCTURED):
        return True
    return document.keys() >= {"specversion", "id", "source", "type"}


def open_structured(document: Mapping[str, Json], envelope: Envelope) -> tuple[dict[str, Json], Envelope]:
    """The data as a document, and what the envelope said. Raises Fault."""
    version = document.get("specversion")
    if not (isinstance(version, str) and version.startswith("1.")):
        raise Fault(Reason.UNKNOWN_SHAPE, "specversion of the CloudEvent is not 1.0. Send CloudEvents 1.0.")
    attributes = {name: value for name, value in document.items() if name not in ("data", "data_base64")}
    event_id = document.get("id")
    opened = Envelope(event_id if isinstance(event_id, str) else None, attributes, envelope.headers)
    return _data(document), opened


def _data(document: Mapping[str, Json]) -> dict[str, Json]:
    if document.get("data_base64") is not None:
        return decode.document(_unpacked(document["data_base64"]))
    if document.get("data") is None:
        raise Fault(Reason.MISSING_FIELD, "data of the CloudEvent is missing. Send the event as data.")
    return decode.as_object(document["data"])


def _unpacked(raw: Json) -> bytes:
    try:
        return base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError, TypeError):
        message = "data_base64 of the CloudEvent is not base64. Send JSON as data instead."
        raise Fault(Reason.WRONG_TYPE, message) from None
