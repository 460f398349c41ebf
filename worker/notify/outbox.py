"""One turn of the outbox: a single transaction that records what was sent, plans what is new and claims what is due.

Everything a turn writes is written together, so a hundred alerts cost a handful of commits, and a worker that dies
between two turns leaves nothing half said: what it had claimed is claimed again when the lease ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from worker import log, metrics
from worker.model.notice import CUSTOMER, AttemptOutcome, Kind, NewNotice, NoticeState
from worker.notify import customer, ops, retry, threadlines
from worker.notify.channel import Answer, Channel, Editable, Readable
from worker.notify.claims import Call, Claim, ClaimKey, Report, Turned, past
from worker.notify.context import states
from worker.notify.gathering import Gathering
from worker.notify.live import Live
from worker.notify.obsolete import Now, obsolete
from worker.notify.recipients import OPS, Target, targets
from worker.notify.retry import Action
from worker.store import channel_state, deliveries, notices, threads
from worker.store.deliveries import Delivery, Due, Planned
from worker.store.notices import Ended, Notice

_ALERT_IN_FLIGHT = timedelta(seconds=2)
_MOST_PLANNED = 200
_log = log.get(__name__)


@dataclass(slots=True)
class Turn:
    """What a turn has found out so far; shared by its steps."""

    conn: Connection
    now: datetime
    lease_now: datetime
    live: Live
    circuits: Mapping[str, datetime]
    more: bool = False  # another turn right away finds something to do
    planned: list[Planned] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    new: list[NewNotice] = field(default_factory=list)
    current: Mapping[int, Now] = field(default_factory=dict)  # follow-ups as they are, by number
    full: set[Target] = field(default_factory=set)  # paced places for which a message is claimed already

    def is_open(self, channel: str) -> bool:
        """Held back, with no trial due yet."""
        return channel in self.circuits and self.circuits[channel] > self.now


class Outbox:
    """Turns over the store. One thread calls it; the calls to providers happen elsewhere."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        ops_channels: Sequence[str],
        jitter: Callable[[], float],
    ) -> None:
        self._channels = channels
        self._ops_channels = ops_channels
        self._jitter = jitter
        self._gathering = Gathering()

    def turn(
        self,
        conn: Connection,
        live: Live,
        now: datetime,
        lease_now: datetime,
        reports: Sequence[Report],
        room: int,
        waiting: Sequence[Claim],
        calls: int,
    ) -> Turned:
        """Record reports, plan new notices, claim at most `room` deliveries, write the attempts of the next `calls`.

        `waiting` are earlier claims without an attempt, in the order in which their turn comes.
        """
        turn = Turn(conn, now, lease_now, live, channel_state.open_circuits(conn))
        for word in self._channels:
            metrics.CHANNEL_OPEN.labels(word).set(word in turn.circuits)
        self._record(turn, reports)
        if room > 0:
            self._plan_new(turn)
            self._reroute(turn)
        self._write(turn)
        turn.full.update(place for claim in waiting if (place := self._paced(claim)))
        claims = self._claim(turn, room) if room > 0 else []
        next_up = [*waiting, *claims][:calls]
        begun = self._begin(turn, next_up)
        return Turned(claims, begun, frozenset({claim.key for claim in next_up} - begun.keys()), turn.more)

    # Recording ---------------------------------------------------------------------------------------------------

    def _record(self, turn: Turn, reports: Sequence[Report]) -> None:
        """All calls that ended are written down together; what follows from each comes after."""
        ended = [self._judge(turn, report, report.answer) for report in reports if report.answer is not None]
        changed = deliveries.record(turn.conn, [call.result for call in ended])
        self._hold(turn, ended)
        for call in ended:
            if call.report.claim.key in changed:
                self._follow(turn, call)
        begun = [thread for call in ended if isinstance(call.step, retry.Done) and (thread := call.report.thread)]
        threads.begin(turn.conn, begun)
        for report in reports:
            turn.new.extend(report.broken)
            if report.answer is None:
                self._give_back(turn, report)

    def _give_back(self, turn: Turn, report: Report) -> None:
        if report.skipped is not None:
            self._skip(turn, report.claim, report.skipped)
        else:
            deliveries.release(turn.conn, [(report.claim.delivery, report.claim.token)], turn.now)

    def _judge(self, turn: Turn, report: Report, answer: Answer) -> Call:
        delivery = report.claim.delivery
        self._heed(turn, delivery, answer)
        tried = self._tried(turn, delivery)
        step = retry.step(
            answer.outcome,
            answer.reason or answer.outcome.value,
            answer.retry_after,
            past(delivery),
            self._plan(turn, delivery, tried),
            report.ended_at,
            self._jitter(),
        )
        metrics.ATTEMPTS.labels(delivery.channel, answer.outcome.value).inc()
        metrics.SEND_SECONDS.labels(delivery.channel).observe(report.seconds)
        return Call(report, answer, step, tried)

    def _hold(self, turn: Turn, ended: Sequence[Call]) -> None:
        """A paced place rests from the end of a call: only then has the provider surely taken the message."""
        channel_state.hold(turn.conn, self._slots((call.report.claim, call.report.ended_at) for call in ended))

    def _follow(self, turn: Turn, call: Call) -> None:
        """What a step means for the notice."""
        delivery = call.report.claim.delivery
        match call.step:
            case retry.Done():
                turn.ended.append(Ended(delivery.notice, NoticeState.DELIVERED, None))
            case retry.NextChannel(reason):
                for_good = call.answer.outcome is AttemptOutcome.REFUSED
                self._go_on(turn, delivery, reason, call.tried, for_good=for_good)
            case retry.GiveUp(reason):
                self._fail(turn, delivery.notice, reason)
            case retry.Again():
                pass

    def _heed(self, turn: Turn, delivery: Delivery, answer: Answer) -> None:
        """What an answer says about more than its own message."""
        channel = delivery.channel
        if answer.outcome is AttemptOutcome.CHANNEL_DOWN:
            reason = answer.reason or "refused"
            if channel_state.open_circuit(turn.conn, channel, reason, turn.now + retry.TRIAL_EVERY):
                turn.new.append(ops.channel_down(channel, reason, turn.now))
                _log.warning("channel held back", channel=channel, reason=reason)
            turn.circuits = {**turn.circuits, channel: turn.now + retry.TRIAL_EVERY}
        elif channel in turn.circuits and _shows_that_it_works(answer):
            channel_state.close_circuit(turn.conn, channel)
            turn.circuits = {word: at for word, at in turn.circuits.items() if word != channel}
            _log.info("channel works again", channel=channel)
        if answer.retry_after:
            address = channel_state.WHOLE if answer.whole_channel else delivery.address
            channel_state.hold(turn.conn, [(channel, address, turn.now + answer.retry_after)])

    def _go_on(self, turn: Turn, delivery: Delivery, reason: str, tried: set[Target], *, for_good: bool) -> None:
        """Plan the next channel's delivery; ops hear why this one did not do."""
        here = Target(delivery.channel, delivery.address)
        if delivery.notice.is_line:
            self._fail(turn, delivery.notice, reason)
            return
        if delivery.notice.recipient != OPS and for_good:
            turn.new.append(ops.address_refused(here, reason, turn.now))
        elif delivery.notice.recipient != OPS and not turn.is_open(delivery.channel):
            turn.new.append(ops.channel_slow(delivery.channel, reason, turn.now))
        rest = [target for target in self._targets(turn, delivery.notice) if target not in tried | {here}]
        if rest:
            turn.planned.append(_planned(delivery.notice.id, delivery.position + 1, _best(rest, turn)))
        else:
            self._fail(turn, delivery.notice, reason)

    def _fail(self, turn: Turn, notice: Notice, reason: str) -> None:
        turn.ended.append(Ended(notice, NoticeState.FAILED, reason))
        if notice.is_line:
            return
        if notice.follow_up_id is not None:
            self._say_in_threads(turn, notice, notice.follow_up_id, reason)
        _log.error(
            "notice not delivered", response=notice.response_id, follow_up=notice.follow_up_id, notice=notice.id,
            kind=notice.kind.value, reason=reason,
        )  # fmt: skip
        if notice.kind is Kind.CUSTOMER:
            turn.new.append(ops.customer_not_told(notice.id, reason, turn.now))
        elif notice.recipient != OPS:
            turn.new.append(ops.not_delivered(notice.id, notice.recipient, reason, turn.now))

    def _say_in_threads(self, turn: Turn, notice: Notice, follow_up: int, reason: str) -> None:
        for thread in threads.of_follow_ups(turn.conn, [follow_up]):
            first = notices.first_told(turn.conn, follow_up, thread.channel, thread.address)
            if first and isinstance(self._channels.get(thread.channel), Editable):
                turn.new.append(threadlines.of_failure(thread, first.recipient, notice, reason, turn.now))

    def _skip(self, turn: Turn, claim: Claim, reason: str) -> None:
        deliveries.release(turn.conn, [(claim.delivery, claim.token)], turn.now)
        self._skip_unclaimed(turn, claim.delivery, reason)

    def _skip_unclaimed(self, turn: Turn, delivery: Delivery, reason: str) -> None:
        deliveries.skip(turn.conn, [delivery.id], reason)
        turn.ended.append(Ended(delivery.notice, NoticeState.SKIPPED, reason))

    # Planning ----------------------------------------------------------------------------------------------------

    def _plan_new(self, turn: Turn) -> None:
        """Every waiting notice gets its first delivery, is put off, or ends here when it has nowhere to go."""
        due = notices.waiting(turn.conn, turn.now, _MOST_PLANNED)
        waiting = self._gathering.run(turn.conn, self._allowed(turn, due), turn.live.rule_set, turn.now)
        if not waiting:
            return
        positions = deliveries.positions(turn.conn, [notice.id for notice in waiting])
        for notice in waiting:
            places = self._targets(turn, notice)
            if places:
                target = _best(places, turn)
                turn.planned.append(_planned(notice.id, positions.get(notice.id, 0), target))
            elif notice.recipient == OPS:
                _log.warning("ops message, and no ops channel is set", **_ops_words(notice))
                turn.ended.append(Ended(notice, NoticeState.SKIPPED, "no ops channel is set; it is in the log"))
            else:
                self._fail(turn, notice, "no_address")
        notices.start(turn.conn, [notice.id for notice in waiting], turn.now)

    def _allowed(self, turn: Turn, due: Sequence[Notice]) -> list[Notice]:
        """Without what a customer must not be told: that ends here, and says why."""
        theirs = [notice for notice in due if notice.kind is Kind.CUSTOMER]
        reasons = customer.held_back(turn.conn, theirs, turn.live.rule_set, turn.now)
        turn.ended.extend(Ended(one, NoticeState.SKIPPED, reasons[one.id]) for one in theirs if one.id in reasons)
        return [notice for notice in due if notice.id not in reasons]

    def _reroute(self, turn: Turn) -> None:
        """What waits for a channel that is held back goes on to another one, where it has one."""
        closed = [channel for channel in turn.circuits if turn.is_open(channel)]
        for delivery in deliveries.stranded(turn.conn, closed, turn.now, turn.lease_now):
            tried = self._tried(turn, delivery) | {Target(delivery.channel, delivery.address)}
            rest = [t for t in self._targets(turn, delivery.notice) if t not in tried and not turn.is_open(t.channel)]
            if rest and not _is_unsettled(delivery):
                deliveries.fail(turn.conn, [delivery.id], "channel_down")
                turn.planned.append(_planned(delivery.notice.id, delivery.position + 1, rest[0]))

    def _write(self, turn: Turn) -> None:
        deliveries.plan(turn.conn, turn.planned, turn.now)
        notices.end(turn.conn, turn.ended, turn.now)
        for ended in turn.ended:
            metrics.NOTICES.labels(ended.notice.kind.value, ended.state.value).inc()
        if notices.add(turn.conn, turn.new, turn.now):
            self._plan_told(turn)
        turn.planned, turn.ended, turn.new = [], [], []

    def _plan_told(self, turn: Turn) -> None:
        """Ops hear in the same turn: what they are told about may be why nothing else gets out."""
        turn.planned, turn.ended, turn.new = [], [], []
        self._plan_new(turn)
        deliveries.plan(turn.conn, turn.planned, turn.now)
        notices.end(turn.conn, turn.ended, turn.now)

    # Claiming ----------------------------------------------------------------------------------------------------

    def _claim(self, turn: Turn, room: int) -> list[Claim]:
        besides = [(place.channel, place.address) for place in turn.full]
        found = deliveries.due(turn.conn, turn.now, turn.lease_now, room * 4, besides)
        if not found:
            return []
        chosen = self._one_for_each_place(found)
        first = dict.fromkeys(one.id for one in chosen[:room])
        about = {one.follow_up_id for one in chosen[:room]} - {None}
        # What else is due about these is looked at as well: an update is told in the alert that goes out now.
        first |= dict.fromkeys(one.id for one in found if one.follow_up_id in about)
        still = self._still_worth_sending(turn, deliveries.by_ids(turn.conn, list(first)))
        token = secrets.token_urlsafe(9)
        claims: list[Claim] = []
        for delivery in still:
            if len(claims) < room and (claim := self._take(turn, delivery, token)):
                claims.append(claim)
        deliveries.lease(turn.conn, [claim.delivery for claim in claims], token, turn.lease_now)
        turn.more = bool(turn.planned or turn.new or len(chosen) > room or len(found) == room * 4)
        self._write(turn)
        return claims

    def _one_for_each_place(self, found: Sequence[Due]) -> list[Due]:
        """Without what its place's pace would not let through in this turn."""
        chosen: dict[object, Due] = {}
        for one in found:
            channel = self._channels.get(one.place[0])
            paced = channel is not None and channel.pace is not None and not one.tried
            chosen.setdefault(one.place if paced else one.id, one)
        return list(chosen.values())

    def _still_worth_sending(self, turn: Turn, found: Sequence[Delivery]) -> list[Delivery]:
        ids = sorted({d.notice.follow_up_id for d in found if d.notice.follow_up_id is not None})
        turn.current = states(turn.conn, ids)
        alerts = notices.alerts_under_way(turn.conn, ids)
        worth = []
        for delivery in found:
            notice = delivery.notice
            under_way = alerts.get((notice.follow_up_id or 0, notice.recipient))
            if notice.kind.value == "update" and under_way:
                deliveries.wait(turn.conn, delivery.id, turn.now + _ALERT_IN_FLIGHT)
                continue
            reason = obsolete(notice, _with_alert(turn.current.get(notice.follow_up_id or 0), under_way))
            if reason and not _is_unsettled(delivery):
                self._skip_unclaimed(turn, delivery, reason)
            else:
                worth.append(delivery)
        return worth

    def _take(self, turn: Turn, delivery: Delivery, token: str) -> Claim | None:
        """Claim a delivery if its channel lets it through now."""
        channel = self._channels.get(delivery.channel)
        tried = self._tried(turn, delivery)
        if channel is None:
            deliveries.fail(turn.conn, [delivery.id], "channel_not_configured")
            self._go_on(turn, delivery, "channel_not_configured", tried, for_good=False)
            return None
        if delivery.past and delivery.past[-1].outcome is None:
            deliveries.mark_lost(turn.conn, delivery)
        action = retry.action(past(delivery), self._plan(turn, delivery, tried), turn.now)
        if action is Action.STOP:
            deliveries.fail(turn.conn, [delivery.id], retry.NO_ANSWER)
            self._fail(turn, delivery.notice, retry.NO_ANSWER)
            return None
        if action is Action.NEXT:
            reason = delivery.past[-1].reason or "no_answer"
            deliveries.fail(turn.conn, [delivery.id], reason)
            self._go_on(turn, delivery, reason, tried, for_good=False)
            return None
        trial = delivery.channel in turn.circuits
        until = turn.now + retry.TRIAL_EVERY
        if trial and not channel_state.take_trial(turn.conn, delivery.channel, turn.now, until):
            return None
        claim = Claim(delivery, token, action, trial)
        place = self._paced(claim)
        if place in turn.full:
            return None
        if place:
            turn.full.add(place)
        return claim

    def _paced(self, claim: Claim) -> Target | None:
        """Where the next message has to wait after this call."""
        channel = self._channels.get(claim.delivery.channel)
        if channel is None or channel.pace is None or claim.action is Action.LOOK:
            return None
        return Target(claim.delivery.channel, claim.delivery.address)

    def _slots(self, calls: Iterable[tuple[Claim, datetime]]) -> list[channel_state.Slot]:
        """Until when paced places rest, counted from a moment of each call."""
        return [
            (place.channel, place.address, since + pace)
            for claim, since in calls
            if (place := self._paced(claim)) and (pace := self._channels[place.channel].pace)
        ]

    def _begin(self, turn: Turn, next_up: Sequence[Claim]) -> dict[ClaimKey, Now | None]:
        """Write the attempts of calls that may begin now. Where the pace has no room for one, it is given back."""
        slots = list(dict.fromkeys(self._slots((claim, turn.now) for claim in next_up)))
        taken = {Target(*slot) for slot in channel_state.take_slots(turn.conn, slots, turn.now)}
        free = [claim for claim in next_up if self._paced(claim) in {None, *taken}]
        late = [(claim.delivery, claim.token) for claim in next_up if claim not in free]
        deliveries.release(turn.conn, late, turn.now)
        held = [(claim.delivery, claim.token) for claim in free]
        begun = deliveries.begin(turn.conn, held, turn.now, turn.lease_now)
        numbers = {claim.key: claim.delivery.notice.follow_up_id for claim in free if claim.key in begun}
        unseen = {number for number in numbers.values() if number is not None} - turn.current.keys()
        current = {**turn.current, **states(turn.conn, sorted(unseen))}
        return {key: current.get(number or 0) for key, number in numbers.items()}

    # Shared ------------------------------------------------------------------------------------------------------

    def _targets(self, turn: Turn, notice: Notice) -> list[Target]:
        if notice.is_line:
            return [Target(word, str(notice.data["address"])) for word in notice.channels if word in self._channels]
        if notice.kind is Kind.CUSTOMER:
            return [Target(word, CUSTOMER) for word in notice.channels if word in self._channels]
        return targets(
            notice.recipient,
            notice.channels,
            turn.live.rule_set.directory,
            channels=self._channels,
            ops_channels=self._ops_channels,
            avoid=notice.data.get("avoid"),
            maintained_by=turn.live.rule_set.maintained_by,
        )

    def _plan(self, turn: Turn, delivery: Delivery, tried: set[Target]) -> retry.Plan:
        here = Target(delivery.channel, delivery.address)
        rest = [target for target in self._targets(turn, delivery.notice) if target not in tried | {here}]
        return retry.Plan(
            can_look=isinstance(self._channels.get(delivery.channel), Readable),
            has_next=bool(rest),
            next_channel_after=timedelta(seconds=delivery.notice.next_channel_after),
            only_once=delivery.notice.kind is Kind.CUSTOMER,
        )

    def _tried(self, turn: Turn, delivery: Delivery) -> set[Target]:
        """Where this notice has failed before. A place that was only passed over may still be tried."""
        if delivery.position == 0:
            return set()
        earlier = deliveries.earlier(turn.conn, [delivery.notice.id]).get(delivery.notice.id, [])
        return {Target(item.channel, item.address) for item in earlier if item.attempts}


