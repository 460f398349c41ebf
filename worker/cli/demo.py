"""`innerloop demo`: see the whole thing on this machine, with invented customers."""

from __future__ import annotations

import click

from worker.cli import output


@click.command(name="demo")
@click.option("--once", is_flag=True, help="Play it through without a terminal, print the table, and end.")
@click.option("--port", type=click.IntRange(0, 65535), help="Of the message pages. Default: 8080, or any.")
@click.option("--worker-port", type=click.IntRange(0, 65535), default=0, help="Of the worker's own HTTP. Default: any.")
@click.pass_context
def command(ctx: click.Context, once: bool, port: int | None, worker_port: int) -> None:
    """Invented customers, a real worker, and a page that shows every message as its receiver sees it.

    Needs nothing but the demo extra: the Kafka broker, Slack and the mail server are small ones of its own, on this
    machine alone. Ends with q or Ctrl-C; with --once by itself, in under a minute.
    """
    from worker.demo.run import run
    from worker.demo.set_up import Options

    ctx.exit(run(Options(once=once, port=port, worker_port=worker_port), output.console()))
