"""Reading a comment: its language, themes, severities and mood, with the words that show each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache

from msgspec import Struct

from worker.classify.found import Tag
from worker.classify.languages import LANGUAGES, OTHERS, Language
from worker.classify.sentiment import Hit, Mood, is_negator, mood
from worker.classify.words import Index, Kind, Label, Phrase, Text, normal, phrase
from worker.model.survey import Lexicon, Polarity
from worker.model.verdict import Evidence, Sentiment

_MOST_EVIDENCE = 5  # spans per label; more only fill the store
_LONGEST_NEGATION = 4  # filler words between a negator and a severe word
_TAG = re.compile("|".join(re.escape(tag) for tag in Tag))
_LETTER = re.compile(r"[^\W\d_]")
_MOST_WORDS = 200  # looked at to tell a language
_FEW_WORDS = 3
_KNOWN_SHARE = 0.15  # of the words, weighed by how many languages share them


class Reading(Struct, frozen=True, kw_only=True):
    """What the words of a comment say. `read` is False when its language has no lexicon."""

    read: bool
    language: str | None
    sentiment: Sentiment | None = None
    confidence: float | None = None
    themes: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class _Lexicons:
    """All lexicons of one language, made ready once per rule set."""

    __slots__ = ("index", "language", "marks", "order")

    def __init__(self, code: str, themes: Sequence[Lexicon], severity: Sequence[Lexicon]) -> None:
        self.language = LANGUAGES.get(code) or _strange(code)
        labels = [
            *((Label(Kind.THEME, one.label), one) for one in themes),
            *((Label(Kind.SEVERITY, one.label), one) for one in severity),
        ]
        self.order = {label: place for place, (label, _) in enumerate(labels)}
        phrases = [(label, text, phrase(label, text)) for label, text in _written(code, labels)]
        self.index = Index([*(one for _, _, one in phrases if one), *_polar(code)])
        self.marks = [
            (label, normal(text).strip())
            for label, text, one in phrases
            if one is None and label.kind in (Kind.THEME, Kind.SEVERITY) and text.strip()
        ]


def _strange(code: str) -> Language:
    """A language that only the site's lexicons know."""
    none: frozenset[str] = frozenset()
    return Language(
        code=code,
        small=none,
        polar={},
        negators=none,
        wishes=none,
        boosters={},
        contrasts=none,
        fillers=none,
        neutral=none,
    )


@cache
def _polar(code: str) -> tuple[Phrase, ...]:
    """What sounds happy or unhappy in a language, made ready once for all rule sets."""
    polar = LANGUAGES[code].polar if code in LANGUAGES else {}
    return tuple(one for text, weight in polar.items() if (one := phrase(Label(Kind.POLAR, "", weight), text)))


def _written(code: str, labels: Iterable[tuple[Label, Lexicon]]) -> Iterator[tuple[Label, str]]:
    for label, lexicon in labels:
        for text in _of(code, lexicon.words):
            yield label, text
        excluded = Label(Kind.NOT_THEME if label.kind is Kind.THEME else Kind.NOT_SEVERITY, label.name)
        for text in _of(code, lexicon.exclusions):
            yield excluded, text


