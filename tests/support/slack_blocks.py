"""Block Kit's rules, after docs.slack.dev/reference/block-kit: what makes Slack answer `invalid_blocks`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

_MOST_BLOCKS = 50
_MOST_ID = 255
_URL = 3000


def wrong_blocks(blocks: Any) -> list[str]:
    """One sentence for each thing that is wrong, in Slack's manner; empty when all is well."""
    if not isinstance(blocks, list):
        return ["must be an array [json-pointer:/blocks]"]
    problems = (
        [] if len(blocks) <= _MOST_BLOCKS else [f"no more than {_MOST_BLOCKS} items allowed [json-pointer:/blocks]"]
    )
    seen: set[str] = set()
    for n, block in enumerate(blocks):
        problems += [f"{problem} [json-pointer:/blocks/{n}]" for problem in _block(block, seen)]
    return problems


def _block(block: Any, seen: set[str]) -> Iterator[str]:
    check = _BLOCKS.get(str(block.get("type"))) if isinstance(block, dict) else None
    if check is None:
        yield f"unsupported type: {block!r:.80}"
        return
    if (block_id := block.get("block_id")) is not None:
        if not 0 < len(block_id) <= _MOST_ID:
            yield f"block_id must have 1 to {_MOST_ID} characters"
        if block_id in seen:
            yield f"block_id {block_id} is used twice"
        seen.add(block_id)
    yield from check(block)


def _header(block: dict[str, Any]) -> Iterator[str]:
    yield from _text(block.get("text"), 150, plain=True)


def _section(block: dict[str, Any]) -> Iterator[str]:
    text, fields = block.get("text"), block.get("fields")
    if text is None and fields is None:
        yield "section needs text or fields"
    if text is not None:
        yield from _text(text, 3000)
    if fields is not None:
        if not 1 <= len(fields) <= 10:
            yield f"section takes 1 to 10 fields, not {len(fields)}"
        for one in fields:
            yield from _text(one, 2000)
    if "accessory" in block:
        yield from _element(block["accessory"])


def _context(block: dict[str, Any]) -> Iterator[str]:
    elements = block.get("elements") or []
    if not 1 <= len(elements) <= 10:
        yield f"context takes 1 to 10 elements, not {len(elements)}"
    for one in elements:
        yield from _image(one) if one.get("type") == "image" else _text(one, 3000)


def _actions(block: dict[str, Any]) -> Iterator[str]:
    elements = block.get("elements") or []
    if not 1 <= len(elements) <= 25:
        yield f"actions takes 1 to 25 elements, not {len(elements)}"
    ids = [one["action_id"] for one in elements if "action_id" in one]
    if len(ids) != len(set(ids)):
        yield "action_id is used twice in one block"
    for one in elements:
        yield from _element(one)


def _image(block: dict[str, Any]) -> Iterator[str]:
    if not 0 < len(block.get("image_url", "")) <= _URL:
        yield f"image_url must have 1 to {_URL} characters"
    if not 0 < len(block.get("alt_text", "")) <= 2000:
        yield "alt_text must have 1 to 2000 characters"


def _anything(_: dict[str, Any]) -> Iterator[str]:
    yield from ()


def _element(element: dict[str, Any]) -> Iterator[str]:
    kind = element.get("type")
    if kind == "button":
        yield from _button(element)
    elif kind == "image":
        yield from _image(element)
    elif kind == "overflow":
        yield from _options(element, 5)
    elif kind == "static_select":
        yield from _options(element, 100)
        yield from _text(element.get("placeholder"), 150, plain=True)
    elif kind not in ("users_select", "datepicker", "checkboxes", "radio_buttons"):
        yield f"unsupported element: {kind}"
    if len(element.get("action_id", "")) > _MOST_ID:
        yield f"action_id must have at most {_MOST_ID} characters"


def _button(button: dict[str, Any]) -> Iterator[str]:
    yield from _text(button.get("text"), 75, plain=True)
    if len(button.get("value", "")) > 2000:
        yield "button value must have at most 2000 characters"
    if len(button.get("url", "")) > _URL:
        yield f"url must have at most {_URL} characters"
    if button.get("style", "primary") not in ("primary", "danger"):
        yield f"unknown style {button['style']}"


def _options(element: dict[str, Any], most: int) -> Iterator[str]:
    options = element.get("options") or []
    if not 1 <= len(options) <= most:
        yield f"{element['type']} takes 1 to {most} options, not {len(options)}"
    for option in options:
        yield from _text(option.get("text"), 75)
        if not 0 < len(option.get("value", "")) <= 150:
            yield "option value must have 1 to 150 characters"


def _text(text: Any, limit: int, *, plain: bool = False) -> Iterator[str]:
    if not isinstance(text, dict) or not isinstance(text.get("text"), str):
        yield "missing text object"
        return
    if text.get("type") not in (("plain_text",) if plain else ("plain_text", "mrkdwn")):
        yield f"text of type {text.get('type')} not allowed here"
    if not text["text"]:
        yield "must be more than 0 characters"
    if len(text["text"]) > limit:
        yield f"must be less than {limit + 1} characters"


_BLOCKS: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "divider": _anything,
    "rich_text": _anything,
}
