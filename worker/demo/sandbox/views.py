"""The pages: a list of messages, and each message as its receiver sees it. They need no script."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from worker.demo.sandbox.draw import Mrkdwn, Names, mail_page, plain, preview
from worker.demo.sandbox.messages import Kept, Mail, Messages, Post

HERE = Path(__file__).parent / "pages"
# Nothing from outside, no script, no inline style; the mail below has its own, tighter rules.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)
_PLAIN_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}

_MAIL_VIEWS = {"mail": "As mail", "dark": "Dark", "phone": "Phone", "lock": "Lock screen", "text": "Text"}
_SLACK_VIEWS = {"slack": "In Slack", "dark": "Dark", "phone": "Phone", "lock": "Lock screen", "text": "Text"}
_BOTH = {"source": "Source", "why": "Why"}


@dataclass(frozen=True, slots=True)
class Answer:
    """Why a message was sent: a sentence, then labelled facts, then the rules in the order they were tried."""

    sentence: str
    facts: Sequence[tuple[str, str]] = ()
    rules: Sequence[tuple[str, str, Sequence[tuple[str, str, str, str]]]] = ()
    """Of each rule: id, what happened, and its clauses as (verdict, field, value, test)."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the pages must be told: all of it belongs to the demo, none to the sandbox."""

    zone: ZoneInfo
    now: Callable[[], datetime]
    name_of: Names  # an address as a person's or a team's name
    progress: Callable[[], tuple[int, int]]  # answers read, answers in all
    why: Callable[[Kept], Answer | None]
    delay: Callable[[Kept], float | None]  # seconds from reading the answer to this message


def router(messages: Messages, around: Surroundings) -> APIRouter:
    pages = APIRouter()
    draw = _Pages(messages, around)

    @pages.get("/")
    def root() -> Response:
        return RedirectResponse("/sandbox")

    @pages.get("/sandbox.css")
    def style() -> Response:
        return Response((HERE / "sandbox.css").read_bytes(), media_type="text/css", headers=_PLAIN_HEADERS)

    @pages.get("/sandbox")
    def everything() -> Response:
        newest = messages.get(messages.count())
        return draw.page("list", newest, None)

    @pages.get("/sandbox/{number}/mail.html")
    def mail(number: int, scheme: str = "light") -> Response:
        kept = messages.get(number)
        if not isinstance(kept, Mail) or kept.html is None:
            return draw.missing(number)
        page = mail_page(kept.html, "dark" if scheme == "dark" else "light")
        return HTMLResponse(page, headers={**_PLAIN_HEADERS, "Content-Security-Policy": MAIL_POLICY})

    @pages.get("/sandbox/{number}")
    @pages.get("/sandbox/{number}/{view}")
    def message(number: int, view: str | None = None) -> Response:
        kept = messages.get(number)
        if kept is None or (view is not None and view not in _views(kept)):
            return draw.missing(number)
        return draw.page("message", kept, view)

    return pages


class _Pages:
    """The templates, and the words they need."""

    def __init__(self, messages: Messages, around: Surroundings) -> None:
        self._messages = messages
        self._around = around
        self._templates = Environment(
            loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self._templates.filters.update(
            mrkdwn=Mrkdwn(around.name_of, around.zone, around.now), plain=plain, clock=self._clock, name=self._name
        )

    def page(self, kind: str, kept: Kept | None, view: str | None) -> Response:
        everything = self._messages.all()
        context: dict[str, Any] = {
            "kind": kind, "messages": everything[::-1], "kept": kept, "count": len(everything),
            "now": self._local(self._around.now()), "progress": self._around.progress(),
        }  # fmt: skip
        if kept is not None:
            context |= self._one(kept, view or next(iter(_views(kept))))
        return self._answer("page.html.j2", context, 200)

    def missing(self, number: int) -> Response:
        context = {"number": number, "count": self._messages.count(), "now": self._local(self._around.now())}
        return self._answer("missing.html.j2", context, 404)

    def _one(self, kept: Kept, view: str) -> dict[str, Any]:
        seconds = self._around.delay(kept)
        context: dict[str, Any] = {
            "view": view, "views": _views(kept), "delay": None if seconds is None else round(seconds * 1000),
            "why": self._around.why(kept) if view == "why" else None,
        }  # fmt: skip
        if isinstance(kept, Post):
            return context | {"replies": self._messages.replies(kept), "shown": kept.text, "raw": _document(kept)}
        return context | {"replies": [], "shown": preview(kept.html or kept.text), "raw": kept.source}

    def _answer(self, template: str, context: dict[str, Any], status: int) -> Response:
        page = self._templates.get_template(template).render(context)
        return HTMLResponse(page, status, {**_PLAIN_HEADERS, "Content-Security-Policy": PAGE_POLICY})

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(self._around.zone)

    def _clock(self, at: datetime, form: str = "%H:%M") -> str:
        return self._local(at).strftime(form)

    def _name(self, address: str) -> str:
        return self._around.name_of(address)


def _views(kept: Kept) -> dict[str, str]:
    """Path word to label, the first one is the default. A mail without HTML has nothing to show but text."""
    if isinstance(kept, Post):
        return _SLACK_VIEWS | _BOTH
    if kept.html is None:
        return {name: label for name, label in _MAIL_VIEWS.items() if name in {"lock", "text"}} | _BOTH
    return _MAIL_VIEWS | _BOTH


def _document(post: Post) -> str:
    shown = {"channel": post.to, "text": post.text, "blocks": post.blocks, "metadata": post.metadata}
    if post.thread_ts:
        shown["thread_ts"] = post.thread_ts
    return json.dumps(shown, indent=2, ensure_ascii=False)
