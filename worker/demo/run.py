"""`innerloop demo`: one Friday afternoon, played in about a minute."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime, timedelta

from rich.console import Console
from rich.live import Live
from rich.text import Text
from sqlalchemy import select

from worker.demo import board, keys, show
from worker.demo.set_up import Demo, Options, set_up
from worker.demo.stopping import Stopped, on_signal
from worker.demo.times import MONDAY
from worker.notify import saying
from worker.notify.context import Said, read_said
from worker.notify.words import Language
from worker.store import schema
from worker.store.engine import Store

AFTERMATH = timedelta(minutes=30)  # for what is told late: fail-over, retries
_FRAME = 0.25  # real seconds between two pictures
_ENGLISH = Language.of("en")


def run(options: Options, out: Console) -> int:
    """Set up, play, clean up. The exit code is 1 when the totals do not agree, or a hurried run has not read all."""
    try:
        with set_up(options, out, on_signal()) as demo:
            _play(demo, options, out)
            final = demo.board()
    except Stopped:  # before anything was played
        return 0
    write_end(final, out)
    is_short = options.once and final.account.read < demo.screen.total
    return 1 if final.account.problems or is_short else 0


def _play(demo: Demo, options: Options, out: Console) -> None:
    with suppress(Stopped):
        if options.once or not out.is_terminal:
            play_plainly(demo, hurry=options.once)
        else:
            play_live(demo, out)


def play_plainly(demo: Demo, *, hurry: bool) -> None:
    """Line by line. In a hurry the clock jumps from beat to beat, and waits only for the worker."""
    player, clock = demo.player, demo.stage.clock
    while (at := player.next_at) is not None:
        if hurry:
            at = player.next_beat or at
            clock.jump(at)
        _pass_until(demo, at)
        player.play(at)
        if hurry:
            player.settle()
        player.look()
    player.settle()
    clock.jump(clock.now() + AFTERMATH)
    player.settle()
    player.look()


def play_live(demo: Demo, out: Console) -> None:
    """On the whole screen, until somebody has seen enough."""
    began = time.monotonic()
    with keys.pressed() as pressed, Live(console=out, auto_refresh=False, vertical_overflow="crop") as live:
        while pressed() != "q":
            now = demo.stage.clock.now()
            demo.player.play(now)
            demo.player.look()
            demo.stage.worker.check()
            room = show.Room.of(*out.size)
            live.update(demo.screen.screen(_moment(demo, now, time.monotonic() - began, room), room), refresh=True)
            if demo.player.is_over and now > MONDAY + AFTERMATH:
                demo.stage.clock.run(1.0)  # the story is told: time to read, at everybody's pace
            demo.stage.pause(_FRAME)


def write_end(final: board.Board, out: Console) -> None:
    """The end state, in words and whole numbers."""
    for table in (show.responses(final), show.follow_ups(final), show.notices(final)):
        out.print()
        out.print(table)
    out.print()
    for line in (final.account.line, *(f"wrong: {problem}" for problem in final.account.problems)):
        out.print(line, markup=False, soft_wrap=True)


def _pass_until(demo: Demo, at: datetime) -> None:
    """Wait for the clock, and notice a worker that has died meanwhile."""
    while (ahead := demo.stage.clock.seconds_until(at)) > 0:
        demo.stage.worker.check()
        demo.stage.pause(min(ahead, _FRAME))


def _moment(demo: Demo, now: datetime, ran: float, room: show.Room) -> show.Moment:
    messages = demo.stage.messages
    return show.Moment(
        board=demo.board(),
        now=now,
        ran=ran,
        stream=_stream(demo.stage.store, room.stream),
        why=demo.reasons.last(),
        last=messages.get(messages.count()),
    )


def _stream(store: Store, most: int) -> list[Text]:
    """The newest answers, newest first."""
    c = schema.responses.c
    with store.read() as conn:
        newest = conn.execute(select(c.id).order_by(c.id.desc()).limit(most)).scalars().all()
        said = read_said(conn, newest)
    return [_line(said[number]) for number in newest]


def _line(said: Said) -> Text:
    response, score = said.response, saying.score(said, _ENGLISH)
    return show.answer_line(
        response.responded_at, said.verdict.klass, score.short, response.customer.name or "", response.comment
    )
