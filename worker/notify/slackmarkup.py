"""Slack's blocks, written as a template: each `{% call section() %}…{% endcall %}` is one block.

What a template writes is Slack's mrkdwn; what it takes from a message (`{{ … }}`) is escaped by itself, so that no
customer can mention a channel. Limits are Slack's (docs.slack.dev/reference/block-kit/blocks): texts are cut after
escaping, never inside an entity or a date token.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from worker.notify.words import ELLIPSIS
from worker.store.types import decode_document, encode_document

MOST_BLOCKS = 50
MOST_FIELDS = 10
MOST_HEADER = 150
MOST_SECTION = 3000
MOST_FIELD = 2000
MOST_CONTEXT = 3000
_HALF_ENTITY = re.compile(r"&[a-z]{0,3}$")
_HALF_TOKEN = re.compile(r"<[^<>]*$")
_TOKEN = re.compile(r"<!date\^\d+\^[^<>|]*\|[^<>]*>")


class Block(str):
    """A finished block; not escaped again."""

    __slots__ = ()


class BlockError(ValueError):
    """A template wrote what Slack would not take."""


def escape(text: str) -> str:
    """Foreign text, so that it stays text: docs.slack.dev/messaging/formatting-message-text, "Escaping text"."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut_escaped(text: str, most: int) -> str:
    """Cut text that is escaped already."""
    if len(text) <= most:
        return text
    head = text[: most - 1]
    return _HALF_TOKEN.sub("", _HALF_ENTITY.sub("", head)).rstrip() + ELLIPSIS


def finalize(value: Any) -> Any:
    """What Jinja does with every `{{ … }}` of a Slack template. A date token of ours passes."""
    if isinstance(value, Block):
        return value
    text = str(value)
    return text if _TOKEN.fullmatch(text) else escape(text)


Caller = Callable[[], str]


def _line(block: Mapping[str, Any]) -> Block:
    return Block(encode_document(block) + "\n")


def _text(caller: Caller, most: int) -> str:
    lines = (line.strip() for line in caller().strip().splitlines())
    return cut_escaped("\n".join(lines), most)


def header(caller: Caller) -> Block:
    """The first line, large. Plain text: no mrkdwn."""
    return _line({"type": "header", "text": {"type": "plain_text", "text": _text(caller, MOST_HEADER), "emoji": False}})


def words(caller: Caller) -> Block:
    """Somebody's words: plain text, in which neither mrkdwn nor :emoji: mean anything."""
    return _line(
        {"type": "section", "text": {"type": "plain_text", "text": _text(caller, MOST_SECTION), "emoji": False}}
    )


def section(caller: Caller) -> Block:
    """A paragraph of mrkdwn."""
    return _line({"type": "section", "text": {"type": "mrkdwn", "text": _text(caller, MOST_SECTION), "verbatim": True}})


def field(caller: Caller) -> Block:
    """A small labelled part; neighbours stand side by side in one block."""
    return _line({"type": "field", "text": {"type": "mrkdwn", "text": _text(caller, MOST_FIELD), "verbatim": True}})


def note(caller: Caller) -> Block:
    """Small print."""
    element = {"type": "mrkdwn", "text": _text(caller, MOST_CONTEXT), "verbatim": True}
    return _line({"type": "context", "elements": [element]})


BLOCKS: Mapping[str, Callable[[Caller], Block]] = {
    "header": header, "words_block": words, "section": section, "field": field, "note": note,
}  # fmt: skip


def collect(rendered: str) -> str:
    """The blocks of a rendered template, as JSON. Raises BlockError for text outside of a block."""
    blocks: list[dict[str, Any]] = []
    for line in rendered.splitlines():
        if not line.strip():
            continue
        block = _parse(line)
        if block["type"] == "field":
            _add_field(blocks, block["text"])
        elif _says_something(block):
            blocks.append(block)
    if not blocks:
        raise BlockError("the template has no block with text in it")
    if len(blocks) > MOST_BLOCKS:
        raise BlockError(f"the template has {len(blocks)} blocks; Slack takes {MOST_BLOCKS}")
    return encode_document(blocks)


def _parse(line: str) -> dict[str, Any]:
    try:
        block = decode_document(line)
    except msgspec.DecodeError:
        block = None
    if not isinstance(block, dict) or "type" not in block:
        raise BlockError(f'text outside of a block: "{line.strip()[:40]}". Put it between call section() and endcall')
    return block


def _add_field(blocks: list[dict[str, Any]], text: dict[str, Any]) -> None:
    if not text["text"]:
        return
    last = blocks[-1] if blocks else {}
    if "fields" not in last or len(last["fields"]) >= MOST_FIELDS:
        last = {"type": "section", "fields": []}
        blocks.append(last)
    last["fields"].append(text)


def _says_something(block: Mapping[str, Any]) -> bool:
    texts = [block["text"]] if "text" in block else block.get("elements", [])
    return any(text["text"] for text in texts)