def _of(code: str, by_language: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The words of a language and of its regions: pt also reads those under pt-BR."""
    return [text for tag, texts in by_language.items() if primary(tag) == code for text in texts]


class CommentReader:
    """Reads comments with the lexicons of a rule set and what innerloop knows of languages by itself.

    An exclusion takes away only the words it covers: `words: [bill]`, `not: [bill gates]` still finds the second
    bill in "Bill Gates would not pay this bill". A severe word is not counted where it is denied ("not going to sue").
    """

    def __init__(self, themes: Sequence[Lexicon], severity: Sequence[Lexicon]) -> None:
        codes = dict.fromkeys(LANGUAGES)
        for lexicon in (*themes, *severity):
            codes |= dict.fromkeys(primary(tag) for tag in lexicon.words)
        self._lexicons = {code: _Lexicons(code, themes, severity) for code in codes}
        self._shares = _shares(self._lexicons)

    def read(self, comment: str, language: str | None, polarity: Polarity = Polarity.OPEN) -> Reading:
        """Read a comment in `language` (an IETF tag; only its first part counts); None has it told from the words."""
        text = Text(_TAG.sub(_hidden, comment) if "[" in comment else comment)
        code = primary(language) if language and language.strip() else self.tell(text)
        lexicons = self._lexicons.get(code) if code else None
        if lexicons is None:
            # a comment without a letter is no foreign language: it is only not much
            return Reading(read=not _LETTER.search(text.normal), language=code)
        labels, polar = _found(text, lexicons)
        felt = mood(text, polar, lexicons.language, polarity)
        named = dict.fromkeys([label for label, _, _ in labels])
        evidence = _evidence(text, labels) if labels else []
        if lexicons.marks:
            evidence += _marked(text, lexicons.marks, named)
        if felt.hits:
            evidence += _felt(text, felt)
        ordered = sorted(named, key=lexicons.order.__getitem__) if len(named) > 1 else named
        return Reading(
            read=True,
            language=code,
            sentiment=felt.sentiment,
            confidence=felt.confidence,
            themes=tuple([label.name for label in ordered if label.kind is Kind.THEME]),
            severity=tuple([label.name for label in ordered if label.kind is Kind.SEVERITY]),
            evidence=tuple(evidence),
        )

    def tell(self, text: Text) -> str | None:
        """The language whose words a text uses most, None when it uses too few of any.

        A few words are too few to tell a language that nobody here reads from one that is read.
        """
        words = text.words[:_MOST_WORDS]
        few = len(words) <= _FEW_WORDS
        scores: dict[str, float] = {}
        for word in words:
            for code, share in self._shares.get(word, ()):
                if not few or code in self._lexicons:
                    scores[code] = scores.get(code, 0.0) + share
        if not scores:
            return next((code for code, one in self._lexicons.items() if text.bare in one.language.neutral), None)
        best = max(scores, key=scores.__getitem__)
        return best if few or scores[best] >= _KNOWN_SHARE * len(words) else None


def _hidden(tag: re.Match[str]) -> str:
    """As long as the tag of redaction, without its word: "[phone]" says nothing about telephones."""
    return "\0" * len(tag.group())


@lru_cache(maxsize=256)
def primary(tag: str) -> str:
    """The language of a tag: `pt-BR` and `pt_BR` are pt."""
    return tag.strip().lower().replace("_", "-").split("-", 1)[0]


def _shares(lexicons: Mapping[str, _Lexicons]) -> dict[str, tuple[tuple[str, float], ...]]:
    """For each known word its languages, each with an equal share of it."""
    known: dict[str, list[str]] = {}
    for code in dict.fromkeys((*lexicons, *OTHERS)):
        one = lexicons.get(code)
        vocabulary = {*one.language.small, *one.index.firsts()} if one else set()
        for word in vocabulary | OTHERS.get(code, frozenset()):
            known.setdefault(word, []).append(code)
    return {word: tuple((code, 1 / len(codes)) for code in codes) for word, codes in known.items()}


_Span = tuple[Label, int, int]  # a label, and its first and last word


def _found(text: Text, lexicons: _Lexicons) -> tuple[list[_Span], list[Hit]]:
    """Labels with their places, exclusions and denials taken away, and the polar phrases, none inside another."""
    labels: list[_Span] = []
    excluded: list[_Span] = []
    polar: list[Hit] = []
    free = 0  # the first word that no polar phrase has taken
    for at, one in lexicons.index.find(text):
        kind = one.label.kind
        if kind is Kind.POLAR:
            if at >= free:
                free = at + len(one.words)
                if one.label.weight:
                    polar.append(Hit(at, len(one.words), one.label.weight))
        elif kind is Kind.NOT_THEME:
            excluded.append((Label(Kind.THEME, one.label.name), at, at + len(one.words) - 1))
        elif kind is Kind.NOT_SEVERITY:
            excluded.append((Label(Kind.SEVERITY, one.label.name), at, at + len(one.words) - 1))
        elif kind is Kind.THEME or not _denied(text, at, lexicons.language):
            labels.append((one.label, at, at + len(one.words) - 1))
    return (_allowed(labels, excluded) if excluded else labels), polar


def _denied(text: Text, at: int, language: Language) -> bool:
    for before in range(at - 1, max(-1, at - 2 - _LONGEST_NEGATION), -1):
        if not text.gaps[before + 1].isspace():
            return False
        if is_negator(text, before, language):
            return True
        if text.words[before] not in language.fillers:
            return False
    return False


def _allowed(labels: Iterable[_Span], excluded: Iterable[_Span]) -> list[_Span]:
    covered = {(label, word) for label, first, last in excluded for word in range(first, last + 1)}
    return [
        (label, first, last)
        for label, first, last in labels
        if not any((label, word) in covered for word in range(first, last + 1))
    ]


def _evidence(text: Text, labels: Iterable[_Span]) -> list[Evidence]:
    counts: dict[Label, int] = {}
    evidence = []
    for label, first, last in labels:
        counts[label] = counts.get(label, 0) + 1
        if counts[label] <= _MOST_EVIDENCE:
            evidence.append(_span(text, label.name, first, last))
    return evidence


def _felt(text: Text, felt: Mood) -> list[Evidence]:
    hits: Sequence[Hit] = felt.hits
    if len(hits) > _MOST_EVIDENCE:
        hits = sorted(sorted(hits, key=lambda hit: -abs(hit.weight))[:_MOST_EVIDENCE])
    name = felt.sentiment.value if felt.sentiment else ""
    return [_span(text, name, hit.at, hit.at + hit.length - 1) for hit in hits]


def _span(text: Text, name: str, first: int, last: int) -> Evidence:
    return Evidence(name, *text.original(first, last))


def _marked(text: Text, marks: Iterable[tuple[Label, str]], named: dict[Label, None]) -> list[Evidence]:
    """Signs without words, such as emoji, that a lexicon lists; their labels are added to those named."""
    evidence = []
    for label, mark in marks:
        at = text.normal.find(mark)
        if at >= 0:
            named[label] = None
            evidence.append(Evidence(label.name, *text.place(at, at + len(mark))))
    return evidence
