"""`innerloop rules explain`: why this decision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from worker.cli import opening, output, rule_files
from worker.cli.events_file import Given, events, read_bytes
from worker.cli.follow_up_moves import moment
from worker.errors import UsageError

if TYPE_CHECKING:
    from worker.cli.explaining import Explained, Unread
    from worker.settings import Settings


@click.command(name="explain")
@click.argument("file", metavar="FILE", required=False)
@click.option("--response", "reference", metavar="SOURCE/ID", help="A stored response, at its own revision and time.")
@click.option("--now", metavar="TIME", help="As if it were decided then; with an offset. Not with --response.")
@click.option("--source", metavar="NAME", help="Source of events that name none. Default: the first topic.")
@click.option("--trace/--no-trace", default=True, help="With or without what each rule said.")
@click.option("--json", "as_json", is_flag=True, help="One object; for JSONL one a line, in order.")
def explain(
    file: str | None, reference: str | None, now: str | None, source: str | None, trace: bool, as_json: bool
) -> None:
    """Why a response is decided as it is: which rule, which clauses, which owner and who was passed over.

    FILE is one event, or JSONL; `-` reads standard input. A line may be {"event": {…}, "facts": {…}}, where facts
    stand for what the store would say. Needs no store, unless --response is given.
    """
    if (file is None) == (reference is None):
        raise UsageError("Give a FILE, or --response SOURCE/ID.")
    settings = opening.settings()
    if reference is not None:
        found: Iterable[Explained | Unread] = [_stored(reference, now, settings)]
    else:
        assert file is not None
        found = _from_file(file, moment(now) if now else None, source, settings)
    _write(found, trace=trace, as_json=as_json)


def _write(found: Iterable[Explained | Unread], *, trace: bool, as_json: bool) -> None:
    from worker.cli.explain_page import write

    for n, explained in enumerate(found):
        if as_json:
            output.write_json_line(explained.as_json(trace=trace))
            continue
        if n:
            output.console().print("\n" + "─" * 40 + "\n")
        write(explained, trace=trace)


def _stored(reference: str, now: str | None, settings: Settings) -> Explained:
    from worker.cli.explaining import explain_stored

    if now is not None:
        raise UsageError("A stored decision keeps its own time: leave --now out.")
    with opening.reading() as conn:
        return explain_stored(conn, reference, rule_files.as_stored(settings))


# Files ---------------------------------------------------------------------------------------------------------


def _from_file(file: str, now: datetime | None, source: str | None, settings: Settings) -> Iterator[Explained | Unread]:
    from worker.clock import SystemClock

    # Both are read at once, so that a broken set or file is said before the first line of output.
    given = events(read_bytes(file))
    # Not proved: whoever asks why may be asking about a test that fails.
    live = rule_files.usable(rule_files.read(settings), settings, prove=False)
    topic = source or settings.kafka_topics[0]
    return _explained(live, given, topic, now or SystemClock().now())


def _explained(live: Any, given: list[Given], topic: str, now: datetime) -> Iterator[Explained | Unread]:
    from worker.cli.explaining import explain_event
    from worker.ingest.records import Record

    for n, one in enumerate(given):
        yield explain_event(live, Record(topic=topic, partition=0, offset=n, value=one.value), one.facts, now)
