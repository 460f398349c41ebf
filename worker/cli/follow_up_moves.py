"""`innerloop follow-ups acknowledge, contact, close …`: acting on a follow-up from the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from worker.cli import opening, output, rule_files
from worker.errors import UsageError

if TYPE_CHECKING:
    from worker.followup.service import Service
    from worker.model.followup import FollowUp
    from worker.route.schema import RuleSet

_F = TypeVar("_F", bound=Callable[..., Any])
VIA = "cli"


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a command acts: the service, and the directory that says who people are."""

    service: Service
    rule_set: RuleSet

    def person(self, name: str) -> str:
        """The id of the person meant by an id, another name of theirs, or their address. Raises UsageError."""
        import difflib

        directory = self.rule_set.directory
        known = directory.people
        found = name if name in known else directory.aliases.get(name) or directory.aliases.get(name.lower())
        if found is None:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f'Did you mean "{near[0]}"?' if near else "Write the id that directory.yaml gives them."
            raise UsageError(f'There is no person "{name}" in the directory. {hint}')
        return found

    def recipient(self, name: str) -> str:
        """A person, or `team:ID`. Raises UsageError."""
        if not name.startswith("team:"):
            return self.person(name.removeprefix("person:"))
        if name.removeprefix("team:") not in self.rule_set.directory.teams:
            raise UsageError(f'There is no team "{name.removeprefix("team:")}" in the directory.')
        return name


@contextmanager
def desk() -> Iterator[Desk]:
    """The service on the store of the settings, with the rule set that is in use."""
    from worker.clock import SystemClock
    from worker.followup.service import Service

    settings = opening.settings()
    with opening.store() as store:
        live = rule_files.in_use(store, settings)
        asks_again = bool(settings.kafka_events_topic)
        yield Desk(Service(store, lambda: live, SystemClock(), asks_again=asks_again), live.rule_set)


def acting(command: _F) -> _F:
    """The id of the follow-up, `--by PERSON` and `--note TEXT`."""
    noted = click.option("--note", metavar="TEXT", help="Kept in the history.")(command)
    by = click.option("--by", required=True, metavar="PERSON", help="Who acts: a person of the directory.")(noted)
    return click.argument("number", metavar="ID")(by)


