"""National identity numbers: those with a check digit or a fixed form. A new one is a record in FORMS."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from stdnum.br import cpf
from stdnum.ca import sin
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.exceptions import ValidationError
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.iso7064 import mod_11_10
from stdnum.pl import pesel
from stdnum.se import personnummer
from stdnum.us import ssn

from worker.classify.chains import Chain
from worker.classify.contacts import is_phone
from worker.classify.found import Found, Hint, Tag, hint

Check = Callable[[str], bool]


def _spanish(number: str) -> bool:
    compact = number.replace("-", "").upper()
    if compact[0] in "XYZ":
        return nie.is_valid(compact)
    return dni.is_valid(compact.zfill(9))


def _german(number: str) -> bool:
    """The check digit, and not one digit all through. The rule that exactly one of the first ten digits repeats
    is not asked for: numbers written from memory break it."""
    digits = number.replace(" ", "")
    return len(set(digits)) > 1 and mod_11_10.is_valid(digits)


_ITIN = re.compile(r"9\d\d(?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])\d{4}")  # groups in use: IRS Publication 1915
_NO_DIGIT = re.compile(r"\D")


def _american(number: str) -> bool:
    digits = _NO_DIGIT.sub("", number)
    return ssn.is_valid(digits) or _ITIN.fullmatch(digits) is not None


def _canadian(number: str) -> bool:
    return number[0] not in "08" and len(set(number)) > 2 and sin.is_valid(_NO_DIGIT.sub("", number))


def _nine_digits(number: str) -> bool:
    return _american(number) or _canadian(number)


def _swedish(number: str) -> bool:
    try:
        return bool(personnummer.validate(number))
    except (ValidationError, ValueError):
        return False


@dataclass(frozen=True, slots=True)
class Form:
    """How one kind of number is written and proved.

    `proof` False: too common a shape to go by itself; it counts where the words before it say so, or where the
    text holds nothing but numbers. `like_phone`: a telephone number of the same shape goes first where one is
    more likely. `letters`: holds letters, so it is no order number and words before it cannot excuse it.
    """

    name: str
    shape: str
    check: Check | None = None
    proof: bool = True
    like_phone: bool = False
    letters: bool = False


FORMS: tuple[Form, ...] = (
    Form(
        "UK national insurance number",
        r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]([ -]?\d\d){3}[ -]?[A-D]",
        letters=True,
    ),
    Form("Spanish DNI and NIE", r"(?:\d{7,8}|[XYZ]-?\d{7})-?[A-Z]", _spanish, letters=True),
    Form(
        "Italian codice fiscale",
        r"[A-Z]{6} ?[\dL-NP-V]{2}[A-EHLMPR-T][\dL-NP-V]{2} ?[A-Z][\dL-NP-V]{3}[A-Z]|"
        r"[A-Z]{3} [A-Z]{3} [\dL-NP-V]{2}[A-EHLMPR-T][\dL-NP-V]{2} [A-Z][\dL-NP-V]{3}[A-Z]",
        letters=True,
    ),
    Form("US social security and tax numbers", r"\d{3}([ .-])\d\d\1\d{4}", _american),
    Form("Canadian social insurance number", r"\d{3}([ -])\d{3}\1\d{3}", _canadian, like_phone=True),
    Form("UK NHS number", r"\d{3}([ -])\d{3}\1\d{4}", nhs.is_valid, like_phone=True),
    Form("Brazilian CPF", r"\d{3}\.\d{3}\.\d{3}-\d\d", cpf.is_valid),
    Form("French NIR", r"[12] ?\d\d ?\d\d ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d", nir.is_valid),
    Form("Polish PESEL", r"\d{11}", pesel.is_valid),
    Form("German tax number", r"[1-9]\d{10}", idnr.is_valid),
    Form("German tax number, grouped", r"[1-9]\d \d{3} \d{3} \d{3}", _german),
    Form("Swedish personnummer", r"(?:19|20)\d{6}[-+]?\d{4}|\d{6}[-+]\d{4}", _swedish),
    Form("German tax number, by its words", r"[1-9]\d{10}", _german, proof=False),
    Form("UK NHS number, by its words", r"\d{10}", nhs.is_valid, proof=False),
    Form("nine digits, by their words", r"\d{9}|\d{3}-\d{6}|\d{5}-\d{4}", _nine_digits, proof=False),
)
_BY_PATTERN: dict[re.Pattern[str], Form] = {
    re.compile(rf"(?<![\w)])(?<!\d[.,/-])(?<!\) )(?:{form.shape})(?!\w)(?![.,/-]\d)", re.IGNORECASE): form
    for form in FORMS
}


def national_ids(
    text: str, lowered: str, found: Iterable[Chain], *, country: str | None, alone: bool
) -> Iterator[Found]:
    """Identity numbers of a folded text: those of digits within its chains, those with letters anywhere.

    `alone`: the text holds numbers only, so that a number need not be introduced by words. What follows "order",
    "invoice" and the like stays: it is what an agent needs to help.
    """
    for match in _candidates(text, list(found)):
        form = _BY_PATTERN[match.re]
        if (form.check is None or form.check(match.group())) and _is_meant(form, match, lowered, country, alone):
            yield Found(match.start(), match.end(), Tag.ID)


def _candidates(text: str, found: Sequence[Chain]) -> Iterator[re.Match[str]]:
    for pattern, form in _BY_PATTERN.items():
        if form.letters:
            yield from pattern.finditer(text)
        else:  # one character more, so that what follows is seen
            for chain in found:
                yield from pattern.finditer(text, chain.start, chain.end + 1)


def _is_meant(form: Form, match: re.Match[str], lowered: str, country: str | None, alone: bool) -> bool:
    if form.letters:
        return True
    said = hint(lowered, match.start())
    if said is Hint.ORDER:
        return False
    if not form.proof:
        return alone or said is Hint.ID
    return not (form.like_phone and said is not Hint.ID and _rather_phone(match, said, country))


def _rather_phone(match: re.Match[str], said: Hint | None, country: str | None) -> bool:
    """Written with dashes it is a telephone number wherever one is possible; with spaces, only where the words
    or the customer's country say so. Destroying is the safe side of a doubt."""
    if said is Hint.PHONE:
        return True
    region = country or ("US" if "-" in match.group() else None)
    return region is not None and is_phone(match.group(), region)
