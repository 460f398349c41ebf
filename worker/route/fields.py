"""The fields that conditions can test: where each comes from, and what it must be to count as known.

A field's `read` gives its value in canonical form (text folded, numbers exact, lists of folded labels), or None when
it is unknown: absent, null, blank, empty, or of another type than the field's.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import Any

from msgspec import Struct

from worker.model.decision import Facts
from worker.model.response import Json, Number, Response
from worker.model.verdict import Verdict


class Kind(StrEnum):
    """Types of fields. The first eight are written in fields.yaml; the rest are read off the test of a field that
    nobody declared: `attributes.floor: 3` takes a JSON 3 as well as the text "3"."""

    TEXT = "text"
    ID = "id"
    ENUM = "enum"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    TIME = "time"
    DURATION = "duration"
    ENUM_OR_NUMBER = "enum or number"
    ENUM_OR_BOOLEAN = "enum or boolean"
    ANY = "any"


DECLARABLE = tuple(kind.value for kind in list(Kind)[:8])
NUMBERS = frozenset({Kind.NUMBER, Kind.DURATION})
OPEN_PREFIXES = ("response.answers.", "customer.attributes.", "attributes.")
_MOST_FOLDED = 4096
_MOST_DIGITS = 30
_NO_ID = 10**_MOST_DIGITS


class Subject(Struct, frozen=True, gc=False):
    """What a condition is tested on. A Struct, since one is made for every decision."""

    response: Response
    verdict: Verdict
    facts: Facts
    now: datetime


@dataclass(frozen=True, slots=True)
class Field:
    """`get` finds the raw value, `fit` makes it canonical or None. `values` closes an enum or the labels of a list."""

    name: str
    kind: Kind
    get: Callable[[Subject], Any]
    values: tuple[str, ...] | None = None
    low: Number | None = None
    high: Number | None = None
    description: str = ""
    declared: bool = True
    narrowed: bool = False  # by fields.yaml: an event's value outside is unknown
    canonical: frozenset[str] | None = dataclasses.field(init=False, compare=False)  # of `values`
    convert: Callable[[Any], Any] = dataclasses.field(init=False, compare=False)  # what the kind makes of a raw value

    def __post_init__(self) -> None:
        object.__setattr__(self, "convert", FITS[self.kind])
        same = self.values if self.kind is Kind.ID else map(fold, self.values or ())
        object.__setattr__(self, "canonical", None if self.values is None else frozenset(same or ()))

    def read(self, subject: Subject) -> Any:
        return self.fit(self.get(subject))

    def fit(self, raw: Any) -> Any:
        if raw is None:
            return None
        value = self.convert(raw)
        return self._within(value) if self.narrowed and value is not None else value

    def _within(self, value: Any) -> Any:
        if self.kind is Kind.LIST:
            return tuple(label for label in value if self.allows(label)) or None
        if self.kind in NUMBERS:
            fits = (self.low is None or value >= self.low) and (self.high is None or value <= self.high)
            return value if fits else None
        return value if self.allows(value) else None

    def allows(self, label: Any) -> bool:
        """Whether a canonical label is one of the closed list."""
        return self.canonical is None or label in self.canonical


_folded: dict[str, str] = {}


def fold(text: str) -> str:
    """NFKC, casefold, NFKC: how text is compared. Short texts are remembered, since labels come again and again."""
    if len(text) > 40:
        return _fold(text)
    known = _folded.get(text)
    if known is None:
        if len(_folded) >= _MOST_FOLDED:
            _folded.clear()
        known = _folded[text] = _fold(text)
    return known


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _text(raw: Any) -> str | None:
    return fold(raw) if isinstance(raw, str) and raw and not raw.isspace() else None


def _id(raw: Any) -> str | None:
    if isinstance(raw, str):
        return raw if raw and not raw.isspace() else None
    # Systems that count their customers send 77 for "77". A number of a thousand digits is nobody's id.
    return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) < _NO_ID else None


def _number(raw: Any) -> Number | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return raw
    if isinstance(raw, float):
        raw = Decimal(repr(raw))
    return raw if isinstance(raw, Decimal) and raw.is_finite() else None


def _seconds(raw: Any) -> Number | None:
    value = _number(raw)
    return value if value is not None and value >= 0 else None


def _boolean(raw: Any) -> bool | None:
    return raw if isinstance(raw, bool) else None


def _labels(raw: Any) -> tuple[str, ...] | None:
    if not isinstance(raw, tuple | list):
        return None
    return tuple(fold(label) for label in raw if isinstance(label, str) and label and not label.isspace()) or None


def _time(raw: Any) -> datetime | None:
    if isinstance(raw, str):
        try:
            raw = datetime.fromisoformat(raw)
        except ValueError:
            return None
    if not isinstance(raw, datetime) or raw.utcoffset() is None:
        return None
    return raw if MINYEAR < raw.year < MAXYEAR else None  # at the ends of time, local time does not exist


def _enum_or_number(raw: Any) -> str | Number | None:
    return _text(raw) if isinstance(raw, str) else _number(raw)


def _enum_or_boolean(raw: Any) -> str | None:
    # "yes" and JSON true are one value here, since the rule that says `yes` cannot mean anything else.
    return ("yes" if raw else "no") if isinstance(raw, bool) else _text(raw)


def _any(raw: Any) -> Any:
    empty = raw is None or raw in ("", [], (), {}) or (isinstance(raw, str) and raw.isspace())
    return None if empty else raw


FITS: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: _text,
    Kind.ID: _id,
    Kind.ENUM: _text,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
    Kind.LIST: _labels,
    Kind.TIME: _time,
    Kind.DURATION: _seconds,
    Kind.ENUM_OR_NUMBER: _enum_or_number,
    Kind.ENUM_OR_BOOLEAN: _enum_or_boolean,
    Kind.ANY: _any,
}


def _of(path: str) -> Callable[[Subject], Any]:
    return attrgetter(path)


def _value(subject: Subject) -> Any:
    value = subject.response.customer.value
    return value.amount if value else None


def _language(subject: Subject) -> str | None:
    return subject.verdict.language or subject.response.language


def _change(subject: Subject) -> Number | None:
    """Now less before; negative is worse."""
    facts, score = subject.facts, subject.verdict.score
    if facts.score_change is not None:
        return facts.score_change
    return None if score is None or facts.previous_score is None else score - facts.previous_score


def _get(prefix: str, name: str) -> Callable[[Subject], Any]:
    holder = {
        "response.answers.": attrgetter("response.answers"),
        "customer.attributes.": attrgetter("response.customer.attributes"),
        "attributes.": attrgetter("response.attributes"),
    }[prefix]
    return lambda subject: holder(subject).get(name)


_CLASSES = ("promoter", "passive", "detractor")


def _field(name: str, kind: Kind, get: str | Callable[[Subject], Any], description: str, **more: Any) -> Field:
    getter = _of(get) if isinstance(get, str) else get
    return Field(name=name, kind=kind, get=getter, description=description, **more)


def _response(name: str, kind: Kind, description: str, **more: Any) -> Field:
    return _field(f"response.{name}", kind, f"response.{name}", description, **more)


def _verdict(name: str, kind: Kind, description: str, **more: Any) -> Field:
    return _field(f"response.{name}", kind, f"verdict.{name}", description, **more)


def _customer(name: str, kind: Kind, description: str) -> Field:
    return _field(f"customer.{name}", kind, f"response.customer.{name}", description)


def _interaction(name: str, kind: Kind, description: str, **more: Any) -> Field:
    return _field(f"interaction.{name}", kind, f"response.interaction.{name}", description, **more)


def _history(name: str, kind: Kind, description: str, **more: Any) -> Field:
    return _field(f"history.{name}", kind, f"facts.{name}", description, **more)


FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        _response("source", Kind.ID, "Which system sent the response."),
        _response("survey", Kind.ID, "The survey's id."),
        _verdict("metric", Kind.ENUM, "What was asked: nps, csat, ces, stars, thumbs, or a metric of surveys.yaml."),
        _verdict("score", Kind.NUMBER, "The score, on its own scale.", low=0, high=10),
        _response("comment", Kind.TEXT, "The customer's words, after redaction."),
        _response("question", Kind.ENUM, "Which question the comment answers."),
        _field("response.class", Kind.ENUM, "verdict.klass", "What the score means.", values=_CLASSES),
        _verdict(
            "sentiment", Kind.ENUM, "How the comment sounds.", values=("negative", "neutral", "positive", "mixed")
        ),
        _verdict("themes", Kind.LIST, "What the comment is about: labels of themes.yaml."),
        _verdict("severity", Kind.LIST, "What makes it serious: labels of severity.yaml."),
        _field("response.language", Kind.ENUM, _language, "Language of the comment."),
        _verdict("text_read", Kind.BOOLEAN, "Whether the comment is in a language that can be analysed."),
        _response("status", Kind.ENUM, "final, or partial while more answers may come.", values=("final", "partial")),
        _response("callback_requested", Kind.BOOLEAN, "Whether the customer asked to be called."),
        _response("public", Kind.BOOLEAN, "Whether everybody can read it, as a review in a shop."),
        _response("test", Kind.BOOLEAN, "Whether it is a test and no customer waits."),
        _response("responded_at", Kind.TIME, "When the customer answered."),
        _customer("id", Kind.ID, "The customer's id."),
        _customer("tier", Kind.ENUM, "Such as gold."),
        _customer("segment", Kind.ENUM, "Such as small-business."),
        _customer("persona", Kind.ENUM, "Such as traveller."),
        _customer("country", Kind.ENUM, "Country code."),
        _customer("language", Kind.ENUM, "Language the customer speaks."),
        _customer("account_manager", Kind.ID, "Who looks after the customer."),
        _field("customer.value", Kind.NUMBER, _value, "What the customer is worth a year."),
        _customer("may_contact", Kind.BOOLEAN, "Whether the customer may be contacted."),
        _field(
            "customer.open_follow_ups", Kind.NUMBER, "facts.open_follow_ups", "Live follow-ups of the customer.", low=0
        ),
        _interaction("channel", Kind.ENUM, "Such as phone or chat."),
        _interaction("agent", Kind.ID, "Who dealt with the customer."),
        _interaction("team", Kind.ID, "The team that dealt with the customer."),
        _interaction("unit", Kind.ID, "The branch, site or region."),
        _interaction("brand", Kind.ENUM, "The brand."),
        _interaction("product", Kind.ENUM, "The product."),
        _interaction("region", Kind.ENUM, "The region."),
        _interaction("wait_seconds", Kind.DURATION, "How long the customer waited.", low=0),
        _interaction("transfers", Kind.NUMBER, "How often the customer was passed on.", low=0),
        _history("responses_90d", Kind.NUMBER, "Other responses in the 90 days before this one.", low=0),
        _history("detractors_90d", Kind.NUMBER, "Detractor responses in the 90 days before this one.", low=0),
        _history("previous_class", Kind.ENUM, "Class of the response before this one.", values=_CLASSES),
        _history("previous_score", Kind.NUMBER, "Score of the response before this one."),
        _field("history.score_change", Kind.NUMBER, _change, "This score less the one before."),
        _field("now", Kind.TIME, "now", "The time of deciding."),
    )
}


@lru_cache(maxsize=8192)  # clauses on one field are recognised by its being one object
def undeclared(name: str, kind: Kind) -> Field | None:
    """An attribute or answer of any name, of the kind its test asks for. None for names of another form."""
    for prefix in OPEN_PREFIXES:
        if name.startswith(prefix) and len(name) > len(prefix):
            return Field(name=name, kind=kind, get=_get(prefix, name[len(prefix) :]), declared=False)
    return None


def told(value: Any) -> Json:
    """A raw value as JSON tells it in a trace: Decimals, times and tuples in JSON's own types."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [told(item) for item in value]
    if isinstance(value, Decimal):
        if abs(value.adjusted()) > _MOST_DIGITS:
            return str(value)  # as an integer it could have a million digits
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value) if isinstance(value, StrEnum) else value
