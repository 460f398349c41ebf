"""What is known of one customer, wherever it is: found for an export, and for an erasure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, insert, select, update

from worker.errors import UsageError
from worker.model.notice import Kind
from worker.model.response import Contact
from worker.store import customers, forgetting, listing
from worker.store.dead_letters import Seal, Sealed
from worker.store.notices import take_back
from worker.store.responses import EVALUATOR, read_contact
from worker.store.schema import (
    dead_letters,
    decisions,
    deliveries,
    follow_up_responses,
    follow_ups,
    notices,
    responses,
    versions,
)

Json = dict[str, Any]
_MAIL = "mail/"  # keys that are hashes of an address already


class Person(Struct, frozen=True, kw_only=True):
    """Where a customer is in the store. `addresses` are ways to reach them, `unopened` sealed records nobody can open.

    `own` are follow-ups about nobody else; in `shared` ones somebody else's answer is, too.
    """

    keys: tuple[str, ...]
    addresses: frozenset[str]
    responses: tuple[int, ...]
    own: tuple[int, ...]
    shared: tuple[int, ...]
    dead_letters: tuple[int, ...]
    unopened: int

    def counts(self) -> dict[str, int]:
        return {
            "responses": len(self.responses),
            "follow_ups": len(self.own) + len(self.shared),
            "dead_letters": len(self.dead_letters),
            "dead_letters_unopened": self.unopened,
        }

    @property
    def is_nobody(self) -> bool:
        return not (self.responses or self.own or self.shared or self.dead_letters)


# Finding ---------------------------------------------------------------------------------------------------------


def find(conn: Connection, who: str, key_of_address: Callable[[str], str], seal: Seal | None) -> Person:
    """A customer by id, by key such as `crm/c-77`, or by e-mail address: then everything under its ids, too.

    Raises UsageError for an id that several systems use.
    """
    keys = _keys_by_address(conn, who, key_of_address) if _is_address(who) else _keys_by_id(conn, who)
    rows = conn.execute(
        select(responses.c.id, responses.c.contact)
        .where(responses.c.customer_key.in_(keys) | _reached_at(conn, who))
        .order_by(responses.c.id)
    ).all()
    ids = [row.id for row in rows]
    addresses = {address for row in rows for address in _ways(read_contact(row.contact))}
    addresses |= {who} if _is_address(who) else set()
    own, shared = _follow_ups(conn, keys, ids)
    dead, unopened = _dead_letters(conn, _words(keys, addresses), seal)
    return Person(
        keys=tuple(sorted(keys)), addresses=frozenset(addresses), responses=tuple(ids), own=own, shared=shared,
        dead_letters=dead, unopened=unopened,
    )  # fmt: skip


def _is_address(who: str) -> bool:
    return "@" in who and "/" not in who


def _keys_by_id(conn: Connection, who: str) -> set[str]:
    suffix = func.substr(responses.c.customer_key, func.length(responses.c.customer_key) - len(who))
    same = (responses.c.customer_key == who) | (suffix == f"/{who}")
    found = set(conn.execute(select(responses.c.customer_key).where(same).distinct()).scalars())
    if who in found:
        return {who}
    if len(found) > 1:
        # One id in two systems is two people, as far as anybody knows.
        raise UsageError(f'"{who}" is not unique. Say which: {", ".join(sorted(found))}.')
    # A customer whose records were all dead letters is known by no key: then the id is one of our own event's.
    return found or {who if "/" in who else f"crm/{who}"}


def _keys_by_address(conn: Connection, who: str, key_of_address: Callable[[str], str]) -> set[str]:
    query = select(responses.c.customer_key).where(_reached_at(conn, who), responses.c.customer_key.is_not(None))
    return {key_of_address(who), *conn.execute(query.distinct()).scalars()}


def _reached_at(conn: Connection, who: str) -> ColumnElement[bool]:
    if conn.dialect.name == "postgresql":
        address = func.jsonb_extract_path_text(responses.c.contact, "email")
    else:
        address = func.json_extract(responses.c.contact, "$.email")
    return func.lower(func.trim(address)) == who.strip().lower()


def _ways(contact: Contact) -> Iterable[str]:
    return filter(None, (contact.email, contact.phone))


def _follow_ups(conn: Connection, keys: Iterable[str], ids: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Follow-ups with an answer of theirs: those with nobody else's beside it, and the others."""
    parts = follow_up_responses.c
    mine = select(parts.follow_up_id).where(parts.response_id.in_(ids))
    touched = select(follow_ups.c.id).where(follow_ups.c.customer_key.in_(list(keys)) | follow_ups.c.id.in_(mine))
    touched_ids = set(conn.execute(touched).scalars())
    others = select(parts.follow_up_id).where(parts.follow_up_id.in_(touched_ids), parts.response_id.not_in(ids))
    shared = set(conn.execute(others).scalars())
    return tuple(sorted(touched_ids - shared)), tuple(sorted(shared))


