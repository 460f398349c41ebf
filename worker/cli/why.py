"""`innerloop why`: everything decided about one customer, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from worker.cli import opening, output, rule_files
from worker.cli.lazy import FOUND_SOMETHING
from worker.cli.responses import chip, decision_lines, excerpt

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.cli.why_sentence import Because, Known


@click.command(name="why")
@click.option("--customer", required=True, metavar="ID", help="The customer's id, or key such as crm/c-77.")
@click.option("--json", "as_json", is_flag=True, help="One object: the answer, and what is stored of this customer.")
@click.pass_context
def command(ctx: click.Context, customer: str, as_json: bool) -> None:
    """Why this customer was, or was not, followed up: in one sentence, then every answer and what came of it.

    The sentence is about the newest answer. Ends with 1 where nothing of this customer was ever received.
    """
    from worker.errors import NotFound
    from worker.store.listing import dead_letters_naming, follow_up_rows, response_rows

    with opening.reading() as conn:
        dead = dead_letters_naming(conn, customer)
        try:
            answers = response_rows(conn, customer=customer)
        except NotFound:
            answers = []
        opened = sorted({int(row["follow_up"]) for row in answers if row["follow_up"]})
        work = follow_up_rows(conn, opened)
        found = _because(conn, customer, answers, dead)
    if as_json:
        said = {"reason": found.reason, "answer": found.answer}
        stored = {"responses": answers, "follow_ups": work, "dead_letters": dead}
        output.write_json({"customer": customer, **said, **stored})
    else:
        output.console().print(Text(found.answer, style="bold"))
        _write(answers, work)
    ctx.exit(FOUND_SOMETHING if found.reason == "never_received" else 0)


def _because(conn: Connection, customer: str, answers: list[dict[str, Any]], dead: list[dict[str, Any]]) -> Because:
    from worker.cli import why_sentence

    if answers:
        return why_sentence.because(_known(conn, max(answers, key=lambda row: row["responded_at"])))
    return why_sentence.only_dead(customer, dead) if dead else why_sentence.never_received(customer)


def _known(conn: Connection, answer: dict[str, Any]) -> Known:
    """What the sentence may need: how far the work is, or what each rule said."""
    from worker.cli.explaining import explain_stored
    from worker.cli.why_sentence import Known
    from worker.errors import InnerloopError
    from worker.store.listing import follow_up_row

    if answer["follow_up"]:
        return Known(answer=answer, work=follow_up_row(conn, int(answer["follow_up"])))
    settings = opening.settings()
    name = f"{answer['source']}/{answer['id']}"
    try:
        told = explain_stored(conn, name, rule_files.as_stored(settings))
    except InnerloopError:  # not decided yet, or its rule set is not in this store
        return Known(answer=answer)
    return Known(answer=answer, trace=told.trace, rules={rule.id: rule for rule in told.live.rule_set.rules})


def _write(answers: list[dict[str, Any]], work: list[dict[str, Any]]) -> None:
    out = output.console()
    for row in answers:
        out.print()
        head = chip(row)
        head.append(f"  {row['source']}/{row['id']}, {output.when(row['responded_at'])}", style="dim not bold")
        out.print(head)
        if row["comment"]:
            out.print(Text(f"“{excerpt(row['comment'], 90)}”"))
        out.print(decision_lines(row["decision"]))
        out.print(output.gutter("Follow-up", f"F-{row['follow_up']}" if row["follow_up"] else "none"))
    if work:
        out.print()
    for item in work:
        due = f"due {output.when(item['due_at'])}"
        out.print(output.gutter(f"F-{item['id']}", f"{item['state']}, {output.dash(item['owner'])}, {due}"))
