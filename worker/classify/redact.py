"""Personal numbers and addresses out of free text, before anything is stored, logged or sent.

Card numbers, IBANs and national ids are destroyed; only their tag stays. Telephone numbers and mail addresses become
tags too, and their values contact data of that response: a customer who writes a number wants to be called.
What people need to work stays: order numbers, dates, times, prices. Ids and contact fields are never touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from worker.classify.chains import Chain, chains
from worker.classify.contacts import emails, phones
from worker.classify.folding import Folded, fold, suspicious
from worker.classify.found import Found, Hint, Tag, blank, hint
from worker.classify.identity import national_ids
from worker.classify.payment import cards, ibans, is_card
from worker.model.response import Contact, Json, Response

_MOST_DIGITS = 600  # in chains; a text with more is a pasted table: its chains are destroyed unread
_ENOUGH_DIGITS = re.compile(r"\d(?:\D*\d){5}")  # the shortest number we know has six: a UK national insurance number
_LETTER = re.compile(r"[^\W\d_]")
_NO_LETTERS = re.compile(r"[\W\d_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_KEYS = frozenset({"id", "ids", "code", "key", "uuid", "guid", "hash", "reference", "timestamp"})
_LONGEST_NAME = 32  # of a field, as far as it is read
_DEEPEST = 50  # levels of lists and maps in an answer; what lies deeper is left out
_AT = re.compile(r"@|&#|&commat|[(\[{<] ?at|\sdot\s", re.IGNORECASE)
_NUMBERS = (int, float, Decimal)
_CARDS_BETWEEN = (10**11, 10**19)
_LONGEST_NUMBER = 120  # characters, of any number with its gaps
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([nrt/\"\\]))")
_FORM = re.compile(r"[\w.%\[\]-]+=[^\s]*$")


class Redacted(Struct, frozen=True):
    """`text` with tags; the addresses and numbers it held, each once; the tags in their order."""

    text: str
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()


def redact(text: str, *, country: str | None = None, label: str | None = None) -> Redacted:
    """Redact one text. `country` (ISO 3166) is where its writer lives, so that local numbers are known.

    `label` is the name of the field the text comes from, which says what a bare number in it is: `order_id: 4711`.
    """
    if not suspicious(text) and " dot " not in text and " DOT " not in text:
        return Redacted(text)
    name = _introduction(label) if label is not None else ""
    if text.isascii() and not _ENOUGH_DIGITS.search(text) and not _AT.search(name + text):
        return Redacted(text)  # as _search would find out
    folded = fold(text)
    found = _search(name + folded.text, country=_region(country), in_sentence=label is None)
    shift = len(name)
    moved = [Found(max(0, one.start - shift), one.end - shift, one.tag, one.value) for one in found]
    return _replaced(text, folded, sorted(moved, key=lambda one: (one.start, -one.end))) if moved else Redacted(text)


@lru_cache(maxsize=1024)  # fields have few names, and each comes with every response
def _introduction(label: str) -> str:
    """A field's name as words before its value, as they stand before a number in a sentence.

    What is named like a key is one: `call_id` is no telephone number, though a `tax_id` is personal.
    """
    name = _NO_LETTERS.sub(" ", _CAMEL.sub(" ", label)).strip().lower()[-_LONGEST_NAME:]
    if name.rpartition(" ")[2] in _KEYS and hint(f"{name}: ", len(name) + 2) is not Hint.ID:
        name += " reference"
    return f"{name}: "


def _region(country: str | None) -> str | None:
    return country.upper() if country and len(country) == 2 else None


def _search(text: str, *, country: str | None, in_sentence: bool) -> list[Found]:
    """Everything personal in a folded text: addresses, IBANs, card numbers, national ids, telephone numbers.

    What is found first is out of sight for the next search. Only addresses stay in sight of IBANs and cards: in a
    form's `comment=4012 8888 8888 1881&email=...` the last digits could also begin an address.
    """
    found = [_without_secrets(text, address) for address in emails(text)] if _AT.search(text) else []
    if not _ENOUGH_DIGITS.search(text):
        return found
    addresses = list(found)
    text, numbers = _without(ibans(_lowered(text)), text, chains(text), found)
    if sum(chain.length for chain in numbers) > _MOST_DIGITS:
        return found + [Found(chain.start, chain.end, Tag.ID) for chain in numbers]
    text, numbers = _without(cards(numbers), text, numbers, found)
    if addresses:
        text = blank(text, addresses)
        numbers = chains(text)
    words = _lowered(text)
    alone = in_sentence and not _LETTER.search(text)
    text, numbers = _without(national_ids(text, words, numbers, country=country, alone=alone), text, numbers, found)
    if numbers:
        found += phones(text, words, numbers, country=country, alone=alone)
    return found


def _without(new: Iterable[Found], text: str, numbers: list[Chain], found: list[Found]) -> tuple[str, list[Chain]]:
    """Keep what a search found; text and chains without it, for the next search."""
    fresh = list(new)
    if not fresh:
        return text, numbers
    found += fresh
    text = blank(text, fresh)
    return text, chains(text)


def _without_secrets(text: str, address: Found) -> Found:
    inside = text[address.start : address.end]
    for secret in (*ibans(_lowered(inside)), *cards(chains(inside))):
        return Found(address.start, address.end, secret.tag)
    return address


def _lowered(text: str) -> str:
    """Lower case of the same length, so that positions hold: İ would become two characters."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(each if len(each.lower()) != 1 else each.lower() for each in text)


