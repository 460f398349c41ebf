"""How commands print: JSON for programs, tables and gutters for people.

JSON goes to stdout and nothing else does; messages go to stderr. Tables have no boxes, fit the terminal up to
100 columns, drop the columns marked `wide` below that, and never cut an id. A pipe gets every column.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.clock import SystemClock

WIDEST = 100
_PIPE = 400  # nobody's terminal: stands for "no width is known", where everything is shown
GUTTER = 12
_JSON = msgspec.json.Encoder(decimal_format="number", enc_hook=str)

Row = Mapping[str, Any]


def write_json(value: Any) -> None:
    """One object or array on stdout."""
    click.echo(msgspec.json.format(_JSON.encode(value), indent=2).decode())


def write_json_line(value: Any) -> None:
    click.echo(_JSON.encode(value).decode())


def say(message: str) -> None:
    """A message to the person: stderr, so that stdout can be piped."""
    click.echo(message, err=True)


def terminal_width() -> int:
    """Columns to write in: COLUMNS or the terminal's, at most 100; without either, no limit."""
    columns = shutil.get_terminal_size((_PIPE, 24)).columns
    return columns if columns >= _PIPE else min(columns, WIDEST)


def console() -> Console:
    """Standard output for people."""
    ctx = click.get_current_context(silent=True)
    plain = bool(ctx and ctx.find_root().params.get("no_color"))
    return Console(width=terminal_width(), no_color=plain or None, highlight=False, soft_wrap=False)


@dataclass(frozen=True, slots=True)
class Column:
    """`wide` columns are left out below 100 columns; `fold` ones may wrap, all others stay whole."""

    title: str
    value: Callable[[Row], str | Text]
    right: bool = False
    wide: bool = False
    fold: bool = False


def write_table(columns: Sequence[Column], rows: Iterable[Row], *, empty: str) -> None:
    """A table without boxes, or `empty` as a sentence."""
    rows = list(rows)
    out = console()
    if not rows:
        out.print(empty)
        return
    shown = [column for column in columns if not column.wide or out.width >= WIDEST]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in shown:
        table.add_column(
            column.title, justify="right" if column.right else "left", no_wrap=not column.fold, overflow="fold"
        )
    for row in rows:
        table.add_row(*[_cell(column.value(row)) for column in shown])
    with out.capture() as drawn:
        out.print(table)
    click.echo("\n".join(line.rstrip() for line in drawn.get().splitlines()))


def _cell(value: str | Text) -> Text:
    return value if isinstance(value, Text) else Text(value)


def gutter(label: str, *lines: str | Text) -> Text:
    """A bold label in a gutter of 12 columns, its lines beside it; what is too long wraps there too."""
    out = console()
    wrapped = [part for line in lines or ("",) for part in _cell(line).wrap(out, max(20, out.width - GUTTER))]
    text = Text()
    for n, part in enumerate(wrapped):
        part.rstrip()
        text.append("\n" if n else "")
        text.append(f"{label if n == 0 else '':<{GUTTER}}", style="bold")
        text.append_text(part)
    text.rstrip()
    return text


def when(at: datetime | str | None) -> str:
    """`Mon 23 Nov, 12:00 CET`: in the machine's zone when it comes as plain UTC, else in its own."""
    if at is None:
        return "-"
    at = datetime.fromisoformat(at) if isinstance(at, str) else at
    local = at.astimezone() if at.tzinfo is UTC else at
    year = "" if local.year == SystemClock().now().year else f" {local.year}"
    return f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M} {local:%Z}".rstrip()


def counted(number: int, thing: str) -> str:
    """1 rule, 2 rules."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def dash(value: object) -> str:
    """What a table shows for a value; `-` for none."""
    return "-" if value is None or value == "" else str(value)
