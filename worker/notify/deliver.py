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
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from worker import log
from worker.clock import Clock
from worker.errors import InnerloopError, StoreUnavailable
from worker.model.notice import AttemptOutcome, Kind
from worker.notify.channel import MOST_SECONDS, Answer, Channel, Readable
from worker.notify.compose import Composed, compose
from worker.notify.context import Context, load, states
from worker.notify.customer import withheld
from worker.notify.listen import Listener
from worker.notify.live import Live
from worker.notify.obsolete import obsolete
from worker.notify.outbox import Claim, ClaimKey, Outbox, Report, Turned
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
_MOST_CALLED = 2000  # remembered addresses, before the old ones are forgotten
_SOON = timedelta(seconds=5)
_NEEDED = timedelta(seconds=MOST_SECONDS + 2)
_log = log.get(__name__)


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
        self._stopping = threading.Event()
        self._turning = threading.Lock()
        self._reports: deque[Report] = deque()
        # Claims whose attempt is written, and whose answer is not: at most as many as there are senders. Should
        # the process die now, these and no others may be sent again. What else is claimed waits until it is granted.
        self._granted: set[ClaimKey] = set()
        self._lost: set[ClaimKey] = set()  # somebody else's by now
        self._grants = threading.Condition()
        self._flying: dict[ClaimKey, tuple[Claim, Future[None]]] = {}
        self._held: dict[str, float] = {}  # channel -> monotonic time until which this process sends nothing there
        self._pacing = threading.Lock()
        self._called: dict[tuple[str, str], datetime] = {}  # channel and address -> the last call there
        self._slowest = 0.0  # of the last turn's calls, seconds
        self._tried_open = False

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
        with self._grants:
            self._grants.notify_all()
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
            self.wake()
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
        return bool(self._flying or self._reports)

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

    def _turn(self) -> bool:
        """One transaction and what follows from it. True when another turn should follow at once."""
        with self._turning:
            if not self._tried_open:
                self._try_open_channels()
            reports = self._drain()
            room = self._room()
            if not reports and not (room > 0 and self._due_now()):
                self._refresh.step(self._executor(), self._woken.set)
                return False
            turned = self._record(reports, room)
            self._dispatch(turned.claims)
            return turned.more and self._room() > 0

    def _record(self, reports: list[Report], room: int) -> Turned:
        """Write down what came back, claim what is next, and grant as many new calls as have ended."""
        ended = {report.claim.key for report in reports}
        under_way = self._granted - ended
        calls = 0 if self._stopping.is_set() else self._senders - len(under_way)
        waiting = [claim for claim, _ in self._flying.values() if claim.key not in self._granted]
        try:
            turned = self._write(reports, room, waiting, calls)
        except BaseException:
            self._reports.extendleft(reversed(reports))
            raise
        with self._grants:
            self._granted = under_way | turned.begun
            self._lost |= turned.lost
            self._grants.notify_all()
        return turned

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
        room = self._senders * ahead - len(self._flying)
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
        ahead = [(at - now).total_seconds() for at in times if at and at > now]
        return max(min([*ahead, POLL_SECONDS]), 0.005)

    def _executor(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._senders, thread_name_prefix="send")
        return self._pool

    def _dispatch(self, claims: Sequence[Claim]) -> None:
        if not claims:
            return
        with self._store.read() as conn:
            contexts = load(conn, [claim.delivery for claim in claims])
        for claim in claims:
            future = self._executor().submit(self._work, claim, contexts[claim.delivery.id])
            self._flying[claim.key] = (claim, future)

    def _give_back(self) -> None:
        for claim, future in list(self._flying.values()):
            if future.cancel():
                self._report(Report(claim=claim, answer=None, ended_at=self._clock.now()))

    def _report(self, report: Report) -> None:
        self._reports.append(report)
        self._woken.set()

    # One claim, in a sender's thread -----------------------------------------------------------------------------

    def _work(self, claim: Claim, context: Context) -> None:
        try:
            report = self._deliver(claim, context)
        except StoreUnavailable:
            # Nothing was sent; the lease ends by itself, or the delivery is given back when the store is.
            report = Report(claim=claim, answer=None, ended_at=self._clock.now())
        except Exception as error:  # noqa: BLE001 - a bug must cost one attempt, not the sender
            _log.error("sender failed", problem=type(error).__name__, place=_place(error), delivery=claim.delivery.id)
            answer = Answer(outcome=AttemptOutcome.LATER, reason="internal_problem")
            granted = self._is_granted(claim)  # only what has an attempt can have failed
            report = Report(claim=claim, answer=answer if granted else None, ended_at=self._clock.now())
        self._report(report)

    def _deliver(self, claim: Claim, context: Context) -> Report:
        """Compose, look once more whether it may be sent, send. Without its lease a claim is given back."""
        channel = self._channels[claim.delivery.channel]
        composed = self._compose(claim, context, channel)
        if not self._is_granted(claim):
            return Report(claim=claim, answer=None, ended_at=self._clock.now())
        fresh = self._last_look(claim, context)
        if fresh is None:
            return Report(claim=claim, answer=None, ended_at=self._clock.now())
        if isinstance(fresh, str):
            return Report(claim=claim, answer=None, ended_at=self._clock.now(), skipped=fresh)
        if fresh is not context:
            composed = self._compose(claim, fresh, channel)
        if composed.broken and fresh.notice.kind is Kind.CUSTOMER:
            why = "its template cannot be rendered"
            return Report(
                claim=claim, answer=None, ended_at=self._clock.now(), skipped=why, broken=tuple(composed.broken)
            )
        if self._is_held(claim):
            return Report(claim=claim, answer=None, ended_at=self._clock.now())
        return self._call(claim, channel, composed)

    def _is_granted(self, claim: Claim) -> bool:
        """Wait until this call's turn has come. False when the claim is lost, or no new call may begin any more."""
        key = claim.key
        with self._grants:
            self._grants.wait_for(lambda: key in self._granted or key in self._lost or self._stopping.is_set())
            self._lost.discard(key)
            return key in self._granted

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

    def _last_look(self, claim: Claim, context: Context) -> Context | str | None:
        """The context, newer if the follow-up has moved; a reason to skip; or None when the lease is lost."""
        with self._store.read() as conn:
            left = deliveries.lease_left(conn, claim.delivery.id, claim.token, self._store.now(conn))
            number = claim.delivery.notice.follow_up_id
            current = states(conn, [number]).get(number) if number is not None else None
            if left is None:
                return None
            if current and context.work and current.version != context.work.version:
                reason = obsolete(claim.delivery.notice, current)
                if reason and claim.action is Action.SEND:
                    return reason
                context = load(conn, [claim.delivery])[claim.delivery.id]
            if claim.delivery.notice.kind is Kind.CUSTOMER:
                context = load(conn, [claim.delivery])[claim.delivery.id]
                if reason := withheld(context, self._live().rule_set, self._clock.now()):
                    return reason
        if left < _NEEDED and not self._renewed(claim):
            return None
        return context

    def _renewed(self, claim: Claim) -> bool:
        with self._store.write() as conn:
            return deliveries.renew(conn, claim.delivery.id, claim.token, self._store.now(conn))

    def _is_held(self, claim: Claim) -> bool:
        """The channel has just refused everything, or asked for a rest: another sender of this process heard it."""
        return not claim.trial and self._held.get(claim.delivery.channel, 0.0) > time.monotonic()

    def _keep_pace(self, claim: Claim, channel: Channel) -> None:
        """Claimed a second apart, two messages to one address may still be sent closer: the second waits for the rest.

        A moment at most: the store's pace has kept them apart already.
        """
        if channel.pace is None or claim.action is Action.LOOK:
            return
        place, now = (claim.delivery.channel, claim.delivery.address), self._clock.now()
        with self._pacing:
            at = min(max(now, self._called.get(place, now - channel.pace) + channel.pace), now + channel.pace)
            if len(self._called) > _MOST_CALLED:
                self._called = {place: last for place, last in self._called.items() if last > now - channel.pace}
            self._called[place] = at
        self._stopping.wait((at - now).total_seconds())

    def _call(self, claim: Claim, channel: Channel, composed: Composed) -> Report:
        if claim.trial:
            _reload(channel)
        self._keep_pace(claim, channel)
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
        return Report(
            claim=claim,
            answer=answer,
            ended_at=self._clock.now(),
            seconds=seconds,
            thread=_thread(composed.begins, answer),
            broken=tuple(composed.broken),
        )


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
