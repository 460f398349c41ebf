"""Events as senders write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from worker.ingest.records import Record


def whole_event(**changes: Any) -> dict[str, Any]:
    """An event with every field; `changes` replace top-level ones."""
    event: dict[str, Any] = {
        "id": "r-1001", "source": "ccaas", "survey": "post-call", "metric": "nps", "score": 2,
        "comment": "Third call about the same invoice.", "question": "reason",
        "answers": {"effort": 6, "agent_friendly": 2}, "status": "final",
        "responded_at": "2026-11-20T15:29:00Z", "updated_at": None, "language": "en", "comment_translated": None,
        "callback_requested": None, "public": False, "test": False,
        "customer": {
            "id": "c-77", "name": "Ines Ferrer", "email": "ines@example.com", "phone": None, "language": "pt",
            "country": "DE", "tier": "gold", "segment": None, "persona": None,
            "value": {"amount": 1200, "currency": "EUR"}, "account_manager": None, "may_contact": True,
            "contact": {"prefer": "phone", "window": "17:00-19:00", "timezone": "Europe/Lisbon"}, "attributes": {},
        },
        "interaction": {
            "id": "i-9", "channel": "phone", "agent": "a-417", "team": "billing-emea", "unit": "berlin", "brand": None,
            "product": None, "region": None, "ended_at": "2026-11-20T15:20:00Z", "wait_seconds": 340, "transfers": 2,
            "url": None,
        },
        "attributes": {},
    }  # fmt: skip
    return {**event, **changes}


def small_event(**changes: Any) -> dict[str, Any]:
    """What an event needs; a change to None takes the field out."""
    event = {"id": "r-1", "responded_at": "2026-11-20T15:29:00Z", "metric": "nps", "score": 9, **changes}
    return {name: value for name, value in event.items() if value is not None}


def record_of(
    value: Mapping[str, Any] | bytes | str | None,
    headers: Mapping[str, str] | None = None,
    *,
    topic: str = "feedback.responses",
    partition: int = 0,
    offset: int = 0,
    timestamp: datetime | None = None,
    how: str = "kafka",
) -> Record:
    """The value as it lies in a topic; mappings become JSON."""
    if isinstance(value, Mapping):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        value = value.encode()
    packed = tuple((name, text.encode()) for name, text in (headers or {}).items())
    return Record(
        topic=topic, partition=partition, offset=offset, incarnation="an-id", timestamp=timestamp, value=value,
        headers=packed, how=how,
    )  # fmt: skip
