"""Our own event to a Response.

`fast` is one typed decoding and takes what is right in every respect. `read` takes a document apart field by field:
it knows which wrong value makes a dead letter, which one only becomes unknown, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from worker.classify.scales import resolve, unknown_scale
from worker.ingest.decode import LARGEST, Fault, is_number, kind, number
from worker.ingest.records import Reason
from worker.model.response import ContactWish, Customer, Interaction, Json, Response, Status, Value
from worker.model.survey import Survey

_Aware = Annotated[datetime, Meta(tz=True)]
_Whole = Annotated[int, Meta(ge=-(10**15), le=10**15)]
_Text = Annotated[str, Meta(min_length=1)]  # "" means unknown: for the closer look
_OpenObject = dict[str, Any]
_BEYOND_USE = 10**30
_SHOWN = re.compile(r"\d{4}-\d\d[\dT:.,+\-Z ]{0,28}|(?=.*\d)(?!(?:.*\d){7})[\d:.,+\-/%]{1,12}")
_NUL = b"\\u0000"


# The fast way ----------------------------------------------------------------------------------------------------


class _Strict(Struct, forbid_unknown_fields=True, gc=False):
    pass


class _Value(_Strict):
    amount: _Whole
    currency: _Text | None = None


class _Wish(_Strict):
    prefer: _Text | None = None
    window: _Text | None = None
    timezone: _Text | None = None


class _Customer(_Strict):
    id: _Text | None = None
    name: _Text | None = None
    email: _Text | None = None
    phone: _Text | None = None
    language: _Text | None = None
    country: _Text | None = None
    tier: _Text | None = None
    segment: _Text | None = None
    persona: _Text | None = None
    value: _Value | None = None
    account_manager: _Text | None = None
    may_contact: bool | None = None
    contact: _Wish | None = None
    attributes: _OpenObject | None = None


class _Interaction(_Strict):
    id: _Text | None = None
    channel: _Text | None = None
    agent: _Text | None = None
    team: _Text | None = None
    unit: _Text | None = None
    brand: _Text | None = None
    product: _Text | None = None
    region: _Text | None = None
    ended_at: _Aware | None = None
    wait_seconds: _Whole | None = None
    transfers: _Whole | None = None
    url: _Text | None = None


class _Event(_Strict):
    id: _Text
    responded_at: _Aware
    source: _Text | None = None
    survey: _Text | None = None
    metric: _Text | None = None
    score: _Whole | None = None
    comment: _Text | None = None
    question: _Text | None = None
    answers: _OpenObject | None = None
    status: Status | None = None
    updated_at: _Aware | None = None
    language: _Text | None = None
    comment_translated: _Text | None = None
    callback_requested: bool | None = None
    public: bool | None = None
    test: bool | None = None
    customer: _Customer | None = None
    interaction: _Interaction | None = None
    attributes: _OpenObject | None = None


_decode = msgspec.json.Decoder(_Event, float_hook=number).decode
_NOBODY = Customer()
_NOWHERE = Interaction()

KeyOf = Callable[[str | None, str | None], str | None]  # customer's id, e-mail -> customer_key


def fast(value: bytes | msgspec.Raw, default_source: str, key_of: KeyOf) -> Response | None:
    """The response, or None when the value needs a closer look."""
    try:
        event = _decode(value)
        return _response(event, default_source, key_of)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError):
        return None


def needs_a_closer_look(value: bytes) -> bool:
    """NUL cannot be stored, and typed decoding would let it through."""
    return _NUL in value


def _response(event: _Event, default_source: str, key_of: KeyOf) -> Response | None:
    if not (event.score is not None or (event.comment and event.comment.strip())) or not event.id.strip():
        return None
    if event.source is not None and not event.source.strip():
        return None
    for opened in (event.answers, event.attributes, event.customer.attributes if event.customer else None):
        if opened and any(type(value) is not str and not _plain(value) for value in opened.values()):
            return None
    return Response(
        id=event.id, source=event.source or default_source, responded_at=_utc(event.responded_at),
        survey=event.survey, metric=event.metric, score=event.score, comment=event.comment, question=event.question,
        answers=event.answers or {}, status=event.status or Status.FINAL,
        updated_at=_utc(event.updated_at) if event.updated_at else None, language=event.language,
        comment_translated=event.comment_translated, callback_requested=event.callback_requested,
        public=event.public or False, test=event.test or False,
        customer=_customer(event.customer, key_of) if event.customer else _NOBODY,
        interaction=_interaction(event.interaction) if event.interaction else _NOWHERE,
        attributes=event.attributes or {},
    )  # fmt: skip


def _customer(event: _Customer, key_of: KeyOf) -> Customer:
    value, wish = event.value, event.contact
    return Customer(
        key=key_of(event.id, event.email), id=event.id, name=event.name, email=event.email, phone=event.phone,
        language=event.language, country=event.country, tier=event.tier, segment=event.segment, persona=event.persona,
        value=Value(amount=value.amount, currency=value.currency) if value else None,
        account_manager=event.account_manager, may_contact=event.may_contact,
        contact=ContactWish(prefer=wish.prefer, window=wish.window, timezone=wish.timezone) if wish else None,
        attributes=event.attributes or {},
    )  # fmt: skip


def _interaction(event: _Interaction) -> Interaction:
    return Interaction(
        id=event.id, channel=event.channel, agent=event.agent, team=event.team, unit=event.unit, brand=event.brand,
        product=event.product, region=event.region, ended_at=_utc(event.ended_at) if event.ended_at else None,
        wait_seconds=event.wait_seconds, transfers=event.transfers, url=event.url,
    )  # fmt: skip


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def _plain(value: Json) -> bool:
    """What the closer look would leave as it is. Nested objects are left to it."""
    return value is None or type(value) in (int, bool) or (type(value) is Decimal and abs(value.adjusted()) < LARGEST)


# The closer look -------------------------------------------------------------------------------------------------


class _WrongType(Exception):
    pass


class _BadTime(Exception):
    """`naive` when only the offset is missing."""

    def __init__(self, naive: bool) -> None:
        self.naive = naive


@dataclass(slots=True)
class Notes:
    """What was noticed on the way. `places` says where a field was found, when that is not its own name.

    `part`: the event brings some of the answers, not necessarily score or comment.
    """

    places: Mapping[str, str] = field(default_factory=dict)
    surveys: Mapping[str, Survey] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    part: bool = False

    def place(self, name: str) -> str:
        found_at = self.places.get(name)
        return f"{name} (from {found_at})" if found_at else name

    def fault(self, reason: Reason, message: str) -> None:
        self.faults.append(Fault(reason, message))


Convert = Callable[[Json], Any]


def identifier(raw: Json) -> str | None:
    """Text or a whole number; blank text is unknown."""
    if isinstance(raw, str):
        return raw or None
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    raise _WrongType


def _words(raw: Json) -> str | None:
    if not isinstance(raw, str):
        raise _WrongType
    return raw or None


def _boolean(raw: Json) -> bool:
    if not isinstance(raw, bool):
        raise _WrongType
    return raw


def _number(raw: Json) -> Json:
    if not is_number(raw) or abs(raw) >= _BEYOND_USE:
        raise _WrongType
    return raw


def _status(raw: Json) -> Status:
    if raw not in ("final", "partial"):
        raise _WrongType
    return Status(raw)


def time(raw: Json) -> datetime:
    """ISO 8601 with an offset, as UTC."""
    if isinstance(raw, datetime):
        return raw
    if not isinstance(raw, str):
        raise _WrongType
    try:
        return _aware(_parse_time(raw)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _BadTime(naive=False) from None


def time_or_none(raw: Json) -> datetime | None:
    """The time, or None for everything that is no time with an offset."""
    try:
        return time(raw)
    except (_WrongType, _BadTime):
        return None


def _parse_time(raw: str) -> datetime:
    try:
        return msgspec.convert(raw, datetime)
    except msgspec.ValidationError:
        return datetime.fromisoformat(raw.strip())


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise _BadTime(naive=True)
    return at


_TEXTS: dict[str, Convert] = dict.fromkeys(("comment", "question", "language", "comment_translated"), _words)
_RESPONSE: dict[str, Convert] = {
    **_TEXTS, "survey": identifier, "metric": identifier, "status": _status, "updated_at": time,
    "callback_requested": _boolean, "public": _boolean, "test": _boolean,
}  # fmt: skip
_CUSTOMER: dict[str, Convert] = {
    **dict.fromkeys(("id", "tier", "segment", "persona", "account_manager"), identifier),
    **dict.fromkeys(("name", "email", "phone", "language", "country"), _words),
    "may_contact": _boolean,
}
_VALUE: dict[str, Convert] = {"amount": _number, "currency": _words}
_WISH: dict[str, Convert] = dict.fromkeys(("prefer", "window", "timezone"), _words)
_INTERACTION: dict[str, Convert] = {
    **dict.fromkeys(("id", "channel", "agent", "team", "unit", "brand", "product", "region"), identifier),
    "ended_at": time, "wait_seconds": _number, "transfers": _number, "url": _words,
}  # fmt: skip
_REQUIRED = ("id", "source", "responded_at", "score")
_OBJECTS = ("answers", "customer", "interaction", "attributes")
FIELDS = frozenset(
    (*_REQUIRED, *_RESPONSE, "answers", "attributes", "customer.value.amount", "customer.value.currency",
     *(f"customer.{name}" for name in (*_CUSTOMER, "attributes")), *(f"customer.contact.{name}" for name in _WISH),
     *(f"interaction.{name}" for name in _INTERACTION))
)  # fmt: skip
TIMES = frozenset({"responded_at", "updated_at", "interaction.ended_at"})
NUMBERS = frozenset({"score", "customer.value.amount", "interaction.wait_seconds", "interaction.transfers"})
BOOLEANS = frozenset({"callback_requested", "public", "test", "customer.may_contact"})
KEYS = frozenset((*_REQUIRED, *_RESPONSE, *_OBJECTS))
_TELLING = frozenset({"responded_at", "score", "comment", "metric", "survey", "answers", "callback_requested"})


def looks_like_ours(document: Mapping[str, Json]) -> bool:
    """Both required keys, or one that says feedback and another one of ours: then what is missing can be named."""
    return document.keys() >= {"id", "responded_at"} or (
        bool(document.keys() & _TELLING) and len(document.keys() & KEYS) >= 2
    )


def read(document: Mapping[str, Json], default_source: str, key_of: KeyOf, notes: Notes) -> Response | None:
    """The response, or None with at least one fault in `notes`."""
    needed = {name: _REQUIRED_READERS[name](document.get(name), notes) for name in ("id", "responded_at", "score")}
    source = _source(document.get("source"), notes) or default_source
    values = _fill(document, _RESPONSE, "", notes, known=KEYS)
    customer = _read_customer(_object(document, "customer", "", notes), key_of, notes)
    interaction = _fill(_object(document, "interaction", "", notes), _INTERACTION, "interaction.", notes)
    answers = _open(document, "answers", "", notes)
    attributes = _open(document, "attributes", "", notes)
    silent = needed["score"] is None and not (values.get("comment") or "").strip()
    if silent and not (notes.part and answers):
        notes.faults.append(_nothing_said(values.get("metric"), values.get("survey"), notes))
    if notes.faults:
        return None
    return Response(
        **needed, source=source, **values, customer=customer, interaction=Interaction(**interaction),
        answers=answers, attributes=attributes,
    )  # fmt: skip


def _nothing_said(metric: str | None, survey: str | None, notes: Notes) -> Fault:
    """No answers; where nobody could classify them either, that is said first."""
    if resolve(metric, notes.surveys.get(survey or "")) is None:
        return Fault(Reason.UNKNOWN_SCALE, str(unknown_scale(metric, survey)))
    places = f"{notes.place('score')} nor {notes.place('comment')}"
    return Fault(Reason.NO_ANSWERS, f"Neither {places} holds an answer. Send at least one of them.")


def _fill(
    document: Mapping[str, Json],
    table: Mapping[str, Convert],
    prefix: str,
    notes: Notes,
    known: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The fields of `table` that are there and of the right type."""
    notes.unknown.extend(prefix + shown_key(name) for name in document if name not in table and name not in known)
    values: dict[str, Any] = {}
    for name, convert in table.items():
        if document.get(name) is not None:
            _convert(name, document[name], convert, prefix, notes, values)
    return values


