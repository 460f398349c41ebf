"""Ways to reach a customer that they left in their words: telephone numbers and mail addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

from worker.classify.chains import Chain, Group, windows
from worker.classify.found import Found, Hint, Tag, hint

# Where a number is looked up when nobody says which country it belongs to. Bare ten digits without a word around
# are not tried as North American or Indian: every second order number would be one there.
_TRUNK = ("GB", "DE", "FR", "TR", "JP", "PH", "IL", "NL", "BR", "AT", "CH", "BE", "IT", "AU", "SE")
_PLAIN = ("US", "ES", "PT", "TR", "BR", "CN", "IT", "FR")
_BARE = ("TR", "ES", "PT")
# Dialled without a leading zero inside their country although one exists.
_ZERO_OPTIONAL = frozenset({"BR", "CN", "TR", "PH", "MX", "IN"})

_SHORTEST, _LONGEST = 7, 15  # digits (ITU-T E.164)
_JOINT = re.compile(r"(?:&nbsp;|&#160;|[ ./()-]){1,4}")
_LEAD = re.compile(r"(?:\(?\+\s?\(?|\()$")
_NO_DIGITS = re.compile(r"\D")
_DATE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d([./-])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])([./-])(?:0?[1-9]|1[0-2])\2(?:(?:19|20)\d\d|\d\d)"
    r"|(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])/(?:(?:19|20)\d\d|\d\d)"
    r"|(?:19|20)\d\d\s?-\s?(?:19|20)\d\d)(?![./-]?\d)"
)
_AMOUNT_BEFORE = re.compile(r"(?:[£$€¥₹]|\b(?:eur|usd|gbp|chf|brl|r\$))\s?$", re.IGNORECASE)
_AMOUNT_AFTER = re.compile(r"(?:[,.]\d\d)?\s?(?:[£$€¥₹%]|(?:eur|usd|gbp|chf|euros?|dollars?|pounds?)\b)", re.IGNORECASE)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}([.,])\d{3}(?:\1\d{3})+")
_NORTH_AMERICAN = re.compile(r"(?:1[ .-])?(?:\([2-9]\d\d\)[ .-]{0,2}|[2-9]\d\d[ .-])\d{3}[ .-]\d{4}")
_CHINESE_MOBILE = re.compile(r"1[3-9]\d{9}")
_ZERO_GROUPED = re.compile(r"\(?0\d{2,4}\)?[ -]\d{3,4}[ -]?\d{3,4}")
_BRAZILIAN = re.compile(r"\(\d\d\) ?\d{4,5}[ -]\d{4}")
_IBERIAN = re.compile(r"[679]\d\d \d{3} \d{3}|[679]\d\d(?: \d\d){3}|[679]\d (?:\d{3}) (?:\d\d) (?:\d\d)")


def is_phone(number: str, region: str) -> bool:
    """Whether a number is a valid telephone number in a country (ISO 3166 code)."""
    return _parse(number, region) is not None


def phones(text: str, lowered: str, found: Iterable[Chain], *, country: str | None, alone: bool) -> Iterator[Found]:
    """Telephone numbers in chains of digits. `country` is the customer's; `alone`: the text holds numbers only."""
    dates = [match.span() for match in _DATE.finditer(text)]
    for chain in found:
        search = _Search(text, lowered, chain.groups(), country, alone, dates)
        first = 0
        while first < len(search.groups):
            one = _phone_from(search, first)
            if one is None:
                first += 1
                continue
            yield one[0]
            first = one[1] + 1


class _Search:
    """One chain with what is known around it."""

    __slots__ = ("alone", "country", "dates", "groups", "lowered", "text")

    def __init__(
        self,
        text: str,
        lowered: str,
        groups: Sequence[Group],
        country: str | None,
        alone: bool,
        dates: list[tuple[int, int]],
    ) -> None:
        self.text, self.lowered, self.groups = text, lowered, groups
        self.country, self.alone, self.dates = country, alone, dates

    def is_date(self, start: int, end: int) -> bool:
        return any(low < end and start < high for low, high in self.dates)

    def joined(self, first: int, last: int) -> bool:
        """Whether only what may stand inside a telephone number stands between the groups."""
        groups = self.groups
        return all(_JOINT.fullmatch(self.text, groups[n].end, groups[n + 1].start) for n in range(first, last))


