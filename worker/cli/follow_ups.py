"""`innerloop follow-ups`: who must get back to whom, and by when."""

from __future__ import annotations

from typing import Any

import click
from rich.text import Text

from worker.cli import opening, output
from worker.cli.follow_up_moves import MOVES
from worker.cli.output import Column, Row

_LIVE = ("open", "acknowledged", "contacted")


@click.group(name="follow-ups")
def command() -> None:
    """Who must get back to whom, and by when."""


for _move in MOVES:
    command.add_command(_move)


@command.command(name="list")
@click.option("--state", help="Only these states, by comma: open,acknowledged,contacted,closed,cancelled, or live.")
@click.option("--owner", metavar="PERSON", help="Only this owner's: a person's id or team:ID.")
@click.option("--overdue", is_flag=True, help="Only live ones whose due time has passed.")
@click.option("--json", "as_json", is_flag=True, help="One array: every follow-up in every state, oldest first.")
def list_follow_ups(state: str | None, owner: str | None, overdue: bool, as_json: bool) -> None:
    """Every follow-up in every state, oldest first."""
    from worker.store.listing import follow_up_rows

    with opening.reading() as conn:
        rows = follow_up_rows(conn)
    rows = [row for row in rows if _wanted(row, _states(state), owner) and (not overdue or is_overdue(row))]
    if as_json:
        output.write_json(rows)
        return
    filtered = state or owner or overdue
    output.write_table(COLUMNS, rows, empty="No follow-up fits." if filtered else "No follow-up was opened yet.")


@command.command(name="show")
@click.argument("number", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One object, with history and notices.")
def show(number: str, as_json: bool) -> None:
    """One follow-up with its history and what was told to whom. ID is 42 or F-42."""
    from worker.store.listing import follow_up_row

    with opening.reading() as conn:
        row = follow_up_row(conn, opening.row_id(number))
    if as_json:
        output.write_json(row)
    else:
        _write(row)


def _states(text: str | None) -> tuple[str, ...] | None:
    from worker.errors import UsageError
    from worker.model.followup import State

    if text is None:
        return None
    asked = [part.strip().lower() for part in text.split(",") if part.strip()]
    wanted = tuple(word for part in asked for word in (_LIVE if part == "live" else (part,)))
    unknown = [word for word in wanted if word not in set(State)]
    if unknown:
        raise UsageError(f'"{unknown[0]}" is no state. States: {", ".join(State)}, or live.')
    return wanted


def _wanted(row: Row, states: tuple[str, ...] | None, owner: str | None) -> bool:
    return (states is None or row["state"] in states) and (owner is None or row["owner"] == owner)


def is_overdue(row: Row) -> bool:
    """Live and past its due time."""
    from datetime import datetime

    from worker.clock import SystemClock

    return row["state"] in _LIVE and datetime.fromisoformat(row["due_at"]) < SystemClock().now()


def _due(row: Row) -> Text:
    text = Text(output.when(row["due_at"]))
    if is_overdue(row):
        text.append(" overdue", style="red")
    return text


COLUMNS = [
    Column("id", lambda row: f"F-{row['id']}", right=True),
    Column("state", lambda row: row["state"]),
    Column("owner", lambda row: output.dash(row["owner"]), fold=True),
    Column("due", _due),
    Column("priority", lambda row: row["priority"]),
    Column("playbook", lambda row: row["playbook"], fold=True, wide=True),
    Column("response", lambda row: f"{row['response']['source']}/{row['response']['id']}", fold=True),
]


def _write(row: dict[str, Any]) -> None:
    out = output.console()
    head = Text(f"F-{row['id']} ", style="bold")
    head.append(f"{row['state']}, priority {row['priority']}", style="not bold")
    out.print(head)
    out.print()
    response = f"{row['response']['source']}/{row['response']['id']}"
    out.print(output.gutter("Response", f"{response} ({row['responses']} in all)"))
    out.print(output.gutter("Customer", output.dash(row["customer"])))
    out.print(output.gutter("Owner", output.dash(row["owner"])))
    due = Text("due ")
    due.append_text(_due(row))
    out.print(output.gutter("By when", due, f"next step {output.when(row['next_step_at'])}"))
    out.print(output.gutter("Rule", f"{row['rule']}, playbook {row['playbook']}"))
    if row["outcome"]:
        out.print(output.gutter("Closed", f"{row['outcome']}, {output.dash(row['root_cause'])}"))
    out.print(output.gutter("So far", *[_event(event) for event in row["history"]]))
    out.print(output.gutter("Told", *[_told(notice) for notice in row["notices"]]))


def _event(event: Row) -> str:
    note = f": {event['note']}" if event["note"] else ""
    return f"{output.when(event['at'])}  {event['what']} by {event['by']} ({event['via']}){note}"


def _told(notice: Row) -> str:
    by = ", ".join(f"{sent['channel']} {sent['state']}" for sent in notice["deliveries"]) or "not sent yet"
    why = f" ({notice['reason']})" if notice["reason"] else ""
    return f"{notice['kind']} to {notice['to']}: {notice['state']}{why}; {by}"
