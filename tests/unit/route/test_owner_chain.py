"""Who owns a follow-up, who was passed over and why, and when it is due."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.rule_sets import NOW, classify, loaded, response, rule_set
from worker.model.decision import Decision, Facts, Skip
from worker.model.directory import Person, Team
from worker.model.response import Customer, Interaction
from worker.route.decide import Decider
from worker.route.owners import Reachable, has_address, resolve_recipient, skip_words

DIRECTORY = """format: 1
default_owner: "person:head"
default_calendar: berlin
calendars:
  berlin: {timezone: Europe/Berlin, hours: {mon-fri: ["09:00-12:30", "13:00-17:30"]}}
  lisbon: {timezone: Europe/Lisbon, hours: {mon-sun: "10:00-20:00"}}
units:
  north: {parent: country}
  country: {manager: uma}
teams:
  billing: {lead: lea, queue: {slack: "#billing"}, unit: north}
  porto: {lead: rui, calendar: lisbon, queue: {email: porto@example.com}}
people:
  head: {name: Head, email: head@example.com}
  ana: {name: Ana, email: Ana@Example.com, known_as: [a-417, "zendesk:3811"], team: billing, manager: bo}
  bo: {name: Bo, email: bo@example.com}
  cyd: {name: Cyd, slack: U1, away: [{from: 2026-11-23, until: 2026-11-23}]}
  lea: {name: Lea, email: lea@example.com}
  uma: {name: Uma, email: uma@example.com}
  rui: {name: Rui, email: rui@example.com, team: porto}
  gone: {name: Gone, email: g@example.com, manager: bo, left: 2026-11-20}
  leaving: {name: Leaving, email: l@example.com, left: 2026-11-21}
  off: {name: Off, email: o@example.com, manager: bo, away: [{from: 2026-11-20, until: 2026-11-24, delegate: bo}]}
  ill: {name: Ill, email: i@example.com, away: [{from: 2026-11-20, until: 2026-12-24, delegate: cyd}]}
  mute: {name: Mute}
"""


def decide(playbook: str, reachable: Reachable = has_address, **interaction: Any) -> Decision:
    """A detractor's decision with one playbook, given in braces."""
    routing = (
        "format: 1\ntimezone: Europe/Berlin\nrules:\n"
        "  - {id: bad, when: {response.class: detractor}, then: {open: p}}\n"
        "  - {id: rest, when: always, then: {ignore: fine}}\n"
    )
    playbooks = f"format: 1\nplaybooks: {{p: {{name: P, {playbook}}}}}\n"
    rules = rule_set({"routing.yaml": routing, "playbooks.yaml": playbooks, "directory.yaml": DIRECTORY})
    asked = response(2, Customer(account_manager="rui"), Interaction(**interaction))
    return Decider(rules).decide(asked, classify(asked), Facts(), NOW, reachable)


CHAINS = [
    ("owner: agent", {"agent": "ana"}, "ana"),
    ("owner: agent", {"agent": "a-417"}, "ana"),
    ("owner: agent", {"agent": "ANA@example.com"}, "ana"),
    ("owner: manager", {"agent": "ana"}, "bo"),
    ("owner: manager", {"agent": "gone"}, "bo"),  # also when the agent left
    ("owner: manager", {"agent": "off"}, "bo"),  # or is away
    ("owner: account_manager", {}, "rui"),
    ("owner: team_lead", {"agent": "ana"}, "lea"),  # the agent's team
    ("owner: team_lead", {"agent": "ana", "team": "porto"}, "rui"),  # the response's goes first
    ("owner: team_queue", {"team": "billing"}, "team:billing"),
    ("owner: unit_manager", {"unit": "north"}, "uma"),  # the next unit above with a manager
    ("owner: unit_manager", {"agent": "ana"}, "uma"),  # the team's unit
    ("owner: 'team:porto'", {}, "team:porto"),
    ("owner: 'person:lea'", {}, "lea"),
    ("owner: agent", {"agent": "off"}, "bo"),  # the delegate owns it
    ("owner: agent", {"agent": "leaving"}, "leaving"),  # still there today
    ("owner: agent", {}, "head"),  # the default owner is always last
]


@pytest.mark.parametrize(("chain", "interaction", "owner"), CHAINS)
def test_the_first_candidate_who_can_owns_it(chain: str, interaction: dict[str, Any], owner: str) -> None:
    assert decide(f"{chain}, due: 1 day", **interaction).owner == owner


