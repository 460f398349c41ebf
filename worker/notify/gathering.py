"""What waits for one receiver: what is put off, and what is told in one message instead of several.

Called in the outbox's transaction, before deliveries are planned. Three things happen to the notices of a receiver:
quiet hours, caps and digests put some off; what was put off and is due now becomes one catch-up or huddle sheet; and
several reminders at once become one list. Who has no such wishes and one message costs a look into a dictionary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from worker import metrics
from worker.calendars import add_span
from worker.model.directory import Directory
from worker.model.followup import LIVE
from worker.model.notice import Kind, NewNotice, NoticeState
from worker.notify import holding
from worker.notify.context import states
from worker.notify.holding import NEVER_HELD, Hold, Manners, Why
from worker.notify.obsolete import Now, obsolete
from worker.notify.recipients import OPS
from worker.route.schema import RuleSet
from worker.store import notices
from worker.store.notices import Ended, Notice

REMINDERS = frozenset({Kind.REMINDER, Kind.DUE_SOON})
TOLD_IN_THE_ALERT = "told in the alert"
TOLD_IN_THE_REMINDER = "told in the other reminder"
_TOLD = {Kind.CATCH_UP: "told in the catch-up", Kind.HUDDLE: "told in the huddle sheet"}
_ALONE = NEVER_HELD | {Kind.LATE_ANSWERS}  # a list of its own already
_IN_THE_ALERT = REMINDERS | {Kind.UPDATE, Kind.COPY}  # an alert that goes out now says this, too


@dataclass(slots=True)
class _Sorted:
    """One receiver's notices: to go out now as they are, put off, or due now after having been put off."""

    go: list[Notice] = field(default_factory=list)
    held: list[tuple[Notice, Hold]] = field(default_factory=list)
    released: list[Notice] = field(default_factory=list)


class Gathering:
    """Remembers the wishes of one directory's people; belongs to the outbox's thread."""

    def __init__(self) -> None:
        self._directory: Directory | None = None
        self._wishes: dict[str, Manners | None] = {}

    def run(self, conn: Connection, waiting: Sequence[Notice], rules: RuleSet, now: datetime) -> list[Notice]:
        """What goes out now, of these locked notices; may hold a new one that names several others."""
        lines = [notice for notice in waiting if notice.is_line]  # these ring no phone, so they disturb nobody
        mine: dict[str, list[Notice]] = {}
        for notice in waiting:
            if notice.is_line:
                continue
            mine.setdefault(notice.recipient, []).append(notice)
        wishes = {recipient: found for recipient in mine if (found := self._of(recipient, rules))}
        sent = _sent(conn, wishes, now)
        go = lines
        for recipient, theirs in mine.items():
            if recipient == OPS or (recipient not in wishes and not (len(theirs) > 1 and _reminders(theirs))):
                go.extend(theirs)
            else:
                said = sent.get(recipient, [])
                go.extend(_tell(conn, recipient, theirs, wishes.get(recipient), said, rules, now))
        return go

    def _of(self, recipient: str, rules: RuleSet) -> Manners | None:
        """Somebody's wishes; None for who has none."""
        if rules.directory is not self._directory:
            self._directory, self._wishes = rules.directory, {}
        if recipient not in self._wishes:
            found = holding.manners(recipient, rules.directory, rules.zone)
            self._wishes[recipient] = found if found and found.any else None
        return self._wishes[recipient]


def _tell(
    conn: Connection,
    recipient: str,
    theirs: list[Notice],
    wishes: Manners | None,
    sent: list[datetime],
    rules: RuleSet,
    now: datetime,
) -> list[Notice]:
    """What goes to one receiver now. `sent` is when their last messages went out."""
    if any(holding.held(notice.data) for notice in theirs):
        theirs = [*theirs, *notices.others_waiting(conn, recipient, [notice.id for notice in theirs], now)]
    found = _sort(theirs, wishes, sent, now) if wishes else _Sorted(go=theirs)
    notices.put_off(conn, [(notice.id, hold.until, _why(notice, hold, now)) for notice, hold in found.held])
    if not found.released and not _reminders(found.go):
        return found.go
    current = states(conn, sorted({n.follow_up_id for n in theirs if n.follow_up_id is not None}))
    echoes = _echoes([*found.released, *found.go], current)
    _end(conn, echoes, TOLD_IN_THE_ALERT, now)
    go = [notice for notice in found.go if notice not in echoes]
    together = [notice for notice in found.released if notice not in echoes and notice.kind not in _ALONE]
    if together or _reminders(go) > 1:
        together += [notice for notice in go if notice.kind in REMINDERS]
    alone = [n for n in (*found.released, *go) if n not in together and n not in echoes]
    return [*alone, *_together(conn, recipient, together, current, rules, now)]


