"""How a text sounds: words with weights, turned round by negators, raised by boosters. Abstains when unsure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

from worker.classify.languages import Language
from worker.classify.words import Text
from worker.model.survey import Polarity
from worker.model.verdict import Sentiment

_REACH = 3  # words before a polar word in which a negator or a booster belongs to it
_WISH_LENGTH = 2  # words of a wish that may stand between: "could not have been more helpful"
_TURNED_GOOD, _TURNED_BAD = -0.9, -0.4  # "not good" is bad; "not bad" is only a little good
_WISHED = -0.5  # "could be clearer"
_BEFORE_CONTRAST = 0.6  # "nice people, but ...": what follows is what they mean
_LESS_TELLING = 0.5  # complaints where the survey asks for complaints, praise where it asks for praise
_ONE_SIDED = 0.3  # from this balance on, a text with both is not mixed
_SURE_ENOUGH = 0.35
_FACES = {
    **dict.fromkeys("😡🤬😠👎💩🤮😤😭😢😞😔☹🙁😒🖕😩😫😖", -2.0),
    **dict.fromkeys("😀😃😄😁😊🙂😍🥰👍👏🎉❤💯🤩😎🙏💖💕🥳☺😘", 2.0),
}
_EMOTICON = re.compile(r"(?<![\w:])[:;=]-?(?:(?P<sad>[(\[/])|[)\]D])(?!\w)")


class Hit(NamedTuple):
    """A polar phrase: word `at` and those after it, `length` in all, with its weight in this place."""

    at: int
    length: int
    weight: float


class Mood(NamedTuple):
    """`sentiment` and `confidence` are None when the text does not say enough. `hits` bear the sentiment."""

    sentiment: Sentiment | None
    confidence: float | None
    hits: tuple[Hit, ...] = ()


SILENT = Mood(None, None)


def mood(text: Text, found: Sequence[Hit], language: Language, polarity: Polarity) -> Mood:
    """The mood of a text from its polar phrases, in the order of the text."""
    hits = [_in_place(text, hit, language) for hit in found]
    if hits and not language.contrasts.isdisjoint(text.words):
        hits = _contrasted(text, hits, language)
    happy = unhappy = 0.0
    for weight in [hit.weight for hit in hits] + _faces(text.normal):
        if weight > 0:
            happy += weight
        else:
            unhappy -= weight
    if polarity is Polarity.IMPROVE:
        unhappy *= _LESS_TELLING
    elif polarity is Polarity.PRAISE:
        happy *= _LESS_TELLING
    if not happy and not unhappy:
        return _opinionless(text, language)
    return _weighed(happy, unhappy, hits)


def _in_place(text: Text, hit: Hit, language: Language) -> Hit:
    """The hit with the weight that the words before it give it."""
    weight, turned = hit.weight, False
    wished = weight > 0 and _is_wished(text, hit.at, language)
    reach = _REACH + _WISH_LENGTH if wished else _REACH
    for at in range(hit.at - 1, max(-1, hit.at - 1 - reach), -1):
        word = text.words[at]
        if text.gaps[at + 1] != " " and _breaks(text.gaps[at + 1]):
            break
        if word in language.boosters:
            weight *= language.boosters[word]
        elif word in language.negators and is_negator(text, at, language):
            turned = not turned
    if wished and turned:
        return hit  # "could not be more helpful"
    if wished:
        weight *= _WISHED
    elif turned:
        weight *= _TURNED_GOOD if weight > 0 else _TURNED_BAD
    return hit if weight == hit.weight else Hit(hit.at, hit.length, weight)


def _is_wished(text: Text, at: int, language: Language) -> bool:
    """Whether the words before a polar word, boosters aside, make it a wish: "would be very nice"."""
    before = at - 1
    while before > max(0, at - _REACH) and text.words[before] in language.boosters:
        before -= 1
    if before < 0 or text.words[before] not in _last_words(language.wishes):
        return False
    return any(" ".join(text.words[max(0, before - n) : before + 1]) in language.wishes for n in range(3))


@cache
def _last_words(phrases: frozenset[str]) -> frozenset[str]:
    return frozenset(one.rsplit(" ", 1)[-1] for one in phrases)


def is_negator(text: Text, at: int, language: Language) -> bool:
    """Whether word `at` negates. The `t` of "didn't" does, the one of "AT&T" does not."""
    word = text.words[at]
    if word not in language.negators:
        return False
    if word == "t":
        return at > 0 and text.gaps[at] == "'"
    return True


def _breaks(gap: str) -> bool:
    return not gap.isspace() and gap not in ("'", "-")


def _contrasted(text: Text, hits: Iterable[Hit], language: Language) -> list[Hit]:
    last = max(at for at, word in enumerate(text.words) if word in language.contrasts)
    return [hit if hit.at > last else Hit(hit.at, hit.length, hit.weight * _BEFORE_CONTRAST) for hit in hits]


def _faces(normal: str) -> list[float]:
    weights = [] if normal.isascii() else [_FACES[each] for each in normal if each in _FACES]
    if ":" in normal or ";" in normal or "=" in normal:
        weights += [-2.0 if face["sad"] else 2.0 for face in _EMOTICON.finditer(normal)]
    return weights


def _opinionless(text: Text, language: Language) -> Mood:
    if len(text.words) <= 6 and text.bare in language.neutral:
        return Mood(Sentiment.NEUTRAL, 0.6)
    return SILENT


def _weighed(happy: float, unhappy: float, hits: Sequence[Hit]) -> Mood:
    """Confidence grows with the weight of the words and with how one-sided they are; both lie in 0 to 1."""
    total = happy + unhappy
    balance = (happy - unhappy) / total
    said = 1 - math.exp(-total / 2)
    if abs(balance) < _ONE_SIDED:
        confidence = said * (1 - abs(balance))
        sentiment = Sentiment.MIXED
    else:
        confidence = said * (0.5 + abs(balance) / 2)
        sentiment = Sentiment.POSITIVE if balance > 0 else Sentiment.NEGATIVE
    if confidence < _SURE_ENOUGH:
        return SILENT
    bearing = tuple(hit for hit in hits if sentiment is Sentiment.MIXED or (hit.weight > 0) == (balance > 0))
    return Mood(sentiment, round(min(confidence, 0.99), 2), bearing)
