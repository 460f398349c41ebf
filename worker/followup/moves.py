"""What each move changes: columns, history, timers and notices."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from worker.errors import NotAllowed, UsageError
from worker.followup.chain import next_owner
from worker.followup.closing import CloseOut, check_close_out
from worker.followup.customer import check_fixed, fixed
from worker.followup.escalate import TRY, after_pause, first_timers, span_of
from worker.followup.notices import notice
from worker.followup.people import People
from worker.followup.snooze import SNOOZED, WAITS_FOR_CUSTOMER, begin_snooze
from worker.model.directory import Person
from worker.model.followup import ClosingOutcome, FollowUp, NewHistory, NewTimer, short_id
from worker.model.notice import SURVEY, Kind, NewNotice
from worker.model.playbook import Say
from worker.model.response import Json, Response
from worker.model.span import Span
from worker.route.schema import RootCause
from worker.store import follow_ups as rows
from worker.store import notices


@dataclass(frozen=True, slots=True)
class Act:
    """Who moves, through which door, saying what."""

    by: str
    via: str
    note: str | None = None


@dataclass(slots=True)
class Change:
    """Columns to set, who is told, and what the history adds. `word` stands in for the move's own."""

    values: dict[str, object] = field(default_factory=dict)
    notices: list[NewNotice] = field(default_factory=list)
    detail: dict[str, Json] = field(default_factory=dict)
    word: str | None = None


def acknowledged(follow_up: FollowUp, act: Act, now: datetime) -> Change:
    values: dict[str, object] = {}
    if follow_up.acknowledged_at is None:
        values |= {"acknowledged_at": now, "acknowledged_by": act.by}
    if follow_up.owner is None or follow_up.owner.startswith("team:"):
        values["owner"] = act.by
    return Change(values)


def contacted(follow_up: FollowUp, act: Act, now: datetime) -> Change:
    change = acknowledged(follow_up, act, now)
    if follow_up.contacted_at is None:
        change.values |= {"contacted_at": now, "contacted_by": act.by}
    return change


def tried(
    conn: Connection, follow_up: FollowUp, act: Act, now: datetime, next_at: datetime | None, people: People
) -> Change:
    """The next try is when they say, else when the playbook says.

    After the last one the owner hears once more at that time: to write instead, or to close it as unreachable.
    """
    change = acknowledged(follow_up, act, now)
    plan, count = follow_up.playbook.tries, follow_up.tries + 1
    again = next_at or (people.add(follow_up.owner, now, plan.every) if plan else None)
    if next_at is None and plan is not None and count < plan.at_most:
        next_at = again
    rows.void_timers(conn, follow_up.id, now, "tried", TRY)
    if again is not None:
        n = rows.next_n(conn, follow_up.id, follow_up.cycle, TRY)
        rows.add_timer(conn, follow_up.id, follow_up.cycle, NewTimer(step=TRY, n=n, fire_at=again))
    change.values |= {"tries": count, "next_try_at": next_at}
    change.detail = {"try": count, "next_try_at": next_at}
    return change


def closed(
    conn: Connection,
    follow_up: FollowUp,
    close_out: CloseOut,
    root_causes: Mapping[str, RootCause],
    act: Act,
    now: datetime,
    *,
    asks_again: bool,
) -> Change:
    check_close_out(close_out, follow_up.playbook, root_causes, rows.themes_of(conn, follow_up.id), act.note)
    outcome = close_out.outcome or ClosingOutcome.NO_CONTACT.value
    spoke = outcome in (ClosingOutcome.RECOVERED, ClosingOutcome.NOT_RECOVERED)
    change = (contacted if spoke else acknowledged)(follow_up, act, now)
    said = {"action": close_out.action, "arose": close_out.arose, "worth": close_out.worth}
    change.values |= {
        "closed_at": now,
        "closed_by": act.by,
        "snoozed_until": None,
        "outcome": outcome,
        "root_cause": close_out.root_cause,
        "closing": {name: value for name, value in said.items() if value},
    }
    if follow_up.owner not in (None, act.by):
        change.notices = [notice(follow_up, Kind.CLOSED, str(follow_up.owner), "closed", now, data={"by": act.by})]
    if close_out.tell_customer is not None:
        change.notices.append(_tell_customer(conn, follow_up, close_out.tell_customer, outcome, act, now))
    if asks_again and spoke and not follow_up.test:
        change.notices += _recovery_survey(rows.opener(conn, follow_up.id), follow_up, close_out, now)
    return change


