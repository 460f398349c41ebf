"""`innerloop doctor`: look at everything the worker needs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from rich.text import Text

from worker.cli import output
from worker.cli.doctor.check import Check, State, error
from worker.cli.lazy import FOUND_SOMETHING

if TYPE_CHECKING:
    from worker.settings import Settings

_STYLES = {State.OK: "green", State.WARNING: "yellow", State.ERROR: "red"}


@click.command(name="doctor")
@click.option("--live", is_flag=True, help="Ask the providers too: scopes, membership, sign-in. Sends no message.")
@click.option("--json", "as_json", is_flag=True, help="One object.")
@click.pass_context
def command(ctx: click.Context, live: bool, as_json: bool) -> None:
    """Check store, Kafka, rules, people, credentials, clock and keys, and say what to do. Changes nothing.

    Ends with 1 where something is wrong; warnings alone end with 0.
    """
    from worker import log
    from worker.settings import load

    settings = load()
    log.configure("error", "console")
    for handler in logging.getLogger().handlers:
        handler.addFilter(lambda record: not record.name.startswith(("kafka", "slack_sdk")))  # a check says it, once
    checks = list(examine(settings, live=live))
    well = all(check.state is not State.ERROR for check in checks)
    if as_json:
        output.write_json({"ok": well, "checks": [asdict(check) for check in checks]})
    else:
        _write(checks)
    ctx.exit(0 if well else FOUND_SOMETHING)


def examine(settings: Settings, *, live: bool) -> Iterator[Check]:
    """Every check, in the order in which things are needed. One that breaks is one line, not the end."""
    from worker.cli.doctor.kafka import kafka_checks
    from worker.cli.doctor.machine import machine_checks
    from worker.cli.doctor.providers import provider_checks
    from worker.cli.doctor.ruleset import rule_checks
    from worker.cli.doctor.storage import store_checks
    from worker.clock import SystemClock

    clock = SystemClock()
    looks: list[tuple[str, Callable[[], Iterable[Check]]]] = [
        ("store", lambda: store_checks(settings, clock)),
        ("kafka", lambda: kafka_checks(settings)),
        ("rules", lambda: rule_checks(settings, clock)),
        ("machine", lambda: machine_checks(settings)),
    ]
    if live:
        looks.append(("providers", lambda: provider_checks(settings)))
    for name, look in looks:
        yield from _guarded(name, look)


def _guarded(name: str, look: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    try:
        yield from look()
    except Exception as unexpected:  # noqa: BLE001 - the other checks still have something to say
        text = " ".join(f"{type(unexpected).__name__}: {unexpected}".split())[:300]
        yield error(name, f"The check itself failed: {text}", "What it looks at is unknown.", "Please report this.")


def _write(checks: list[Check]) -> None:
    out = output.console()
    for check in checks:
        line = Text(f"{check.state:<8}", style=_STYLES[check.state])
        line.append(f"{check.name:<14}", style="bold not red not green not yellow")
        line.append(" ".join(part for part in (check.what, check.why, check.fix) if part), style="not bold default")
        out.print(line, soft_wrap=True)
