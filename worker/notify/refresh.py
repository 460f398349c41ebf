"""Keeping sent messages true: where a follow-up has moved on, its message is edited.

Nobody asks for this with a notice. Each thread remembers the version its message shows; what is older is redrawn.
Whoever moves that number first does the edit, so two processes do not both write. Where nothing but the time has
changed in what this process showed last, the call is left out; a process that has not shown it edits once for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from worker import log
from worker.clock import Clock
from worker.errors import InnerloopError
from worker.model.notice import AttemptOutcome
from worker.notify import threadlines
from worker.notify.channel import Channel, Editable, Outgoing
from worker.notify.compose import redraw
from worker.notify.context import Context, fill
from worker.notify.live import Live
from worker.store import channel_state, notices, threads
from worker.store.engine import Store
from worker.store.threads import Thread

Place = tuple[int, str, str]
_AT_ONCE = 20
_MOST_KNOWN = 5000  # messages whose looks are remembered
_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class _Look:
    """What a message showed, of which version, drawn when."""

    version: int
    at: datetime
    shown: int

    @classmethod
    def of(cls, message: Outgoing, version: int) -> _Look:
        return cls(version, message.at, hash((message.lead, *message.parts.items())))


class Refresh:
    """Edits messages of channels that can be edited."""

    def __init__(self, store: Store, channels: Mapping[str, Channel], live: Callable[[], Live], clock: Clock) -> None:
        self._store = store
        self._channels = channels
        self._live = live
        self._clock = clock
        self._busy = 0
        self._looks: dict[Place, _Look] = {}

    def remember(self, thread: Thread, message: Outgoing, version: int) -> None:
        """Note how a thread's first message looks now that it shows a version."""
        if len(self._looks) >= _MOST_KNOWN:
            self._looks = {}  # some edits for nothing are cheaper than keeping an order
        self._looks[_place(thread)] = _Look.of(message, version)

    def step(self, pool: Executor, done: Callable[[], None]) -> None:
        """Hand edits that are due to the senders; called when nothing more urgent waits."""
        if self._busy:
            return
        for name, channel in self._channels.items():
            if isinstance(channel, Editable):
                for thread, version in self._claim(name):
                    self._busy += 1
                    pool.submit(self._edit, channel, thread, version, done)

    def _claim(self, name: str) -> list[tuple[Thread, int]]:
        with self._store.read() as conn:
            found = threads.stale(conn, name, _AT_ONCE)
        if not found:
            return []
        now = self._clock.now()
        with self._store.write() as conn:
            mine = [
                (thread, version)
                for thread, version in found
                if channel_state.take_slots(conn, [(name, thread.address, now + timedelta(seconds=1))], now)
                and threads.show(conn, thread, version, was=thread.shown_version)
            ]
            for thread, version in mine:
                if told := _began(conn, thread):
                    notices.add(conn, threadlines.of_changes(conn, thread, told, version, now), now)
            return mine

    def _edit(self, channel: Channel, thread: Thread, version: int, done: Callable[[], None]) -> None:
        try:
            self._show(channel, thread, version)
        except InnerloopError as error:
            _log.warning("message not refreshed", channel=channel.name, problem=type(error).__name__)
        finally:
            self._busy -= 1
            done()

    def _show(self, channel: Channel, thread: Thread, version: int) -> None:
        assert isinstance(channel, Editable)
        with self._store.read() as conn:
            context = _began(conn, thread)
        if context is None:
            return
        if self._looks_the_same(context, channel, thread, version):
            return
        message = redraw(context, channel, self._live(), self._clock.now())
        answer = channel.edit(thread.provider_ref, message)
        outcome = answer.outcome.value
        _log.info("message refreshed", follow_up=thread.follow_up_id, outcome=outcome, reason=answer.reason)
        if answer.outcome is AttemptOutcome.ACCEPTED:
            self.remember(thread, message, version)
        wait, again = channel.pace or timedelta(), False
        if answer.outcome in {AttemptOutcome.LATER, AttemptOutcome.UNKNOWN, AttemptOutcome.CHANNEL_DOWN}:
            wait, again = answer.retry_after or timedelta(seconds=30), True
        with self._store.write() as conn:
            channel_state.hold(conn, [(thread.channel, thread.address, self._clock.now() + wait)])
            if again:
                threads.show(conn, thread, thread.shown_version, was=version)

    def _looks_the_same(self, context: Context, channel: Channel, thread: Thread, version: int) -> bool:
        """Drawn at the time of the last drawing, it comes out as that did."""
        known = self._looks.get(_place(thread))
        if known is None or known.version != thread.shown_version:
            return False
        drawn = _Look.of(redraw(context, channel, self._live(), known.at), version)
        if drawn.shown == known.shown:
            self._looks[_place(thread)] = drawn
        return drawn.shown == known.shown


def _place(thread: Thread) -> Place:
    return thread.follow_up_id, thread.channel, thread.address


def _began(conn: Connection, thread: Thread) -> Context | None:
    """The message that began a thread, with what the store knows now."""
    first = notices.first_told(conn, thread.follow_up_id, thread.channel, thread.address)
    return fill(conn, [Context(notice=first, channel=thread.channel, address=thread.address)])[0] if first else None
