"""Events that carry some of the answers only: laid over what earlier ones of the same response said. Pure.

What an event does not mention stays. Absent and null are the same to an event, so nothing can be taken back by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from worker.model.response import Contact, Response

_S = TypeVar("_S", bound=Struct)
_FLAGS = ("public", "test")  # absent is false, so a true one stays


def lay_over(below: Response, above: Response) -> Response:
    """The response as `above` says it, and as `below` did where `above` is silent."""
    flags = {name: getattr(below, name) or getattr(above, name) for name in _FLAGS}
    return msgspec.structs.replace(_over(below, above), **flags)


def both(below: Contact, above: Contact) -> Contact:
    """Every way to reach the customer that either names; the newer address where both do."""
    return Contact(
        email=above.email or below.email,
        phone=above.phone or below.phone,
        emails_in_comment=tuple(dict.fromkeys(below.emails_in_comment + above.emails_in_comment)),
        phones_in_comment=tuple(dict.fromkeys(below.phones_in_comment + above.phones_in_comment)),
    )


def _over(below: _S, above: _S) -> _S:
    names = above.__struct_fields__
    return type(above)(**{name: _either(getattr(below, name), getattr(above, name)) for name in names})


def _either(below: Any, above: Any) -> Any:
    if isinstance(below, Struct) and isinstance(above, Struct):
        return _over(below, above)
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        return {**below, **above}
    return below if above is None else above
