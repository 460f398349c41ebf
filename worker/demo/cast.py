"""The people of the story, and what they say. Nobody here exists; their numbers are kept free for drama."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from worker.demo.stream import SOURCE, Record

WORDS = (
    "Third call about the same invoice. Nobody has called me back, and the reminder fee is still on it. "
    "I have the names of everyone I spoke to, if that helps."
)
SLOW = "Evenings are unusable since the upgrade. I pay for 500 and get 40."
SLOWER = "Your engineer did not turn up today. Same speed, second day off work."


def person(number: int, name: str, tier: str, country: str = "GB", language: str = "en", **more: Any) -> dict[str, Any]:
    return {
        "id": f"c-{number}", "name": name, "email": f"customer{number}@example.com",
        "phone": f"+44 113 496 0{number}" if country == "GB" else None,
        "tier": tier, "country": country, "language": language, "may_contact": True,
        **more,
    }  # fmt: skip


def answer(ident: str, score: int, words: str | None, customer: Mapping[str, Any], **call: Any) -> dict[str, Any]:
    """An answer to the post-call survey; `call` changes what it was about."""
    interaction = {
        "id": f"call-{ident}", "channel": "phone", "agent": "cyd", "team": "leeds-billing", "unit": "leeds",
        "product": "Fibre 500", "wait_seconds": 340, "transfers": 1, **call,
    }  # fmt: skip
    return {
        "id": ident, "source": SOURCE, "survey": "post-call", "metric": "nps", "score": score, "comment": words,
        "language": customer["language"], "customer": customer, "interaction": interaction,
    }  # fmt: skip


INES = "ines-1"
MAYA = answer(
    "maya-1",
    10,
    "Rita stayed with me until the line worked and rang back an hour later to make sure. Wonderful.",
    person(103, "Maya Roe", "silver", "PT"),
    agent="rita",
    team="lisbon-care",
    unit="lisbon",
)
OSKAR = answer(
    "oskar-1",
    9,
    "Friendly as ever, but I was charged twice this month and nobody can tell me why.",
    person(104, "Oskar Lind", "gold"),
)
FARAH = answer(
    "farah-1",
    3,
    "You cut me off by mistake and want a reconnection fee for it. My solicitor will write to you.",
    person(105, "Farah Aziz", "silver"),
)
PIET = answer(
    "piet-1",
    3,
    "Two engineers, two stories, still no line in the shop. I am losing customers.",
    person(106, "Piet Jansen", "standard"),
)
WEBER = answer(
    "weber-1",
    3,
    "The discount is missing from the bill for the second month. Just correct it, please do not ring me.",
    person(107, "Jonas Weber", "standard", may_contact=False),
)
JOAO = answer(
    "joao-1",
    2,
    "A fatura veio errada outra vez e ninguém me responde há duas semanas.",
    person(108, "João Pinto", "gold", "PT", "pt"),
    agent="rita",
    team="lisbon-care",
    unit="lisbon",
)


def ines(words: str | None = None, updated: datetime | None = None) -> dict[str, Any]:
    """The score alone first, then the whole answer under the same id."""
    event = answer(INES, 2, words, person(101, "Ines Ferrer", "gold"), agent="ana")
    if updated is None:
        return {**event, "status": "partial"}
    return {**event, "updated_at": updated.isoformat()}


def leo(number: int, score: int, words: str) -> dict[str, Any]:
    return answer(f"leo-{number}", score, words, person(109, "Leo Brandt", "silver"))


def broken(at: datetime) -> Record:
    return Record(at, "c-999", b'{"id": "half-1", "score": 4, "comment": "The line went d')
