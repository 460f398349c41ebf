"""`innerloop people`: who is away, who stands in, and how much each has open; what is known of a customer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import click

from worker.cli import opening, output
from worker.cli.follow_up_moves import Desk, desk
from worker.cli.output import Column
from worker.cli.people_data import erase, export
from worker.errors import NotFound, UsageError

if TYPE_CHECKING:
    from worker.model.directory import Person
    from worker.ruleset import LiveSet
    from worker.store.engine import Store


@click.group(name="people")
def command() -> None:
    """Who is away, who stands in, and how much each has open; what is known of a customer, and forgetting it."""


command.add_command(export)
command.add_command(erase)


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One array, in the order of their ids.")
def list_people(as_json: bool) -> None:
    """Everybody in the directory, with absences that are not over."""
    from worker.store.follow_ups import count_live

    with opening.store() as store:
        live = _live(store)
        with store.read() as conn:
            work = count_live(conn)
    rows = [_row(person, work) for _, person in sorted(live.rule_set.directory.people.items())]
    if as_json:
        output.write_json(rows)
    else:
        output.write_table(COLUMNS, rows, empty="The directory names nobody.")


@command.command(name="away")
@click.argument("person", metavar="ID")
@click.option("--from", "since", required=True, metavar="DATE", help="The first day: 2026-12-20")
@click.option("--until", required=True, metavar="DATE", help="The last day.")
@click.option("--delegate", metavar="ID", help="Who stands in. Without one, work goes on in the owner chain.")
@click.option("--by", metavar="PERSON", help="Who enters it.")
def away(person: str, since: str, until: str, delegate: str | None, by: str | None) -> None:
    """Somebody is away. Open work that is due then is handed over at once; both are told."""
    from worker.store import absences

    with desk() as at:
        absent = absences.Absent(
            person=at.person(person), since=_day(since), until=_day(until),
            delegate=at.person(delegate) if delegate else None,
        )  # fmt: skip
        _check(at, absent.person, absent.since, absent.until, absent.delegate)
    with opening.store() as store:
        with store.write() as conn:
            absences.add(conn, absent, by=by or "cli", now=opening.now())
            detail = {"person": absent.person, "from": since, "until": until, "delegate": absent.delegate}
            opening.audit(conn, "absence entered", by, detail)
        moved = _hand_over(store)
    stands_in = f"{absent.delegate} stands in" if absent.delegate else "nobody stands in"
    output.say(f"{absent.person} is away from {absent.since} to {absent.until}; {stands_in}. {_moved(moved)}")


@command.command(name="back")
@click.argument("person", metavar="ID")
@click.option("--by", metavar="PERSON", help="Who enters it.")
def back(person: str, by: str | None) -> None:
    """Somebody is back early, or not going. Work that was handed over stays where it is."""
    from worker.store import absences

    with desk() as at:
        name = at.person(person)
    with opening.store() as store, store.write() as conn:
        ended = absences.end(conn, name, opening.now())
        if not ended:
            raise NotFound(f"No absence of {name} was entered here. One in directory.yaml is ended there.")
        opening.audit(conn, "absence ended", by, {"person": name, "ended": ended})
    output.say(f"{name} is back.")


def _check(at: Desk, person: str, since: date, until: date, delegate: str | None) -> None:
    """Raises UsageError for an absence that cannot be, or a delegate who cannot stand in."""
    if until < since:
        raise UsageError(f"{until} is before {since}.")
    if until < opening.now().date():
        raise UsageError(f"{until} has passed.")
    if delegate is None:
        return
    if delegate == person:
        raise UsageError(f"{person} cannot stand in for {person}.")
    found = at.rule_set.directory.people[delegate]
    if found.left is not None:
        raise UsageError(f"{found.name} leaves on {found.left}. Choose somebody else.")
    for other in found.away:
        if other.since <= until and other.until >= since:
            raise UsageError(f"{found.name} is away from {other.since} to {other.until}, too. Choose somebody else.")


def _hand_over(store: Store) -> int:
    """Hand over open work now, as the workers would half a minute later."""
    from worker.clock import SystemClock
    from worker.followup.away import HandOver

    live = _live(store)
    return HandOver(store, lambda: live, SystemClock(), lambda: None).run()


def _live(store: Store) -> LiveSet:
    from worker.cli import rule_files

    return rule_files.in_use(store, opening.settings())


def _day(text: str) -> date:
    """A date. Raises UsageError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f'"{text}" is no date. Write: 2026-12-20') from None


def _moved(n: int) -> str:
    if not n:
        return "No open work had to be handed over."
    return "1 follow-up was handed over." if n == 1 else f"{n} follow-ups were handed over."


def _row(person: Person, work: Mapping[str, int]) -> dict[str, Any]:
    today = opening.now().date()
    return {
        "id": person.id,
        "name": person.name,
        "team": person.team,
        "manager": person.manager,
        "left": person.left,
        "away": [
            {"from": one.since, "until": one.until, "delegate": one.delegate}
            for one in person.away
            if one.until >= today
        ],
        "open": work.get(person.id, 0),
    }


def _away(row: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{one['from']} to {one['until']}" + (f" ({one['delegate']} stands in)" if one["delegate"] else "")
        for one in row["away"]
    )


COLUMNS = [
    Column("id", lambda row: row["id"]),
    Column("name", lambda row: row["name"], fold=True),
    Column("team", lambda row: output.dash(row["team"])),
    Column("manager", lambda row: output.dash(row["manager"]), wide=True),
    Column("open", lambda row: str(row["open"]), right=True),
    Column("away", lambda row: output.dash(_away(row)), fold=True),
    Column("left", lambda row: output.dash(row["left"]), wide=True),
]
