"""Invented responses, and what must be there once all of them were read.

Customers' words hold card numbers, account numbers and addresses, which must turn up nowhere else.

Every customer's records have the customer as key, so they lie in one partition and are read in order; what one record
becomes then does not depend on how the partitions are mixed.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

AGENTS = 30
SETTLE_SECONDS = 3
DESTROYED = ("4111 1111 1111 1111", "4111111111111111", "DE89 3704 0044 0532 0130 00", "DE89370400440532013000")
MOVED = "canary@private.example"  # becomes contact data, for those who may call
_SECRETS = (
    f"My card is {DESTROYED[0]}.",
    f"Pay it to {DESTROYED[2]}.",
    f"Write to {MOVED}!",
    f"{DESTROYED[1]}, please",
)

# How many of a hundred records, about, are of which kind. The quiet mix is for many records and few messages.
LIVELY = {
    "detractor": 30, "happy": 25, "again": 12, "edit": 10, "second": 8, "partial": 6, "complete": 6, "unknown": 3,
    "broken": 2, "off_scale": 1, "tombstone": 1,
}  # fmt: skip
QUIET = {
    "detractor": 2, "happy": 920, "again": 30, "edit": 20, "second": 1, "partial": 10, "complete": 10, "unknown": 1,
    "broken": 2, "off_scale": 1, "tombstone": 3,
}  # fmt: skip

RULES = {
    "routing.yaml": """
        format: 1
        maintained_by: ops@example.com
        rules:
          - id: key-customer
            name: Gold customers by mail
            when: {response.class: detractor, customer.tier: gold}
            then: {open: by-mail}
          - id: detractor
            name: Every other detractor
            when: {response.class: detractor}
            then: {open: by-slack}
          - id: rest
            name: Nothing to do
            when: always
            then: {ignore: not a detractor}
        """,
    "playbooks.yaml": """
        format: 1
        playbooks:
          by-slack:
            name: Call
            owner: [agent]
            due: 5 days
            if_already_open: add_note
            notify: [{to: owner, by: [slack]}]
          by-mail:
            name: Call, told by mail
            owner: [agent]
            due: 5 days
            if_already_open: add_note
            notify: [{to: owner, by: [email]}]
        """,
    "surveys.yaml": f"""
        format: 1
        surveys:
          post-call: {{name: After a call, metric: nps, settle: {SETTLE_SECONDS} seconds}}
        """,
    "directory.yaml": "\n".join(
        [
            "format: 1",
            'default_owner: "person:agent-0"',
            "people:",
            *[
                f"  agent-{n}: {{name: Agent {n}, email: agent-{n}@example.com, slack: U00AGENT{n:02}}}"
                for n in range(AGENTS)
            ],
        ]
    ),
}


# The same, once somebody has said what the kiosk asks.
MENDED = RULES | {
    "surveys.yaml": RULES["surveys.yaml"].rstrip() + "\n          kiosk: {name: At the door, metric: nps}\n",
}


@dataclass(slots=True)
class Expected:
    """What the records written so far must become."""

    outcomes: Counter[str] = field(default_factory=Counter)  # as the ledger counts them
    versions: dict[str, int] = field(default_factory=dict)  # response id -> how many versions
    opened: set[str] = field(default_factory=set)  # responses that open a follow-up
    added: dict[str, str] = field(default_factory=dict)  # response -> the one whose follow-up it joins
    dead: Counter[str] = field(default_factory=Counter)  # reason -> how many
    replayable: dict[str, bool] = field(default_factory=dict)  # dead responses that mended rules can read -> bad ones

    def mend(self) -> None:
        """What a replay under the mended rules adds. The ledger stays: the dead letter says what became of it."""
        self.versions |= dict.fromkeys(self.replayable, 1)
        self.opened |= {id_ for id_, bad in self.replayable.items() if bad}


@dataclass(slots=True)
class _Response:
    event: dict[str, Any]
    final: bool
    edits: int = 0


@dataclass(frozen=True, slots=True)
class Written:
    """One record to produce."""

    key: str
    value: bytes | None


class Story:
    """An endless stream of records, the same for the same seed."""

    def __init__(self, seed: int, mix: Mapping[str, int] = LIVELY) -> None:
        self.expected = Expected()
        self._random = random.Random(seed)
        self._clock = datetime.now(UTC) - timedelta(hours=6)
        self._responses: list[_Response] = []
        self._n = 0
        self._mix = mix

    def burst(self, n: int) -> list[Written]:
        kinds = self._random.choices(list(self._mix), list(self._mix.values()), k=n)
        return [getattr(self, f"_{kind}")() for kind in kinds]

    # Each of these writes down what must come of its record

    def _detractor(self) -> Written:
        response = self._new(score=self._random.randint(2, 6), tier=self._random.choice(["gold", "silver"]))
        self.expected.opened.add(response.event["id"])
        return self._accepted(response)

    def _happy(self) -> Written:
        return self._accepted(self._new(score=self._random.randint(7, 10)))

    def _partial(self) -> Written:
        """The score alone; the comment may come later, or never."""
        response = self._new(score=self._random.randint(7, 10), status="partial")
        response.final = False
        return self._accepted(response)

    def _complete(self) -> Written:
        waiting = [one for one in self._responses if not one.final]
        if not waiting:
            return self._happy()
        response = self._random.choice(waiting)
        response.final = True
        return self._next_version(response, status="final", comment="And now the comment.")

    def _edit(self) -> Written:
        final = [one for one in self._responses if one.final]
        if not final:
            return self._happy()
        response = self._random.choice(final)
        response.edits += 1
        return self._next_version(response, comment=f"Changed my mind, {response.edits} times by now.")

    def _again(self) -> Written:
        """The same bytes once more."""
        if not self._responses:
            return self._happy()
        self.expected.outcomes["duplicate"] += 1
        return _written(self._random.choice(self._responses).event)

    def _second(self) -> Written:
        """Another bad answer of somebody who is already being looked after."""
        openers = [one for one in self._responses if one.event["id"] in self.expected.opened]
        if not openers:
            return self._detractor()
        first = self._random.choice(openers).event
        response = self._new(score=self._random.randint(2, 6), customer=first["customer"], agent=first["interaction"])
        self.expected.added[response.event["id"]] = first["id"]
        return self._accepted(response)

    def _broken(self) -> Written:
        self.expected.outcomes["dead"] += 1
        self.expected.dead["not_json"] += 1
        return Written(f"broken-{self._count()}", b'{"comment": "%s' % self._words().encode())

    def _unknown(self) -> Written:
        """Of a survey that nobody described: dead until the rules are mended."""
        self.expected.outcomes["dead"] += 1
        self.expected.dead["unknown_scale"] += 1
        event = self._event(score=self._random.randint(2, 10)) | {"survey": "kiosk", "metric": None}
        self.expected.replayable[event["id"]] = event["score"] <= 6
        return _written(event)

    def _off_scale(self) -> Written:
        self.expected.outcomes["dead"] += 1
        self.expected.dead["score_out_of_scale"] += 1
        event = self._event(score=11)
        return _written(event)

    def _tombstone(self) -> Written:
        self.expected.outcomes["not_response"] += 1
        return Written(f"tombstone-{self._count()}", None)

    # Events

    def _accepted(self, response: _Response) -> Written:
        self.expected.outcomes["accepted"] += 1
        self.expected.versions[response.event["id"]] = 1
        self._responses.append(response)
        return _written(response.event)

    def _next_version(self, response: _Response, **changes: Any) -> Written:
        response.event = {**response.event, **changes, "updated_at": self._later()}
        self.expected.outcomes["updated"] += 1
        self.expected.versions[response.event["id"]] += 1
        return _written(response.event)

    def _new(self, **fields: Any) -> _Response:
        return _Response(self._event(**fields), final=True)

    def _event(
        self,
        score: int,
        *,
        tier: str = "silver",
        status: str = "final",
        customer: dict[str, Any] | None = None,
        agent: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        n = self._count()
        return {
            "id": f"r-{n}",
            "source": "kill-test",
            "survey": "post-call",
            "metric": "nps",
            "score": score,
            "comment": None if status == "partial" else f"Words of response {n}. {self._words()}",
            "status": status,
            "responded_at": self._later(),
            "customer": customer or {"id": f"c-{n}", "name": f"Customer {n}", "tier": tier, "may_contact": True},
            "interaction": agent or {"agent": f"agent-{self._random.randrange(AGENTS)}"},
        }

    def _words(self) -> str:
        return self._random.choice(_SECRETS)

    def _count(self) -> int:
        self._n += 1
        return self._n

    def _later(self) -> str:
        self._clock += timedelta(milliseconds=100)
        return self._clock.isoformat()


def _written(event: dict[str, Any]) -> Written:
    return Written(event["customer"]["id"], json.dumps(event).encode())
