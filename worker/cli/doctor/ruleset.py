"""Rules, templates and people: is the set usable, and can everybody it names be told?"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from worker.cli import output, rule_files
from worker.cli.doctor.check import Check, error, ok, warning
from worker.clock import Clock
from worker.errors import ConfigError, RuleSetRefused
from worker.model.directory import Directory, Person, Team
from worker.notify.channels import build
from worker.route.findings import Finding, Level
from worker.ruleset import Verdict
from worker.settings import Settings

_SHOWN = 8


def rule_checks(settings: Settings, clock: Clock) -> Iterator[Check]:
    try:
        verdict = rule_files.check(rule_files.read(settings), settings)
    except (ConfigError, RuleSetRefused) as problem:
        yield error("rules", str(problem), "Without rules nothing is decided.", "Set INNERLOOP_RULES_DIR.")
        return
    yield from _findings(verdict)
    if verdict.live is not None:
        rules, channels = verdict.live.rule_set, build(settings)
        yield from people_checks(rules.directory, channels, clock.now().date())
        if rules.tells_customers and "email" not in channels:
            yield error(
                "customers", "A playbook tells customers, and no mail is set up.", "Each of these messages will fail.",
                "Set INNERLOOP_EMAIL_FROM with INNERLOOP_SMTP_URL or a SendGrid key, or take tell_customer out.",
            )  # fmt: skip


def _findings(verdict: Verdict) -> Iterator[Check]:
    errors = [finding for finding in verdict.findings if finding.level is Level.ERROR]
    warnings = [finding for finding in verdict.findings if finding.level is not Level.ERROR]
    if errors:
        yield error(
            "rules", f"{output.counted(len(errors), 'mistake')}, the first: {_said(errors[0])}",
            "The set is refused; workers go on with the last good one.", "Run: innerloop rules check",
        )  # fmt: skip
    elif warnings:
        yield warning(
            "rules", f"Usable, with {output.counted(len(warnings), 'warning')}, the first: {_said(warnings[0])}",
            "Something does not mean what it seems to.", "Run: innerloop rules check",
        )  # fmt: skip
    else:
        yield ok("rules", f"Rules, directory and templates are good: revision {verdict.revision}.")


def _said(finding: Finding) -> str:
    return f"{finding.file}:{finding.line}:{finding.column} {finding.text}"


def people_checks(directory: Directory, channels: Collection[str], today: date) -> Iterator[Check]:
    """Who has no address on any channel that is set up."""
    if not channels:
        yield error(
            "channels", "Neither Slack nor mail is set up.", "Nobody can be told anything.",
            "Set INNERLOOP_SLACK_BOT_TOKEN, or INNERLOOP_EMAIL_FROM with INNERLOOP_SMTP_URL or a SendGrid key.",
        )  # fmt: skip
        return
    yield ok("channels", f"Set up: {', '.join(sorted(channels))}.")
    yield _default_owner(directory, channels)
    here = [one for one in directory.people.values() if one.left is None or one.left > today]
    mute = [one.id for one in here if not one.addresses.keys() & set(channels)]
    if mute:
        yield warning(
            "people", f"Without an address on a channel that is set up: {_listed(mute)}.",
            "Work that would be theirs goes to the next in the chain.", "Give each an address there.",
        )  # fmt: skip
    else:
        yield ok("people", f"All {len(here)} people can be told.")
    mute = [team.id for team in directory.teams.values() if team.queue and not team.addresses.keys() & set(channels)]
    if mute:
        yield warning(
            "queues", f"Queues of these teams are on no channel that is set up: {_listed(mute)}.",
            "Their queue is passed over.", "Give each a queue on one of the channels.",
        )  # fmt: skip


def _default_owner(directory: Directory, channels: Collection[str]) -> Check:
    name = directory.default_owner
    found = directory.teams.get(name.removeprefix("team:")) if name.startswith("team:") else None
    who: Person | Team | None = found or directory.people.get(name.removeprefix("person:"))
    if who is None or not who.addresses.keys() & set(channels):
        return error(
            "default owner", f"{name} has no address on a channel that is set up.",
            "What finds no other owner ends there, and would be told to nobody.", "Give them one in directory.yaml.",
        )  # fmt: skip
    return ok("default owner", f"{name} can be told.")


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