def moment(text: str) -> datetime:
    """A time with an offset. Raises UsageError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UsageError(f'"{text}" is no time with an offset. Write: 2026-11-23T12:00:00+01:00')
    return at


def said(follow_up: FollowUp) -> None:
    """What it is now, in one line on stderr."""
    from worker.model.followup import short_id

    due = f", due {output.when(follow_up.due_at)}" if follow_up.is_live else ""
    output.say(f"{short_id(follow_up.id)} is {follow_up.state.value}, owner {output.dash(follow_up.owner)}{due}.")


@click.command(name="acknowledge")
@acting
def acknowledge(number: str, by: str, note: str | None) -> None:
    """You have seen it and work on it. Reminders stop, the due time stays; work of a queue becomes yours."""
    with desk() as at:
        said(at.service.acknowledge(opening.row_id(number), by=at.person(by), via=VIA, note=note))


@click.command(name="contact")
@acting
def contact(number: str, by: str, note: str | None) -> None:
    """The customer was reached."""
    with desk() as at:
        said(at.service.contact(opening.row_id(number), by=at.person(by), via=VIA, note=note))


@click.command(name="close")
@acting
@click.option("--root-cause", metavar="CAUSE", help="billing or billing.amount, from root_causes.yaml.")
@click.option("--action", metavar="TEXT", help="What was done about it.")
@click.option("--outcome", metavar="WORD", help="recovered, not_recovered, unreachable or no_contact.")
@click.option("--arose", metavar="WORD", help="agent, team, process, product, policy, supplier or customer.")
@click.option("--worth", metavar="WORD", help="Was it worth alerting? yes, or no:REASON.")
@click.option("--tell-customer", metavar="TEXT", help="What was changed, as the customer shall read it in a mail.")
def close(
    number: str,
    by: str,
    note: str | None,
    root_cause: str | None,
    action: str | None,
    outcome: str | None,
    arose: str | None,
    worth: str | None,
    tell_customer: str | None,
) -> None:
    """The loop is closed. The playbook says what must be given.

    With --tell-customer the customer gets your words by mail, once: where the playbook has
    `tell_customer: [{say: we_fixed_it}]` and the customer may be contacted.
    """
    from worker.followup.closing import CloseOut

    close_out = CloseOut(
        root_cause=root_cause, action=action, outcome=outcome, arose=arose, worth=worth, tell_customer=tell_customer
    )
    with desk() as at:
        said(at.service.close(opening.row_id(number), close_out, by=at.person(by), via=VIA, note=note))
    if tell_customer is not None:
        output.say("The customer is told by mail, unless something speaks against it by then: innerloop notices list")


@click.command(name="tried")
@acting
@click.option("--reason", metavar="WORD", help="voicemail, busy, wrong number …")
@click.option("--next", "next_at", metavar="TIME", help="When to try again; with an offset.")
def tried(number: str, by: str, note: str | None, reason: str | None, next_at: str | None) -> None:
    """An attempt to reach the customer failed. It is counted and is no contact: the clock goes on."""
    from worker.cli.follow_up_page import unreachable

    then = moment(next_at) if next_at else None
    with desk() as at:
        found = at.service.tried(
            opening.row_id(number), by=at.person(by), via=VIA, reason=reason, next_at=then, note=note
        )
        said(found)
    plan = found.playbook.tries
    if plan is not None and found.tries >= plan.at_most:
        output.say(f"{found.tries} of {plan.at_most} tries. {unreachable(found)}")


@click.command(name="reassign")
@acting
@click.option("--to", required=True, metavar="PERSON", help="A person's id, or team:ID.")
def reassign(number: str, by: str, note: str | None, to: str) -> None:
    """Somebody else owns it now. The due time stays; both are told."""
    with desk() as at:
        said(at.service.reassign(opening.row_id(number), to=at.recipient(to), by=at.person(by), via=VIA, note=note))


@click.command(name="not-mine")
@acting
def not_mine(number: str, by: str, note: str | None) -> None:
    """Give it back, with --note as the reason. It goes on in the chain, and never back."""
    with desk() as at:
        said(at.service.not_mine(opening.row_id(number), by=at.person(by), via=VIA, note=note))


@click.command(name="snooze")
@acting
@click.option("--until", required=True, metavar="TIME", help="With an offset: 2026-11-23T12:00:00+01:00")
@click.option("--for-customer", is_flag=True, help="You wait for the customer: their next answer ends it, too.")
def snooze(number: str, by: str, note: str | None, until: str, for_customer: bool) -> None:
    """The clock stands until then, and what is due moves by as much."""
    then = moment(until)
    with desk() as at:
        number_ = opening.row_id(number)
        said(at.service.snooze(number_, until=then, by=at.person(by), via=VIA, note=note, for_customer=for_customer))


@click.command(name="unsnooze")
@acting
def unsnooze(number: str, by: str, note: str | None) -> None:
    """The clock goes on before its time."""
    with desk() as at:
        said(at.service.unsnooze(opening.row_id(number), by=at.person(by), via=VIA, note=note))


@click.command(name="reopen")
@acting
def reopen(number: str, by: str, note: str | None) -> None:
    """It is not over after all: a new cycle begins, with a new due time."""
    with desk() as at:
        said(at.service.reopen(opening.row_id(number), by=at.person(by), via=VIA, note=note))


@click.command(name="cancel")
@acting
def cancel(number: str, by: str, note: str | None) -> None:
    """It should never have been opened. --note says why."""
    with desk() as at:
        said(at.service.cancel(opening.row_id(number), by=at.person(by), via=VIA, note=note))


@click.command(name="recalculate")
@acting
def recalculate(number: str, by: str, note: str | None) -> None:
    """Count the due time again, after a calendar was changed. The history says what it was."""
    with desk() as at:
        said(at.service.recalculate(opening.row_id(number), by=at.person(by), via=VIA, note=note))


MOVES = (acknowledge, contact, tried, close, reassign, not_mine, snooze, unsnooze, reopen, cancel, recalculate)