def _words(keys: Iterable[str], addresses: Iterable[str]) -> list[str]:
    """What a raw record of theirs would hold."""
    return [*(key.partition("/")[2] for key in keys if not key.startswith(_MAIL)), *addresses]


def _dead_letters(conn: Connection, words: Sequence[str], seal: Seal | None) -> tuple[tuple[int, ...], int]:
    c = dead_letters.c
    held = c.sealed.is_not(None) | c.excerpt.is_not(None)
    found, unopened = [], 0
    for row in conn.execute(select(c.id, c.sealed, c.excerpt, c.message).where(held).order_by(c.id)):
        record = seal.open(row.sealed) if seal and row.sealed else None
        unopened += row.sealed is not None and record is None
        if _speaks_of("\n".join([row.message, row.excerpt or "", _text(record)]), words):
            found.append(row.id)
    return tuple(found), unopened


def _text(record: Sealed | None) -> str:
    if record is None:
        return ""
    parts = [record.key, record.value, *(value for _, value in record.headers)]
    return "\n".join(part.decode("utf-8", "replace") for part in parts if part)


def _speaks_of(text: str, words: Iterable[str]) -> bool:
    """Whether one of these stands there as a whole, not as a piece of a longer id or address."""
    return any(re.search(rf"(?<![\w.@-]){re.escape(word)}(?![\w@-])", text, re.IGNORECASE) for word in words)


# Export ----------------------------------------------------------------------------------------------------------


def export(conn: Connection, person: Person, seal: Seal | None) -> Json:
    """Everything that is stored of them, also what no other command shows."""
    return {
        "customer": {"keys": list(person.keys), "addresses": sorted(person.addresses)},
        "responses": [_response(conn, id_) for id_ in person.responses],
        "follow_ups": [
            {**listing.follow_up_row(conn, id_), **_closing(conn, id_)} for id_ in (*person.own, *person.shared)
        ],
        "told": [_told(row) for row in _customer_notices(conn, person)],
        "dead_letters": [_dead_letter(conn, id_, seal) for id_ in person.dead_letters],
        "dead_letters_unopened": person.unopened,
    }


def _response(conn: Connection, id_: int) -> Json:
    r, v, d = responses.c, versions.c, decisions.c
    row = conn.execute(select(responses).where(r.id == id_)).mappings().one()
    told = conn.execute(select(versions).where(v.response_id == id_).order_by(v.n)).mappings()
    decided = conn.execute(select(decisions).where(d.response_id == id_).order_by(d.version)).mappings()
    return {
        "source": row["source"],
        "id": row["external_id"],
        "responded_at": listing.iso(row["responded_at"]),
        "received_at": listing.iso(row["received_at"]),
        "contact": row["contact"],
        "verdict": row["verdict"],
        "versions": [
            {"n": one["n"], "received_at": listing.iso(one["received_at"]), "content": one["content"]} for one in told
        ],
        "decisions": [
            {name: one[name] for name in ("version", "rule", "outcome", "reason", "playbook", "priority", "owner")}
            for one in decided
        ],
    }


