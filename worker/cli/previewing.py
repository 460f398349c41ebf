"""A message before anybody gets it: about a stored answer, and as a page to look at."""

from __future__ import annotations

import html
import json
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker.cli import opening, rule_files
from worker.errors import NotFound, UsageError

if TYPE_CHECKING:
    from worker.model.notice import Kind
    from worker.notify.view import View
    from worker.ruleset import Files

_DATE = re.compile(r"<!date\^[^<>|]*\|([^<>]*)>")
_BOLD = re.compile(r"(?<![\w*])\*(?=\S)(.+?)(?<=\S)\*(?![\w*])")
_STYLE = """
:root { color-scheme: light dark; }
body { margin: 16px auto; max-width: 640px; padding: 0 16px; font: 15px/22px system-ui, sans-serif; }
body { overflow-wrap: anywhere; } pre { white-space: pre-wrap; }
h1 { font-size: 18px; line-height: 24px; } p { margin: 8px 0; white-space: pre-line; }
.fields { display: grid; grid-template-columns: repeat(auto-fit, minmax(220px, 1fr)); gap: 0 16px; }
.note { font-size: 13px; line-height: 18px; opacity: .75; }
"""


def of_response(kind: Kind, reference: str, files: Files, *, by_mail: bool, language: str | None, say: str) -> View:
    """The message about a stored answer, to whoever owns its follow-up or to the customer.

    Raises NotFound and UsageError.
    """
    from worker.notify.compose import preview
    from worker.store.listing import response_id, response_row

    live = rule_files.as_stored(opening.settings())(files)
    now = opening.now()
    with opening.reading() as conn:
        row = response_row(conn, reference)
        about = f"{row['source']}/{row['id']}"
        work = int(row["follow_up"]) if row["follow_up"] else None
        view = preview(
            conn, kind, response_id(conn, about), work, live, now, by_mail=by_mail, language=language, say=say
        )
    if view is None:
        raise UsageError(f"{kind.value} is a list or a word to ops: it is not about one answer. Leave --response out.")
    if not view.id and kind.value != "kudos":
        raise NotFound(f"{about} belongs to no follow-up, so nobody is told about it by {kind.value}.")
    return view


def page(shown: View, part: str, text: str) -> str:
    """The part of a message as a page for a browser."""
    if part == "email.html":
        return text
    blocks = json.loads(text) if part == "slack" else []
    body = "".join(map(_block, blocks)) or f"<pre>{html.escape(text)}</pre>"
    title = html.escape(shown.subject)
    return (
        f'<!doctype html><html lang="{shown.lang}"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style><body>{body}</body>'
    )


def written(text: str) -> Path:
    """A new file for it, which only this user can read: it may hold a customer's words."""
    handle, name = tempfile.mkstemp(prefix="innerloop-preview-", suffix=".html")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)


def _block(block: dict[str, Any]) -> str:
    """A block, near enough to judge its words and their order. Its texts are escaped for Slack, hence for HTML."""
    match block["type"]:
        case "header":
            return f'<h1 dir="auto">{_text(block["text"])}</h1>'
        case "context":
            return "".join(f'<p class="note" dir="auto">{_text(element)}</p>' for element in block["elements"])
        case "section" if "fields" in block:
            fields = "".join(f'<p dir="auto">{_text(field)}</p>' for field in block["fields"])
            return f'<div class="fields">{fields}</div>'
        case _:
            return f'<p dir="auto">{_text(block["text"])}</p>' if "text" in block else ""


def _text(text: dict[str, Any]) -> str:
    shown = _DATE.sub(r"\1", text["text"]) if text["type"] == "mrkdwn" else text["text"]
    shown = shown.replace("<", "&lt;").replace(">", "&gt;")
    return _BOLD.sub(r"<b>\1</b>", shown) if text["type"] == "mrkdwn" else shown
