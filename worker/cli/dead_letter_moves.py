"""`innerloop dead-letters replay` and `accept`: what ops do about records that could not be understood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from worker.cli import opening, output
from worker.cli.lazy import FOUND_SOMETHING
from worker.errors import NotAllowed, NotFound, UsageError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.app import App
    from worker.ingest.records import Record
    from worker.settings import Settings

_DEAD = "dead"
_BY = click.option("--by", metavar="PERSON", help="Who acts. Kept in the audit.")
_NOTE = click.option("--note", metavar="TEXT", help="Kept in the audit.")


@click.command(name="replay")
@click.argument("numbers", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every open dead letter.")
@click.option("--reason", metavar="WORD", help="Every open one with this reason, such as unknown_shape.")
@click.option("--source", metavar="NAME", help="Every open one of this source.")
@_BY
@_NOTE
@click.pass_context
def replay(
    ctx: click.Context,
    numbers: tuple[str, ...],
    everything: bool,
    reason: str | None,
    source: str | None,
    by: str | None,
    note: str | None,
) -> None:
    """Send records through once more, after a rule set was mended or a scale was added.

    The record is the one that came, with its key, headers and time: sealed here, else read from Kafka again. Ends
    with 1 when one of them still cannot be used.
    """
    if not (numbers or everything or reason or source):
        raise UsageError("Say which: IDs, --reason, --source, or --all.")
    settings = opening.settings()
    with opening.worker() as app:
        wanted = [opening.row_id(number, "D-") for number in numbers] or _open(app, reason, source)
        became = [_replay(app, settings, number) for number in wanted]
        _audited(app, "dead letters replayed", by, {"ids": wanted, "note": note})
    for number, word in zip(wanted, became, strict=True):
        output.say(f"{number}: {word.replace('_', ' ')}")
    output.say(f"{sum(word != _DEAD for word in became)} of {len(became)} replayed.")
    ctx.exit(FOUND_SOMETHING if _DEAD in became else 0)


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


def _open(app: App, reason: str | None, source: str | None) -> list[int]:
    """Open dead letters, oldest first."""
    from sqlalchemy import select

    from worker.store.schema import dead_letters

    c = dead_letters.c
    query = select(c.id).where(c.state == "open").order_by(c.id)
    query = query.where(c.reason == reason) if reason else query
    query = query.where(c.source == source) if source else query
    with app.store.read() as conn:
        return list(conn.execute(query).scalars())


def _replay(app: App, settings: Settings, number: int) -> str:
    """What became of it, in a word of the ledger. Raises NotFound and NotAllowed."""
    with app.store.read() as conn:
        row = _row(conn, number)
    if row["state"] != "open":
        raise NotAllowed(f"Dead letter {number} is {row['state']} already.")
    return app.pipeline.replay(_record(settings, row), number)


def _record(settings: Settings, row: Mapping[str, Any]) -> Record:
    """The record as it came: sealed, else from Kafka by its coordinates. Raises NotAllowed when it is gone."""
    from worker.ingest.records import Record
    from worker.store.dead_letters import Seal

    place = {name: row[name] for name in ("topic", "partition", "incarnation", "offset")}
    keys = [key.get_secret_value() for key in settings.secret_keys]
    kept = Seal(keys).open(row["sealed"]) if keys and row["sealed"] else None
    if kept is not None:
        return Record(
            **place, key=kept.key, value=kept.value, headers=kept.headers, timestamp=kept.timestamp, how="replay"
        )
    from worker.cli.kafka_record import read_again

    found = read_again(settings, **place)
    if found is None:
        raise NotAllowed(
            f"Dead letter {row['id']} has expired: its record is neither sealed here nor in Kafka any more. "
            f"innerloop dead-letters accept {row['id']} puts it aside."
        )
    return found


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
            state = _row(conn, number)["state"]
            if state != "open":
                raise NotAllowed(f"Dead letter {number} is {state} already.")
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
