"""Bytes to a JSON document, with a precise word on what is wrong with them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

from worker.ingest.records import MAX_VALUE_BYTES, Reason
from worker.model.response import Json, Number

REPLACEMENT = "\ufffd"
LARGEST = 300  # decimal exponent; every store takes less
_MOST_DIGITS = 40  # of a whole number that was written with a point or an exponent
_LONGEST_INT = 4000  # int() refuses more
_DEEPEST = 64  # objects and lists in one another: what comes later walks through them, several calls a step
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ESCAPED = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_FORM = re.compile(r"[\w.%+\-\[\]]+=[^&\s]*(?:&[\w.%+\-\[\]]+=[^&\s]*)*")


class Fault(Exception):
    """Why a record cannot be used, and what to do about it."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def number(text: str) -> Number | float:
    """A JSON number with all its digits; `7.0` is 7.

    A few characters of exponent can name a number that fills the memory once it is written out: beyond 10^300 (and
    10^-300) it is cut to that, which is on no scale either. An exponent that is beyond counting gives infinity.
    """
    try:
        exact = Decimal(text)
    except InvalidOperation:
        return math.inf
    if abs(exact.adjusted()) > LARGEST and exact:
        exact = Decimal((exact.is_signed(), (1,), LARGEST if exact.adjusted() > 0 else -LARGEST))
    if not exact or (abs(exact.adjusted()) < _MOST_DIGITS and exact == exact.to_integral_value()):
        return int(exact)
    return exact


def _whole(text: str) -> Number | float:
    return int(text) if len(text) <= _LONGEST_INT else number(text)


_DECODER = json.JSONDecoder(parse_float=number, parse_int=_whole)  # NaN and Infinity become floats, and nothing else


def document(value: bytes) -> dict[str, Json]:
    """The JSON object in `value`. Raises Fault: too_large, not_utf8, not_json, not_an_object."""
    check_size(value)
    return as_object(_parse(_text(value)))


def check_size(value: bytes) -> None:
    """Raises Fault too_large."""
    if len(value) > MAX_VALUE_BYTES:
        raise Fault(
            Reason.TOO_LARGE,
            f"The value has {len(value)} bytes; at most {MAX_VALUE_BYTES} are read. Send attachments by reference.",
        )


def as_object(parsed: Json) -> dict[str, Json]:
    """Raises Fault not_an_object."""
    if isinstance(parsed, dict):
        return parsed
    if isinstance(parsed, list):
        found = f"an array of {len(parsed)}; a batch is not taken apart, since each event needs an offset of its own"
    else:
        found = kind(parsed)
    raise Fault(Reason.NOT_AN_OBJECT, f"The value is {found}. Send one JSON object per record.")


def kind(value: Json) -> str:
    """What a JSON value is, in words, without the value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "no finite number"
    if isinstance(value, int | Decimal):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "an array" if isinstance(value, list) else "an object"


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fix = "Encode events as UTF-8."
        raise Fault(Reason.NOT_UTF8, f"The byte at position {error.start} is not UTF-8. {fix}") from None


def _parse(text: str) -> Json:
    if not text.strip():
        raise Fault(Reason.NOT_JSON, "The value is empty. Send one JSON object; to delete a key, send a null value.")
    try:
        parsed = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Fault(Reason.NOT_JSON, _explain(text, error)) from None
    except RecursionError:
        raise _too_deep() from None
    if text.count("[") + text.count("{") > _DEEPEST and _is_deeper(parsed, _DEEPEST):
        raise _too_deep()
    return clean(parsed) if _ESCAPED.search(text) else parsed


def _is_deeper(value: Json, most: int) -> bool:
    inner: Iterable[Json] = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return bool(inner) and (most == 0 or any(_is_deeper(one, most - 1) for one in inner))


def _too_deep() -> Fault:
    message = f"Objects and lists stand more than {_DEEPEST} deep in one another. Send a flat object."
    return Fault(Reason.NOT_JSON, message)


def _explain(text: str, error: json.JSONDecodeError) -> str:
    if _FORM.fullmatch(text.strip()):
        return "The value is form-encoded (a=1&b=2). Send it as JSON."
    place = f"line {error.lineno}, column {error.colno}"
    if error.msg == "Extra data":
        return f"After the JSON value there is more ({place}). Send one JSON object per record."
    return f"The value is not JSON: {error.msg} ({place})."


def clean(value: Json) -> Json:
    """NUL and unpaired surrogates, which no database keeps, become U+FFFD."""
    if isinstance(value, str):
        return _UNSTORABLE.sub(REPLACEMENT, value)
    if isinstance(value, dict):
        return {clean(name): clean(inner) for name, inner in value.items()}
    return [clean(inner) for inner in value] if isinstance(value, list) else value


def is_number(value: Any) -> bool:
    """An int or a Decimal: not a boolean, not NaN, not infinity."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