def _convert(name: str, raw: Json, convert: Convert, prefix: str, notes: Notes, values: dict[str, Any]) -> None:
    try:
        values[name] = convert(raw)
    except _WrongType:
        notes.ignored.append(prefix + name)
    except _BadTime as error:
        if error.naive:
            notes.fault(Reason.BAD_TIME, _bad_time(notes.place(prefix + name), raw, naive=True))
        else:
            notes.ignored.append(prefix + name)


def _object(document: Mapping[str, Json], name: str, prefix: str, notes: Notes) -> dict[str, Json]:
    raw = document.get(name)
    if raw is None:
        return {}
    if isinstance(raw, dict):
        return raw
    notes.ignored.append(prefix + name)
    return {}


def _open(document: Mapping[str, Json], name: str, prefix: str, notes: Notes) -> dict[str, Json]:
    """An object whose keys are the sender's business; only what no store keeps is taken out."""
    given = _object(document, name, prefix, notes)
    return {key: _storable(value, f"{prefix}{name}", notes) for key, value in given.items()}


def _storable(value: Json, place: str, notes: Notes) -> Json:
    if isinstance(value, dict):
        return {key: _storable(inner, place, notes) for key, inner in value.items()}
    if isinstance(value, list):
        return [_storable(inner, place, notes) for inner in value]
    if isinstance(value, float) or (isinstance(value, Decimal) and abs(value.adjusted()) >= LARGEST):
        notes.ignored.append(place)
        return None
    return value