def _tell_customer(
    conn: Connection, follow_up: FollowUp, words: str, outcome: str, act: Act, now: datetime
) -> NewNotice:
    """Raises UsageError and NotAllowed where the customer would not be told, or was told before."""
    opener, contact = rows.opener(conn, follow_up.id), rows.contact_of(conn, follow_up.response_id)
    entry = check_fixed(words, outcome, follow_up, opener, contact, rows.severity_of(conn, follow_up.id))
    told, name = fixed(words, follow_up, act.by, now), short_id(follow_up.id)
    if notices.exists_for(conn, told.cause):
        raise NotAllowed(f"The customer was told of {name} before. Close it without telling them again.")
    key, since = follow_up.customer_key, now - entry.at_most_every.elapsed
    if key is not None and notices.told_customer(conn, key, Say.WE_FIXED_IT, since):
        raise NotAllowed(
            f"The customer was told so in the last {entry.at_most_every}. Close {name} without telling them."
        )
    return told


def _recovery_survey(opener: Response, follow_up: FollowUp, close_out: CloseOut, now: datetime) -> list[NewNotice]:
    """Whether it helped is for the customer to say: the survey tool may ask once more, where they may be contacted."""
    customer = opener.customer
    if customer.may_contact is False:
        return []
    data: dict[str, Json] = {
        "follow_up": str(follow_up.id), "cycle": follow_up.cycle, "playbook": follow_up.playbook.id,
        "response": {"source": opener.source, "id": opener.id}, "survey": opener.survey, "customer": customer.id,
        "language": customer.language or opener.language, "outcome": close_out.outcome,
        "root_cause": close_out.root_cause, "closed_at": now.isoformat(),
    }  # fmt: skip
    return [notice(follow_up, Kind.CUSTOMER, SURVEY, "recovery_survey", now, data=data)]


def cancelled(follow_up: FollowUp, act: Act, now: datetime) -> Change:
    change = Change({"cancelled_at": now, "cancel_reason": act.note, "snoozed_until": None})
    if follow_up.owner not in (None, act.by):
        change.notices = [notice(follow_up, Kind.CLOSED, str(follow_up.owner), "cancelled", now, data={"by": act.by})]
    return change


def reassigned(follow_up: FollowUp, to: str, act: Act, now: datetime, people: People) -> Change:
    """Raises UsageError for somebody unknown or gone, NotAllowed for a queue that may not see it."""
    to = to.removeprefix("person:")
    found = people.find(to)
    if found is None:
        known = [*people.directory.people, *(f"team:{team}" for team in people.directory.teams)]
        near = difflib.get_close_matches(to, known, n=1)
        raise UsageError(f'Nobody is called "{to}".' + (f' Did you mean "{near[0]}"?' if near else ""))
    if to == follow_up.owner:
        raise NotAllowed(f"{found.name} owns {short_id(follow_up.id)} already.")
    if not people.takes_work(to, now):
        raise UsageError(f"{found.name} has left. Choose somebody else.")
    if absence := people.absence(to, now, follow_up.due_at):
        instead = absence.delegate or "somebody else"
        raise UsageError(f"{found.name} is away from {absence.since} to {absence.until}. Choose {instead}.")
    if follow_up.playbook.private and not isinstance(found, Person):
        raise NotAllowed(f"{short_id(follow_up.id)} is private: it goes to a person, never to a queue.")
    return handed_to(follow_up, to, act, now)


def handed_to(follow_up: FollowUp, to: str, act: Act, now: datetime, reason: str | None = None) -> Change:
    """Give it to somebody. The last owner and the new one are told, but for whoever did it."""
    step = f"owner/{follow_up.version + 1}"
    data: dict[str, Json] = {"by": act.by, "to": to, "from": follow_up.owner, "reason": reason or act.note}
    told = []
    if to != act.by:
        told.append(notice(follow_up, Kind.HANDED_OVER, to, step, now, data=data))
    if follow_up.owner not in (None, to, act.by):
        told.append(notice(follow_up, Kind.TAKEN_OVER, str(follow_up.owner), f"{step}/from", now, data=data))
    values: dict[str, object] = {"owner": to, "owner_via": "reassigned", "stands_in_for": None}
    return Change(values, told, {"from": follow_up.owner, "to": to})


