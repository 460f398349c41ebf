"""`innerloop settings`: what this process would run with, and where each value comes from."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from worker.cli import output
from worker.cli.output import Column

if TYPE_CHECKING:
    from worker.settings import Settings

_HIDDEN = "(hidden)"
_SPANS = ("alert_max_age", "keep_responses", "keep_notices")  # absent means off
_URLS = ("store_url", "smtp_url")  # secrets of which all but the password may be seen


@click.command(name="settings")
@click.option("--json", "as_json", is_flag=True, help="One array of objects.")
def command(as_json: bool) -> None:
    """Every setting: its value, where it comes from, what it is for. Secrets are hidden."""
    from worker.settings import load, unknown_variables

    rows = setting_rows(load())
    for name in unknown_variables():
        output.say(f"{name} is no setting of innerloop and is not used.")
    if as_json:
        output.write_json(rows)
        return
    columns = [
        Column("setting", lambda row: row["name"]),
        Column("value", lambda row: output.dash(row["value"]), fold=True),
        Column("from", lambda row: "default" if row["from"] == "default" else row["from"], fold=True),
        Column("what for", lambda row: row["description"], wide=True, fold=True),
    ]
    output.write_table(columns, rows, empty="")


def setting_rows(settings: Settings) -> list[dict[str, Any]]:
    """One row for each setting, in the order of the reference."""
    from worker.settings import PREFIX, origins

    sources = origins()
    return [
        {
            "name": name,
            "variable": PREFIX + name.upper(),
            "value": _shown(name, getattr(settings, name)),
            "from": sources[name],
            "description": field.description,
        }
        for name, field in type(settings).model_fields.items()
    ]


def _shown(name: str, value: Any) -> str | None:
    if value is None or value == ():
        return "off" if name in _SPANS else None
    if name in _URLS:
        return without_password(value.get_secret_value())
    if hasattr(value, "get_secret_value"):
        return _HIDDEN
    if isinstance(value, tuple):
        return _HIDDEN if hasattr(value[0], "get_secret_value") else ", ".join(map(str, value))
    return _age(value) if isinstance(value, timedelta) else str(value)


def without_password(url: str) -> str:
    """A URL as it may be shown: neither password nor query, which may hold one too."""
    try:
        parts = urlsplit(url)
        place = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    except ValueError:
        return _HIDDEN
    user = f"{parts.username}:***@" if parts.password else f"{parts.username}@" if parts.username else ""
    return f"{parts.scheme}://{user}{place}{parts.path}{'?…' if parts.query else ''}"


def _age(value: timedelta) -> str:
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        amount, rest = divmod(int(value.total_seconds()), seconds)
        if not rest:
            return f"{amount} {unit}{'' if amount == 1 else 's'}"
    return str(value)
