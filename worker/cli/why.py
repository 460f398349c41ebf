"""`innerloop why`: everything decided about one customer, and why."""

from __future__ import annotations

from typing import Any

import click
from rich.text import Text

from worker.cli import opening, output
from worker.cli.responses import chip, decision_lines, excerpt


@click.command(name="why")
@click.option("--customer", required=True, metavar="ID", help="The customer's id, or key such as crm/c-77.")
@click.option("--json", "as_json", is_flag=True, help="One object: the responses and follow-ups of this customer.")
def command(customer: str, as_json: bool) -> None:
    """Why this customer was, or was not, followed up: every answer, what was decided, what came of it."""
    from worker.store.listing import follow_up_rows, response_rows

    with opening.reading() as conn:
        answers = response_rows(conn, customer=customer)
        opened = sorted({int(row["follow_up"]) for row in answers if row["follow_up"]})
        work = follow_up_rows(conn, opened)
    if as_json:
        output.write_json({"customer": customer, "responses": answers, "follow_ups": work})
    else:
        _write(answers, work)


def _write(answers: list[dict[str, Any]], work: list[dict[str, Any]]) -> None:
    out = output.console()
    for row in answers:
        head = chip(row)
        head.append(f"  {row['source']}/{row['id']}, {output.when(row['responded_at'])}", style="dim not bold")
        out.print(head)
        if row["comment"]:
            out.print(Text(f"“{excerpt(row['comment'], 90)}”"))
        out.print(decision_lines(row["decision"]))
        out.print(output.gutter("Follow-up", f"F-{row['follow_up']}" if row["follow_up"] else "none"))
        out.print()
    for item in work:
        due = f"due {output.when(item['due_at'])}"
        out.print(output.gutter(f"F-{item['id']}", f"{item['state']}, {output.dash(item['owner'])}, {due}"))
