"""`innerloop import`: read a file of events the way Kafka's records are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.cli import opening, output
from worker.cli.lazy import FoundWrong

if TYPE_CHECKING:
    from worker.app import App
    from worker.ingest.files import Progress
    from worker.ingest.records import Record, Slice

_BATCH = 500


@click.command(name="import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--source", required=True, metavar="NAME", help="Source of events that name none, and of the import.")
def command(file: Path, source: str) -> None:
    """Read FILE (JSONL, or CSV whose header names our event's fields); each line goes the way of a record.

    The same file twice changes nothing. Answers older than INNERLOOP_ALERT_MAX_AGE are stored and alert nobody.
    Running workers deliver what comes of it.
    """
    with opening.worker() as app:
        before = _counts(app, source)
        _read(app, file, source)
        after = _counts(app, source)
    counts = {name: n - before.get(name, 0) for name, n in after.items() if n - before.get(name, 0)}
    said = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items())
    output.say(f"{file}: {said or 'nothing new'}.")


def _read(app: App, file: Path, source: str) -> None:
    from rich.console import Console
    from rich.progress import Progress as Bar

    from worker.ingest.files import records
    from worker.ingest.records import Batch

    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(file.name, total=1.0)
        progress: Progress = lambda _, share: bar.update(task, completed=share)  # noqa: E731 - one expression
        for part in _slices(app, records(file, source, progress)):
            paused = app.pipeline.process(Batch(slices=(part,)))
            if paused:
                place = f"{part.topic}:{part.partition}"
                raise FoundWrong(
                    f"Stopped before line {paused[0].next_offset}: {paused[0].reason}. "
                    f"`innerloop sources check` shows why; to take them as dead letters: "
                    f"innerloop dead-letters accept --partition {place} --until OFFSET"
                )


def _slices(app: App, records: Iterable[Record]) -> Iterator[Slice]:
    """Batches as one poll would bring them; the first one begins where an earlier import of this file ended."""
    from worker.ingest.records import Slice

    reached: int | None = None
    source = iter(records)
    while batch := tuple(islice(source, _BATCH)):
        first = batch[0]
        if reached is None:
            reached = _begin(app, first)
        end = batch[-1].offset + 1
        yield Slice(
            topic=first.topic, partition=0, incarnation=first.incarnation, first=min(reached, first.offset), next=end,
            records=batch,
        )  # fmt: skip
        reached = end


def _begin(app: App, first: Record) -> int:
    """Put the head of this file's chain in place, and give it."""
    from sqlalchemy import func, select

    from worker.store.schema import ledger

    mine = (ledger.c.topic == first.topic) & (ledger.c.incarnation == first.incarnation)
    with app.store.read() as conn:
        written = conn.execute(select(func.max(ledger.c.to_offset)).where(mine)).scalar()
    head = app.pipeline.heads([first.topic]).get((first.topic, 0))
    at = first.offset if written is None else written
    if head is None or head.incarnation != first.incarnation or head.paused_reason:
        app.pipeline.start_partition(first.topic, 0, first.incarnation, at, "import")
    return at


def _counts(app: App, source: str) -> Mapping[str, int]:
    """What the ledger says of this import's source so far."""
    from sqlalchemy import func, select

    from worker.store.ledger import COUNTED
    from worker.store.schema import ledger

    names = [name for name in (*COUNTED, "again") if name != "absent"]
    query = select(*[func.sum(ledger.c[name]).label(name) for name in names]).where(
        ledger.c.topic == f"import:{source}"
    )
    with app.store.read() as conn:
        row = conn.execute(query).mappings().one()
    return {name: int(row[name] or 0) for name in names}
