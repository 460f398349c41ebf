"""Slack's markup, mails and notifications, drawn as their receivers would see them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

Names = Callable[[str], str]

_TOKEN = re.compile(r"<([^<>]+)>")
_DATE = re.compile(r"!date\^(-?\d+)\^(.*)", re.DOTALL)
# Slack's marks count only at the edge of a word: 2*3*4 is no bold three.
_MARKS = re.compile(r"(?<![\w*_~`])([*_~`])(?=\S)(.+?)(?<=\S)\1(?![\w*_~`])")
_TAGS = {"*": "b", "_": "i", "~": "s", "`": "code"}
_DARK_QUERY = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)")
_SCHEMES = re.compile(r"(color-schemes?\s*:\s*|content=[\"'])light dark")
_INVISIBLE = re.compile(r"[\u00ad\u034f\u200b-\u200f\u2060\ufeff]")
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)


class Mrkdwn:
    """Slack's mrkdwn as HTML: links, mentions, dates in the reader's zone, bold and the rest."""

    def __init__(self, names: Names, zone: ZoneInfo, now: Callable[[], datetime]) -> None:
        self._names = names
        self._zone = zone
        self._now = now

    def __call__(self, text: str) -> Markup:
        pieces = _TOKEN.split(text)  # text, token, text, token, ... text
        drawn = [self._token(piece) if n % 2 else _words(piece) for n, piece in enumerate(pieces)]
        return Markup("").join(drawn)

    def _token(self, token: str) -> Markup:
        target, _, label = token.partition("|")
        if date := _DATE.fullmatch(target):
            return self._date(int(date[1]), date[2])
        if target.startswith("@"):
            return Markup("<b>@{}</b>").format(self._names(target[1:]))
        if target[0] in "!#":
            return Markup("<b>{}</b>").format(_plain(label) or target.replace("!", "@"))
        return Markup('<a href="{}">{}</a>').format(_plain(target), _plain(label) or _plain(target))

    def _date(self, seconds: int, form: str) -> Markup:
        at = datetime.fromtimestamp(seconds, UTC).astimezone(self._zone)
        text = form.partition("^")[0]  # what follows is a link
        for name, value in _date_words(at, self._now().astimezone(self._zone)).items():
            text = text.replace(f"{{{name}}}", value)
        return Markup("<time datetime={}>{}</time>").format(at.isoformat(), text)


def plain(text: Mapping[str, str] | None) -> str:
    """A plain_text object: nothing in it is markup, and `&amp;` is an ampersand."""
    return _plain(text.get("text", "")) if text else ""


def mail_page(source: str, scheme: str) -> str:
    """A mail's HTML, with its dark rules switched on or off whatever the browser prefers; links open outside."""

    def switch(match: re.Match[str]) -> str:
        return "(min-width: 0px)" if match[1] == scheme else "(max-width: 0px)"

    page = _SCHEMES.sub(rf"\g<1>{scheme}", _DARK_QUERY.sub(switch, source))
    base = '<base target="_blank">'
    return _HEAD.sub(lambda head: head[0] + base, page, count=1) if _HEAD.search(page) else base + page


def preview(source: str, length: int = 110) -> str:
    """What a phone shows of a mail before it is opened: its first words, hidden preheader included."""
    reader = _Words()
    reader.feed(source)
    words = " ".join(_INVISIBLE.sub("", " ".join(reader.words)).split())
    return words if len(words) <= length else words[: length - 1].rstrip() + "…"


class _Words(HTMLParser):
    """The text of a page, without its head and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._skipping = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._skipping += tag in {"head", "style", "title"}

    def handle_endtag(self, tag: str) -> None:
        self._skipping -= tag in {"head", "style", "title"}

    def handle_data(self, data: str) -> None:
        if self._skipping <= 0:
            self.words.append(data)


def _words(text: str) -> Markup:
    marked = str(escape(_plain(text)))
    for _ in range(2):  # bold around italic
        marked = _MARKS.sub(lambda match: f"<{_TAGS[match[1]]}>{match[2]}</{_TAGS[match[1]]}>", marked)
    return Markup(marked.replace("\n", "<br>"))  # noqa: S704 - escaped two lines above


def _plain(text: str) -> str:
    return html.unescape(text)


def _date_words(at: datetime, now: datetime) -> dict[str, str]:
    """What Slack's date words stand for."""
    short = f"{at:%b} {at.day}, {at.year}"
    long = f"{at:%A}, {at:%B} {at.day}, {at.year}"
    days = {0: "Today", 1: "Tomorrow", -1: "Yesterday"}
    near = days.get((at.date() - now.date()) // timedelta(days=1))
    return {
        "date_num": f"{at:%Y-%m-%d}",
        "date": f"{at:%B} {at.day}, {at.year}",
        "date_short": short,
        "date_long": long,
        "date_pretty": near or f"{at:%B} {at.day}, {at.year}",
        "date_short_pretty": near or short,
        "date_long_pretty": near or long,
        "time": f"{at:%H:%M}",
        "time_secs": f"{at:%H:%M:%S}",
    }
