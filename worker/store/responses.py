"""Rows of responses, versions and decisions, made from values and read back into them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from worker.model.decision import Decision
from worker.model.playbook import Playbook
from worker.model.response import Contact, Origin, Response
from worker.model.verdict import Verdict
from worker.store.bulk import Row
from worker.store.types import encode_document

_IN_REST = ("floor", "owner_via", "stands_in_for", "copies", "tags", "due_at", "calendar")

_NO_CONTACT = Contact()

EVALUATOR = 1
"""Grows when the meaning of a rule changes: a stored decision is recomputed by the evaluator that took it."""


def response_row(
    id_: int,
    response: Response,
    verdict: Verdict,
    contact: Contact,
    origin: Origin,
    *,
    customer_key: str | None,
    version: int,
    order_key: str,
    settle_at: datetime | None,
    received_at: datetime,
) -> Row:
    """A row of responses, in the order of its columns."""
    return (
        id_, response.source, response.id, customer_key, response.responded_at, response.survey, verdict.metric,
        None if verdict.score is None else str(verdict.score),
        None if verdict.klass is None else verdict.klass.value,
        response.test, encode_document(verdict), "decided" if settle_at is None else "waiting", settle_at, version,
        order_key, contact_document(contact), origin.topic, origin.partition, origin.incarnation, origin.offset,
        origin.how, received_at, None,
    )  # fmt: skip


def response_change(
    response: Response,
    verdict: Verdict,
    contact: Contact,
    *,
    customer_key: str | None,
    version: int,
    order_key: str,
    settle_at: datetime | None,
) -> dict[str, Any]:
    """What a later version changes in the row of its response."""
    return {
        "customer_key": customer_key,
        "responded_at": response.responded_at,
        "survey": response.survey,
        "metric": verdict.metric,
        "score": None if verdict.score is None else str(verdict.score),
        "class": None if verdict.klass is None else verdict.klass.value,
        "verdict": verdict,
        "status": "decided" if settle_at is None else "waiting",
        "settle_at": settle_at,
        "version": version,
        "order_key": order_key,
        "contact": None if contact == Contact() else contact,
    }


def version_row(
    id_: int, n: int, order_key: str, content: str, content_hash: str, origin: Origin, received_at: datetime
) -> Row:
    """A row of versions, in the order of its columns."""
    return (
        id_, n, order_key, content, content_hash, origin.topic, origin.partition, origin.incarnation, origin.offset,
        origin.how, received_at,
    )  # fmt: skip


def decision_row(id_: int, version: int, decision: Decision) -> Row:
    """A row of decisions, in the order of its columns. What has no column of its own is in `rest`."""
    rest = (
        {}
        if decision.playbook is None
        else {
            "floor": decision.floor,
            "owner_via": decision.owner_via,
            "stands_in_for": decision.stands_in_for,
            "copies": decision.copies,
            "tags": decision.tags,
            "due_at": decision.due_at,
            "calendar": decision.calendar,
            "plan": decision.playbook,
        }
    )
    return (
        id_, version, decision.revision, EVALUATOR, decision.now, decision.rule, decision.outcome.value,
        decision.reason, decision.playbook.id if decision.playbook else None, decision.priority, decision.owner,
        _list(decision.also), _list(decision.observed), _object(decision.facts), _list(decision.owner_skips),
        _object({name: value for name, value in rest.items() if value}), decision.too_old,
    )  # fmt: skip


def _list(values: Sequence[Any]) -> str:
    return encode_document(values) if values else "[]"


def _object(values: Mapping[str, Any]) -> str:
    return encode_document(values) if values else "{}"


def contact_document(contact: Contact) -> str | None:
    return None if contact == _NO_CONTACT else encode_document(contact)


def read_response(content: Any) -> Response:
    """A stored version's content as a value."""
    return msgspec.convert(content, Response, strict=False)


def read_verdict(document: Any) -> Verdict:
    return msgspec.convert(document, Verdict, strict=False)


def read_contact(document: Any) -> Contact:
    return Contact() if document is None else msgspec.convert(document, Contact)


def read_plan(document: Any) -> Playbook:
    return msgspec.convert(document, Playbook, strict=False)


def read_decision(row: Mapping[str, Any]) -> Decision:
    """A row of decisions as a value."""
    rest = row["rest"]
    return msgspec.convert(
        {
            "revision": row["revision"],
            "now": row["now"],
            "rule": row["rule"],
            "outcome": row["outcome"],
            "reason": row["reason"],
            "playbook": rest.get("plan"),
            "priority": row["priority"],
            "owner": row["owner"],
            "owner_skips": row["skips"],
            "also": row["also"],
            "observed": row["observed"],
            "facts": row["facts"],
            "too_old": row["too_old"],
            **{name: rest[name] for name in _IN_REST if name in rest},
        },
        Decision,
        strict=False,
    )  # fmt: skip
