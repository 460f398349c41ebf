"""One plain spelling for digits, letters and separators, so that a number is found however it was typed.

People paste numbers with no-break spaces, long dashes, full-width or Arabic digits, keycap emoji and invisible
joiners. `fold` writes them in ASCII and leaves the invisible ones out; positions lead back to the original.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_ADDED = {
    "·": ".", "•": ".", "∙": ".", "⋅": ".", "‧": ".", "。": ".", "｡": ".",
    "⁄": "/", "∕": "/", "−": "-", "˗": "-", "⁃": "-", "ー": "-", "─": "-", "━": "-",
    "\ufffd": None, "\u20e3": None, "’": "'", "‘": "'",
}  # fmt: skip
_COMPATIBLE = ((0x80, 0x3400), (0xFE00, 0x10000), (0x1D400, 0x1D800), (0x1F100, 0x1F200))
_TAGS = range(0xE0000, 0xE0200)  # invisible tag characters and variation selectors


def _folded(character: str) -> str | None:
    """The ASCII spelling of one character, itself when it has none, None when it is invisible."""
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me"):
        return None
    if category in ("Zs", "Zl", "Zp"):
        return " "
    if category == "Pd":
        return "-"
    plain = unicodedata.normalize("NFKC", character)
    return plain if len(plain) == 1 and plain.isascii() else character


def _table() -> dict[int, str | None]:
    table: dict[int, str | None] = dict.fromkeys(_TAGS)
    for low, high in _COMPATIBLE:
        table.update((point, _folded(chr(point))) for point in range(low, high))
    for point in range(0x3400, 0x20000):  # digits of all other scripts
        digit = unicodedata.decimal(chr(point), None)
        if digit is not None:
            table[point] = str(digit)
    table.update({ord(character): plain for character, plain in _ADDED.items()})
    return {point: plain for point, plain in table.items() if plain != chr(point)}


_TABLE = _table()


_INVISIBLE = frozenset(chr(point) for point, plain in _TABLE.items() if plain is None)

# Brackets stand for name(at)example. A class of characters is scanned several times faster than an alternation,
# and a short class faster than a long one: what \d does not know of are raised, lowered and circled digits.
_ASCII_SUSPICIOUS = re.compile(r"[0-9@(\[{<]")
_SUSPICIOUS = re.compile(
    r"[\d@(\[{<\u00b2\u00b3\u00b9\u2070-\u2089\u2460-\u249b\u24ea-\u24ff\u2776-\u2793"
    r"\u1369-\u1371\u19da\ufe6b\uff20\U0001f100-\U0001f10a]"
)


def suspicious(text: str) -> bool:
    """Whether a text holds anything that a number or an address must hold. Most comments end here."""
    return (_ASCII_SUSPICIOUS if text.isascii() else _SUSPICIOUS).search(text) is not None


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` in plain spelling. `places[i]` is where its character i stood; None when nothing was left out."""

    text: str
    places: list[int] | None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that [start, end) of the folded one came from."""
        if self.places is None or start == end:
            return start, end
        return self.places[start], self.places[end - 1] + 1


_FOREIGN = re.compile(r"[^\x00-\x7f]+")


def _translated(match: re.Match[str]) -> str:
    return match.group().translate(_TABLE)


def fold(text: str) -> Folded:
    """Fold a text. ASCII costs nothing."""
    if text.isascii():
        return Folded(text, None)
    plain = _FOREIGN.sub(_translated, text)
    if len(plain) == len(text):
        return Folded(plain, None)
    return Folded(plain, [at for at, character in enumerate(text) if character not in _INVISIBLE])
