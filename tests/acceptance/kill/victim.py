"""Runs the program so that it can be stopped at a named point: `python -m … POINT NTH ARGS…`.

When the program comes to the point for the NTH time, the thread that does so says a line and waits for ever, holding
whatever it holds; the harness outside sees the line and sends SIGKILL to the process. A POINT of "-" runs it as it is.

The points lie at the borders to the libraries (Kafka client, database, HTTP, SMTP), so that the program itself needs
no hooks for its tests.
"""

from __future__ import annotations

import http.client
import smtplib
import sys
import threading
from collections.abc import Callable
from typing import Any

import kafka
from sqlalchemy import Connection, Engine, event

from tests.acceptance.kill.points import MARK, POINTS
from worker.cli.main import main

Reached = Callable[[], None]


def stopper(point: str, nth: int) -> Reached:
    """Called whenever the program is at the point; stops there for good the nth time."""
    turns = iter(range(1, nth + 1))
    lock = threading.Lock()

    def reached() -> None:
        with lock:
            hit = next(turns, None) == nth
        if hit:
            print(MARK, point, file=sys.stderr, flush=True)
            threading.Event().wait()

    return reached


def after(owner: type, name: str, reached: Reached, when: Callable[[Any], bool] = lambda result: True) -> None:
    """`reached` is called when `owner.name` has returned something that `when` holds for."""
    original = getattr(owner, name)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if when(result):
            reached()
        return result

    setattr(owner, name, wrapper)


def before(owner: type, name: str, reached: Reached) -> None:
    original = getattr(owner, name)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        reached()
        return original(*args, **kwargs)

    setattr(owner, name, wrapper)


def before_database_commit(function: str, reached: Reached) -> None:
    """In a transaction that was opened below a function of this name, all written, nothing durable."""

    def look(_: Connection) -> None:
        frame = sys._getframe()
        while frame is not None:
            if frame.f_code.co_name == function and "/worker/" in frame.f_code.co_filename:
                reached()
                return
            frame = frame.f_back  # type: ignore[assignment]

    event.listen(Engine, "commit", look)


def arm(point: str, reached: Reached) -> None:
    if point == "after_poll":
        after(kafka.KafkaConsumer, "poll", reached, when=bool)
    elif point == "in_transaction":
        before_database_commit("process", reached)
    elif point == "before_commit":
        before(kafka.KafkaConsumer, "commit", reached)
    elif point == "after_claim":
        before(http.client.HTTPConnection, "endheaders", reached)
        before(smtplib.SMTP, "mail", reached)
    elif point == "after_answer":
        after(http.client.HTTPConnection, "getresponse", reached)
        after(smtplib.SMTP, "data", reached)
    elif point == "settling":
        before_database_commit("settle", reached)
    elif point == "replaying":
        before_database_commit("replay", reached)


if __name__ == "__main__":
    assert sys.argv[1] in (*POINTS, "-"), sys.argv[1]
    arm(sys.argv[1], stopper(sys.argv[1], int(sys.argv[2])))
    sys.argv = ["innerloop", *sys.argv[3:]]
    main()
