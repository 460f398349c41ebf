"""What makes two events the same, and which of two comes later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.events import record_of, small_event, whole_event
from worker.ingest.reader import Accepted, Reader, content_hash, order_key

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def read(event: dict[str, Any], key: bytes = b"k" * 32, **place: Any) -> Accepted:
    found = Reader({}, key).read(record_of(event, **place))
    assert isinstance(found, Accepted)
    return found


def test_the_hash_does_not_depend_on_the_order_of_keys_or_on_where_it_was_read() -> None:
    event = whole_event(answers={"b": 1, "a": 2})
    turned = dict(reversed(list({**event, "answers": {"a": 2, "b": 1}}.items())))
    one, other = read(event, offset=1), read(turned, offset=2, partition=3, timestamp=NOON)
    assert content_hash(one.response) == content_hash(other.response)


def test_every_change_of_content_changes_the_hash() -> None:
    events = [whole_event(), whole_event(score=3), whole_event(comment=None), whole_event(status="partial"),
              whole_event(updated_at="2026-11-20T16:00:00Z"), whole_event(attributes={"a": "b"})]  # fmt: skip
    assert len({content_hash(read(event).response) for event in events}) == len(events)


def test_a_changed_hash_key_makes_no_new_version() -> None:
    event = small_event(customer={"email": "a@b.de"})
    assert content_hash(read(event).response) == content_hash(read(event, b"another").response)


def test_versions_with_updated_at_are_ordered_by_it_and_come_after_those_without() -> None:
    early, late = small_event(updated_at="2026-11-20T10:00:00Z"), small_event(updated_at="2026-11-20T12:30:00+02:00")
    keys = [
        order_key(read(small_event(), timestamp=NOON + timedelta(days=9), offset=99)),
        order_key(read(early, timestamp=NOON, offset=50)),
        order_key(read(late, timestamp=NOON - timedelta(days=1), offset=1)),
    ]
    assert keys == sorted(keys)
    assert len(set(keys)) == 3


def test_versions_without_are_ordered_by_timestamp_topic_partition_and_offset() -> None:
    places: list[dict[str, Any]] = [
        {"timestamp": None, "offset": 1000},
        {"timestamp": NOON, "topic": "a", "partition": 9, "offset": 7},
        {"timestamp": NOON, "topic": "b", "partition": 2, "offset": 9},
        {"timestamp": NOON, "topic": "b", "partition": 2, "offset": 10},
        {"timestamp": NOON, "topic": "b", "partition": 10, "offset": 0},
        {"timestamp": NOON + timedelta(microseconds=1), "offset": 0},
    ]
    keys = [order_key(read(small_event(), **place)) for place in places]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
