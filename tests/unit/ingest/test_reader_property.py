"""The fast way and the closer look agree on everything the fast way takes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.events import record_of, whole_event
from worker.ingest.reader import Accepted, Reader

READER = Reader({}, b"k" * 32)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.text(max_size=12), st.just(""),
    st.sampled_from(["final", "partial", "2026-11-20T15:29:00Z", "2026-11-20T15:29:00+02:00", "2026-11-20T15:29:00"]),
)  # fmt: skip
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.text(max_size=5), SCALARS, max_size=2))
PLACES = st.sampled_from(
    [(name,) for name in whole_event()]
    + [("customer", name) for name in whole_event()["customer"]]
    + [("interaction", name) for name in whole_event()["interaction"]]
    + [("customer", "value", "amount"), ("customer", "contact", "window"), ("answers", "x"), ("attributes", "y")]
)


def spoiled(changes: list[tuple[tuple[str, ...], Any]]) -> dict[str, Any]:
    event = whole_event()
    for (*parents, last), value in changes:
        inner = event
        for parent in parents:
            inner = inner[parent] if isinstance(inner.get(parent), dict) else {}
        inner[last] = value
    return event


@given(st.lists(st.tuples(PLACES, VALUES), max_size=3))
def test_both_ways_agree(changes: list[tuple[tuple[str, ...], Any]]) -> None:
    record = record_of(json.dumps(spoiled(changes)))
    assert record.value is not None
    fast = READER._fast(record, record.value)
    if fast is not None:
        assert fast == READER._carefully(record, record.value)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(value: bytes) -> None:
    assert READER.read(record_of(value)).origin.topic == "feedback.responses"


@given(st.lists(st.tuples(PLACES, VALUES), max_size=4))
def test_no_event_breaks_the_reader(changes: list[tuple[tuple[str, ...], Any]]) -> None:
    found = READER.read(record_of(json.dumps(spoiled(changes))))
    if isinstance(found, Accepted):
        assert found.response.id
