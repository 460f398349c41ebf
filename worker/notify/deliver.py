"""The senders: one thread takes turns at the outbox, a small pool makes the calls.

A turn is one transaction. What senders report meanwhile is recorded in the next one, so under load many messages
share a commit, and a lone alert waits for nobody.
"""

from __future__ import annotations

import random
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from worker import log
from worker.clock import Clock
from worker.errors import InnerloopError, StoreUnavailable
from worker.model.notice import AttemptOutcome, Kind
from worker.notify.channel import Answer, Channel, Readable
from worker.notify.claims import Claim, ClaimKey, Report, Turned
from worker.notify.compose import Composed, compose
from worker.notify.context import Context, load, states
from worker.notify.customer import withheld
from worker.notify.listen import Listener
from worker.notify.live import Live
from worker.notify.obsolete import Now, obsolete
from worker.notify.outbox import Outbox
from worker.notify.refresh import Refresh
from worker.notify.retry import Action
from worker.store import channel_state, deliveries, notices
from worker.store.engine import Store, Trouble, trouble
from worker.store.threads import Thread

POLL_SECONDS = 1.0  # the safety net behind wake()
_STORE_WAIT = (1.0, 30.0)
_AHEAD = 8  # claims per sender, while calls are quick
_QUICK = 0.5  # seconds: longer calls, and nothing is claimed that cannot start at once
_HELD_SECONDS = 5.0  # how long this process remembers by itself; the store remembers longer
_TRIES = 3
_SOON = timedelta(seconds=5)
_TOGETHER = 0.003  # seconds that a report waits for others to be written down with it, where nothing waits for that
_JUST_NOW = 2.0  # seconds since a turn wrote attempts, leases and saw the follow-ups: later, the store is asked again
_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A claim whose attempt is written: its follow-up as it was then, and when that was by `_awake`."""

    claim: Claim
    context: Context | None  # as read when it was claimed
    current: Now | None
    at: float


class Deliverer:
    """Delivers notices until each has ended. Several processes may each run one on the same store."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        live: Callable[[], Live],
        clock: Clock,
        senders: int,
        *,
        ops: Iterable[str] = (),
        jitter: Callable[[], float] | None = None,
    ) -> None:
        """`ops` are INNERLOOP_OPS_CHANNELS; `jitter` gives numbers from 0 to 1."""
        self._store = store
        self._channels = channels
        self._live = live
        self._clock = clock
        self._senders = senders
        self._ops = tuple(ops)
        self._outbox = Outbox(channels, self._ops, jitter or random.Random().random)  # noqa: S311 - spreads retries
        self._refresh = Refresh(store, channels, live, clock)
        self._listener = Listener(store, self.wake)
        self._pool: ThreadPoolExecutor | None = None
        self._thread: threading.Thread | None = None
        self._woken = threading.Event()
        self._enough = threading.Event()  # set: what has been reported is not kept waiting for more
        self._stopping = threading.Event()
        self._turning = threading.Lock()
        self._reports: deque[Report] = deque()
        # Claims whose attempt is not written yet, in the order in which their turn comes.
        self._queue: dict[ClaimKey, tuple[Claim, Context | None]] = {}
        # Claims whose attempt is written, and whose answer is not: at most as many as there are senders. Should
        # the process die now, these and no others may be sent again.
        self._flying: dict[ClaimKey, tuple[Claim, Future[None]]] = {}
        self._held: dict[str, float] = {}  # channel -> monotonic time until which this process sends nothing there
        self._slowest = 0.0  # of the last turn's calls, seconds
        self._tried_open = False
        self._told = False  # somebody says that there is work: no need to look whether there is any

    # Life --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="deliver", daemon=True)
        self._thread.start()
        self._listener.start()

    def stop(self, timeout: float) -> None:
        """Claim nothing more, let the calls under way end, record them, give the rest back."""
        ends = time.monotonic() + timeout
        self._stopping.set()
        self._listener.stop(1.0)
        self._woken.set()
        if self._thread:
            self._thread.join(max(ends - time.monotonic(), 0))
        self._give_back()
        while self._flying and time.monotonic() < ends:
            self._woken.wait(0.05)
            self._woken.clear()
            self._record_only()
        self._record_only()
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
        self._thread = None

    def wake(self) -> None:
        """There is something new: look now. Any thread may call this, at any time."""
        self._told = True
        self._enough.set()
        self._woken.set()

    def run_until_idle(self, timeout: float = 600) -> None:
        """Deliver until nothing is due or in flight; what waits for a later time keeps waiting."""
        ends = time.monotonic() + timeout
        running = self._thread is not None
        while time.monotonic() < ends and self._goes_on(running=running):
            pass
        if not running and self._pool:
            self._pool.shutdown(wait=True)
            self._pool = None

    def _goes_on(self, *, running: bool) -> bool:
        """Do or await one step; False when nothing is left to do now."""
        if running:
            self._woken.set()
        elif self._turn():
            return True
        if not self._is_busy() and not self._more_soon():
            return False
        before = self._clock.now()
        if running:
            self._stopping.wait(0.05)  # the loop's own thread waits for the other event
        else:
            self._woken.wait(0.05)
            self._woken.clear()
        # With a clock that stands still, what waits for a later second would wait for ever.
        return self._is_busy() or self._clock.now() != before or self._due_now()

    def _is_busy(self) -> bool:
        return bool(self._queue or self._flying or self._reports)

    # The loop ----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        trouble = 0
        while not self._stopping.is_set():
            try:
                busy = self._turn()
                trouble = 0
            except StoreUnavailable as error:
                trouble += 1
                _log.warning("outbox waits for the store", problem=str(error))
                self._stopping.wait(min(_STORE_WAIT[0] * 2 ** (trouble - 1), _STORE_WAIT[1]))
                continue
            except Exception as error:  # noqa: BLE001 - one bad turn must not end all telling
                trouble += 1
                _log.error("outbox turn failed", problem=type(error).__name__, place=_place(error))
                self._stopping.wait(min(float(trouble), 10.0))
                continue
            if not busy:
                self._woken.wait(self._pause())
            self._woken.clear()
            if self._reports and not self._queue:
                self._enough.wait(_TOGETHER)
            self._enough.clear()

    def _turn(self) -> bool:
        """One transaction and what follows from it. True when another turn should follow at once."""
        with self._turning:
            if not self._tried_open:
                self._try_open_channels()
            reports = self._drain()
            room = self._room()
            told, self._told = self._told, False
            if not reports and not (room > 0 and (told or self._due_now())):
                self._refresh.step(self._executor(), self._woken.set)
                return False
            began = _awake()
            turned = self._record(reports, room)
            self._queue_up(turned.claims)
            self._dispatch(turned, began)
            if not turned.claims:
                self._refresh.step(self._executor(), self._woken.set)
            return turned.more and self._room() > 0

    def _record(self, reports: list[Report], room: int) -> Turned:
        """Write down what came back, claim what is next, and let as many new calls begin as have ended."""
        calls = 0 if self._stopping.is_set() else self._senders - len(self._flying)
        waiting = [claim for claim, _ in self._queue.values()]
        try:
            return self._write(reports, room, waiting, calls)
        except BaseException:
            self._reports.extendleft(reversed(reports))
            raise

    def _write(self, reports: list[Report], room: int, waiting: Sequence[Claim], calls: int) -> Turned:
        """A turn; once more where another process was in the way (PostgreSQL ends one of two that block each other)."""
        for tries_left in reversed(range(_TRIES)):
            try:
                with self._store.write() as conn:
                    now, lease_now = self._clock.now(), self._store.now(conn)
                    return self._outbox.turn(conn, self._live(), now, lease_now, reports, room, waiting, calls)
            except SQLAlchemyError as error:
                if trouble(error) is not Trouble.CLASH or not tries_left:
                    raise
        raise AssertionError("the loop above returns or raises")

    def _try_open_channels(self) -> None:
        """A process that starts tries what was held back: it may have come with a mended secret."""
        with self._store.write() as conn:
            channel_state.try_now(conn, self._clock.now())
        self._tried_open = True

    def _record_only(self) -> None:
        reports = self._drain()
        if reports:
            with self._turning:
                self._record(reports, 0)

    def _drain(self) -> list[Report]:
        reports = []
        while self._reports:
            report = self._reports.popleft()
            self._flying.pop(report.claim.key, None)
            reports.append(report)
        if reports:
            self._slowest = max(report.seconds for report in reports)
        return reports

    def _room(self) -> int:
        """How many more may be claimed: a few ahead while calls are quick, since each claim has a lease.

        Then they are claimed in handfuls: one transaction for one message would cost more than the message.
        """
        if self._stopping.is_set():
            return 0
        ahead = _AHEAD if self._slowest < _QUICK else 1
        room = self._senders * ahead - len(self._queue) - len(self._flying)
        return room if room >= max(self._senders * (ahead // 2), 1) else 0

    def _due_now(self) -> bool:
        with self._store.read() as conn:
            now = self._clock.now()
            return notices.any_waiting(conn, now) or deliveries.any_due(conn, now, self._store.now(conn))

    def _more_soon(self) -> bool:
        """Something is due within seconds: a paced channel's next message, a first retry."""
        with self._store.read() as conn:
            soon = self._clock.now() + _SOON
            return notices.any_waiting(conn, soon) or deliveries.any_due(conn, soon, self._store.now(conn))

    def _pause(self) -> float:
        """Until something is due, a second at most: the clock may be moved, another process may write."""
        if self._room() <= 0:
            return POLL_SECONDS  # whatever is due has to wait for a call that ends, and that wakes us
        try:
            with self._store.read() as conn:
                now = self._clock.now()
                times = [
                    deliveries.next_due_at(conn), notices.next_waiting_at(conn), channel_state.next_free_at(conn, now)
                ]  # fmt: skip
        except StoreUnavailable:
            return POLL_SECONDS
        ahead = [self._clock.seconds_until(at) for at in times if at and at > now]
        return max(min([*ahead, POLL_SECONDS]), 0.005)

    def _executor(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._senders, thread_name_prefix="send")
        return self._pool

    def _queue_up(self, claims: Sequence[Claim]) -> None:
        """Read what all of these say, at once. A store that is gone meanwhile is asked again by each."""
        contexts: Mapping[int, Context] = {}
        if claims:
            with suppress(StoreUnavailable), self._store.read() as conn:
                contexts = load(conn, [claim.delivery for claim in claims])
        self._queue |= {claim.key: (claim, contexts.get(claim.delivery.id)) for claim in claims}

    def _dispatch(self, turned: Turned, began: float) -> None:
        """Let the calls begin whose attempts are written now."""
        for key in turned.lost:
            self._queue.pop(key)
        for key, current in turned.begun.items():
            claim, context = self._queue.pop(key)
            future = self._executor().submit(self._work, _Begun(claim, context, current, began))
            self._flying[key] = (claim, future)

    def _give_back(self) -> None:
        unsent = [claim for claim, future in self._flying.values() if future.cancel()]
        for claim in (*unsent, *(claim for claim, _ in self._queue.values())):
            self._report(self._unsent(claim))
        self._queue.clear()

    def _report(self, report: Report) -> None:
        """Calls that end at nearly the same time are written down together: a turn costs more than a message."""
        self._reports.append(report)
        if len(self._reports) >= len(self._flying):
            self._enough.set()
        self._woken.set()

    # One claim, in a sender's thread -----------------------------------------------------------------------------

    def _work(self, begun: _Begun) -> None:
        claim = begun.claim
        try:
            report = self._deliver(begun)
        except StoreUnavailable:
            # Nothing was sent; the lease ends by itself, or the delivery is given back when the store is.
            report = self._unsent(claim)
        except Exception as error:  # noqa: BLE001 - a bug must cost one attempt, not the sender
            _log.error("sender failed", problem=type(error).__name__, place=_place(error), delivery=claim.delivery.id)
            answer = Answer(outcome=AttemptOutcome.LATER, reason="internal_problem")
            report = Report(claim=claim, answer=answer, ended_at=self._clock.now())
        self._report(report)

    def _deliver(self, begun: _Begun) -> Report:
        """Compose, look once more whether it may be sent, send. Without its lease a claim is given back."""
        claim, channel = begun.claim, self._channels[begun.claim.delivery.channel]
        context = self._context(begun)
        if isinstance(context, str):
            return self._unsent(claim, skipped=context)
        composed = self._compose(claim, context, channel)
        if _awake() - begun.at > _JUST_NOW:
            again = self._look_again(replace(begun, context=context))
            newer = self._context(again) if again else None
            if newer is None or isinstance(newer, str):
                return self._unsent(claim, skipped=newer)
            if newer is not context:
                composed = self._compose(claim, newer, channel)
        if composed.broken and claim.delivery.notice.kind is Kind.CUSTOMER:
            why = "its template cannot be rendered"
            return replace(self._unsent(claim, skipped=why), broken=tuple(composed.broken))
        if self._is_held(claim):
            return self._unsent(claim)
        return self._call(claim, channel, composed)

    def _unsent(self, claim: Claim, skipped: str | None = None) -> Report:
        return Report(claim=claim, answer=None, ended_at=self._clock.now(), skipped=skipped)

    def _context(self, begun: _Begun) -> Context | str:
        """What the store says about it now; a reason to skip where it has become needless since it was claimed."""
        claim, context, current = begun.claim, begun.context, begun.current
        told = claim.delivery.notice
        moved = current and context and context.work and current.version != context.work.version
        if context and not moved and told.kind is not Kind.CUSTOMER:
            return context
        reason = obsolete(told, current)
        if reason and claim.action is Action.SEND:
            return reason
        with self._store.read() as conn:
            context = load(conn, [claim.delivery])[claim.delivery.id]
        if told.kind is Kind.CUSTOMER and (reason := withheld(context, self._live().rule_set, self._clock.now())):
            return reason
        return context

    def _look_again(self, begun: _Begun) -> _Begun | None:
        """Ask the store once more, since it took long to get here. None when the lease is lost."""
        claim, at, number = begun.claim, _awake(), begun.claim.delivery.notice.follow_up_id
        with self._store.write() as conn:
            if not deliveries.renew(conn, claim.delivery.id, claim.token, self._store.now(conn)):
                return None
            current = states(conn, [number]).get(number) if number is not None else None
        return replace(begun, current=current, at=at)

    def _compose(self, claim: Claim, context: Context, channel: Channel) -> Composed:
        return compose(
            context,
            channel,
            claim.delivery.key,
            self._live(),
            self._clock.now(),
            ops_hear=bool(self._ops),
            repeat=claim.action is Action.REPEAT,
        )

    def _is_held(self, claim: Claim) -> bool:
        """The channel has just refused everything, or asked for a rest: another sender of this process heard it."""
        return not claim.trial and self._held.get(claim.delivery.channel, 0.0) > time.monotonic()

    def _call(self, claim: Claim, channel: Channel, composed: Composed) -> Report:
        if claim.trial:
            _reload(channel)
        started = time.monotonic()
        answer = _ask(claim, channel, composed, self._clock.now())
        seconds = time.monotonic() - started
        if rest := _rest(answer):
            self._held[claim.delivery.channel] = time.monotonic() + rest
        elif claim.trial:
            self._held.pop(claim.delivery.channel, None)
        notice = claim.delivery.notice
        _log.info(
            "delivery attempt", response=notice.response_id, follow_up=notice.follow_up_id, notice=notice.id,
            kind=notice.kind.value, delivery=claim.delivery.id, attempt=claim.attempt,
            channel=claim.delivery.channel, outcome=answer.outcome.value, reason=answer.reason,
            seconds=round(seconds, 3),
        )  # fmt: skip
        thread = _thread(composed.begins, answer)
        if thread:
            self._refresh.remember(thread, composed.message, thread.shown_version)
        return Report(
            claim=claim,
            answer=answer,
            ended_at=self._clock.now(),
            seconds=seconds,
            thread=thread,
            broken=tuple(composed.broken),
        )


def _awake() -> float:
    """Seconds on a clock that nobody sets and that goes on while a laptop sleeps, where the system has one."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _rest(answer: Answer) -> float:
    """How many seconds this process leaves the whole channel alone by itself, until the store says so to all."""
    if answer.outcome is AttemptOutcome.CHANNEL_DOWN:
        return _HELD_SECONDS
    asked = answer.retry_after.total_seconds() if answer.retry_after and answer.whole_channel else 0.0
    return min(asked, _HELD_SECONDS)


def _ask(claim: Claim, channel: Channel, composed: Composed, now: datetime) -> Answer:
    if claim.action is Action.LOOK and isinstance(channel, Readable):
        silent = (a.started_at for a in claim.delivery.past if a.outcome in {None, AttemptOutcome.UNKNOWN})
        return channel.look(composed.message, min(silent, default=now))
    return channel.send(composed.message)


def _thread(begins: Thread | None, answer: Answer) -> Thread | None:
    if begins is None or answer.ref is None or answer.outcome is not AttemptOutcome.ACCEPTED:
        return None
    return Thread(
        follow_up_id=begins.follow_up_id, channel=begins.channel, address=begins.address, provider_ref=answer.ref,
        subject=begins.subject, shown_version=begins.shown_version,
    )  # fmt: skip


def _reload(channel: Channel) -> None:
    try:
        channel.reload()
    except InnerloopError as error:
        _log.warning("secret could not be read again", channel=channel.name, problem=str(error))


def _place(error: BaseException) -> str:
    """Where it happened, without values: a message may hold personal data."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
