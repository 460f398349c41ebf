"""The plain text that goes out when a template cannot: less handsome, and complete enough to act on."""

from __future__ import annotations

import html
import json

from worker.notify.plaintext import plain, wrap
from worker.notify.slackmarkup import MOST_SECTION, cut_escaped, escape
from worker.notify.view import View


def part(view: View, name: str) -> str:
    """One part of a message without a template."""
    text = "\n".join(_lines(view))
    if name == "slack":
        shown = cut_escaped(escape(text), MOST_SECTION)
        block = {"type": "section", "text": {"type": "plain_text", "text": shown, "emoji": False}}
        return json.dumps([block], ensure_ascii=False)
    if name.endswith(".html"):
        body = html.escape(text).replace("\n", "<br>\n")
        return f'<!doctype html><html lang="{view.lang}"><meta charset="utf-8"><body><p>{body}</p></body></html>'
    return wrap(plain(text)) + "\n"


def _lines(view: View) -> list[str]:
    lines = [view.title, *(strip.line for strip in view.strips)]
    if view.words:
        lines.append(view.say.quote(view.words.top) if view.words.given else view.words.top)
    if view.due:
        lines.append(f"{view.due.label} {view.due.when}")
    if view.private:
        lines.append(view.preheader)
    if view.first_step:
        lines.append(f"{view.say('First step.')} {view.first_step}")
    lines += [f"{fact.label}: {fact.line}" for fact in view.facts]
    lines += [line for section in view.sections for line in (section.title, *section.lines) if line]
    lines += [f"{i.when} {i.score} {i.name}: {i.words}" for section in view.sections for i in section.items]
    if view.ops:
        lines += [view.ops.broke, view.ops.works, view.ops.todo]
    return [*lines, view.why, view.next, *view.foot, view.id]