def _phone_from(search: _Search, first: int) -> tuple[Found, int] | None:
    """The longest telephone number that begins at a group, and the index of its last group."""
    group = search.groups[first]
    lead = _LEAD.search(search.text, max(0, group.start - 4), group.start)
    start = lead.start() if lead else group.start
    if start and (search.text[start - 1].isalnum() or search.text[start - 1] == "_"):
        return None
    longest = [w for w in windows(search.groups, first, _LONGEST + 2) if len(w[1]) >= _SHORTEST]
    said = hint(search.lowered, start) if longest else None
    for last, _ in reversed(longest):
        end = search.groups[last].end
        if search.joined(first, last) and not search.text[end : end + 1].isalnum():
            value = _value(search, start, end, said)
            if value is not None:
                return Found(start, end, Tag.PHONE, value), last
    return None


def _value(search: _Search, start: int, end: int, said: Hint | None) -> str | None:
    """The number as contact data, None when these characters are no telephone number."""
    written = search.text[start:end].replace("&nbsp;", " ").replace("&#160;", " ").strip()
    if written.startswith(("+", "(+", "00")):
        return _international(written)
    if search.is_date(start, end) or _is_amount(search.text, start, end):
        return None
    if said is Hint.ORDER and not written.startswith("("):
        return None
    return _national(written, search.country, said is Hint.PHONE, search.alone)


def _international(written: str) -> str | None:
    digits = _NO_DIGITS.sub("", written)
    digits = digits.removeprefix("00") if not written.lstrip("(").startswith("+") else digits
    try:
        number = phonenumbers.parse("+" + digits, None)
    except NumberParseException:
        return None
    # possible is enough: who writes a plus means a telephone number, and new ranges open every year
    if not _SHORTEST <= len(digits) <= _LONGEST or not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def _is_amount(text: str, start: int, end: int) -> bool:
    if _AMOUNT_BEFORE.search(text, max(0, start - 5), start) or _AMOUNT_AFTER.match(text, end):
        return True
    return _THOUSANDS.fullmatch(text, start, end) is not None


def _national(written: str, country: str | None, said: bool, alone: bool) -> str | None:
    if country and (said or alone or _looks_like_one(written, country)):
        number = _parse(written, country)
        if number is not None:
            return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    if any(_parse(written, region) is not None for region in _regions(written, said, alone)):
        return written
    return written if _believed(written, said) else None


def _believed(written: str, said: bool) -> bool:
    """Whether a number goes for a telephone number although no plan of numbers knows it: introduced as one, or
    with its zero and groups as one writes it in Europe."""
    digits = len(_NO_DIGITS.sub("", written))
    grouped = not written.isdigit() or written.startswith("0")
    return (said and grouped and digits >= 9) or (10 <= digits <= 11 and _ZERO_GROUPED.fullmatch(written) is not None)


def _looks_like_one(written: str, country: str) -> bool:
    """Whether a number of a known country needs no words around it."""
    if written.isdigit() and len(written) < 9:
        return False
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(country, None)
    zero = metadata is not None and metadata.national_prefix == "0" and country not in _ZERO_OPTIONAL
    return written.lstrip("(").startswith("0") if zero else True


def _regions(written: str, said: bool, alone: bool) -> tuple[str, ...]:
    if written.lstrip("(").startswith("0"):
        return _TRUNK if said or len(written) < 12 or not written.isdigit() else ()
    if said:
        return _PLAIN
    if written.isdigit():
        return (("CN",) if _CHINESE_MOBILE.fullmatch(written) else _BARE) if alone else ()
    if _NORTH_AMERICAN.fullmatch(written):
        return ("US",)
    if _BRAZILIAN.fullmatch(written):
        return ("BR",)
    return ("ES", "PT") if _IBERIAN.fullmatch(written) else ()