def not_mine(conn: Connection, follow_up: FollowUp, act: Act, now: datetime, people: People) -> Change:
    """On in the playbook's chain, past everybody who has had it; the second time to the team's lead."""
    passed = (*follow_up.passed_on, *([follow_up.owner] if follow_up.owner else []))
    resolve = people.resolver(rows.opener(conn, follow_up.id), now)
    chain = ("team_lead",) if follow_up.passed_on else follow_up.playbook.owner
    to = next_owner(follow_up, chain, people, resolve, now, passed=passed)
    if to.who == follow_up.owner:
        raise NotAllowed(f"There is nobody after {to.who} who could own {short_id(follow_up.id)}. Reassign it instead.")
    change = handed_to(follow_up, to.who, act, now)
    change.values |= {"passed_on": passed, "owner_via": "not mine", "stands_in_for": to.stands_in_for}
    return change


def snoozed(conn: Connection, follow_up: FollowUp, until: datetime, now: datetime, *, for_customer: bool) -> Change:
    why = WAITS_FOR_CUSTOMER if for_customer else SNOOZED
    begin_snooze(conn, follow_up, until, now, why)
    return Change({"snoozed_until": until}, detail={"until": until}, word=WAITS_FOR_CUSTOMER if for_customer else None)


def reopened(conn: Connection, follow_up: FollowUp, act: Act, now: datetime, people: People) -> Change:
    """A new cycle: stamps are blank again, due and steps count from now. The old cycle is in the history."""
    plan, cycle, owner = follow_up.playbook, follow_up.cycle + 1, _who_is_there(conn, follow_up, people, now)
    due_at = people.add(owner, now, plan.due)
    steps = first_timers(plan, now, due_at, lambda start, span: people.add(owner, start, span))
    for timer in steps:
        rows.add_timer(conn, follow_up.id, cycle, timer)
    blank = (
        "acknowledged_at", "acknowledged_by", "contacted_at", "contacted_by", "closed_at", "closed_by", "outcome",
        "root_cause", "closing", "cancelled_at", "cancel_reason", "next_try_at",
    )  # fmt: skip
    values = {**dict.fromkeys(blank), "cycle": cycle, "due_from": now, "due_at": due_at, "tries": 0, "owner": owner}
    change = Change(values)
    if owner != act.by:
        again = msgspec.structs.replace(follow_up, cycle=cycle)
        change.notices = [notice(again, Kind.ALERT, owner, "alert", now)]
    return change


def _who_is_there(conn: Connection, follow_up: FollowUp, people: People, now: datetime) -> str:
    """Who had it, if they still take work; else who would have it next."""
    if follow_up.owner is not None and people.takes_work(follow_up.owner, now):
        return follow_up.owner
    resolve = people.resolver(rows.opener(conn, follow_up.id), now)
    chain = follow_up.playbook.owner
    return next_owner(follow_up, chain, people, resolve, now, passed=follow_up.passed_on).who


def recalculate(conn: Connection, follow_up: FollowUp, act: Act, now: datetime, people: People) -> None:
    """Count due and the rungs again. What has already been done stays done."""
    start = follow_up.due_from or follow_up.opened_at

    def add(at: datetime, span: Span) -> datetime:
        return people.add(follow_up.owner, at, span)

    # A pause that still lasts moves everything when it ends; one before this cycle is history.
    over = [(since, until) for since, until in rows.pauses_of(conn, follow_up.id) if until and since >= start]

    def shifted(at: datetime, span: Span) -> datetime:
        for since, until in over:
            at = people.shift(follow_up.owner, at, since, until, span)
        return at

    plan = follow_up.playbook
    due_at = shifted(add(start, plan.due), plan.due)
    fresh = {(timer.step, timer.n): timer.fire_at for timer in first_timers(plan, start, due_at, add)}
    for timer in rows.pending_timers(conn, follow_up.id):
        if (at := fresh.get((timer.step, timer.n))) is not None:
            counted = shifted(at, span_of(plan, timer.step))
            rows.move_timer(conn, timer, after_pause(plan, timer.step, due_at, add) or counted)
    line = NewHistory(
        version=follow_up.version + 1, at=now, what="due counted again", by=act.by, via=act.via, note=act.note,
        detail={"due_before": follow_up.due_at, "due_at": due_at},
    )  # fmt: skip
    rows.change(conn, follow_up.id, follow_up.version, {"due_at": due_at}, line)
    rows.refresh_next_step(conn, follow_up.id)