def _closing(conn: Connection, id_: int) -> Json:
    query = select(follow_ups.c.closing, follow_ups.c.cancel_reason).where(follow_ups.c.id == id_)
    row = conn.execute(query).one()
    return {"closing": row.closing, "cancel_reason": row.cancel_reason}


def _customer_notices(conn: Connection, person: Person) -> Iterable[RowMapping]:
    mine = (notices.c.kind == Kind.CUSTOMER.value) & notices.c.response_id.in_(person.responses)
    return conn.execute(select(notices).where(mine).order_by(notices.c.id)).mappings()


def _told(row: RowMapping) -> Json:
    """What was sent, or was to be sent, about them to themselves and to the survey tool."""
    return {
        "follow_up": listing.text_id(row["follow_up_id"]),
        "to": row["recipient"],
        "what": row["cause"].rpartition("/")[2],
        "state": row["state"],
        "at": listing.iso(row["ended_at"]),
        "data": row["data"],
    }


def _dead_letter(conn: Connection, id_: int, seal: Seal | None) -> Json:
    sealed = conn.execute(select(dead_letters.c.sealed).where(dead_letters.c.id == id_)).scalar_one()
    record = seal.open(sealed) if seal and sealed else None
    return {**listing.dead_letter_row(conn, id_), "record": _text(record) or None}


# Erasure ---------------------------------------------------------------------------------------------------------


def erase(conn: Connection, person: Person, marks: Sequence[str], *, revision: str, now: datetime) -> None:
    """Blank all of it, in this transaction. Live follow-ups of theirs have to be cancelled first."""
    customers.erase(conn, person.keys, marks, now)
    _decide_what_waits(conn, person.responses, revision, now)
    forgetting.blank_responses(conn, person.responses, now)
    forgetting.blank_follow_ups(conn, person.own)
    _part_from(conn, person)
    _blank_what_was_told(conn, person, now)
    _bury(conn, person.dead_letters, now)


def _decide_what_waits(conn: Connection, ids: Sequence[int], revision: str, now: datetime) -> None:
    """A partial response must not open anything later on: nobody is left to follow up with."""
    r = responses.c
    waiting = conn.execute(select(r.id, r.version).where(r.id.in_(ids), r.status == "waiting").with_for_update()).all()
    for row in waiting:
        conn.execute(delete(decisions).where(decisions.c.response_id == row.id, decisions.c.version == row.version))
        conn.execute(
            insert(decisions).values(
                response_id=row.id, version=row.version, revision=revision, evaluator=EVALUATOR, now=now,
                rule=forgetting.GONE, outcome="ignore", reason="the customer was erased before it was decided",
                also=[], observed=[], facts={}, skips=[], rest={}, too_old=False,
            )
        )  # fmt: skip
        conn.execute(update(responses).where(r.id == row.id).values(status="decided", settle_at=None))


def _part_from(conn: Connection, person: Person) -> None:
    """Somebody else's follow-up goes on, and is about them alone."""
    mine = follow_ups.c.id.in_(person.shared) & follow_ups.c.customer_key.in_(person.keys)
    conn.execute(update(follow_ups).where(mine).values(customer_key=None, dedupe_key=None))


def _blank_what_was_told(conn: Connection, person: Person, now: datetime) -> None:
    about = notices.c.follow_up_id.in_(person.own) | notices.c.response_id.in_(person.responses)
    take_back(conn, about, "the customer was erased", now)
    conn.execute(update(notices).where(about, notices.c.ended_at.is_not(None)).values(data=None))
    theirs = func.lower(deliveries.c.address).in_([address.lower() for address in person.addresses])
    conn.execute(update(deliveries).where(theirs).values(address=forgetting.GONE))


def _bury(conn: Connection, ids: Sequence[int], now: datetime) -> None:
    """Nobody shall replay them, from here or from Kafka; that they were there, the ledger still needs to know."""
    c = dead_letters.c
    values = {"sealed": None, "excerpt": None, "message": "Erased with its customer.", "purge_at": now}
    conn.execute(update(dead_letters).where(c.id.in_(ids)).values(values))
    conn.execute(update(dead_letters).where(c.id.in_(ids), c.state == "open").values(state="discarded"))
