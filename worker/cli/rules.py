"""`innerloop rules`: check, test, explain and read the rule set."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from worker.cli import opening, output, rule_files
from worker.cli.explain import explain
from worker.cli.lazy import FOUND_SOMETHING

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.ruleset import Verdict

_HEARD_OF = timedelta(seconds=60)
_DIRECTORY = click.argument("directory", required=False, type=click.Path(path_type=Path))


@click.group(name="rules")
def command() -> None:
    """Check, test, explain and read the rules. DIRECTORY is INNERLOOP_RULES_DIR, ./rules or the shipped set."""


command.add_command(explain)


@command.command(name="check")
@_DIRECTORY
@click.option("--format", "style", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
@click.option("--strict", is_flag=True, help="Warnings count as mistakes.")
@click.pass_context
def check(ctx: click.Context, directory: Path | None, style: str, strict: bool) -> None:
    """Everything a reload checks: rules, directory, lexicons, mappings, templates, inline tests.

    Files are named as they are reached from here, in every format. Ends with 0 when all is well, 1 with mistakes, 2
    when it could not run.
    """
    from worker.route import findings

    settings = opening.settings()
    verdict = rule_files.check(rule_files.read(settings, directory), settings)
    well = findings.ok(verdict.findings, strict=strict)
    if style == "json":
        output.write_json(findings.as_json(verdict.findings, verdict.revision, strict=strict))
    else:
        show = findings.as_github if style == "github" else findings.as_text
        for line in show(verdict.findings):
            click.echo(line)
        output.say(_summary(verdict, well=well))
    ctx.exit(0 if well else FOUND_SOMETHING)


def _summary(verdict: Verdict, *, well: bool) -> str:
    if verdict.live is None or not well:
        return f"Refused: {output.counted(len(verdict.findings), 'finding')}."
    rule_set = verdict.live.rule_set
    rules, tests = output.counted(len(rule_set.rules), "rule"), output.counted(len(rule_set.tests), "test")
    counts = f"{rules}, {len(rule_set.also)} also, {tests}"
    return f"Ok: revision {verdict.revision}, {counts}."


@command.command(name="test")
@_DIRECTORY
@click.option("--json", "as_json", is_flag=True, help="One object.")
@click.pass_context
def run_inline(ctx: click.Context, directory: Path | None, as_json: bool) -> None:
    """Run the tests that stand in the rule files. Ends with 1 when one fails."""
    from worker.classify.classifier import Classifier
    from worker.route.inline import as_json as results_json
    from worker.route.inline import run_tests

    rule_set = rule_files.loaded(rule_files.read(opening.settings(), directory))
    classifier = Classifier(rule_set.themes, rule_set.severity, rule_set.surveys)
    results = run_tests(rule_set, classifier.classify)
    failed = [result for result in results if not result.ok]
    if as_json:
        output.write_json(results_json(results))
    else:
        for result in failed:
            click.echo(f"{result.file}:{result.line}  {result.name}: {result.trouble}")
        output.say(f"{len(results) - len(failed)} passed{f', {len(failed)} failed' if failed else ''}.")
    ctx.exit(FOUND_SOMETHING if failed else 0)


@command.command(name="speak")
@click.argument("rule_id", metavar="[ID]", required=False)
@click.option("--json", "as_json", is_flag=True, help="One array of objects.")
def speak(rule_id: str | None, as_json: bool) -> None:
    """Each rule as a sentence, in the order in which they are asked; with ID, that one."""
    from worker.errors import NotFound
    from worker.route.speak import sentence

    rule_set = rule_files.loaded(rule_files.read(opening.settings()))
    rules = [*rule_set.rules, *rule_set.also]
    if rule_id is not None:
        found = rule_set.rule(rule_id)
        if found is None:
            raise NotFound(f'There is no rule "{rule_id}". There are: {", ".join(rule.id for rule in rules)}.')
        rules = [found]
    said = [
        {"rule": rule.id, "name": rule.name, "sentence": sentence(rule, rule_set.directory), "place": str(rule.place)}
        for rule in rules
    ]
    if as_json:
        output.write_json(said)
        return
    out = output.console()
    for one in said:
        out.print(Text(one["rule"] or "", style="bold").append(f"  {one['place']}", style="dim not bold"))
        out.print(Text(f"  {one['sentence']}"))


@command.command(name="status")
@click.option("--json", "as_json", is_flag=True, help="One object.")
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """The revision in use, and what the set in the directory says of itself. Ends with 1 when that one is refused."""
    from worker.route.findings import as_json as findings_json

    settings = opening.settings()
    with opening.reading() as conn:
        live, at_work = _live(conn), _at_work(conn, opening.now())
    verdict = rule_files.check(rule_files.read(settings), settings)
    here = findings_json(verdict.findings, verdict.revision)
    if as_json:
        output.write_json({"live": live, "directory": here, "workers": at_work})
    else:
        _write_status(live, here)
        _write_workers(at_work, live)
    ctx.exit(0 if here["ok"] else FOUND_SOMETHING)


def _live(conn: Connection) -> dict[str, Any] | None:
    """The set that was accepted last; None before the first."""
    from worker.store.listing import iso
    from worker.store.schema import rule_sets

    c = rule_sets.c
    row = conn.execute(
        rule_sets.select().with_only_columns(c.revision, c.author, c.accepted_at).order_by(c.accepted_at.desc())
    ).first()
    if row is None:
        return None
    return {"revision": row.revision, "maintained_by": row.author, "accepted_at": iso(row.accepted_at)}


def _at_work(conn: Connection, now: datetime) -> list[dict[str, Any]]:
    """The processes that were heard of within the last minute, and the revision that each has in use."""
    from worker.store.listing import iso
    from worker.store.schema import workers

    recent = workers.select().where(workers.c.seen_at > now - _HEARD_OF).order_by(workers.c.name)
    return [
        {
            "name": row.name,
            "roles": row.roles,
            "revision": row.revision,
            "refused": row.refused,
            "seen_at": iso(row.seen_at),
        }
        for row in conn.execute(recent)
    ]


def _write_workers(at_work: list[dict[str, Any]], live: dict[str, Any] | None) -> None:
    out = output.console()
    for one in at_work:
        newest = live is not None and one["revision"] == live["revision"]
        said = f"{one['revision']}, {', '.join(one['roles'])}{'' if newest else ', not the newest'}"
        refused = [f"the newest is refused: {one['refused']}"] if one["refused"] else []
        out.print(output.gutter("Worker", f"{one['name']}  {said}", *refused))
    if not at_work:
        out.print(output.gutter("Workers", "none was heard of within the last minute"))


def _write_status(live: dict[str, Any] | None, here: dict[str, Any]) -> None:
    out = output.console()
    if live is None:
        out.print(output.gutter("In use", "none yet: no worker has accepted a set on this store"))
    else:
        out.print(output.gutter("In use", f"{live['revision']}, since {output.when(live['accepted_at'])}"))
    if not here["ok"]:
        first = here["findings"][0]
        place = f"{first['file']}:{first['line']}:{first['column']}"
        out.print(output.gutter("Directory", f"{here['revision']}, refused: {place} {first['message']}"))
    else:
        same = live is not None and live["revision"] == here["revision"]
        said = "the one in use" if same else "good, and taken within 5 s of a change by a running worker"
        out.print(output.gutter("Directory", f"{here['revision']}, {said}"))
