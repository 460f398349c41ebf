"""What a decided response does to follow-ups: open one, join one, open one again, edit one, or nothing. Pure.

A customer with live work is answered once: a later response joins it and never opens a second of the same playbook.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from msgspec import Struct

from worker.followup.escalate import first_tell
from worker.followup.opening import Opening, Resolve, dedupe_key, opening, seconds
from worker.model.decision import Decision, Outcome
from worker.model.followup import NewHistory, State
from worker.model.notice import Kind, NewNotice
from worker.model.playbook import IfOpen, Playbook, Priority
from worker.model.response import Response
from worker.model.span import Span

CalendarAdd = Callable[[str | None, datetime, Span], datetime]
"""(owner, start, span) -> moment, counted on the owner's calendar."""


@dataclass(slots=True)
class Work:
    """A follow-up as joining needs it: read from the store, or opened earlier in this batch."""

    id: int
    customer_key: str | None
    dedupe_key: str | None
    plan: Playbook
    state: State
    cycle: int
    version: int
    priority: Priority
    owner: str | None
    tags: tuple[str, ...]
    test: bool
    first_responded_at: datetime
    due_at: datetime
    closed_at: datetime | None = None
    snoozed: bool = False
    cancel_reason: str | None = None
    openers: set[int] = field(default_factory=set)  # its responses that would still open one
    read_version: int | None = None  # as read from the store; None: opened in this batch


class Decided(Struct, frozen=True, gc=False):
    """A response with its decision. `belongs_to` is the follow-up that an edited response is part of."""

    response_id: int
    version: int
    response: Response
    decision: Decision
    belongs_to: int | None = None


@dataclass(slots=True)
class Effects:
    """What one batch does to follow-ups."""

    opened: list[Opening] = field(default_factory=list)
    reopened: list[Opening] = field(default_factory=list)
    touched: dict[int, Work] = field(default_factory=dict)
    joined: list[tuple[int, int, str, datetime]] = field(default_factory=list)  # response, follow-up, how, at
    history: list[tuple[int, NewHistory]] = field(default_factory=list)
    notices: list[NewNotice] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)  # that decided, one per response


