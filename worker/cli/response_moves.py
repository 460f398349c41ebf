"""`innerloop responses open`: a follow-up for an answer that was too old to alert."""

from __future__ import annotations

import click

from worker.cli import opening, output
from worker.cli.follow_up_moves import VIA, Desk


@click.command(name="open")
@click.argument("reference", metavar="SOURCE/ID")
@click.option("--by", required=True, metavar="PERSON", help="Who asks for it: a person of the directory.")
@click.option("--note", metavar="TEXT", help="Kept in the history.")
def open_response(reference: str, by: str, note: str | None) -> None:
    """Open a follow-up for an answer that was too old to alert when it was first read.

    The rules decide as for a new one: playbook, owner, and a due time that begins now. A customer's live follow-up
    is joined instead.
    """
    from worker.model.followup import short_id
    from worker.store.listing import response_row

    with opening.worker() as app:
        person = Desk(app.service, app.rule_sets.current().rule_set).person(by)
        with app.store.read() as conn:
            row = response_row(conn, reference)
        number = app.pipeline.open_late(row["source"], row["id"], by=person, via=VIA, note=note)
    output.say(f"{row['source']}/{row['id']} belongs to {short_id(number)} now.")