SKIPS = [
    ("owner: agent", {}, Skip("agent", None, "unknown")),
    ("owner: agent", {"agent": "x-1"}, Skip("agent", "x-1", "unknown")),
    ("owner: agent", {"agent": "gone"}, Skip("agent", "gone", "left")),
    ("owner: agent, owner_not: agent", {"agent": "ana"}, Skip("agent", "ana", "owner_not")),
    ("owner: agent", {"agent": "ill"}, Skip("agent", "ill", "away")),  # the delegate is away, too: one hop
    ("owner: 'person:cyd'", {}, Skip("person:cyd", "cyd", "away")),  # from Monday, and due is on Monday
    ("owner: agent", {"agent": "mute"}, Skip("agent", "mute", "no_channel")),
    ("owner: 'team:billing', private: yes", {}, Skip("team:billing", "team:billing", "private")),
]


@pytest.mark.parametrize(("chain", "interaction", "skip"), SKIPS)
def test_every_skip_is_told_with_its_reason(chain: str, interaction: dict[str, Any], skip: Skip) -> None:
    decision = decide(f"{chain}, due: 3 days", **interaction)
    assert decision.owner_skips == (skip,)
    assert (decision.owner, decision.owner_via) == ("head", "default_owner")
    assert skip_words(skip)


def test_who_is_away_only_after_it_is_due_owns_it() -> None:
    assert decide("owner: 'person:cyd', due: 1 hour").owner == "cyd"


def test_a_delegate_is_named_with_whom_they_stand_in_for() -> None:
    decision = decide("owner: agent, due: 1 day", agent="off")
    assert (decision.owner, decision.owner_via, decision.stands_in_for) == ("bo", "agent", "off")


def test_the_default_owner_is_not_skipped_even_out_of_reach() -> None:
    assert decide("owner: agent, due: 1 day", reachable=lambda who: False, agent="ana").owner == "head"


def test_a_channel_that_does_not_work_skips_a_person() -> None:
    def by_mail(who: Person | Team) -> bool:
        return isinstance(who, Person) and who.email is not None

    assert decide("owner: ['person:cyd', 'person:bo'], due: 1 hour", reachable=by_mail).owner == "bo"


@pytest.mark.parametrize(
    ("playbook", "due", "calendar"),
    [
        ("owner: agent, due: 4 business hours", datetime(2026, 11, 23, 11, 0, tzinfo=UTC), "berlin"),
        ("owner: 'person:rui', due: 4 business hours", datetime(2026, 11, 20, 19, 30, tzinfo=UTC), "lisbon"),
        ("owner: agent, due: 2 hours", datetime(2026, 11, 20, 17, 30, tzinfo=UTC), "berlin"),
        ("owner: agent, due: 1 business day", datetime(2026, 11, 23, 15, 30, tzinfo=UTC), "berlin"),
    ],
)
def test_due_counts_on_the_calendar_of_whoever_owns_it(playbook: str, due: datetime, calendar: str) -> None:
    decision = decide(playbook, agent="ana")
    assert (decision.due_at, decision.calendar) == (due, calendar)


@pytest.mark.parametrize(
    ("who", "owner", "told"),
    [
        ("owner", "ana", "ana"),
        ("manager", "ana", "bo"),
        ("team_lead", "rui", "rui"),
        ("team_queue", "ana", "team:billing"),
        ("manager", "team:billing", "lea"),  # of a queue: its lead
        ("person:off", "ana", "bo"),  # away today: the delegate
        ("person:gone", "ana", None),
        ("team_lead", "bo", None),
    ],
)
def test_receivers_are_found_from_the_owner(who: str, owner: str, told: str | None) -> None:
    rules = rule_set({"directory.yaml": DIRECTORY})
    people = Decider(rules).people
    assert resolve_recipient(
        who, people=people, response=response(), owner=owner, now=NOW, reachable=has_address
    ) == told  # fmt: skip


def test_business_time_without_any_calendar_is_refused() -> None:
    bare = "format: 1\ndefault_owner: 'person:head'\nteams: {desk: {}}\npeople: {head: {name: H, team: desk}}\n"
    result = loaded(
        {
            "directory.yaml": bare,
            "playbooks.yaml": "format: 1\nplaybooks: {p: {name: P, owner: agent, due: 1 business day}}\n",
        }
    )
    assert [finding.code for finding in result.findings] == ["E122"]
