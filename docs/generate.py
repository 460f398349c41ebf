"""Write those parts of the documentation that the code knows better than anybody.

    make docs

Settings, commands, event, metrics, codes of the rules, tables, notices, the chart's values and the moves of a
follow-up. A test compares what is committed with what this prints, so none of it can be out of date.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
import msgspec
import yaml
from prometheus_client import Counter, Gauge, Histogram
from pydantic.fields import FieldInfo
from sqlalchemy import CheckConstraint, Column, Table, UniqueConstraint

from worker.classify.scales import SCALES, classify_score
from worker.cli.main import main as innerloop
from worker.followup.lifecycle import MOVES
from worker.ingest.records import Reason
from worker.metrics import REGISTRY
from worker.model.followup import LIVE, State
from worker.model.notice import Kind
from worker.model.response import Customer, Interaction, Response
from worker.model.survey import Scale
from worker.notify.view import View
from worker.route.codes import CODES
from worker.settings import PREFIX, SECRETS, Settings
from worker.store.schema import metadata

ROOT = Path(__file__).parent.parent
WORDS: dict[str, dict[str, str]] = yaml.safe_load((ROOT / "docs" / "words.yaml").read_text(encoding="utf-8"))
INTROS = WORDS["intros"]
SCHEMA = "deploy/helm/innerloop/values.schema.json"
MADE = "<!-- Made by `make docs` from the code. Change it there. -->\n\n"


# Building blocks -------------------------------------------------------------------------------------------------


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(cell(text) for text in line)} |\n" for line in lines) + "\n"


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|") or " "


def code(text: object) -> str:
    return f"`{text}`"


def page(title: str, *parts: str) -> str:
    return f"# {title}\n\n{MADE}{wrapped(INTROS[title])}\n\n" + "".join(parts).rstrip() + "\n"


def wrapped(text: str) -> str:
    """Paragraphs in lines of the length that people write."""
    return "\n\n".join(textwrap.fill(part, 118, break_on_hyphens=False) for part in text.strip().split("\n\n"))


def explained(what: str, names: Iterable[str]) -> list[tuple[str, str]]:
    """Each name with its sentence of words.yaml. Ends where one has none, or is explained and does not exist."""
    there, words = [str(name) for name in names], WORDS[what]
    if odd := set(there) ^ set(words):
        sys.exit(f"docs/words.yaml, {what}: {', '.join(sorted(odd))}: missing there, or not in the code")
    return [(code(name), words[name]) for name in there]


# Settings --------------------------------------------------------------------------------------------------------


def settings() -> str:
    heads = ("variable", "key", "default", "what for")
    return page("Settings", table(heads, (_setting(*item) for item in Settings.model_fields.items())))


def _setting(name: str, field: FieldInfo) -> tuple[str, str, str, str]:
    secret = " Secret." if name in SECRETS else ""
    return code(PREFIX + name.upper()), code(name), _default(field), f"{field.description}{secret}"


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, timedelta):
        return code(f"{value.days} days" if value.days else f"{value.seconds // 60} minutes")
    if value is None or value == ():
        return ""
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    return code(", ".join(value) if isinstance(value, tuple) else value)


# Commands --------------------------------------------------------------------------------------------------------


def cli() -> str:
    context = click.Context(innerloop, info_name="innerloop")
    return page("Commands", *_commands(innerloop, context))


def _commands(command: click.Command, context: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _commands(found, click.Context(found, info_name=name, parent=context))
        return
    yield f"## {context.command_path}\n\n"
    pieces = " ".join(piece.replace("[OPTIONS]", "[options]") for piece in command.collect_usage_pieces(context))
    yield f"    {context.command_path} {pieces}\n\n"
    yield f"{_help(command)}\n\n"
    if options := list(_options(command, context)):
        yield table(("option", "what for"), options)


def _help(command: click.Command) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))


def _options(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and record[1] and "--help" not in record[0]:
            yield code(record[0]), record[1]


# Event -----------------------------------------------------------------------------------------------------------


def events() -> str:
    names = list(_event_fields())
    words = explained("event", (name for name, _ in names))
    rows = ((field, kind, text) for (field, text), (_, kind) in zip(words, names, strict=True))
    fields = table(("field", "type", "what it is"), rows)
    example = (ROOT / "deploy" / "sample" / "responses.jsonl").read_text(encoding="utf-8").splitlines()[0]
    shown = json.dumps(json.loads(example.replace("@NOW@", "2026-11-20T15:29:00Z").replace("@RUN@", "r")), indent=2)
    return page(
        "Events", fields, "## Example\n\n", f"```json\n{shown}\n```\n\n",
        "## Scales\n\nA score outside of its scale is a dead letter. A survey may set its own in `surveys.yaml`.\n\n",
        table(("metric", "from", "to", "detractor", "passive", "promoter"), (_scale(*item) for item in SCALES.items())),
        "## What becomes of a record\n\nThe label `outcome` of `innerloop_records_total`; columns of the ledger.\n\n",
        table(("outcome", "meaning"), explained("outcomes", WORDS["outcomes"])),
        "## Dead-letter reasons\n\nWhere two fit, the one further up is said.\n\n",
        table(("reason", "meaning"), explained("reasons", Reason)),
    )  # fmt: skip


def _event_fields() -> Iterator[tuple[str, str]]:
    inner: dict[str, type] = {"customer": Customer, "interaction": Interaction}
    for name, kind in _fields(Response):
        yield name, kind
        if name in inner:
            yield from ((f"{name}.{key}", kind) for key, kind in _fields(inner[name]) if key != "key")


def _fields(struct: type) -> Iterator[tuple[str, str]]:
    described = msgspec.inspect.type_info(struct)
    assert isinstance(described, msgspec.inspect.StructType)
    for field in described.fields:
        yield field.encode_name, _kind(field.type)


def _kind(kind: msgspec.inspect.Type) -> str:
    match kind:
        case msgspec.inspect.UnionType(types=types):
            return " or ".join(dict.fromkeys(_kind(each) for each in types if not _is_none(each)))
        case msgspec.inspect.EnumType(cls=cls):
            return " or ".join(code(each.value) for each in cls)
        case msgspec.inspect.DateTimeType():
            return "time"
        case msgspec.inspect.BoolType():
            return "true or false"
        case msgspec.inspect.IntType() | msgspec.inspect.DecimalType() | msgspec.inspect.FloatType():
            return "number"
        case msgspec.inspect.StrType():
            return "text"
        case _:
            return "object"


def _is_none(kind: msgspec.inspect.Type) -> bool:
    return isinstance(kind, msgspec.inspect.NoneType)


def _scale(name: str, scale: Scale) -> tuple[str, ...]:
    """The scores of each class, by asking every whole one."""
    low, high = int(scale.low), int(scale.high)
    classes: dict[str, list[int]] = {"detractor": [], "passive": [], "promoter": []}
    for score in range(low, high + 1):
        found = classify_score(score, scale)
        if found is not None:
            classes[found.value].append(score)
    spans = (f"{min(of)} to {max(of)}" if len(of) > 1 else f"{of[0]}" if of else "none" for of in classes.values())
    return code(name), str(low), str(high), *spans


# Metrics ---------------------------------------------------------------------------------------------------------


def metrics() -> str:
    rows = [_metric(collector) for collector in REGISTRY._collector_to_names]  # noqa: SLF001 - the public way hides unused labels
    return page("Metrics", table(("metric", "type", "labels", "what it says"), rows))


def _metric(collector: Any) -> tuple[str, str, str, str]:
    kinds: dict[type, str] = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}
    kind = kinds.get(type(collector), "info")
    known = vars(collector)
    name = known["_name"] + {"counter": "_total", "info": "_info"}.get(kind, "")
    return code(name), kind, ", ".join(map(code, known["_labelnames"])), known["_documentation"]


# Rules -----------------------------------------------------------------------------------------------------------


def rule_codes() -> str:
    return page("Codes of the rules", *(_code(each) for each in CODES.values()))


def _code(each: Any) -> str:
    text = f"## {each.code}\n\n**{each.what}** {each.why}\n\n"
    if each.wrong and _shows(each.wrong):
        text += f'```yaml title="{each.file}, wrong"\n{each.wrong.rstrip()}\n```\n\n'
    return text + f"Better: `{' '.join(each.fix.split())}`\n\n"


def _shows(text: str) -> bool:
    """Whether it can be shown as it is, and is worth it."""
    return len(text.splitlines()) <= 20 and all(char.isprintable() or char in "\n\t" for char in text)


# Store -----------------------------------------------------------------------------------------------------------


def schema() -> str:
    comments = _comments((ROOT / "worker" / "store" / "schema.py").read_text(encoding="utf-8"))
    return page("Database", *(_table(each, comments) for each in metadata.sorted_tables))


def _comments(source: str) -> dict[tuple[str, str], str]:
    """(table, column) to what stands behind the column in the source."""
    found, current = {}, ""
    for line in source.splitlines():
        if start := re.match(r"(\w+) = Table\(", line):
            current = start[1]
        if noted := re.search(r'Column\("(\w+)".*\),?\s+# (?!type:)(.+)$', line):
            found[current, noted[1]] = noted[2]
    return found


def _table(each: Table, comments: dict[tuple[str, str], str]) -> str:
    rows = [
        (
            code(column.name),
            _type(column),
            " " if column.nullable else "not null",
            comments.get((each.name, column.name), ""),
        )
        for column in each.columns
    ]
    text = f"## {each.name}\n\n" + table(("column", "type", "", "note"), rows)
    lines = [f"- primary key: {', '.join(map(code, each.primary_key.columns.keys()))}\n"]
    lines += sorted(line for constraint in each.constraints if (line := _constraint(constraint)))
    lines += sorted(f"- `{key.parent.name}` refers to `{key.target_fullname}`\n" for key in each.foreign_keys)
    return text + "".join(lines) + "\n"


def _type(column: Column[Any]) -> str:
    name = type(column.type).__name__
    return {"UtcTime": "time", "Document": "document", "LargeBinary": "bytes", "BigInteger": "integer"}.get(
        name, name.lower()
    )


def _constraint(constraint: object) -> str:
    match constraint:
        case UniqueConstraint():
            return f"- unique: {', '.join(map(code, constraint.columns.keys()))}\n"
        case CheckConstraint():
            return f"- `{' '.join(str(constraint.sqltext).split())}`\n"
        case _:
            return ""


# Messages --------------------------------------------------------------------------------------------------------


def notices() -> str:
    view = [name for name in View.__dataclass_fields__ if name != "say"]
    return page(
        "Notices",
        table(("kind", "who gets it, and when"), explained("notices", Kind)),
        f"## What a template may use\n\n{wrapped(INTROS['Variables'])}\n\n",
        table(("variable", "what it is"), explained("variables", [*view, "facts", "lang", "_"])),
    )  # fmt: skip


def lifecycle() -> str:
    live = ", ".join(state.value for state in State if state in LIVE)
    return page(
        "The life of a follow-up", f"A follow-up is *live* while it is {live}.\n\n", f"```mermaid\n{_diagram()}```\n\n",
        "Reassigning, snoozing and the end of a snooze change the owner or the clock, not the state.\n\n## Moves\n\n",
        table(("move", "from", "to", "in the history"), (_move(name, rule) for name, rule in MOVES.items())),
        f"{wrapped(INTROS['Moves'])}\n",
    )  # fmt: skip


def _diagram() -> str:
    lines = ["stateDiagram-v2", "    [*] --> open"]
    for move, rule in MOVES.items():
        if rule.target is not None:
            lines += [
                f"    {state.value} --> {rule.target.value}: {move.value}" for state in State if state in rule.sources
            ]
    ends = [f"    {state.value} --> [*]" for state in State if state not in LIVE]
    return "\n".join([*lines, *ends]) + "\n"


def _move(name: str, rule: Any) -> tuple[str, str, str, str]:
    sources = ", ".join(state.value for state in State if state in rule.sources)
    return code(f"innerloop follow-ups {name}"), sources, rule.target.value if rule.target else "stays", rule.done


# Chart -----------------------------------------------------------------------------------------------------------


SET_BY_CHART = {"http_listen", "rules_dir", "templates_dir"}


def chart_schema() -> str:
    """The committed schema, with the settings and secrets that there are."""
    loaded = json.loads((ROOT / SCHEMA).read_text(encoding="utf-8"))
    own = loaded["properties"]
    names = {name: {"description": field.description} for name, field in Settings.model_fields.items()}
    free = [name for name in names if name not in SECRETS and name not in SET_BY_CHART]
    own["settings"]["properties"] = {name: {**names[name], **_limits(Settings.model_fields[name])} for name in free}
    place = {"name": _text("The Secret."), "key": _text("The key in it.")}
    shape = {
        "type": ["object", "null"],
        "additionalProperties": False,
        "required": ["name", "key"],
        "properties": place,
    }
    own["secrets"]["properties"] = {name: {**words, **shape} for name, words in names.items() if name in SECRETS}
    return json.dumps(loaded, indent=2, ensure_ascii=False) + "\n"


def _limits(field: FieldInfo) -> dict[str, Any]:
    """What a value of a setting may be, as far as a schema can say it: a wrong one never gets as far as a pod. With
    null a later file of values takes back what an earlier one said."""
    if field.annotation is int:
        return {"type": ["integer", "null"], "minimum": field.metadata[0].ge, "maximum": field.metadata[1].le}
    words = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return {"type": ["string", "null"], **({"enum": [*words, None]} if words else {})}


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description, "minLength": 1}


def chart() -> str:
    defaults = yaml.safe_load((ROOT / "deploy/helm/innerloop/values.yaml").read_text(encoding="utf-8"))
    described = json.loads((ROOT / SCHEMA).read_text(encoding="utf-8"))["properties"]
    rows = list(_values(described, defaults))
    return page("Values of the chart", table(("value", "default", "what for"), rows))


def _values(described: dict[str, Any], defaults: dict[str, Any], above: str = "") -> Iterator[tuple[str, str, str]]:
    for name, node in described.items():
        if name == "global":
            continue
        inner, value = node.get("properties"), defaults.get(name)
        leaf = not inner or above + name in {"settings", "secrets"}
        yield code(above + name), code(json.dumps(value, ensure_ascii=False)) if leaf else "", node["description"]
        if inner and not leaf:
            yield from _values(inner, value or {}, f"{above}{name}.")


PAGES: dict[str, Callable[[], str]] = {
    SCHEMA: chart_schema,  # first: the page of the chart reads it
    "docs/reference/settings.md": settings,
    "docs/reference/commands.md": cli,
    "docs/reference/events.md": events,
    "docs/reference/metrics.md": metrics,
    "docs/reference/rule-codes.md": rule_codes,
    "docs/reference/database.md": schema,
    "docs/reference/notices.md": notices,
    "docs/reference/chart.md": chart,
    "docs/lifecycle.md": lifecycle,
}


def main() -> None:
    for name, text in PAGES.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
