"""The demo on a terminal: what came in, who has it, who was told, and the story so far.

At most 100 columns, no boxes; a word stands beside every colour, so that a pipe loses nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from worker.demo.board import Board, Work
from worker.demo.sandbox.draw import preview
from worker.demo.sandbox.messages import Kept, Mail
from worker.demo.times import ZONE

WIDEST = 100
BANNER = (
    "Played here: the customers, Cyd's hands, Slack, the mail server, and a clock on which 1 s is 4 min. "
    "Everything else is the real program."
)
BANNER_ONCE = BANNER.replace("on which 1 s is 4 min", "that jumps ahead")
_GUTTER = 9
_OWNERS = 5  # rows of the live table; the rest is summed up
_STORY = 8
_MARKS = {"detractor": ("▼", "bright_red"), "passive": ("■", ""), "promoter": ("▲", "bright_blue")}


@dataclass(frozen=True, slots=True)
class Room:
    """How much fits on this terminal."""

    width: int
    stream: int  # lines
    story: int  # lines, wrapped ones counted once

    @classmethod
    def of(cls, width: int, height: int) -> Room:
        """The rest takes 21 lines where the tables stand side by side, else 29; a line of the story may wrap."""
        free = height - (21 if width >= WIDEST else 29)
        stream = max(1, min(4, free // 4))
        return cls(width, stream, max(2, min(_STORY, free - stream)))


@dataclass(frozen=True, slots=True)
class Moment:
    """What is on the screen at one moment."""

    board: Board
    now: datetime
    ran: float  # real seconds
    stream: Sequence[Text]
    why: str
    last: Kept | None


@dataclass(slots=True)
class Show:
    """The screen, and the story's lines on it."""

    page: str
    total: int
    name_of: Callable[[str], str]
    lines: deque[tuple[datetime, str]] = field(default_factory=lambda: deque(maxlen=_STORY))

    def screen(self, moment: Moment, room: Room) -> RenderableType:
        board = moment.board
        return Group(
            _head(moment),
            Text(BANNER, "dim"),
            Text.assemble("Read the messages as their receivers do: ", (self.page, "underline")),
            Text(),
            *_tables(board, room.width),
            Text(),
            _gutter("Stream", moment.stream, cut=True),
            _gutter("Phone", self._phone(moment.last), cut=True),
            _gutter("Why", [Text(moment.why)]),
            _gutter("Story", [Text(story_line(at, text)) for at, text in list(self.lines)[-room.story :]]),
            Text(),
            _gutter("Read", [self._bar(board.account.read), Text(board.account.line)]),
        )

    def _bar(self, read: int) -> RenderableType:
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.add_row(f"{read} of {self.total}", ProgressBar(total=self.total, completed=read, width=40))
        return grid

    def _phone(self, last: Kept | None) -> list[Text]:
        """The newest message as its receiver's lock screen shows it."""
        if last is None:
            return [Text("Nothing yet.", "dim")]
        where = "Mail" if isinstance(last, Mail) else "Slack"
        words = preview(last.html or last.text) if isinstance(last, Mail) else last.text
        first = Text(f"{when(last.at)}  {where} to {self.name_of(last.to)}: {last.title}")
        return [first, Text(" " * len("16:42  ") + words, "dim")]


def story_line(at: datetime, text: str) -> str:
    return f"{when(at, '%a %H:%M')}  {text}"


def when(at: datetime, form: str = "%H:%M") -> str:
    """In the demo's zone."""
    return at.astimezone(ZONE).strftime(form)


def answer_line(at: datetime, klass: str | None, score: str, who: str, words: str | None) -> Text:
    """One answer of the stream: 16:42 ▼ NPS 2 Ines Ferrer “Third call…”"""
    mark, style = _MARKS.get(klass or "", (" ", ""))
    line = Text(f"{when(at)}  ")
    line.append(f"{mark} {score:<14}", style)
    line.append(f" {who[:20]:<20} ")
    return line.append(f"“{' '.join(words.split())}”" if words else "", "dim")


def responses(board: Board) -> Table:
    """By class, with shares in whole percent."""
    table = _table("Responses in", "count", "share")
    total = sum(board.classes.values())
    for name, count in board.classes.items():
        mark, style = _MARKS[name]
        share = f"{round(100 * count / total)} %" if total else ""
        table.add_row(Text(f"{mark} {name}", style), str(count), share)
    table.add_row("dead letters", str(board.dead), "")
    return table


def follow_ups(board: Board, limit: int | None = None) -> Table:
    """By owner, busiest first. With a `limit` it is short: the rest in one row, and nothing about closed ones."""
    columns = ("open", "overdue") if limit else ("open", "overdue", "closed")
    table = _table("Follow-ups of", *columns)
    shown, rest = board.work[:limit], board.work[limit:] if limit else ()
    for work in shown:
        table.add_row(work.owner, *_counts(columns, [work]))
    if rest:
        table.add_row(f"{len(rest)} others", *_counts(columns, rest))
    return table


def _counts(columns: Sequence[str], works: Sequence[Work]) -> list[str]:
    fields = {"open": "live", "overdue": "overdue", "closed": "ended"}
    return [str(sum(getattr(work, fields[name]) for work in works)) for name in columns]


def notices(board: Board) -> Table:
    """By channel."""
    table = _table("Notices", "delivered", "waiting")
    for sent in board.sent:
        table.add_row(sent.channel, str(sent.delivered), str(sent.waiting))
    table.add_row(Text("failed over", "yellow"), str(board.failed_over), "")
    return table


def _head(moment: Moment) -> Text:
    minutes, seconds = divmod(int(moment.ran), 60)
    return Text.assemble(
        ("innerloop demo", "bold"),
        f"   {when(moment.now, '%a %d %b, %H:%M')}   running {minutes}:{seconds:02}   ",
        ("q or Ctrl-C stops", "dim"),
    )


def _table(title: str, *numbers: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(Text(title, "bold not dim"), no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _tables(board: Board, width: int) -> list[RenderableType]:
    """All three side by side where they fit, else the owners below."""
    first, second, third = responses(board), follow_ups(board, _OWNERS), notices(board)
    if width >= WIDEST:
        return [_side_by_side(first, second, third)]
    return [_side_by_side(first, third), Text(), second]


def _side_by_side(*tables: Table) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(*tables)
    return grid


def _gutter(label: str, lines: Iterable[RenderableType], *, cut: bool = False) -> Table:
    """A bold label, and lines beside it; `cut` keeps each on one line."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(min_width=_GUTTER - 1, no_wrap=True)
    grid.add_column(no_wrap=cut, overflow="ellipsis" if cut else "fold")
    for n, line in enumerate(lines or [Text()]):
        grid.add_row(Text(label if n == 0 else "", "bold"), line)
    return grid
