"""Who owns a follow-up next when its owner gives it back, leaves or goes away: on in the chain, never back. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from worker.followup.opening import Resolve
from worker.followup.people import People
from worker.model.followup import FollowUp

_ABOVE = ("team_lead", "manager")


@dataclass(frozen=True, slots=True)
class Next:
    """The next owner; `stands_in_for` is who is away and named them as delegate."""

    who: str
    stands_in_for: str | None = None


def next_owner(
    follow_up: FollowUp,
    chain: Sequence[str],
    people: People,
    resolve: Resolve,
    now: datetime,
    *,
    passed: Collection[str],
) -> Next:
    """The first of the chain who may own it, else who stands above, else the default owner.

    Passed over: whoever had it before, whom the playbook bars, queues where it is private, and who is away until due.
    """
    barred = {*passed, follow_up.owner, *(resolve(who, None) for who in follow_up.playbook.owner_not)}
    for who in _candidates(follow_up, chain, resolve):
        for one in _with_delegate(who, follow_up, people, now):
            is_shut_out = one.who in barred or (follow_up.playbook.private and one.who.startswith("team:"))
            if not is_shut_out and people.can_own(one.who, now, follow_up.due_at):
                return one
    return Next(people.directory.default_owner.removeprefix("person:"))


def _candidates(follow_up: FollowUp, chain: Sequence[str], resolve: Resolve) -> Iterator[str]:
    """The chain as the customer's contact saw it, then who stands above it, then above the present owner."""
    for who in (*chain, *_ABOVE):
        if found := resolve(who, None):
            yield found
    for who in _ABOVE:
        if follow_up.owner and (found := resolve(who, follow_up.owner)):
            yield found


def _with_delegate(who: str, follow_up: FollowUp, people: People, now: datetime) -> Iterator[Next]:
    yield Next(who)
    absence = people.absence(who, now, follow_up.due_at)
    if absence is not None and absence.delegate:
        yield Next(absence.delegate, stands_in_for=who)
