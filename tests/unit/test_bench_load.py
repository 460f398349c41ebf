"""What `make bench` feeds is what a customer's topic holds: every contender reads it whole."""

from __future__ import annotations

from datetime import UTC, datetime

from bench import load
from bench.contender import Event
from bench.stages import live_set
from worker.ingest.records import Accepted, Record

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_every_event_is_read_the_fast_way_with_nothing_left_over() -> None:
    reader = live_set(10).reader
    for offset, value in enumerate(load.events(200, unhappy=0.2)):
        read = reader.read(Record(topic="t", partition=0, offset=offset, timestamp=NOON, value=value))
        assert isinstance(read, Accepted)
        assert (read.unknown_keys, read.ignored_values) == ((), ())
        assert Event.model_validate_json(value).customer.name == read.response.customer.name


def test_the_share_of_detractors_is_what_was_asked_for() -> None:
    scores = [Event.model_validate_json(value).score or 0 for value in load.events(2000, unhappy=0.2)]
    assert 300 < sum(score <= 6 for score in scores) < 500