class Joining:
    """Applies decided responses one after the other, each seeing what the ones before it did."""

    def __init__(
        self,
        work: Iterable[Work],
        *,
        ids: Iterator[int],
        resolver: Callable[[Response], Resolve],
        add: CalendarAdd,
        stays: Callable[[str], bool],
    ) -> None:
        """`work` holds live follow-ups and closed ones that may open again. `stays` says whether an owner still
        takes work (has not left)."""
        self.effects = Effects()
        self._ids = ids
        self._resolver = resolver
        self._add = add
        self._stays = stays
        self._by_id: dict[int, Work] = {}
        self._live: dict[tuple[str, str], Work] = {}
        self._closed: dict[tuple[str, str], Work] = {}
        self._of_customer: dict[str, list[Work]] = defaultdict(list)
        for one in sorted(work, key=lambda one: one.id):
            self._index(one)

    def apply(self, item: Decided) -> None:
        """Let one response have its effect."""
        self.effects.rules.append(item.decision.rule)
        belongs_to = self._by_id.get(item.belongs_to) if item.belongs_to is not None else None
        if belongs_to is not None:
            self._edit(belongs_to, item)
        elif item.decision.too_old:
            return
        elif item.decision.outcome is Outcome.OPEN:
            self._open_or_join(item)
        elif not item.response.test:
            self._join(self._newest(item.response), item)

    def _open_or_join(self, item: Decided) -> None:
        plan = item.decision.playbook
        assert plan is not None
        key = dedupe_key(plan, item.response)
        live = self._live.get((plan.id, key)) if key else None
        closed = self._closed.get((plan.id, key)) if key else None
        if live is not None:
            self._join(live, item)
        elif closed is not None and self._may_reopen(closed, item.decision.now):
            self._reopen(closed, item)
        else:
            self._open(item)

    def _open(self, item: Decided) -> None:
        new = opening(
            item.decision,
            item.response,
            follow_up_id=next(self._ids),
            response_id=item.response_id,
            resolve=self._resolver(item.response),
            add=lambda start, span: self._add(item.decision.owner, start, span),
        )
        self.effects.opened.append(new)
        self._told(new, item, "opened")
        self._index(_work(new, item.response))

    def _reopen(self, work: Work, item: Decided) -> None:
        owner = work.owner if work.owner and self._stays(work.owner) else item.decision.owner
        work.cycle += 1
        work.version += 1
        new = opening(
            item.decision,
            item.response,
            follow_up_id=work.id,
            response_id=item.response_id,
            resolve=self._resolver(item.response),
            add=lambda start, span: self._add(owner, start, span),
            cycle=work.cycle,
            version=work.version,
            owner=owner,
        )
        self.effects.reopened.append(new)
        self._told(new, item, "reopened")
        del self._closed[(work.plan.id, work.dedupe_key or "")]
        work.state, work.closed_at, work.owner = State.OPEN, None, owner
        work.priority, work.due_at = new.priority, new.due_at
        work.openers.add(item.response_id)
        self.effects.touched[work.id] = work
        self._index(work)

    def _join(self, work: Work | None, item: Decided) -> None:
        if work is None or item.response.responded_at < work.first_responded_at:
            return
        decision = item.decision
        if decision.outcome is Outcome.OPEN:
            work.openers.add(item.response_id)
            if work.plan.if_already_open is IfOpen.RAISE_PRIORITY:
                _raise(work, decision.priority)
            _raise(work, decision.floor)  # `also` entries apply to a response that is added, too
        work.tags = tuple(dict.fromkeys((*work.tags, *decision.tags)))
        score = item.response.score
        self._changed(work, item, "answered again", "New answer" if score is None else f"New answer: {score}")
        self.effects.joined.append((item.response_id, work.id, "added", decision.now))
        self._tell_owner_and_copies(work, item)

    def _edit(self, work: Work, item: Decided) -> None:
        decision = item.decision
        opens = decision.outcome is Outcome.OPEN
        (work.openers.add if opens else work.openers.discard)(item.response_id)
        if work.state is State.OPEN and not work.openers:
            work.state = State.CANCELLED
            work.cancel_reason = "the answer was changed and no longer asks for a follow-up"
            self._unindex(work)
            self._changed(work, item, "cancelled", work.cancel_reason)
        else:
            if opens:
                _raise(work, decision.priority)
            work.tags = tuple(dict.fromkeys((*work.tags, *decision.tags)))
            self._changed(work, item, "answer edited")
        if work.closed_at is None:
            self._tell_owner_and_copies(work, item)

    def _changed(self, work: Work, item: Decided, what: str, note: str | None = None) -> None:
        work.version += 1
        self.effects.touched[work.id] = work
        self.effects.history.append(
            (
                work.id,
                NewHistory(
                    version=work.version,
                    at=item.decision.now,
                    what=what,
                    by="rules",
                    via="response",
                    note=note,
                    detail={"response": item.response_id, "rule": item.decision.rule},
                ),
            )
        )

    def _tell_owner_and_copies(self, work: Work, item: Decided) -> None:
        if work.test:
            return
        tell = first_tell(work.plan)
        cause = f"follow-up/{work.id}/response/{item.response_id}"
        if item.version > 1:
            cause += f"/{item.version}"
        kinds = dict.fromkeys(item.decision.copies, Kind.COPY)
        if work.owner:
            kinds[work.owner] = Kind.UPDATE
        for recipient, kind in kinds.items():
            self.effects.notices.append(
                NewNotice(
                    cause=cause,
                    recipient=recipient,
                    kind=kind,
                    priority=work.priority,
                    not_before=item.decision.now,
                    channels=tell.by,
                    next_channel_after=seconds(tell.next_channel_after),
                    follow_up_id=work.id,
                    response_id=item.response_id,
                )
            )

    def _told(self, new: Opening, item: Decided, how: str) -> None:
        self.effects.joined.append((item.response_id, new.id, how, new.opened_at))
        self.effects.history.append((new.id, new.history))
        self.effects.notices.extend(new.notices)

    def _newest(self, response: Response) -> Work | None:
        mine = self._of_customer.get(response.customer.key or "", [])
        return max(mine, key=lambda work: work.id, default=None)

    def _may_reopen(self, work: Work, now: datetime) -> bool:
        window = work.plan.reopen_within
        return (
            window is not None
            and work.closed_at is not None
            and now <= self._add(work.owner, work.closed_at, window)
        )  # fmt: skip

    def _index(self, work: Work) -> None:
        self._by_id[work.id] = work
        key = (work.plan.id, work.dedupe_key)
        if work.state in (State.CLOSED, State.CANCELLED):
            if work.state is State.CLOSED and work.dedupe_key:
                self._closed[(work.plan.id, work.dedupe_key)] = work
            return
        if work.dedupe_key:
            self._live[(key[0], work.dedupe_key)] = work
        if work.customer_key and not work.test:
            self._of_customer[work.customer_key].append(work)

    def _unindex(self, work: Work) -> None:
        if work.dedupe_key:
            self._live.pop((work.plan.id, work.dedupe_key), None)
        if work.customer_key:
            mine = self._of_customer.get(work.customer_key, [])
            self._of_customer[work.customer_key] = [one for one in mine if one.id != work.id]


def _raise(work: Work, priority: str | None) -> None:
    if priority:
        work.priority = max(work.priority, Priority.of(priority))


def _work(new: Opening, response: Response) -> Work:
    return Work(
        id=new.id,
        customer_key=new.customer_key,
        dedupe_key=new.dedupe_key,
        plan=new.plan,
        state=State.CLOSED if new.plan.closes_itself else State.OPEN,
        cycle=new.cycle,
        version=new.history.version,
        priority=new.priority,
        owner=new.owner,
        tags=new.decision.tags,
        test=new.test,
        first_responded_at=response.responded_at,
        due_at=new.due_at,
        openers={new.response_id},
    )
