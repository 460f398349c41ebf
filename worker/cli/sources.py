"""`innerloop sources`: try a survey tool's JSON, or a mapping, before it is put to work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from worker.cli import opening, output, rule_files
from worker.cli.events_file import events, read_bytes
from worker.cli.lazy import FOUND_SOMETHING

if TYPE_CHECKING:
    from worker.ingest.records import Outcome


@click.group(name="sources")
def command() -> None:
    """Try a survey tool's JSON, or a mapping, before it is put to work."""


@command.command(name="check")
@click.argument("file", metavar="FILE")
@click.option("--topic", metavar="NAME", help="As if it came from this topic. Default: the first of the settings.")
@click.option("--json", "as_json", is_flag=True, help="One array of objects.")
@click.pass_context
def check(ctx: click.Context, file: str, topic: str | None, as_json: bool) -> None:
    """What innerloop makes of FILE: an event of a survey tool (JSON or JSONL), or a mapping (YAML).

    For an event: which mapping fits, and the response that comes of it, without contact data. For a mapping: every
    mistake in it. Ends with 1 when something is wrong.
    """
    rows = _mapping(Path(file)) if Path(file).suffix in {".yaml", ".yml"} else _events(file, topic)
    if as_json:
        output.write_json(rows)
    else:
        _write(rows)
    ctx.exit(FOUND_SOMETHING if any(_is_wrong(row) for row in rows) else 0)


def _is_wrong(row: dict[str, Any]) -> bool:
    return "dead" in row or "problem" in row


# Mappings ------------------------------------------------------------------------------------------------------


def _mapping(path: Path) -> list[dict[str, Any]]:
    import yaml

    from worker.errors import UsageError
    from worker.ingest.sources import check_source

    try:
        document = yaml.load(read_bytes(str(path)), Loader=yaml.BaseLoader)  # noqa: S506 - plain text values only
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is no YAML: {' '.join(str(error).split())}") from None
    return [
        {"place": ".".join(map(str, place)) or "top", "problem": message, "fix": fix}
        for place, message, fix in check_source(document)
    ]


# Events --------------------------------------------------------------------------------------------------------


def _events(file: str, topic: str | None) -> list[dict[str, Any]]:
    from worker.ingest.records import Record

    settings = opening.settings()
    given = events(read_bytes(file))
    reader = rule_files.usable(rule_files.read(settings), settings).reader
    name = topic or settings.kafka_topics[0]
    return [
        _read(reader.read(Record(topic=name, partition=0, offset=n, value=one.value))) for n, one in enumerate(given)
    ]


def _read(outcome: Outcome) -> dict[str, Any]:
    from msgspec import structs

    from worker.classify.redact import redact_response
    from worker.ingest.records import Dead, NotResponse
    from worker.store import listing

    if isinstance(outcome, NotResponse):
        return {"not_response": outcome.why}
    if isinstance(outcome, Dead):
        return {"source": outcome.source, "dead": {"reason": outcome.reason.value, "message": outcome.message}}
    response, contact = redact_response(outcome.response)
    return {
        "mapping": outcome.mapping,
        "event": listing.event(response),
        "contact": sorted(name for name, value in structs.asdict(contact).items() if value),
        "vendor_class": outcome.vendor_class,
        "unknown_keys": list(outcome.unknown_keys),
        "ignored_values": list(outcome.ignored_values),
    }


# Words ---------------------------------------------------------------------------------------------------------


def _write(rows: list[dict[str, Any]]) -> None:
    out = output.console()
    if not rows:
        output.say("Ok: the mapping has no mistakes.")
    for row in rows:
        for label, said in _lines(row):
            out.print(output.gutter(label, said))
        out.print()


def _lines(row: dict[str, Any]) -> list[tuple[str, str]]:
    if "problem" in row:
        return [("Wrong", f"{row['place']}: {row['problem']}. {row['fix']}")]
    if "dead" in row:
        return [("Wrong", f"{row['dead']['message']} ({row['dead']['reason']})")]
    if "not_response" in row:
        return [("No response", row["not_response"])]
    event = row["event"]
    lines = [
        ("Mapping", row["mapping"] or "none needed: it is our own event"),
        ("Response", f"{event['source']}/{event['id']}, {event['metric'] or 'metric by survey'}: {event['score']}"),
        ("Answered", event["responded_at"]),
        ("Comment", event["comment"] or "none"),
        ("Customer", event["customer"]["id"] or "not known"),
        ("Contact", ", ".join(row["contact"]) or "none"),
    ]
    more = [("Not used", ", ".join(row["unknown_keys"])), ("Not read", ", ".join(row["ignored_values"]))]
    return lines + [(label, said) for label, said in more if said]