def _sort(theirs: Sequence[Notice], wishes: Manners, sent: list[datetime], now: datetime) -> _Sorted:
    """What was put off before comes first: all of it is one message and needs the room of one."""
    found = _Sorted()
    for notice in theirs:
        why = holding.held(notice.data)
        if why is None:
            continue
        # The moment of a digest has come: it is not put off to the next one, nor beyond what its reader asked for.
        hold = None if why is Why.DIGEST else holding.hold(notice, replace(wishes, digest=None), sent, now)
        found.released.append(notice) if hold is None else found.held.append((notice, hold))
    if found.released:
        sent.append(now)
    for notice in theirs:
        if holding.held(notice.data) is not None:
            continue
        hold = holding.hold(notice, wishes, sent, now)
        if hold is not None:
            found.held.append((notice, hold))
        else:
            found.go.append(notice)
            sent.append(now)
    return found


def _sent(conn: Connection, wishes: Mapping[str, Manners], now: datetime) -> dict[str, list[datetime]]:
    """When the last messages to receivers with a cap went out, as far as the caps look back."""
    spans = [(add_span(now, w.cap.per, None, w.zone) - now) * 2 for w in wishes.values() if w.cap]
    capped = sorted(recipient for recipient, w in wishes.items() if w.cap)
    return notices.sent_since(conn, capped, now - max(spans)) if capped else {}


def _why(notice: Notice, hold: Hold, now: datetime) -> Mapping[str, object]:
    since = notice.data.get("held_since") or now.isoformat()
    return {**notice.data, "held": hold.why.value, "held_since": since}


def _together(
    conn: Connection, recipient: str, group: Sequence[Notice], current: Mapping[int, Now], rules: RuleSet, now: datetime
) -> list[Notice]:
    """One message for all of these, or each as itself where there is nothing to put together."""
    kind = holding.gathered_as([why for notice in group if (why := holding.held(notice.data))], len(group))
    still = [notice for notice in group if not obsolete(notice, current.get(notice.follow_up_id or 0))]
    over = [notice for notice in group if _is_over(current.get(notice.follow_up_id or 0))]
    if kind is None or not still or (kind is Kind.CATCH_UP and len({n.id for n in (*still, *over)}) < 2):
        return list(group)
    about = {notice.follow_up_id for notice in (*still, *over)}
    if len(about) == 1 and all(notice.kind in REMINDERS for notice in still):
        _end(conn, [notice for notice in group if notice is not still[-1]], TOLD_IN_THE_REMINDER, now)
        return [still[-1]]
    number = _write(conn, _list(recipient, kind, group, rules, now), group[0].id, now)
    _end(conn, group, _TOLD[kind], now)
    return list(notices.by_ids(conn, [number]).values())


def _echoes(going: Sequence[Notice], current: Mapping[int, Now]) -> list[Notice]:
    """What the alert of the same follow-up says by itself, as it goes out now."""
    alerted = {
        notice.follow_up_id
        for notice in going
        if notice.kind is Kind.ALERT and not obsolete(notice, current.get(notice.follow_up_id or 0))
    }
    return [n for n in going if n.kind in _IN_THE_ALERT and n.follow_up_id is not None and n.follow_up_id in alerted]


def _is_over(state: Now | None) -> bool:
    return state is not None and state.state not in LIVE


def _list(recipient: str, kind: Kind, group: Sequence[Notice], rules: RuleSet, now: datetime) -> NewNotice:
    if kind is Kind.HUDDLE:
        wishes = holding.manners(recipient, rules.directory, rules.zone)
        local = now.astimezone(wishes.zone if wishes else rules.zone)
        cause = f"huddle/{recipient}/{local:%Y-%m-%d}"
    else:
        cause = f"catch_up/{recipient}/{now:%Y-%m-%dT%H:%M}"
    return NewNotice(
        cause=cause,
        recipient=recipient,
        kind=kind,
        priority=max(notice.priority for notice in group),
        not_before=now,
        channels=tuple(dict.fromkeys(channel for notice in group for channel in notice.channels)),
        next_channel_after=min(notice.next_channel_after for notice in group),
        data={"notices": [notice.id for notice in group]},
    )


def _write(conn: Connection, new: NewNotice, first: int, now: datetime) -> int:
    """Write it. Its cause is taken where another process gathered some of theirs at the same moment: a second list."""
    added = notices.add(conn, [new], now)
    if not added:
        other = f"{new.cause}/{first}"
        added = notices.add(conn, [msgspec.structs.replace(new, cause=other)], now)
    return added[0]


def _end(conn: Connection, told: Sequence[Notice], reason: str, now: datetime) -> None:
    notices.end(conn, [Ended(notice, NoticeState.SKIPPED, reason) for notice in told], now)
    for notice in told:
        metrics.NOTICES.labels(notice.kind.value, NoticeState.SKIPPED.value).inc()


def _reminders(theirs: Sequence[Notice]) -> int:
    return sum(notice.kind in REMINDERS for notice in theirs)
