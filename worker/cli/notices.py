"""`innerloop notices`: who was told what, and whether it arrived."""

from __future__ import annotations

import click

from worker.cli import opening, output
from worker.cli.output import Column, Row


@click.group(name="notices")
def command() -> None:
    """Who was told what, and whether it arrived."""


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One array: every notice in every state, oldest first.")
def list_notices(as_json: bool) -> None:
    """Every notice with its deliveries, oldest first."""
    from worker.store.listing import notice_rows

    with opening.reading() as conn:
        rows = notice_rows(conn)
    if as_json:
        output.write_json(rows)
    else:
        output.write_table(COLUMNS, rows, empty="Nobody had to be told anything yet.")


def _by(row: Row) -> str:
    return ", ".join(f"{sent['channel']} {sent['state']}" for sent in row["deliveries"]) or "-"


COLUMNS = [
    Column("id", lambda row: row["id"], right=True),
    Column("about", lambda row: f"F-{row['follow_up']}" if row["follow_up"] else "-"),
    Column("kind", lambda row: row["kind"]),
    Column("to", lambda row: row["to"], fold=True),
    Column("state", lambda row: row["state"]),
    Column("by", _by, fold=True),
    Column("due", lambda row: output.when(row["due_at"]), wide=True),
    Column("reason", lambda row: output.dash(row["reason"]), fold=True),
]
