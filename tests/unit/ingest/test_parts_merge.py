"""Laying one event's answers over another's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from worker.ingest.parts import both, lay_over
from worker.model.response import Contact, Customer, Response, Status, Value

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def response(**fields: Any) -> Response:
    return Response(id="r-1", source="desk", responded_at=NOON, **fields)


def test_what_is_not_mentioned_stays_and_what_is_mentioned_wins() -> None:
    below = response(score=0, comment="slow", customer=Customer(id="c-1", value=Value(amount=7, currency="EUR")))
    above = response(comment="very slow", customer=Customer(name="Ines", value=Value(amount=9)))
    assert lay_over(below, above) == response(
        score=0, comment="very slow", customer=Customer(id="c-1", name="Ines", value=Value(amount=9, currency="EUR"))
    )


def test_a_zero_and_a_false_are_mentioned() -> None:
    laid = lay_over(response(score=9, callback_requested=True), response(score=0, callback_requested=False))
    assert (laid.score, laid.callback_requested) == (0, False)


def test_answers_and_attributes_are_merged_by_name() -> None:
    below = response(answers={"effort": 6, "speed": 1}, attributes={"a": 1})
    assert lay_over(below, response(answers={"speed": 5})).answers == {"effort": 6, "speed": 5}
    assert lay_over(below, response()).attributes == {"a": 1}


def test_a_test_stays_a_test_and_the_newer_event_says_whether_more_comes() -> None:
    laid = lay_over(response(test=True, public=True, status=Status.PARTIAL), response())
    assert (laid.test, laid.public, laid.status) == (True, True, Status.FINAL)


def test_laying_a_response_over_itself_changes_nothing() -> None:
    whole = response(score=3, answers={"a": [1]}, customer=Customer(id="c"), status=Status.PARTIAL)
    assert lay_over(whole, whole) == whole


def test_every_way_to_reach_the_customer_is_kept_once() -> None:
    below = Contact(email="a@example.com", phones_in_comment=("1", "2"))
    assert both(below, Contact(email="b@example.com", phones_in_comment=("2", "3"))) == Contact(
        email="b@example.com", phones_in_comment=("1", "2", "3")
    )