def _read_customer(document: dict[str, Json], key_of: KeyOf, notes: Notes) -> Customer:
    values = _fill(document, _CUSTOMER, "customer.", notes, known=frozenset({"value", "contact", "attributes"}))
    worth = _fill(_object(document, "value", "customer.", notes), _VALUE, "customer.value.", notes)
    wish = _fill(_object(document, "contact", "customer.", notes), _WISH, "customer.contact.", notes)
    return Customer(
        key=key_of(values.get("id"), values.get("email")), **values,
        value=Value(**worth) if "amount" in worth else None,
        contact=ContactWish(**wish) if isinstance(document.get("contact"), dict) else None,
        attributes=_open(document, "attributes", "customer.", notes),
    )  # fmt: skip


def _read_id(raw: Json, notes: Notes) -> str:
    try:
        found = identifier(raw) if raw is not None else None
    except _WrongType:
        notes.fault(Reason.WRONG_TYPE, f"{notes.place('id')} is {kind(raw)}. Send text or a whole number.")
        return ""
    if not (found and found.strip()):
        notes.fault(Reason.MISSING_FIELD, f"{notes.place('id')} is missing. Send the response's own id.")
    return found or ""


def _source(raw: Json, notes: Notes) -> str | None:
    try:
        found = identifier(raw) if raw is not None else None
    except _WrongType:
        notes.fault(Reason.WRONG_TYPE, f"{notes.place('source')} is {kind(raw)}. Send text, or leave it out.")
        return None
    return found if found and found.strip() else None


