"""`innerloop follow-ups`: who must get back to whom, and by when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from worker.cli import follow_up_page, opening, output
from worker.cli.follow_up_moves import MOVES
from worker.cli.output import Column, Row

if TYPE_CHECKING:
    from worker.ruleset import LiveSet
    from worker.store.engine import Store

_LIVE = ("open", "acknowledged", "contacted")


@click.group(name="follow-ups")
def command() -> None:
    """Who must get back to whom, and by when."""


for _move in MOVES:
    command.add_command(_move)


@command.command(name="list")
@click.option("--state", help="Only these states, by comma: open,acknowledged,contacted,closed,cancelled, or live.")
@click.option("--owner", metavar="PERSON", help="Only this owner's: a person's id or team:ID.")
@click.option("--customer", metavar="ID", help="Only this customer's.")
@click.option("--playbook", metavar="ID", help="Only those worked by this playbook.")
@click.option("--priority", metavar="WORD", help="Only these, by comma: low,normal,high,urgent.")
@click.option("--overdue", is_flag=True, help="Only live ones whose due time has passed.")
@click.option("--json", "as_json", is_flag=True, help="One array: every follow-up in every state, oldest first.")
def list_follow_ups(
    state: str | None,
    owner: str | None,
    customer: str | None,
    playbook: str | None,
    priority: str | None,
    overdue: bool,
    as_json: bool,
) -> None:
    """Every follow-up in every state, oldest first."""
    from worker.store.listing import follow_up_rows

    with opening.reading() as conn:
        rows = follow_up_rows(conn)
    wanted = {
        "state": _states(state), "owner": _one(owner), "customer": _one(customer), "playbook": _one(playbook),
        "priority": _priorities(priority),
    }  # fmt: skip
    rows = [row for row in rows if _fits(row, wanted) and (not overdue or follow_up_page.is_overdue(row))]
    if as_json:
        output.write_json(rows)
        return
    filtered = overdue or any(wanted.values())
    output.write_table(COLUMNS, rows, empty="No follow-up fits." if filtered else "No follow-up was opened yet.")


@command.command(name="show")
@click.argument("number", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One object, with history and notices.")
def show(number: str, as_json: bool) -> None:
    """One follow-up with its history and what was told to whom. ID is 42 or F-42."""
    from worker.store.listing import follow_up_row

    with opening.store() as store, store.read() as conn:
        row = follow_up_row(conn, opening.row_id(number))
        if as_json:
            output.write_json(row)
        else:
            follow_up_page.write(conn, row, _live(store))


def _live(store: Store) -> LiveSet | None:
    """The rule set in use; None where none can be had: what happened can be read all the same."""
    from worker.cli import rule_files
    from worker.errors import InnerloopError

    try:
        return rule_files.in_use(store, opening.settings())
    except InnerloopError:
        return None


def _states(text: str | None) -> tuple[str, ...] | None:
    from worker.model.followup import State

    found = _words(text, "state", (*State, "live"), "States")
    return found and tuple(state for word in found for state in (_LIVE if word == "live" else (word,)))


def _priorities(text: str | None) -> tuple[str, ...] | None:
    from worker.model.playbook import Priority

    return _words(text, "priority", tuple(priority.word for priority in Priority), "Priorities")


def _words(text: str | None, what: str, known: tuple[str, ...], title: str) -> tuple[str, ...] | None:
    """Words by comma. Raises UsageError for one that is not known."""
    from worker.errors import UsageError

    if text is None:
        return None
    asked = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    unknown = [word for word in asked if word not in known]
    if unknown or not asked:
        raise UsageError(f'"{unknown[0] if unknown else text}" is no {what}. {title}: {", ".join(known)}.')
    return asked


def _one(value: str | None) -> tuple[str, ...] | None:
    return None if value is None else (value,)


def _fits(row: Row, wanted: Mapping[str, tuple[str, ...] | None]) -> bool:
    return all(values is None or row[name] in values for name, values in wanted.items())


COLUMNS = [
    Column("id", lambda row: f"F-{row['id']}", right=True),
    Column("state", lambda row: row["state"]),
    Column("owner", lambda row: output.dash(row["owner"]), fold=True),
    Column("due", follow_up_page.due),
    Column("priority", lambda row: row["priority"]),
    Column("playbook", lambda row: row["playbook"], fold=True, wide=True),
    Column("response", lambda row: f"{row['response']['source']}/{row['response']['id']}", fold=True),
]
