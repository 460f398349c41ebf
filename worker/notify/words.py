"""How things are written: dates, spans, quotations, cuts, in the reader's language. Pure.

English texts are their own keys; a text without a translation appears in English. `en-XA` is for tests: accents and
two fifths more length show what would break in another language.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from worker.notify.german import COUNTRIES as GERMAN_COUNTRIES
from worker.notify.german import GERMAN
from worker.notify.german import LANGUAGES as GERMAN_LANGUAGES
from worker.notify.places import COUNTRIES, LANGUAGES

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONG_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_LINE_ENDS = re.compile(r"\r\n?|[\u2028\u2029\x0b\x0c\x85]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")  # categories Cc and Cs
_BLANK_LINES = re.compile(r"\n\s*\n\s*")
_SPACES = re.compile(r"[ \t\xa0]+")
_SLOT = re.compile(r"(\{[^}]*\})")
_ACCENTS = str.maketrans("aceinouyACEINOUY", "áçéîñöüýÁÇÉÎÑÖÜÝ")
_JOINS = "\u200d\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Language:
    """One language of our own words. Call it with an English text and what stands in its braces."""

    code: str

    @classmethod
    def of(cls, code: str | None) -> Language:
        """The language for a reader: `de-AT` reads German; what we do not speak reads English."""
        if code == "en-XA":
            return cls("en-XA")
        return cls("de" if (code or "").lower().split("-")[0].split("_")[0] == "de" else "en")

    def __call__(self, text: str, **values: object) -> str:
        found = GERMAN.get(text, text) if self.code == "de" else _accented(text) if self.code == "en-XA" else text
        return found.format(**values) if values else found

    @property
    def direction(self) -> str:
        return "ltr"

    @property
    def quotes(self) -> tuple[str, str]:
        return ("„", "“") if self.code == "de" else ("“", "”")

    # Times -------------------------------------------------------------------------------------------------------

    def day(self, at: datetime) -> str:
        """Mon, Mo."""
        return self(_DAYS[at.weekday()])

    def date(self, at: datetime) -> str:
        """23 Nov, 23. Nov."""
        return f"{at.day}{'.' if self.code == 'de' else ''} {self(_MONTHS[at.month - 1])}"

    def short(self, at: datetime, now: datetime) -> str:
        """For subjects and lists: Mon 12:00; beyond six days: Mon 30 Nov."""
        if abs(at.date() - now.astimezone(at.tzinfo).date()) <= timedelta(days=6):
            return f"{self.day(at)} {at:%H:%M}"
        return f"{self.day(at)} {self.date(at)}"

    def full(self, at: datetime) -> str:
        """For bodies: Mon 23 Nov, 12:00 CET."""
        return f"{self.day(at)} {self.date(at)}, {at:%H:%M} {at.tzname()}"

    def month(self, at: datetime, now: datetime) -> str:
        """August, or August 2025 in another year."""
        name = self(_LONG_MONTHS[at.month - 1])
        return name if at.year == now.year else f"{name} {at.year}"

    def span(self, length: timedelta, *, days: bool = True) -> str:
        """3 h 48 min, rounded down; days only where they are worth it. Working time has none: its days are shorter."""
        minutes = int(length.total_seconds()) // 60
        hours, rest = divmod(minutes, 60)
        if days and hours >= 72:
            return self("{n} days", n=hours // 24)
        if not hours:
            return f"{rest} min"
        return f"{hours} h {rest} min" if rest else f"{hours} h"

    # Words -------------------------------------------------------------------------------------------------------

    def quote(self, text: str) -> str:
        opening, closing = self.quotes
        return f"{opening}{text}{closing}"

    def country(self, code: str | None) -> str | None:
        """Germany for DE; what is no known code is shown as it came."""
        names = GERMAN_COUNTRIES if self.code == "de" else COUNTRIES
        return names.get(code.upper(), clean_line(code)) if code else None

    def language(self, code: str | None) -> str | None:
        """Portuguese for pt, pt-BR."""
        names = GERMAN_LANGUAGES if self.code == "de" else LANGUAGES
        return names.get(code.lower().split("-")[0].split("_")[0], code) if code else None


def clean(text: str) -> str:
    """Foreign text as it may be shown: without control characters and without overrides of its direction."""
    if text.isprintable() and "  " not in text:  # nothing of what follows is in it
        return text.strip()
    text = _BIDI_CONTROLS.sub("", _LINE_ENDS.sub("\n", text))
    text = _CONTROLS.sub("", text)
    return _BLANK_LINES.sub("\n\n", _SPACES.sub(" ", text)).strip()


def clean_line(text: str) -> str:
    """Foreign text on one line."""
    return " ".join(clean(text).split())


def cut(text: str, most: int, mark: str = ELLIPSIS) -> str:
    """At most `most` characters, ending at a word with a mark where something was left out."""
    if len(text) <= most:
        return text
    room = most - len(mark)
    head = text[:room]
    at_word = head.rfind(" ")
    if at_word > room * 2 // 3:
        head = head[:at_word]
    return _whole_characters(head).rstrip(" ,;:-\n") + mark


def direction(text: str) -> str:
    """`rtl` when the first letter with a direction runs from right to left."""
    for character in text:
        strength = unicodedata.bidirectional(character)
        if strength in {"R", "AL"}:
            return "rtl"
        if strength == "L":
            return "ltr"
    return "ltr"


def ascii_only(text: str) -> str:
    """A name for a sender line: ASCII letters only."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def capital(text: str) -> str:
    """The first letter as a sentence begins."""
    return text[:1].upper() + text[1:]


def label(word: str) -> str:
    """An id such as repeat_contact, as words."""
    return clean_line(word.replace("_", " ").replace("-", " "))


def number(value: object) -> str:
    """2, 4.5: without an exponent and without idle zeros."""
    if isinstance(value, Decimal | float):
        text = f"{Decimal(str(value)):f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


def _whole_characters(text: str) -> str:
    # A joiner or a modifier at the cut would leave half an emoji behind.
    while text and (unicodedata.combining(text[-1]) or text[-1] in _JOINS):
        text = text[:-1]
    return text


def _accented(text: str) -> str:
    parts = [part if part.startswith("{") else part.translate(_ACCENTS) for part in _SLOT.split(text)]
    return "".join(parts) + "~" * (len(text) * 2 // 5)
