"""`innerloop rules`: check, test, explain and read the rule set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.cli import opening, output, rule_files
from worker.cli.explain import explain
from worker.cli.lazy import FOUND_SOMETHING

if TYPE_CHECKING:
    from worker.ruleset import Verdict

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

    Ends with 0 when all is well, 1 with mistakes, 2 when it could not run.
    """
    from worker.route import findings

    settings = opening.settings()
    verdict = rule_files.check(rule_files.read(settings, directory), settings)
    well = findings.ok(verdict.findings, strict=strict)
    if style == "json":
        output.write_json(findings.as_json(verdict.findings, verdict.revision, strict=strict))
    else:
        lines = findings.as_github(verdict.findings) if style == "github" else findings.as_text(verdict.findings)
        for line in lines:
            click.echo(line)
        output.say(_summary(verdict, well=well))
    ctx.exit(0 if well else FOUND_SOMETHING)


def _summary(verdict: Verdict, *, well: bool) -> str:
    if verdict.live is None or not well:
        return f"Refused: {len(verdict.findings)} finding(s)."
    rule_set = verdict.live.rule_set
    counts = f"{len(rule_set.rules)} rules, {len(rule_set.also)} also, {len(rule_set.tests)} tests"
    return f"Ok: revision {verdict.revision}, {counts}."