def _read_score(raw: Json, notes: Notes) -> Json:
    if raw is None or is_number(raw):
        return raw
    notes.fault(Reason.WRONG_TYPE, f"{notes.place('score')} is {kind(raw)}{_shown(raw)}. Send a number without quotes.")
    return None


def _read_responded_at(raw: Json, notes: Notes) -> datetime | None:
    place = notes.place("responded_at")
    if any(fault.reason is Reason.BAD_TIME for fault in notes.faults):
        return None  # the mapping could not read it, and said so
    if raw is None or raw == "":
        notes.fault(Reason.MISSING_FIELD, f"{place} is missing. Send when the customer answered.")
        return None
    try:
        return time(raw)
    except _WrongType:
        notes.fault(Reason.WRONG_TYPE, f"{place} is {kind(raw)}. Send ISO 8601 text such as 2026-11-20T15:29:00Z.")
    except _BadTime as error:
        notes.fault(Reason.BAD_TIME, _bad_time(place, raw, error.naive))
    return None


def _bad_time(place: str, raw: Json, naive: bool) -> str:
    what = "has no offset from UTC" if naive else "is no time"
    return f"{place}{_shown(raw)} {what}. Send ISO 8601 with an offset, such as 2026-11-20T15:29:00Z or +01:00."


def _shown(raw: Json) -> str:
    """The value where it is a short number or a date: never a word, an address or a telephone number."""
    return f' ("{raw}")' if isinstance(raw, str) and _SHOWN.fullmatch(raw) else ""


def shown_key(name: str) -> str:
    """A key that may be written to a log; somebody may have put an address there."""
    return name if re.fullmatch(r"[\w.\-]{1,60}", name) else "(unprintable)"


_REQUIRED_READERS: dict[str, Callable[[Json, Notes], Any]] = {
    "id": _read_id,
    "responded_at": _read_responded_at,
    "score": _read_score,
}
