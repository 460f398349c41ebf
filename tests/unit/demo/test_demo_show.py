from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console

from worker.demo.board import Account, Board, Sent, Work
from worker.demo.show import Moment, Room, Show, answer_line, follow_ups

NOW = datetime(2026, 11, 20, 16, 42, tzinfo=UTC)
COUNTS = {"accepted": 405, "updated": 5, "duplicate": 1, "stale": 0, "not_response": 0, "dead": 1, "absent": 0}
BOARD = Board(
    classes={"detractor": 63, "passive": 88, "promoter": 149},
    dead=1,
    work=tuple(Work(owner, 9, 1, 2) for owner in ("cyd", "team:leeds-billing", "bo", "nell", "lia", "rita", "tomas")),
    sent=(Sent("slack", 41, 1), Sent("email", 22, 0)),
    failed_over=2,
    account=Account(COUNTS, ()),
)


def drawn(width: int, height: int = 40) -> str:
    show = Show("http://127.0.0.1:8080/sandbox", 412, str)
    show.lines.append((NOW, "One alert about Ines Ferrer, to Cyd: Ana is away."))
    stream = [answer_line(NOW, "detractor", "NPS 2", "Ines Ferrer", "Third call about the same invoice. " * 5)]
    moment = Moment(BOARD, NOW, 42.0, stream, "F-2: Gold customers first. Cyd Obi, as agent.", None)
    out = Console(file=StringIO(), width=width, height=height, color_system=None)
    out.print(show.screen(moment, Room.of(width, height)))
    assert isinstance(out.file, StringIO)
    return out.file.getvalue()


@pytest.mark.parametrize("width", [80, 100])
def test_no_name_and_no_number_is_cut_on_a_usual_terminal(width: int) -> None:
    screen = drawn(width)
    assert max(map(len, screen.splitlines())) <= width
    for whole in ("team:leeds-billing", "dead letters", "overdue", "waiting", "failed over", "F-2: Gold customers"):
        assert whole in screen


def test_the_count_line_is_the_one_that_reconcile_would_give() -> None:
    assert BOARD.account.line == "read 412 = 405 accepted + 5 updated + 1 duplicate + 1 dead"


def test_what_does_not_fit_is_summed_up() -> None:
    out = Console(file=StringIO(), width=100, color_system=None)
    out.print(follow_ups(BOARD, 5))
    assert isinstance(out.file, StringIO)
    assert out.file.getvalue().splitlines()[-1].split() == ["2", "others", "18", "2"]


def test_a_low_terminal_keeps_the_newest_of_the_story() -> None:
    assert Room.of(100, 24) == Room(100, 1, 2)
    assert Room.of(100, 60) == Room(100, 4, 8)
