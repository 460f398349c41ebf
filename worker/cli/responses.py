"""`innerloop responses`: what customers answered, and what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from worker.cli import opening, output, rule_files
from worker.cli.output import Column, Row
from worker.cli.response_moves import open_response

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.cli.explaining import Explained

MARKS = {"detractor": "▼", "passive": "■", "promoter": "▲"}
STYLES = {"detractor": "red", "passive": "", "promoter": "blue"}
_WORDS = 48


@click.group(name="responses")
def command() -> None:
    """What customers answered, and what was decided."""


command.add_command(open_response)


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One array: every response, oldest first.")
def list_responses(as_json: bool) -> None:
    """Every response, oldest first."""
    from worker.store.listing import response_rows

    with opening.reading() as conn:
        rows = response_rows(conn)
    if as_json:
        output.write_json(rows)
    else:
        output.write_table(COLUMNS, rows, empty="No response was read yet.")


@command.command(name="show")
@click.argument("reference", metavar="SOURCE/ID")
@click.option("--json", "as_json", is_flag=True, help="One object.")
def show(reference: str, as_json: bool) -> None:
    """One response, what was made of it and what came of it. A bare ID works when only one source has it."""
    from worker.store.listing import response_row

    with opening.reading() as conn:
        row = response_row(conn, reference)
        told = _told(conn, reference) if row["decision"] else None
    if as_json:
        if row["decision"]:
            row["decision"]["trace"] = _trace(told)
        output.write_json(row)
    else:
        _write(row, _why(told))


def _told(conn: Connection, reference: str) -> Explained | None:
    """The decision as `rules explain` recomputes it; None where its rule set is not in this store."""
    from worker.cli.explaining import explain_stored
    from worker.errors import InnerloopError

    settings = opening.settings()
    try:
        return explain_stored(conn, reference, rule_files.as_stored(settings))
    except InnerloopError:
        return None


def _trace(told: Explained | None) -> list[dict[str, Any]]:
    from worker.cli.explaining import trace_json

    return trace_json(told.trace) if told else []


def _why(told: Explained | None) -> list[str]:
    """The rule's name, as the alert says it, and the rule as a sentence."""
    from worker.route.speak import sentence

    rules = told.live.rule_set if told else None
    rule = rules.rule(told.decision.rule) if rules and told else None
    if rule is None or rules is None:
        return []
    return [*([rule.name] if rule.name else []), sentence(rule, rules.directory)]


def chip(row: Row) -> Text:
    """`NPS 2 ▼ detractor`: score, shape and word, so that colour adds nothing."""
    klass = row["class"]
    text = Text(f"{(row['metric'] or 'no metric').upper()} {output.dash(row['score'])}", style="bold")
    if klass:
        text.append(f" {MARKS[klass]} {klass}", style=STYLES[klass] + " not bold")
    return text


def excerpt(words: str | None, limit: int = _WORDS) -> str:
    """The first words of a comment on one line, cut at a word."""
    line = " ".join((words or "").split())
    if len(line) <= limit:
        return line
    return line[:limit].rsplit(" ", 1)[0] + "…"


def _who(row: Row) -> str:
    return output.dash(row["customer"].get("name") or row["customer"].get("id"))


COLUMNS = [
    Column("response", lambda row: f"{row['source']}/{row['id']}", fold=True),
    Column("score", chip),
    Column("answered", lambda row: output.when(row["responded_at"]), wide=True),
    Column("rule", lambda row: output.dash((row["decision"] or {}).get("rule")), fold=True),
    Column("follow-up", lambda row: f"F-{row['follow_up']}" if row["follow_up"] else "-"),
    Column("who", _who, fold=True),
]


def _write(row: dict[str, Any], why: list[str]) -> None:
    out = output.console()
    out.print(chip(row))
    if row["comment"]:
        out.print(Text(f"“{' '.join(row['comment'].split())}”"))
    out.print()
    out.print(output.gutter("Response", f"{row['source']}/{row['id']}, {output.counted(row['versions'], 'version')}"))
    out.print(output.gutter("Record", row["record"]))
    out.print(output.gutter("Answered", output.when(row["responded_at"])))
    out.print(output.gutter("Who", _who(row)))
    out.print(output.gutter("Follow-up", f"F-{row['follow_up']}" if row["follow_up"] else "none"))
    out.print(decision_lines(row["decision"]))
    if why:
        out.print(output.gutter("Why", *why))


def decision_lines(decision: dict[str, Any] | None) -> Text:
    """What was decided, and who was passed over."""
    if decision is None:
        return output.gutter("Decision", "none yet: it waits for its other half")
    said = f"ignored: {decision['ignored']}"
    if decision["ignored"] is None:
        who = f"for {output.dash(decision['owner'])}, due {output.when(decision['due_at'])}"
        said = f"{decision['playbook']}, priority {decision['priority']}, {who}"
    late = " (too old to alert: it opened nothing)" if decision["too_old"] else ""
    skips = [f"{skip['candidate']} was skipped: {skip['reason']}" for skip in decision["owner_skips"]]
    lines = [f"{decision['rule']}: {said}{late}", *skips, f"rules {decision['revision']}"]
    return output.gutter("Decision", *lines)
