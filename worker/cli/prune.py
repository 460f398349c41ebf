"""`innerloop prune`: forget what is old enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from worker.cli import opening, output

if TYPE_CHECKING:
    from datetime import timedelta

WORDS = {
    "dead_letters": "raw records and excerpts of dead letters",
    "responses": "responses, with the follow-ups around them",
    "notices": "notices: addresses, contents, attempts",
}


@click.command(name="prune")
@click.option("--yes", is_flag=True, help="Do it. Without this, only say what would be forgotten.")
@click.option("--by", metavar="PERSON", help="Who acts. Kept in the audit.")
@click.option("--json", "as_json", is_flag=True, help="One object: done, and how much of each kind.")
def command(yes: bool, by: str | None, as_json: bool) -> None:
    """Forget what is older than INNERLOOP_KEEP_RESPONSES and INNERLOOP_KEEP_NOTICES. Workers do so by themselves.

    Words and person are blanked in place. Ids and fingerprints stay, so that a topic that is read again brings nothing
    back and opens nothing twice; scores stay, so that figures do. Live follow-ups and their answers are never touched.
    """
    from worker.clock import SystemClock
    from worker.schedule.retention import Retention

    settings = opening.settings()
    with opening.store() as store:
        keep = {"responses": settings.keep_responses, "notices": settings.keep_notices}
        retention = Retention(store, SystemClock(), **keep)
        found = retention.run_to_the_end() if yes else retention.due()
        if yes:
            with store.write() as conn:
                opening.audit(conn, "pruned", by, found)
    if as_json:
        output.write_json({"done": yes, **found})
        return
    _write(found, keep, done=yes)


def _write(found: dict[str, int], keep: dict[str, timedelta | None], *, done: bool) -> None:
    out = output.console()
    for name, what in WORDS.items():
        span = keep.get(name)
        if name not in found:
            out.print(output.gutter("kept", f"{what}: INNERLOOP_KEEP_{name.upper()} is off"))
            continue
        older = f" older than {span.days} days" if span else " older than 30 days"
        out.print(output.gutter(str(found[name]), f"{what},{older}"))
    if not done:
        output.say("Nothing was changed. To forget it: innerloop prune --yes")
