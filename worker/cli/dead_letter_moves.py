"""`innerloop dead-letters replay` and `accept`: what ops do about records that could not be understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from worker.cli import opening, output
from worker.cli.follow_up_moves import moment
from worker.cli.lazy import FOUND_SOMETHING
from worker.errors import NotAllowed, NotFound, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.app import App
    from worker.cli.kafka_record import KafkaAgain
    from worker.ingest.records import Record
    from worker.settings import Settings

_EXPIRED, _UNREACHABLE = "expired", "not read again"
_LEFT = frozenset({"dead", _EXPIRED, _UNREACHABLE})
_BY = click.option("--by", metavar="PERSON", help="Who acts. Kept in the audit.")
_NOTE = click.option("--note", metavar="TEXT", help="Kept in the audit.")


@click.command(name="replay")
@click.argument("numbers", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every open dead letter.")
@click.option("--reason", metavar="WORD", help="Every open one with this reason, such as unknown_shape.")
@click.option("--source", metavar="NAME", help="Every open one of this source.")
@click.option("--since", metavar="TIME", help="Written then or later; with an offset.")
@click.option("--until", metavar="TIME", help="Written before; with an offset.")
@_BY
@_NOTE
@click.pass_context
def replay(
    ctx: click.Context,
    numbers: tuple[str, ...],
    everything: bool,
    reason: str | None,
    source: str | None,
    since: str | None,
    until: str | None,
    by: str | None,
    note: str | None,
) -> None:
    """Send records through once more, after a rule set was mended or a scale was added.

    The record is the one that came, with its key, headers and time: sealed here, else read from Kafka again. What
    is in neither has expired. Ends with 1 when one of them still cannot be used.
    """
    bounds = [moment(text) if text else None for text in (since, until)]
    if not (numbers or everything or reason or source or any(bounds)):
        raise UsageError("Say which: IDs, --reason, --source, --since, --until, or --all.")
    if numbers and (everything or reason or source or any(bounds)):
        raise UsageError("Give IDs, or say which by --reason, --source, --since and --until; not both.")
    settings = opening.settings()
    with opening.worker() as app:
        wanted = _wanted(app, numbers, reason, source, bounds)
        became = list(_replayed(app, settings, wanted))
        _audited(app, "dead letters replayed", by, {"ids": wanted, "note": note})
    output.say(f"{sum(word not in _LEFT for word in became)} of {len(became)} replayed.")
    ctx.exit(FOUND_SOMETHING if _LEFT & {*became} else 0)


@click.command(name="accept")
@click.argument("numbers", metavar="[ID]...", nargs=-1)
@click.option("--partition", metavar="T:P", help="A partition that rests because nobody could read its records.")
@click.option("--until", type=int, metavar="OFFSET", help="Its unreadable records below this offset are dead letters.")
@_BY
@_NOTE
def accept(
    numbers: tuple[str, ...], partition: str | None, until: int | None, by: str | None, note: str | None
) -> None:
    """Accept a loss: dead letters nobody will mend, or a stretch of unreadable records in a resting partition."""
    if bool(numbers) == bool(partition) or (partition is None) != (until is None):
        raise UsageError("Give IDs, or --partition T:P with --until OFFSET.")
    with opening.worker() as app:
        if partition is not None and until is not None:
            _accept_partition(app, partition, until)
            _audited(app, "unreadable records accepted", by, {"partition": partition, "until": until, "note": note})
        else:
            wanted = [opening.row_id(number, "D-") for number in numbers]
            _discard(app, wanted)
            _audited(app, "dead letters discarded", by, {"ids": wanted, "note": note})
            output.say(f"{len(wanted)} discarded.")


# Replay --------------------------------------------------------------------------------------------------------


def _wanted(
    app: App, numbers: Sequence[str], reason: str | None, source: str | None, bounds: Sequence[datetime | None]
) -> list[int]:
    """Those named, which must all be open, or the open ones that were asked for. Raises NotFound and NotAllowed."""
    from worker.store.dead_letters import find_open

    ids = [opening.row_id(number, "D-") for number in numbers]
    with app.store.read() as conn:
        for number in ids:
            _check_open(_row(conn, number))
        return ids or find_open(conn, reason=reason, source=source, since=bounds[0], until=bounds[1])


def _replayed(app: App, settings: Settings, wanted: Sequence[int]) -> Iterator[str]:
    """What became of each, in a word of the ledger or of `_LEFT`; said as it happens."""
    from worker.cli.kafka_record import KafkaAgain, Unreachable

    kafka = KafkaAgain(settings)
    try:
        for n, number in enumerate(wanted, 1):
            try:
                word, remark = _replay_one(app, settings, kafka, number)
            except Unreachable as error:
                word, remark = _UNREACHABLE, f"{error} It stays open; replay it again."
            output.say(f"{n}/{len(wanted)}  {number}: {word.replace('_', ' ')}")
            if remark:
                output.say(f"  {remark}")
            yield word
    finally:
        kafka.close()


def _replay_one(app: App, settings: Settings, kafka: KafkaAgain, number: int) -> tuple[str, str | None]:
    with app.store.read() as conn:
        row = _row(conn, number)
    record = _record(settings, kafka, row)
    if record is None:
        return _EXPIRED, f"neither sealed here nor in Kafka any more; innerloop dead-letters accept {number}"
    return app.pipeline.replay(record, number), None


def _record(settings: Settings, kafka: KafkaAgain, row: Mapping[str, Any]) -> Record | None:
    """The record as it came: sealed, else from Kafka by its coordinates. None when it is gone."""
    from worker.ingest.records import Record
    from worker.store.dead_letters import Seal

    place = {name: row[name] for name in ("topic", "partition", "incarnation", "offset")}
    keys = [key.get_secret_value() for key in settings.secret_keys]
    kept = Seal(keys).open(row["sealed"]) if keys and row["sealed"] else None
    if kept is None:
        return kafka.read(**place)
    return Record(**place, key=kept.key, value=kept.value, headers=kept.headers, timestamp=kept.timestamp, how="replay")


def _check_open(row: Mapping[str, Any]) -> None:
    if row["state"] != "open":
        raise NotAllowed(f"Dead letter {row['id']} is {row['state']} already.")


def _row(conn: Connection, number: int) -> Mapping[str, Any]:
    from sqlalchemy import select

    from worker.store.schema import dead_letters

    row = conn.execute(select(dead_letters).where(dead_letters.c.id == number)).mappings().first()
    if row is None:
        raise NotFound(f"There is no dead letter {number}. `innerloop dead-letters list` shows all.")
    return dict(row)


# Accept --------------------------------------------------------------------------------------------------------


def _discard(app: App, numbers: Sequence[int]) -> None:
    """All of them, or none. Raises NotFound and NotAllowed."""
    from sqlalchemy import update

    from worker.store.schema import dead_letters

    with app.store.write() as conn:
        for number in numbers:
            _check_open(_row(conn, number))
        conn.execute(update(dead_letters).where(dead_letters.c.id.in_(numbers)).values(state="discarded"))


def _accept_partition(app: App, partition: str, until: int) -> None:
    """Let a resting partition go on: what lies below `until` becomes dead letters where nobody can read it."""
    from sqlalchemy import update

    from worker.store.schema import partitions

    topic, colon, number = partition.rpartition(":")
    if not (colon and topic and number.isdigit()):
        raise UsageError(f'"{partition}" is no partition. Write TOPIC:NUMBER, such as feedback.responses:0.')
    head = app.pipeline.heads([topic]).get((topic, int(number)))
    if head is None:
        raise NotFound(f"Nothing was read from {partition} yet.")
    if until <= head.next_offset:
        raise UsageError(f"{partition} is written up to {head.next_offset}; --until must lie beyond it.")
    mine = (partitions.c.topic == topic) & (partitions.c.partition == int(number))
    with app.store.write() as conn:
        conn.execute(update(partitions).where(mine).values(paused_reason=None, accepted_until=until))
    output.say(f"{partition} goes on from {head.next_offset}; unreadable records below {until} become dead letters.")


def _audited(app: App, what: str, by: str | None, detail: Mapping[str, Any]) -> None:
    with app.store.write() as conn:
        opening.audit(conn, what, by, detail)
