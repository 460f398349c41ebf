"""`innerloop notices`: who was told what, and whether it arrived."""

from __future__ import annotations

import click
from rich.text import Text

from worker.cli import opening, output
from worker.cli.output import Column, Row
from worker.errors import NotAllowed, NotFound


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


@command.command(name="retry")
@click.argument("numbers", metavar="ID...", nargs=-1, required=True)
@click.option("--by", metavar="PERSON", help="Who acts. Kept in the audit.")
@click.option("--note", metavar="TEXT", help="Kept in the audit.")
def retry(numbers: tuple[str, ...], by: str | None, note: str | None) -> None:
    """Open failed notices once more, after the cause was mended. A running worker sends them."""
    from worker.store import notices

    wanted = [opening.row_id(number, "N-") for number in numbers]
    with opening.store() as store, store.write() as conn:
        known = notices.by_ids(conn, wanted)
        for number in wanted:
            if number not in known:
                raise NotFound(f"There is no notice {number}. `innerloop notices list` shows all.")
            if not notices.try_again(conn, number, opening.now()):
                raise NotAllowed(f"Notice {number} has not failed, so there is nothing to try again.")
        opening.audit(conn, "notices tried again", by, {"ids": wanted, "note": note})
    output.say(f"{len(wanted)} will be tried again.")


def _by(row: Row) -> str:
    return ", ".join(_sent(sent) for sent in row["deliveries"]) or "-"


def _sent(sent: Row) -> str:
    """A delivery in words: email pending after 3 attempts."""
    tried = sent["attempts"]
    after = f" after {tried} attempt{'s' if tried != 1 else ''}" if sent["state"] == "pending" and tried else ""
    return f"{sent['channel']} {sent['state']}{after}"


def _state(row: Row) -> Text:
    return Text(row["state"], style=_STYLES.get(row["state"], ""))


_STYLES = {"delivered": "green", "failed": "red", "skipped": "yellow"}
COLUMNS = [
    Column("id", lambda row: row["id"], right=True),
    Column("about", lambda row: f"F-{row['follow_up']}" if row["follow_up"] else "-"),
    Column("kind", lambda row: row["kind"]),
    Column("to", lambda row: row["to"], fold=True),
    Column("state", _state),
    Column("by", _by, fold=True),
    Column("due", lambda row: output.when(row["due_at"]), wide=True),
    Column("reason", lambda row: output.dash(row["reason"]), fold=True),
]