def _replaced(text: str, folded: Folded, found: Iterable[Found]) -> Redacted:
    parts: list[str] = []
    kept: list[Found] = []
    at = 0
    for one in found:
        start, end = folded.original(one.start, one.end)
        if end > at:  # where two overlap, the rest of the second goes too
            parts += [text[at:start], one.tag]
            kept.append(one)
            at = end
    return Redacted(
        "".join([*parts, text[at:]]),
        emails=_values(kept, Tag.EMAIL),
        phones=_values(kept, Tag.PHONE),
        tags=tuple(one.tag for one in kept),
    )


def _values(found: Iterable[Found], tag: Tag) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.value for one in found if one.tag is tag and one.value))


class _Page:
    """Redacts the free texts of one response and collects the contact data they held."""

    __slots__ = ("country", "emails", "phones")

    def __init__(self, country: str | None) -> None:
        self.country = country
        self.emails: dict[str, None] = {}
        self.phones: dict[str, None] = {}

    def text(self, text: str | None, label: str | None = None) -> str | None:
        if not text:
            return text
        redacted = redact(text, country=self.country, label=label)
        if redacted.tags:
            self.emails.update(dict.fromkeys(redacted.emails))
            self.phones.update(dict.fromkeys(redacted.phones))
        return redacted.text

    def value(self, value: Json, label: str, depth: int = 0) -> Json:
        """A JSON value with every text in it redacted; a number that is a card number becomes its tag."""
        if isinstance(value, str):
            return self.text(value, label)
        if value is None or isinstance(value, _NUMBERS):
            return str(Tag.CARD) if value is not None and _is_card_number(value) else value
        if depth > _DEEPEST:
            return None
        if isinstance(value, Mapping):
            return self.fields(value, depth + 1)
        return [self.value(each, label, depth + 1) for each in value]

    def fields(self, fields: Mapping[str, Json], depth: int = 0) -> dict[str, Json]:
        return {self.text(name, "") or name: self.value(value, name, depth) for name, value in fields.items()}


def _is_card_number(value: float | Decimal) -> bool:
    low, high = _CARDS_BETWEEN
    return low < value < high and value % 1 == 0 and is_card(str(int(value)))


def redact_response(response: Response) -> tuple[Response, Contact]:
    """The response as it may be stored, and the ways to reach its customer.

    Redacted: comment, its translation, text answers, text attributes of response and customer, at any depth. The
    customer's own e-mail and phone move into the contact; the name stays. Ids are never looked at.
    """
    customer = response.customer
    page = _Page(customer.country)
    clean = msgspec.structs.replace(
        response,
        comment=page.text(response.comment),
        comment_translated=page.text(response.comment_translated),
        answers=page.fields(response.answers) if response.answers else response.answers,
        attributes=page.fields(response.attributes) if response.attributes else response.attributes,
        customer=msgspec.structs.replace(
            customer,
            email=None,
            phone=None,
            attributes=page.fields(customer.attributes) if customer.attributes else customer.attributes,
        ),
    )
    contact = Contact(
        email=customer.email,
        phone=customer.phone,
        emails_in_comment=tuple(page.emails),
        phones_in_comment=tuple(page.phones),
    )
    return clean, contact


def excerpt(raw: bytes, limit: int = 300) -> str:
    """The beginning of a record that could not be read, redacted and printable, for people who look for the mistake.

    Escapes of JSON and of forms are undone first, since they hide an @ or a space. What is redacted is longer than
    what is shown, so that no number is cut in half and slips through.
    """
    read = raw[: limit * 8]
    text = read.decode("utf-8", "replace")
    text = _ESCAPE.sub(_unescaped, text)
    if _FORM.match(text):
        text = unquote(text.replace("+", " "), errors="replace")
    # what is not text may stand between the digits of a number (UTF-16): left out, not shown
    text = redact("".join(each for each in text if each.isprintable() or each.isspace())).text
    if len(read) < len(raw):
        text = text[:-_LONGEST_NUMBER]
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else {"n": " ", "r": " ", "t": " "}.get(match[2], match[2])
