"""`innerloop dead-letters`: records that could not be understood, and why."""

from __future__ import annotations

from typing import Any

import click
from rich.text import Text

from worker.cli import opening, output
from worker.cli.dead_letter_moves import accept, replay
from worker.cli.output import Column, Row


@click.group(name="dead-letters")
def command() -> None:
    """Records that could not be understood, and why."""


command.add_command(replay)
command.add_command(accept)


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One array: every dead letter in every state, oldest first.")
def list_dead_letters(as_json: bool) -> None:
    """Every dead letter, oldest first."""
    from worker.store.listing import dead_letter_rows

    with opening.reading() as conn:
        rows = dead_letter_rows(conn)
    if as_json:
        output.write_json(rows)
    else:
        output.write_table(COLUMNS, rows, empty="Every record could be read.")


@command.command(name="show")
@click.argument("number", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="One object.")
def show(number: str, as_json: bool) -> None:
    """One dead letter: what is wrong, the record with personal data removed, what became of it."""
    from worker.store.listing import dead_letter_row

    with opening.reading() as conn:
        row = dead_letter_row(conn, opening.row_id(number, "D-"))
    if as_json:
        output.write_json(row)
    else:
        _write(row)


def _place(row: Row) -> str:
    return f"{row['topic']}/{row['partition']}@{row['offset']}"


COLUMNS = [
    Column("id", lambda row: row["id"], right=True),
    Column("record", _place, fold=True),
    Column("what is wrong", lambda row: row["message"], fold=True),
    Column("reason", lambda row: row["reason"]),
    Column("state", lambda row: row["state"]),
    Column("when", lambda row: output.when(row["at"]), wide=True),
]


def _write(row: dict[str, Any]) -> None:
    out = output.console()
    out.print(Text(f"Dead letter {row['id']}", style="bold"))
    out.print()
    out.print(output.gutter("Wrong", f"{row['message']} ({row['reason']})"))
    out.print(output.gutter("Record", f"{_place(row)}, source {output.dash(row['source'])}"))
    out.print(output.gutter("When", output.when(row["at"])))
    became = row["response"]
    out.print(output.gutter("State", row["state"] + (f": {became['source']}/{became['id']}" if became else "")))
    kept = (
        f"until {output.when(row['purge_at'])}" if row["sealed"] else "no: it was not sealed, or its 30 days are over"
    )
    out.print(output.gutter("Record kept", kept))
    if row["excerpt"]:
        out.print(output.gutter("Begins", row["excerpt"]))
