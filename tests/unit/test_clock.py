"""Moments as text: what is stored and compared as text sorts as time does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.clock import utc_text

moments = st.datetimes(timezones=st.just(UTC))


@given(moments)
def test_a_moment_is_written_as_it_always_was(at: datetime) -> None:
    # What is stored was written with isoformat() once, and what is read again is compared with it.
    assert utc_text(at) + "+00:00" == at.isoformat(timespec="microseconds")


@given(moments, moments)
def test_text_sorts_as_time_does(one: datetime, other: datetime) -> None:
    assert (utc_text(one) < utc_text(other)) == (one < other)


def test_a_moment_of_another_zone_is_written_in_utc() -> None:
    at = datetime(2026, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    assert utc_text(at) == "2026-02-28T23:30:00.000000"


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        utc_text(datetime(2026, 3, 1))  # noqa: DTZ001 - that is the point
