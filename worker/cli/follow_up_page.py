"""How `follow-ups show` prints one follow-up: by when, on both clocks, what comes next, what happened, who was told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.text import Text

from worker.cli import opening, output
from worker.cli.output import Row

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.model.followup import FollowUp
    from worker.ruleset import LiveSet

_WHO = {
    "owner": "the owner", "agent": "the agent", "manager": "the manager", "account_manager": "the account manager",
    "unit_manager": "the unit's manager", "team_lead": "the team's lead", "team_queue": "the team's queue",
}  # fmt: skip
_STEPS = {
    "remind": "the owner is reminded", "due_soon": "the owner is warned, unless contacted", "try": "the next try",
    "snooze": "the clock goes on", "stale": "the default owner is told",
}  # fmt: skip
_MOST_CAUSES = 6


def write(conn: Connection, row: Row, live: LiveSet | None) -> None:
    """Print a follow-up. Without a rule set, what only that knows is left out."""
    from worker.store import follow_ups

    found = follow_ups.get(conn, int(row["id"]))
    out = output.console()
    head = Text(f"F-{row['id']} ", style="bold")
    head.append(f"{row['state']}, priority {row['priority']}", style="not bold")
    out.print(head)
    out.print()
    response = f"{row['response']['source']}/{row['response']['id']}"
    out.print(output.gutter("Response", f"{response} ({row['responses']} in all)"))
    out.print(output.gutter("Customer", output.dash(row["customer"])))
    out.print(output.gutter("Owner", output.dash(row["owner"])))
    out.print(output.gutter("Rule", f"{row['rule']}, playbook {row['playbook']}"))
    out.print(output.gutter("By when", *_by_when(conn, row, found, live)))
    if found.is_live:
        out.print(output.gutter("Next", *(list(_next(conn, found)) or ["-"])))
        _write_tries(found)
        _write_causes(conn, found, live)
    _write_end(row, found)
    out.print(output.gutter("So far", *[_event(event) for event in row["history"]]))
    out.print(output.gutter("Told", *([_told(notice) for notice in row["notices"]] or ["-"])))


def due(row: Row) -> Text:
    """By when, and whether that has passed."""
    text = Text(output.when(row["due_at"]))
    if is_overdue(row):
        text.append(" overdue", style="red")
    return text


def is_overdue(row: Row) -> bool:
    """Live and past its due time."""
    from worker.model.followup import LIVE

    return row["state"] in LIVE and datetime.fromisoformat(row["due_at"]) < opening.now()


def _by_when(conn: Connection, row: Row, found: FollowUp, live: LiveSet | None) -> Iterator[str | Text]:
    yield due(row)
    if not found.is_live:
        return
    now = opening.now()
    if live is not None and now < found.due_at:
        yield f"{_left(found, live, now)} left, {_waiting(conn, found, now)}"
    else:
        yield _waiting(conn, found, now)
    if found.snoozed_until is not None:
        yield f"the clock stands until {output.when(found.snoozed_until)}"


def _left(found: FollowUp, live: LiveSet, now: datetime) -> str:
    """What the business clock says; elapsed time where due was counted that way."""
    if found.playbook.due.unit.is_business and (left := live.people.working_time(found.owner, now, found.due_at)):
        hours, minutes = divmod(int(left.total_seconds()) // 60, 60)
        return f"{hours} h {minutes} min of working time" if hours else f"{minutes} min of working time"
    return _span(found.due_at - now)


def _waiting(conn: Connection, found: FollowUp, now: datetime) -> str:
    """What the customer's own clock says."""
    from worker.store import follow_ups

    answered = follow_ups.opener(conn, found.id).responded_at
    return f"the customer waits for {_span(max(now - answered, timedelta()))}"


def _span(length: timedelta) -> str:
    from worker.notify.words import Language

    return Language.of("en").span(length)


def _next(conn: Connection, found: FollowUp) -> Iterator[str]:
    from worker.store import follow_ups

    for timer in follow_ups.pending_timers(conn, found.id):
        if found.snoozed_until is None or timer.step == "snooze":
            yield f"{output.when(timer.fire_at)}  {_step(found, timer.step)}"


def _step(found: FollowUp, name: str) -> str:
    kind, _, number = name.partition(".")
    if kind != "escalate":
        return _STEPS.get(name, name)
    rung = found.playbook.escalate[int(number)]
    who = _WHO.get(rung.to, rung.to.removeprefix("person:"))
    does = "takes over" if rung.hand_over else "is told"
    urgent = f", and it becomes {rung.priority}" if rung.priority else ""
    return f"{who} {does}{urgent}, unless {rung.unless.value}"


def _write_tries(found: FollowUp) -> None:
    plan = found.playbook.tries
    if not found.tries:
        return
    many = f"{found.tries} of {plan.at_most}" if plan else str(found.tries)
    spent = [unreachable(found)] if plan and found.tries >= plan.at_most and not found.contacted_at else []
    output.console().print(output.gutter("Tries", many, *spent))


def unreachable(found: FollowUp) -> str:
    """What is left to do when nobody could be reached as often as the playbook asks for."""
    number = found.id
    return f"Write to the customer, or close it: innerloop follow-ups close F-{number} --outcome unreachable …"


def _write_causes(conn: Connection, found: FollowUp, live: LiveSet | None) -> None:
    from worker.followup.closing import suggested
    from worker.store import follow_ups

    if live is None or "root_cause" not in found.playbook.to_close:
        return
    causes = suggested(live.rule_set.root_causes, follow_ups.themes_of(conn, found.id))[:_MOST_CAUSES]
    if causes:
        output.console().print(output.gutter("Cause?", *[f"{cause.id}  {cause.name}" for cause in causes]))


def _write_end(row: Row, found: FollowUp) -> None:
    if not row["outcome"]:
        return
    said: list[tuple[str, Callable[[Mapping[str, Any]], str | None]]] = [
        ("cause", lambda _: row["root_cause"]),
        ("done", lambda closing: closing.get("action")),
        ("arose", lambda closing: closing.get("arose")),
        ("worth alerting", lambda closing: closing.get("worth")),
    ]
    lines = [f"{label}: {value}" for label, read in said if (value := read(found.closing))]
    output.console().print(output.gutter("Closed", row["outcome"], *lines))


def _event(event: Row) -> str:
    note = f": {event['note']}" if event["note"] else ""
    door = "" if event["via"] == event["by"] else f" ({event['via']})"
    return f"{output.when(event['at'])}  {event['what']} by {event['by']}{door}{note}"


def _told(notice: Row) -> str:
    by = ", ".join(f"{sent['channel']} {sent['state']}" for sent in notice["deliveries"])
    why = f" ({notice['reason']})" if notice["reason"] else ""
    return f"{notice['kind']} to {notice['to']}: {notice['state']}{why}" + (f"; {by}" if by else "")
