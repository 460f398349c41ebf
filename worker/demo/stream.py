"""An afternoon of answers from invented customers: several surveys, two cities, six languages, every mood."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import yaml

TOPIC = "feedback.responses"
SOURCE = "quillbay"
WORDLESS = {"post-call": 90, "after-chat": 60, "effort": 45, "shop": 40, "help-page": 19}
"""Answers that are only a score, per survey. Most customers say nothing, as everywhere."""
IN_TWO_PARTS = 4  # of those with words: the score comes first, the words some minutes later
AFTERNOON = timedelta(minutes=205)

Event = dict[str, Any]


class Record(msgspec.Struct, frozen=True):
    """What goes onto the topic, and when."""

    at: datetime
    key: str
    value: bytes


_CHANCES = {  # per metric: how often each score is given, lowest first
    "nps": (0, (2, 1, 2, 2, 2, 3, 4, 14, 18, 26, 26)),
    "csat": (1, (5, 6, 22, 37, 30)),
    "ces": (1, (2, 3, 4, 14, 17, 34, 26)),
    "stars": (1, (5, 6, 22, 32, 35)),
    "thumbs": (0, (25, 75)),
}
_COUNTRY = {"en": "GB", "pt": "PT", "es": "ES", "de": "DE", "fr": "FR"}
_TIERS = ("platinum", "gold", "silver", "standard")
_PRODUCTS = ("Fibre 100", "Fibre 500", "Fibre 900", "Mobile", "TV")
_DESKS = {  # by city: the team, and who takes calls and chats there
    "leeds": ("leeds-billing", ("ana", "cyd", "cyd", "bo", "gil")),
    "lisbon": ("lisbon-care", ("rita", "tomas", "lia")),
}


def afternoon(start: datetime, seed: int = 1912) -> list[Record]:
    """All records by time: the same ones in every run."""
    rng = random.Random(seed)
    invent = _Inventing(rng)
    answers = [*_with_words(invent), *_without_words(invent)]
    rng.shuffle(answers)
    step = AFTERNOON / len(answers)
    moments = [start + step * n for n in range(len(answers))]
    records = [record(event, at) for event, at in zip(answers, moments, strict=True)]
    worded = [n for n, event in enumerate(answers) if event.get("comment") and n > 40]
    again = records[worded[IN_TWO_PARTS]]  # a sender that did not hear our thanks sends once more
    records.append(Record(again.at + timedelta(minutes=9), again.key, again.value))
    for n in worded[:IN_TWO_PARTS]:
        records[n], whole = _in_two_parts(answers[n], moments[n])
        records.append(whole)
    return sorted(records, key=lambda one: one.at)


def record(event: Event, at: datetime) -> Record:
    """An event as it goes onto the topic, answered at `at`. One customer's records keep their order."""
    body = {"responded_at": at.isoformat(), **event}
    return Record(at, body["customer"]["id"], msgspec.json.encode(body))


def _in_two_parts(event: Event, at: datetime) -> tuple[Record, Record]:
    """The score at once, the words five minutes later under the same id."""
    whole = {**event, "responded_at": at.isoformat()}
    score = {**whole, "comment": None, "status": "partial"}
    later = at + timedelta(minutes=5)
    return record(score, at), record({**whole, "updated_at": later.isoformat()}, later)


def _with_words(invent: _Inventing) -> Iterator[Event]:
    for survey, voice in _read("voices.yaml").items():
        for score, language, words, *agent in voice["words"]:
            event = invent.answer(survey, voice["metric"], voice["channel"], score, language, *agent)
            yield {**event, "comment": words}


def _without_words(invent: _Inventing) -> Iterator[Event]:
    voices = _read("voices.yaml")
    for survey, count in WORDLESS.items():
        metric, channel = voices[survey]["metric"], voices[survey]["channel"]
        lowest, chances = _CHANCES[metric]
        for score in invent.rng.choices(range(lowest, lowest + len(chances)), chances, k=count):
            yield invent.answer(survey, metric, channel, score, invent.rng.choices(("en", "pt", "es"), (13, 4, 3))[0])


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((Path(__file__).parent / name).read_text("utf-8"))
    return found


class _Inventing:
    """Numbers customers and answers, and gives each customer a life of their own."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._count = 0
        self._names = _read("names.yaml")
        self._taken: set[str] = set()

    def answer(
        self, survey: str, metric: str, channel: str, score: int, language: str, agent: str | None = None
    ) -> Event:
        self._count += 1
        country = _COUNTRY[language]
        return {
            "id": f"q-{self._count:04}",
            "source": SOURCE,
            "survey": survey,
            "metric": metric,
            "score": score,
            "language": language,
            "customer": self._customer(country, language),
            "interaction": self._interaction(channel, country, agent),
        }

    def _customer(self, country: str, language: str) -> Event:
        number = 2000 + self._count
        tier = self.rng.choices(_TIERS, (1, 3, 8, 20))[0]
        return {
            "id": f"c-{number}",
            "name": self._name(country),
            "email": f"customer{number}@example.com",
            # Ofcom keeps these numbers free for drama.
            "phone": f"+44 7700 900{self.rng.randrange(1000):03}" if country == "GB" else None,
            "language": language,
            "country": country,
            "tier": tier,
            "account_manager": "mara" if tier == "platinum" else None,
            "may_contact": self.rng.choices((True, None, False), (34, 4, 2))[0],
        }

    def _name(self, country: str) -> str:
        """One that no other customer has, or the same follow-up would seem to be there twice."""
        names = self._names[country]
        while True:
            name = f"{self.rng.choice(names['given'].split())} {self.rng.choice(names['family'].split())}"
            if name not in self._taken:
                self._taken.add(name)
                return name

    def _interaction(self, channel: str, country: str, agent: str | None) -> Event:
        unit = "leeds" if country == "GB" else "lisbon"
        team, agents = _DESKS[unit]
        served = channel in {"phone", "chat", "app"}
        return {
            "id": f"i-{self._count:04}",
            "channel": channel,
            "agent": (agent or self.rng.choice(agents)) if served else None,
            "team": None if channel == "web" else team,  # a help page belongs to nobody
            "unit": unit,
            "product": self.rng.choice(_PRODUCTS),
            "wait_seconds": self.rng.randrange(20, 1500) if served else None,
            "transfers": self.rng.choices((0, 1, 2), (8, 3, 1))[0] if served else None,
        }
