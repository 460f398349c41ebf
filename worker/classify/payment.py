"""Card numbers and IBANs: found in any grouping, proved by their check digits, always destroyed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from string import ascii_lowercase

from stdnum import luhn, numdb

from worker.classify.chains import Chain, Group, windows
from worker.classify.found import Found, Tag

# Issuer ranges by leading digits, with the lengths they use (ISO/IEC 7812, and the schemes' published ranges).
_RANGES: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (4, 4, (13, 16, 18, 19)),  # Visa
    (51, 55, (16,)),  # Mastercard
    (2221, 2720, (16,)),  # Mastercard
    (34, 34, (15,)),  # American Express
    (37, 37, (15,)),
    (300, 305, (14, 16)),  # Diners Club
    (3095, 3095, (14, 16)),
    (36, 36, (14, 16)),
    (38, 39, (14, 16)),
    (3528, 3589, (16, 17, 18, 19)),  # JCB
    (6011, 6011, (16, 17, 18, 19)),  # Discover
    (644, 659, (16, 17, 18, 19)),
    (62, 62, (16, 17, 18, 19)),  # UnionPay
    (81, 82, (16,)),  # UnionPay, RuPay
    (50, 50, (16, 17, 18, 19)),  # Maestro, Dankort, Verve
    (56, 58, (16, 17, 18, 19)),
    (60, 69, (16, 17, 18, 19)),
    (5018, 5018, (12, 13, 14, 15)),  # Maestro's short ones
    (5020, 5020, (12, 13, 14, 15)),
    (5038, 5038, (12, 13, 14, 15)),
    (6304, 6304, (12, 13, 14, 15)),
    (6759, 6759, (12, 13, 14, 15)),
    (6761, 6763, (12, 13, 14, 15)),
    (2200, 2204, (16, 17, 18, 19)),  # Mir
    (9792, 9792, (16,)),  # Troy
    (1, 1, (15,)),  # UATP
)
_LONGEST_CARD = 19
_COMMON = re.compile(r"4|5[1-5]|3[47]")  # Visa, Mastercard, American Express


def _prefixes() -> dict[int, frozenset[str]]:
    by_length: dict[int, set[str]] = {}
    for low, high, lengths in _RANGES:
        for length in lengths:
            by_length.setdefault(length, set()).update(str(prefix) for prefix in range(low, high + 1))
    return {length: frozenset(prefixes) for length, prefixes in by_length.items()}


_PREFIXES = _prefixes()


def is_card(digits: str) -> bool:
    """Whether digits have an issuer's prefix, a length that issuer uses, and a right check digit (Luhn)."""
    prefixes = _PREFIXES.get(len(digits))
    if not prefixes or not any(digits[:n] in prefixes for n in (1, 2, 3, 4)):
        return False
    return luhn.is_valid(digits)


def cards(found: Iterable[Chain]) -> Iterator[Found]:
    """Card numbers in chains. Any grouping counts: what is typed by hand is grouped by mood."""
    for chain in found:
        groups = chain.groups()
        first = 0
        while first < len(groups):
            last = _card_from(groups, first)
            if last is not None:
                yield Found(groups[first].start, groups[last].end, Tag.CARD)
            first = first + 1 if last is None else last + 1


def _card_from(groups: Sequence[Group], first: int) -> int | None:
    best = None
    for last, digits in windows(groups, first, _LONGEST_CARD):
        if is_card(digits):
            best = last
    return _glued_from(groups, first) if best is None else best


def _glued_from(groups: Sequence[Group], first: int) -> int | None:
    """The last group of a card number that has more digits typed on without a gap: a security code, another card.

    Only the usual groupings of the common schemes: one in forty of other numbers this long looks like one too.
    """
    for sizes in ((16,), (15,), (4, 4, 4, 4), (4, 6, 5)):
        last = first + len(sizes) - 1
        if last < len(groups) and _holds_glued([group.digits for group in groups[first : last + 1]], sizes):
            return last
    return None


def _holds_glued(digits: list[str], sizes: tuple[int, ...]) -> bool:
    if any(len(part) < size for part, size in zip(digits, sizes, strict=True)):
        return False
    if len(sizes) == 1:
        candidates = [digits[0][: sizes[0]], digits[0][-sizes[0] :]]
    else:
        inner = "".join(digits[1:-1])
        candidates = [digits[0][-sizes[0] :] + inner + digits[-1][: sizes[-1]]]
    return any(_COMMON.match(candidate) and is_card(candidate) for candidate in candidates)


_GAP = r"(?:&nbsp;|&#160;|[\s\x00-\x1f._/,:*|-]{1,3})?"
_PART = re.compile(r"(\d+)!([nac])")
_KINDS = {"n": r"\d", "a": "[a-z]", "c": r"[a-z\d]"}


def _shape(structure: str) -> str:
    """A registry structure such as `8!n10!n` as a pattern that allows gaps anywhere."""
    return "".join(f"(?:{_GAP}{_KINDS[kind]}){{{count}}}" for count, kind in _PART.findall(structure))


def _countries() -> dict[str, re.Pattern[str]]:
    registry = numdb.get("iban")
    shapes = {}
    for one in ascii_lowercase:
        for other in ascii_lowercase:
            structure = registry.info((one + other).upper())[0][1].get("bban")
            if structure:
                shapes[one + other] = re.compile(rf"{one}{_GAP}{other}{_GAP}\d{_GAP}\d{_shape(structure)}")
    return shapes


_IBANS = _countries()
_IBAN_START = re.compile(rf"[a-z](?={_GAP}([a-z]){_GAP}\d{_GAP}\d)")
_NOT_IBAN = re.compile(r"&nbsp;|&#160;|[^a-z0-9]")
_VALUES = {ord(letter): str(value) for value, letter in enumerate(ascii_lowercase, 10)}


def ibans(lowered: str) -> Iterator[Found]:
    """IBANs of a folded text in lower case: a country of the registry, its structure, right check digits (ISO 13616).

    The country's own check digits inside are not asked for: a number the bank may refuse is still personal.
    """
    end = 0
    for start in _IBAN_START.finditer(lowered):
        shape = _IBANS.get(start.group() + start[1])
        match = shape.match(lowered, start.start()) if shape and start.start() >= end else None
        if match and _is_iban(_NOT_IBAN.sub("", match.group())):
            end = match.end()
            yield Found(match.start(), end, Tag.IBAN)


def _is_iban(compact: str) -> bool:
    """ISO 7064 mod 97-10 over the number with its first four characters moved to the end."""
    return int((compact[4:] + compact[:4]).translate(_VALUES)) % 97 == 1
