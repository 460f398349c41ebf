"""`innerloop reconcile`: recount every offset that was read, from the tables."""

from __future__ import annotations

from typing import Any

import click

from worker.cli import opening, output
from worker.cli.lazy import FOUND_SOMETHING
from worker.cli.output import Column, Row

_COUNTS = ("accepted", "updated", "duplicate", "stale", "not_response", "dead", "absent", "again")
_SHORT = {"not_response": "no resp.", "duplicate": "dupl."}


@click.command(name="reconcile")
@click.option("--json", "as_json", is_flag=True, help="One object.")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Recount responses, versions and dead letters, and compare with the ledger. Changes nothing.

    Ends with 1 where anything disagrees, was lost before it was read, or waits for nobody.
    """
    from worker.store.reconcile import reconcile

    with opening.reading() as conn:
        account = reconcile(conn)
    if as_json:
        output.write_json(account)
    else:
        _write(account)
    ctx.exit(0 if account["ok"] else FOUND_SOMETHING)


def _write(account: dict[str, Any]) -> None:
    columns = [
        Column("partition", lambda row: f"{row['topic']}/{row['partition']}", fold=True),
        Column("from", lambda row: str(row["from"]), right=True),
        Column("to", lambda row: str(row["to"]), right=True),
        *[
            Column(_SHORT.get(name, name), _number(name), right=True, wide=name in {"absent", "again"})
            for name in _COUNTS
        ],
    ]
    output.write_table(columns, account["partitions"], empty="Nothing was read yet.")
    out = output.console()
    out.print()
    out.print(output.gutter("Responses", str(account["responses"])))
    out.print(output.gutter("Follow-ups", str(account["follow_ups"])))
    states = ", ".join(f"{n} {state}" for state, n in account["notices"].items())
    out.print(output.gutter("Notices", states or "none"))
    for problem in account["problems"]:
        out.print(output.gutter("Wrong", problem))
    if account["ok"]:
        out.print(output.gutter("Agrees", "Every offset is accounted for, and nobody is forgotten."))


def _number(name: str) -> Any:
    def value(row: Row) -> str:
        return str(row[name])

    return value
