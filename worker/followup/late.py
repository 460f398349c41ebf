"""Late answers: responses too old to alert when first read. Nothing is opened; one list tells who may want to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from worker.followup.joining import Decided
from worker.followup.people import People
from worker.model.decision import Outcome
from worker.model.notice import Kind, NewNotice
from worker.model.playbook import Priority
from worker.model.response import Response

SLOT = timedelta(minutes=10)
"""Late answers decided within one slot go into one list per receiver."""


def late_notices(decided: Iterable[Decided], people: People, now: datetime) -> list[NewNotice]:
    """One list per receiver for what would have opened. The list itself is made when it is sent."""
    late = [one for one in decided if one.decision.too_old and one.decision.outcome is Outcome.OPEN]
    start = _slot(now)
    return [
        NewNotice(
            cause=f"late_answers/{start:%Y-%m-%dT%H:%M}",
            recipient=recipient,
            kind=Kind.LATE_ANSWERS,
            priority=Priority.NORMAL,
            not_before=start + SLOT,
            data={"from": start, "to": start + SLOT},
        )
        for recipient in sorted({receiver(one.response, people) for one in late if not one.response.test})
    ]


def receiver(response: Response, people: People) -> str:
    """The unit's manager, else the team's lead, else the default owner: a person's id or team:ID."""
    directory, interaction = people.directory, response.interaction
    unit = directory.units.get(interaction.unit or "")
    team = directory.teams.get(interaction.team or "")
    for person in (unit.manager if unit else None, team.lead if team else None):
        if person is not None and person in directory.people:
            return person
    return directory.default_owner.removeprefix("person:")


def _slot(now: datetime) -> datetime:
    return now - (now - datetime.min.replace(tzinfo=now.tzinfo)) % SLOT
