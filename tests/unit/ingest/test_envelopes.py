"""CloudEvents around our own event."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.support.events import record_of, small_event
from worker.ingest.reader import Accepted, Dead, Reader, Reason

READER = Reader({}, b"k" * 32)
ATTRIBUTES = {"specversion": "1.0", "id": "evt-1", "source": "/elsewhere", "type": "any.thing"}
BINARY = {f"ce_{name}": text for name, text in ATTRIBUTES.items()} | {"content-type": "application/json"}


def read(value: Any, headers: dict[str, str] | None = None) -> Accepted | Dead:
    found = READER.read(record_of(value, headers))
    assert isinstance(found, Accepted | Dead)
    return found


def packed(event: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(event).encode()).decode()


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (small_event(), BINARY),
        ({**ATTRIBUTES, "data": small_event()}, None),
        ({**ATTRIBUTES, "data": small_event()}, {"content-type": "application/cloudevents+json; charset=UTF-8"}),
        ({**ATTRIBUTES, "data_base64": packed(small_event())}, None),
        ({**ATTRIBUTES, "data": {**small_event(), "new": 1}}, None),
        ({**small_event(), "new": 1}, BINARY),
        (small_event(), {name.upper(): text for name, text in BINARY.items()}),
    ],
    ids=["binary", "structured", "by header", "base64", "closer look", "binary closer look", "upper case"],
)
def test_the_event_is_read_and_the_envelope_gives_the_event_id(value: Any, headers: dict[str, str] | None) -> None:
    found = read(value, headers)
    assert isinstance(found, Accepted)
    assert (found.event_id, found.response.id) == ("evt-1", "r-1")
    assert found.response.source == "feedback.responses"  # never the envelope's


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (ATTRIBUTES, Reason.MISSING_FIELD),
        ({**ATTRIBUTES, "data": None}, Reason.MISSING_FIELD),
        ({**ATTRIBUTES, "data": [small_event()]}, Reason.NOT_AN_OBJECT),
        ({**ATTRIBUTES, "data": "text"}, Reason.NOT_AN_OBJECT),
        ({**ATTRIBUTES, "data_base64": "%%%"}, Reason.WRONG_TYPE),
        ({**ATTRIBUTES, "data_base64": 7}, Reason.WRONG_TYPE),
        ({**ATTRIBUTES, "data_base64": "AAAA"}, Reason.NOT_JSON),
        ({**ATTRIBUTES, "specversion": "0.3", "data": small_event()}, Reason.UNKNOWN_SHAPE),
        ({**ATTRIBUTES, "data": {"hello": 1}}, Reason.UNKNOWN_SHAPE),
    ],
)
def test_a_broken_envelope_is_a_dead_letter_with_its_reason(value: dict[str, Any], reason: Reason) -> None:
    found = read(value)
    assert isinstance(found, Dead)
    assert found.reason is reason, found.message


def test_an_event_of_ours_with_a_few_attributes_is_no_envelope() -> None:
    found = read(small_event(source="ccaas", type="x"))
    assert isinstance(found, Accepted)
    assert (found.unknown_keys, found.event_id) == (("type",), None)
