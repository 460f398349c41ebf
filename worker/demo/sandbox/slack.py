"""The Slack side: the few methods of the Web API that a bot needs to post, edit, and read back.

Answers have Slack's shapes, and what Slack refuses is refused: no token, an unknown message, too many blocks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl
from zlib import crc32

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from worker.demo.sandbox.messages import Block, Messages, Post

Args = Mapping[str, Any]
Fault = Callable[[str, Args], int | None]
"""Given a method and its arguments: an HTTP status to answer with instead, or None to answer as always."""

MAX_BLOCKS = 50
MAX_SECTION = 3000
MAX_HEADER = 150
MAX_FIELDS = 10
_DOCUMENTS = ("blocks", "metadata")
_BOT = {"user_id": "U0INNERLOOP", "bot_id": "B0INNERLOOP", "user": "innerloop"}


class Refused(Exception):
    """An answer with `ok: false`; the text is Slack's error code."""


def no_fault(_method: str, _args: Args) -> int | None:
    return None


async def arguments(request: Request) -> Args:
    """Query, form or JSON: Slack takes all three. Documents inside a form are JSON text."""
    args: dict[str, Any] = dict(request.query_params)
    body = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        args |= json.loads(body or b"{}")
        return args
    args |= dict(parse_qsl(body.decode("utf-8", "replace")))
    return args | {name: json.loads(args[name]) for name in _DOCUMENTS if isinstance(args.get(name), str)}


def router(messages: Messages, fault: Fault = no_fault) -> APIRouter:
    """`/api/METHOD`, as slack_sdk calls it."""
    methods: dict[str, Callable[[Messages, Args], dict[str, Any]]] = {
        "auth.test": auth_test,
        "chat.postMessage": post_message,
        "chat.update": update_message,
        "conversations.history": history,
        "conversations.list": channels,
        "conversations.open": open_room,
        "conversations.replies": replies,
    }
    api = APIRouter()

    @api.api_route("/api/{method}", methods=["GET", "POST"])
    def call(method: str, request: Request, args: Annotated[Args, Depends(arguments)]) -> Response:
        if status := fault(method, args):
            return PlainTextResponse("Slack is not answering in this part of the story.", status)
        if not request.headers.get("authorization", "").startswith("Bearer xoxb-"):
            return JSONResponse({"ok": False, "error": "not_authed"})
        if method not in methods:
            return JSONResponse({"ok": False, "error": "unknown_method"})
        try:
            return JSONResponse({"ok": True} | methods[method](messages, args))
        except Refused as refused:
            return JSONResponse({"ok": False, "error": str(refused)})

    return api


def auth_test(_messages: Messages, _args: Args) -> dict[str, Any]:
    return {"url": "https://quillbay.slack.example/", "team": "Quillbay", "team_id": "T0QUILLBAY", **_BOT}


def open_room(_messages: Messages, args: Args) -> dict[str, Any]:
    return {"channel": {"id": room_of(str(args.get("users") or ""))}}


def post_message(messages: Messages, args: Args) -> dict[str, Any]:
    to = str(args.get("channel") or "")
    text, blocks = content(args)
    post = messages.add_post(
        to=_address(messages, to),
        room=room_of(to),
        text=text,
        blocks=blocks,
        metadata=args.get("metadata"),
        thread_ts=args.get("thread_ts"),
    )
    return {"channel": post.room, "ts": post.ts, "message": shown(post)}


def update_message(messages: Messages, args: Args) -> dict[str, Any]:
    text, blocks = content(args)
    room, ts = room_of(str(args.get("channel") or "")), str(args.get("ts") or "")
    post = messages.edit_post(room, ts, text=text, blocks=blocks, metadata=args.get("metadata"))
    if post is None:
        raise Refused("message_not_found")
    return {"channel": room, "ts": ts, "text": text, "message": shown(post)}


def channels(messages: Messages, _args: Args) -> dict[str, Any]:
    """The channels somebody has posted to by name; a posting makes them, as nobody sets them up here."""
    names = sorted({post.to for post in messages.all() if isinstance(post, Post) and post.to.startswith("#")})
    return {
        "channels": [{"id": room_of(name), "name": name.removeprefix("#")} for name in names],
        "response_metadata": {"next_cursor": ""},
    }


def history(messages: Messages, args: Args) -> dict[str, Any]:
    room = room_of(str(args.get("channel") or ""))
    top = [post for post in messages.in_room(room) if post.thread_ts in (None, post.ts)]
    return _page(top[::-1], args)  # newest first, as Slack does


def replies(messages: Messages, args: Args) -> dict[str, Any]:
    room, ts = room_of(str(args.get("channel") or "")), str(args.get("ts") or "")
    thread = [post for post in messages.in_room(room) if ts in (post.ts, post.thread_ts)]
    if not thread:
        raise Refused("thread_not_found")
    return _page(thread, args)


def room_of(address: str) -> str:
    """The conversation behind an address: a direct message for a person, a channel for a name, else itself."""
    if not address:
        raise Refused("channel_not_found")
    if address.startswith("#"):
        return f"C{crc32(address.encode()):08X}"
    return f"D{address[1:]}" if address.startswith("U") else address


def _address(messages: Messages, to: str) -> str:
    """Who reads it: a reply is sent to the conversation's id, and its reader is the one of the first message."""
    if to.startswith("D"):
        return f"U{to[1:]}"
    return next((post.to for post in messages.in_room(to)), to)


def content(args: Args) -> tuple[str, tuple[Block, ...]]:
    """Text and blocks, within Slack's published limits."""
    text, blocks = str(args.get("text") or ""), tuple(args.get("blocks") or ())
    if not text and not blocks:
        raise Refused("no_text")
    if len(blocks) > MAX_BLOCKS or any(_too_long(block) for block in blocks):
        raise Refused("invalid_blocks")
    return text, blocks


def shown(post: Post, with_metadata: bool = False) -> dict[str, Any]:
    """A message in Slack's shape."""
    message: dict[str, Any] = {
        "type": "message", "ts": post.ts, "text": post.text, "blocks": list(post.blocks), **_BOT,
        "user": _BOT["user_id"],
    }  # fmt: skip
    if post.thread_ts:
        message["thread_ts"] = post.thread_ts
    if with_metadata and post.metadata:
        message["metadata"] = post.metadata
    return message


def _too_long(block: Block) -> bool:
    text = (block.get("text") or {}).get("text") or ""
    limit = MAX_HEADER if block.get("type") == "header" else MAX_SECTION
    return len(text) > limit or len(block.get("fields") or ()) > MAX_FIELDS


def _page(posts: list[Post], args: Args) -> dict[str, Any]:
    """One page of messages between `oldest` and `latest`; the cursor is the place to go on from."""
    oldest, latest = float(args.get("oldest") or 0), float(args.get("latest") or "inf")
    found = [post for post in posts if oldest < float(post.ts) <= latest]
    start, limit = int(args.get("cursor") or 0), min(int(args.get("limit") or 100), 999)
    more = start + limit < len(found)
    with_metadata = str(args.get("include_all_metadata")).lower() in ("1", "true")
    return {
        "messages": [shown(post, with_metadata) for post in found[start : start + limit]],
        "has_more": more,
        "response_metadata": {"next_cursor": str(start + limit) if more else ""},
    }