def _parse(written: str, region: str) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(written, region)
    except NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


_AT = re.compile(
    r"\s{0,3}(?:@|&#64;|&#x40;|&commat;|[(\[{<]\s?(?:at|@)\s?[)\]}>])\s{0,3}(?=[^\W_]|\[)"
    r"|\s{1,3}at\s{1,3}(?=[^\W_][\w.-]{0,62}\s{1,3}dot\s)",
    re.IGNORECASE,
)
_DOT = r"(?:\.|&#46;|&period;|[(\[{]\s?(?:dot|\.)\s?[)\]}])"
_LABEL = r"[^\W_](?:[\w-]{0,62})"
_TIGHT = re.compile(
    rf"(?:{_LABEL}{_DOT}){{1,8}}(?=[\d-]{{0,9}}[^\W\d_])[^\W_][\w-]{{1,62}}|\[[\da-f:.]{{2,45}}\]|\d{{1,3}}(?:\.\d{{1,3}}){{3}}",
    re.IGNORECASE,
)
# With spaces inside only what ends like an address is one: "we met @ the hotel. Then" is not.
_ENDINGS = (
    "com|net|org|edu|gov|info|biz|eu|co|io|app|dev|me|online|shop|site|store|tech|cloud|email|mobi|name|test|example|"
    "uk|de|fr|es|pt|br|it|nl|be|at|ch|se|no|dk|fi|pl|cz|ie|us|ca|mx|ar|cl|au|nz|in|jp|cn|ru|tr|gr|hu|ro|za"
)
_LOOSE = re.compile(rf"(?:{_LABEL}(?:\s{{0,2}}{_DOT}\s{{0,2}}|\s+dot\s+)){{1,8}}(?:{_ENDINGS})(?![\w-])", re.IGNORECASE)
_SENTENCE = re.compile(r"\s[A-Z][a-z]+$")
_LOCAL = frozenset("!#$%&'*+-/=?^_`{|}~.")
_BEFORE_LOCAL = re.compile(r".*[=?&/{}|#*'`]", re.DOTALL)  # email=ines@..., as forms and links have it
_OPENING = "'`*_=/&#?{|~.!"


def emails(text: str) -> Iterator[Found]:
    """Mail addresses of a folded text, also with spaces around the @ or with it written out."""
    floor = 0
    for at in _AT.finditer(text):
        domain = _domain(text, at)
        start = _local(text, at.start(), floor) if domain else at.start()
        if domain and start < at.start():
            floor = domain.end()
            yield Found(start, floor, Tag.EMAIL, _address(text[start : at.start()], domain.group()))


def _domain(text: str, at: re.Match[str]) -> re.Match[str] | None:
    tight = at.group() in ("@", "&#64;", "&#x40;", "&commat;")
    found = (_TIGHT.match(text, at.end()) if tight else None) or _LOOSE.match(text, at.end())
    # "thanks @anna. It works": after a space a capital begins a sentence
    return None if found and _SENTENCE.search(found.group()) else found


def _local(text: str, end: int, floor: int) -> int:
    """Where the part before the @ begins; `end` itself when there is none."""
    if end > floor and text[end - 1] == '"':
        quote = text.rfind('"', max(floor, end - 66), end - 1)
        return quote if quote >= 0 else end
    start = end
    while start > floor and (text[start - 1].isalnum() or text[start - 1] in _LOCAL):
        start -= 1
    while start < end and text[start] in _OPENING:
        start += 1
    return start


def _address(local: str, domain: str) -> str:
    domain = re.sub(rf"\s*{_DOT}\s*|\s+dot\s+", ".", domain, flags=re.IGNORECASE)
    return f"{_BEFORE_LOCAL.sub('', local)}@{domain}".lower()