def _is_unsettled(delivery: Delivery) -> bool:
    """A message may have arrived: find out before saying that nothing was sent."""
    return bool(delivery.past) and delivery.past[-1].outcome in {None, AttemptOutcome.UNKNOWN}


def _best(places: Sequence[Target], turn: Turn) -> Target:
    """The first place whose channel works; when none does, the first, which waits."""
    return next((target for target in places if not turn.is_open(target.channel)), places[0])


def _planned(notice_id: int, position: int, target: Target) -> Planned:
    return Planned(secrets.token_urlsafe(16), notice_id, position, target.channel, target.address)


def _shows_that_it_works(answer: Answer) -> bool:
    """A yes, or a no to one message: either way the channel as a whole is back."""
    return answer.outcome in {AttemptOutcome.ACCEPTED, AttemptOutcome.REFUSED}


def _with_alert(now: Now | None, under_way: bool | None) -> Now | None:
    if now is None or under_way is None:
        return now
    return Now(
        state=now.state, owner=now.owner, cycle=now.cycle, version=now.version, snoozed_until=now.snoozed_until,
        alert_waits=True,
    )  # fmt: skip


def _ops_words(notice: Notice) -> dict[str, object]:
    return {key: notice.data.get(key) for key in ("kind", "broke", "todo")}
