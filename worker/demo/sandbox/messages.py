"""What the sandbox was sent, in memory, in order of arrival."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

Block = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it came. `html` is None where there is only text."""

    number: int
    at: datetime
    arrived: float  # monotonic seconds
    sender: str
    to: str
    subject: str
    text: str
    html: str | None
    source: str
    delivery_id: str | None

    @property
    def channel(self) -> str:
        return "email"

    @property
    def title(self) -> str:
        return self.subject


@dataclass(frozen=True, slots=True)
class Post:
    """One Slack message as it stands now. `ts` is Slack's id of it; a reply has its parent's in `thread_ts`."""

    number: int
    at: datetime
    arrived: float
    to: str  # the address it was sent to: U01ANA, #billing
    room: str  # where Slack keeps it: D01ANA, C…
    ts: str
    text: str
    blocks: tuple[Block, ...]
    metadata: Mapping[str, Any] | None
    thread_ts: str | None = None
    edited_at: datetime | None = None

    @property
    def channel(self) -> str:
        return "slack"

    @property
    def delivery_id(self) -> str | None:
        payload = (self.metadata or {}).get("event_payload") or {}
        return payload.get("delivery_id")

    @property
    def title(self) -> str:
        """Its headline, as a reader would name it; the fallback text where there is none."""
        for block in self.blocks:
            if block.get("type") == "header":
                return str(block["text"]["text"])
        return self.text.splitlines()[0] if self.text else "No text"


Kept = Mail | Post


class Messages:
    """All messages. Safe to use from the servers' threads; `now` is the demo's time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._kept: list[Kept] = []
        self._posts: dict[tuple[str, str], int] = {}  # (room, ts) -> index
        self._last_ts = 0.0

    def add_mail(
        self, *, sender: str, to: str, subject: str, text: str, html: str | None, source: str, delivery_id: str | None
    ) -> Mail:
        with self._lock:
            mail = Mail(
                len(self._kept) + 1, self._now(), time.monotonic(), sender, to, subject, text, html, source, delivery_id
            )
            self._kept.append(mail)
            return mail

    def add_post(
        self,
        *,
        to: str,
        room: str,
        text: str,
        blocks: tuple[Block, ...],
        metadata: Mapping[str, Any] | None,
        thread_ts: str | None,
    ) -> Post:
        with self._lock:
            at = self._now()
            ts = self._next_ts(at)
            post = Post(
                len(self._kept) + 1, at, time.monotonic(), to, room, ts, text, blocks, metadata, thread_ts
            )  # fmt: skip
            self._posts[room, ts] = len(self._kept)
            self._kept.append(post)
            return post

    def edit_post(
        self, room: str, ts: str, *, text: str, blocks: tuple[Block, ...], metadata: Mapping[str, Any] | None
    ) -> Post | None:
        """Replace a message's content, as chat.update does; None when there is no such message."""
        with self._lock:
            index = self._posts.get((room, ts))
            if index is None:
                return None
            old = self._kept[index]
            assert isinstance(old, Post)
            new = replace(old, text=text, blocks=blocks, metadata=metadata or old.metadata, edited_at=self._now())
            self._kept[index] = new
            return new

    def all(self) -> list[Kept]:
        """Oldest first."""
        with self._lock:
            return list(self._kept)

    def get(self, number: int) -> Kept | None:
        with self._lock:
            return self._kept[number - 1] if 0 < number <= len(self._kept) else None

    def in_room(self, room: str) -> list[Post]:
        return [kept for kept in self.all() if isinstance(kept, Post) and kept.room == room]

    def replies(self, post: Post) -> list[Post]:
        return [other for other in self.in_room(post.room) if other.thread_ts == post.ts and other.ts != post.ts]

    def count(self) -> int:
        with self._lock:
            return len(self._kept)

    def _next_ts(self, at: datetime) -> str:
        # A millisecond apart at least: Slack's ts is unique in its channel.
        self._last_ts = max(at.timestamp(), self._last_ts + 0.001)
        return f"{self._last_ts:.6f}"
