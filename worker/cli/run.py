"""`innerloop run`: the worker itself."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING

import click

from worker import log
from worker.errors import InnerloopError, UsageError

if TYPE_CHECKING:
    from worker.app import App

Told = queue.SimpleQueue[int | Exception]
"""Signals, and what the app says no waiting will mend."""

_ROLES = ("consume", "deliver", "schedule", "serve")


@click.command(name="run")
@click.option("--only", metavar="ROLES", help=f"By comma: {','.join(_ROLES)}. Without it: all of them.")
@click.option("--until-idle", is_flag=True, help="Read to the present end, do what is due, deliver, then exit.")
def command(only: str | None, until_idle: bool) -> None:
    """Read responses, decide, deliver, keep after it.

    SIGTERM or Ctrl-C ends what is in flight and stops, within 20 seconds. SIGHUP reads the rules again.
    """
    from worker.app import build, collect_seldom
    from worker.settings import load, unknown_variables

    settings = load()
    log.configure(settings.log_level, settings.log_format)
    for name in unknown_variables():
        log.get(__name__).warning("unknown setting", variable=name)
    app = build(settings, roles=roles(only))
    collect_seldom()
    if until_idle:
        _until_idle(app)
    else:
        _until_told(app)


def roles(only: str | None) -> frozenset[str]:
    """The roles that `--only` names; all of them without it. Raises UsageError."""
    wanted = [part.strip() for part in (",".join(_ROLES) if only is None else only).split(",") if part.strip()]
    unknown = [part for part in wanted if part not in _ROLES]
    if unknown or not wanted:
        raise UsageError(f'--only: "{unknown[0] if unknown else only}" is no role. Roles: {", ".join(_ROLES)}.')
    return frozenset(wanted)


def _until_told(app: App) -> None:
    told = _signals()
    app.start(on_failure=told.put)
    _serve(app, told)


def _until_idle(app: App) -> None:
    told = _signals()

    def work() -> None:
        try:
            app.run_until_idle()
        except Exception as error:  # noqa: BLE001 - raised again in the main thread
            told.put(error)
        else:
            told.put(signal.SIGTERM)

    threading.Thread(target=work, name="until-idle", daemon=True).start()
    _serve(app, told)


def _serve(app: App, told: Told) -> None:
    """Work until the end, then end in good order. Raises what the app could not get over."""
    in_time = False
    try:
        _wait(app, told)
    finally:
        in_time = app.stop()
    if not in_time:
        _leave()


def _wait(app: App, told: Told) -> None:
    """Wait for the signal that ends the process, reloading on SIGHUP. Raises what the app could not get over."""
    while (news := told.get()) == signal.SIGHUP:
        try:
            app.reload()
        except InnerloopError as error:
            log.get(__name__).warning("rules not read again", why=str(error))
    if isinstance(news, Exception):
        raise news


def _leave() -> None:
    """End at once: threads that hang in a call would keep the interpreter from ending by itself."""
    log.get(__name__).warning("not everything ended in time; it is done again after the next start")
    sys.stderr.flush()
    os._exit(0)


def _signals() -> Told:
    """Signals as they come. After the first that ends the process, a second one kills it."""
    told: Told = queue.SimpleQueue()

    def heard(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGHUP:
            signal.signal(number, signal.SIG_DFL)
        told.put(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, heard)
    return told
