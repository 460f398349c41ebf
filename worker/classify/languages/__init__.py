"""What innerloop knows of languages by itself: their small words, and words that say how somebody feels.

A new language is one file with a `Language` and its name below. English is full, the others are starters.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from worker.classify.languages.de import GERMAN
from worker.classify.languages.en import ENGLISH
from worker.classify.languages.es import SPANISH
from worker.classify.languages.fr import FRENCH
from worker.classify.languages.language import Language
from worker.classify.languages.others import OTHERS
from worker.classify.languages.pt import PORTUGUESE

LANGUAGES: Mapping[str, Language] = MappingProxyType(
    {language.code: language for language in (ENGLISH, GERMAN, FRENCH, SPANISH, PORTUGUESE)}
)

__all__ = ["LANGUAGES", "OTHERS", "Language"]
