"""The command `innerloop`."""

from __future__ import annotations

import click

from worker import __version__
from worker.cli.lazy import LazyGroup

COMMANDS = {
    "run": ("worker.cli.run", "Read responses, decide, deliver, keep after it."),
    "demo": ("worker.cli.demo", "See the whole thing on this machine, with invented customers."),
    "rules": ("worker.cli.rules", "Check, test, explain and read the rules."),
    "templates": ("worker.cli.templates", "See a message before anybody gets it."),
    "sources": ("worker.cli.sources", "Try a survey tool's JSON, or a mapping, before it is put to work."),
    "import": ("worker.cli.import_file", "Read a file of events the way Kafka's records are read."),
    "migrate": ("worker.cli.migrate", "Bring the store's schema up to this version."),
    "settings": ("worker.cli.settings", "Every setting: its value and where it comes from."),
    "doctor": ("worker.cli.doctor.command", "Look at everything the worker needs; say what is wrong."),
    "drill": ("worker.cli.drill", "Send a test response all the way, against the clock."),
    "reconcile": ("worker.cli.reconcile", "Recount every offset that was read, from the tables."),
    "responses": ("worker.cli.responses", "What customers answered, and what was decided."),
    "follow-ups": ("worker.cli.follow_ups", "Who must get back to whom, and by when."),
    "people": ("worker.cli.people", "Who is away, who stands in; what is known of a customer, and forgetting it."),
    "prune": ("worker.cli.prune", "Forget what is old enough; first say what."),
    "why": ("worker.cli.why", "Everything decided about one customer, and why."),
    "notices": ("worker.cli.notices", "Who was told what, and whether it arrived."),
    "dead-letters": ("worker.cli.dead_letters", "Records that could not be understood, and why."),
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 it found something wrong, 2 it could not run.",
)
@click.version_option(__version__, prog_name="innerloop")
@click.option("--no-color", is_flag=True, help="Plain text. NO_COLOR in the environment does the same.")
@click.option("--traceback", is_flag=True, help="Show where an unexpected error came from.")
def main(no_color: bool, traceback: bool) -> None:
    """A follow-up for every unhappy customer: reads survey responses, tells the right person, keeps after it."""


if __name__ == "__main__":
    main(prog_name="innerloop")
