"""`rules explain` for people: what was decided first, then why, then who hears of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from worker.cli import output
from worker.cli.explaining import Explained, Unread
from worker.cli.responses import MARKS, STYLES, excerpt
from worker.model.decision import Clause, Decision, Outcome, Skip, Trace
from worker.model.playbook import Escalation, Playbook, Tell
from worker.route import clauses as rule_clauses
from worker.route.conditions import Is, IsNot
from worker.route.owners import skip_words
from worker.route.schema import Rule
from worker.route.speak import addition, asked

T = TypeVar("T")
_WIDTH = 88
_VERDICTS = {"true": ("✓ holds", "green"), "false": ("✗ fails", "red"), "unknown": ("? unknown", "yellow")}
_TURNED = {"true": "false", "false": "true"}
_WORDS = 80
_CONSENT = {True: "", False: ", held back: must not be contacted", None: ", held back: consent is not known"}


def write(explained: Explained | Unread, *, trace: bool = True) -> None:
    """One explanation on standard output; without `trace`, what was decided and for whom alone."""
    out = output.console()
    if isinstance(explained, Unread):
        _write_unread(out, explained)
        return
    out.print(_head(explained))
    words = explained.response.comment
    out.print(Text(f"“{excerpt(words, _WORDS)}”" if words and words.strip() else "No comment"))
    out.print()
    for label, lines in _sections(explained, trace=trace):
        if not label:
            out.print()
        elif lines:
            out.print(output.gutter(label, *lines))
    out.print()
    at = _moment(explained.decision.now, explained.live.rule_set.zone)
    out.print(Text(f"rules {explained.decision.revision}, as of {at}", style="dim"))


def _write_unread(out: Console, unread: Unread) -> None:
    out.print(output.gutter("Dead letter" if unread.dead else "No response", f"{unread.reason}: {unread.message}"))
    out.print(output.gutter("Event", f"{unread.id or 'no id'} from {unread.source or 'an unknown source'}"))


def _sections(explained: Explained, *, trace: bool) -> Iterator[tuple[str, list[Text]]]:
    opens = explained.decision.outcome is Outcome.OPEN
    yield "Follow-up", [_outcome(explained)]
    if trace:
        yield "Fired", _fired(explained)
        yield "Before it", _before(explained)
        yield "Observed", _observed(explained)
        yield "Not tried", _not_tried(explained)
    else:
        yield "Fired", _fired(explained)[:1]
    yield "Unknown", [Text(f"{name} has a value that does not fit it") for name in explained.misfits]
    if opens:
        yield "Adds", [_adds(explained)]
        yield "", []
        yield "Owner", _owner(explained)
        yield "", []
        yield "Tells", _tells(explained)


# What, for whom, by when ---------------------------------------------------------------------------------------


def _head(explained: Explained) -> Text:
    verdict = explained.verdict
    score = "" if verdict.score is None else f" {verdict.score}"
    text = Text(f"{verdict.metric.upper()}{score} ", style="bold")
    if verdict.klass:
        text.append(f"{MARKS[verdict.klass]} {verdict.klass}", style=f"not bold {STYLES[verdict.klass]}")
    rest = [verdict.sentiment, ", ".join(verdict.themes), ", ".join(verdict.severity)]
    text.append("".join(f" · {part}" for part in rest if part), style="not bold")
    whence = f"{explained.response.id} from {explained.response.source}"
    free = min(_WIDTH, output.terminal_width()) - cell_len(text.plain) - cell_len(whence)
    text.append(" " * max(4, free))
    text.append(whence, style="dim not bold")
    return text


def _outcome(explained: Explained) -> Text:
    decision = explained.decision
    if decision.outcome is Outcome.IGNORE or decision.playbook is None:
        return Text(f"none: {decision.reason}")
    text = Text(f"{decision.playbook.id}, priority {decision.priority}, for ")
    text.append(decision.owner or "nobody", style="bold")
    if decision.stands_in_for:
        text.append(f" (stands in for {decision.stands_in_for})")
    if decision.due_at:
        text.append(", due ")
        text.append(_moment(decision.due_at, explained.live.people.zone(decision.owner or "")), style="bold")
        text.append(f" ({decision.playbook.due})")
    return text.append(". Too old to alert: it opened nothing." if decision.too_old else "")


def _moment(at: datetime, zone: ZoneInfo) -> str:
    return output.when(at.astimezone(zone))


# Why -----------------------------------------------------------------------------------------------------------


def _fired(explained: Explained) -> list[Text]:
    for entry, rule in _rules(explained):
        if entry.outcome == "fired":
            line = Text(rule.id, style="bold")
            line.append(f"  {rule.name}" if rule.name else "", style="not bold")
            line.append(f"  {rule.place}", style="dim not bold")
            return [line, *_clauses(entry, rule)]
    return [Text(explained.decision.rule)]


def _before(explained: Explained) -> list[Text]:
    lines: list[Text] = []
    for entry, rule in _rules(explained):
        if entry.outcome == "fired":
            break
        if not rule.observe:
            lines.append(Text(f"{rule.id}  {entry.outcome}"))
            lines += _clauses(entry, rule, only_reasons=True)
    return lines


def _observed(explained: Explained) -> list[Text]:
    lines = []
    for entry, rule in (*_rules(explained), *_also(explained)):
        if rule.observe and entry.outcome != "not consulted":
            does = f"open {rule.plan.id}" if rule.plan else _addition(rule) if rule.add else "ignore"
            said = f"holds: it would {does}" if entry.outcome == "observed" else entry.outcome
            lines.append(Text(f"{rule.id}  {said}"))
            lines += [] if entry.outcome == "observed" else _clauses(entry, rule, only_reasons=True)
    return lines


def _not_tried(explained: Explained) -> list[Text]:
    names = [rule.id for entry, rule in _rules(explained) if entry.outcome == "not consulted"]
    return [Text(f"{', '.join(names)} (not consulted after a rule fired)")] if names else []


def _adds(explained: Explained) -> Text:
    every = [(entry.outcome == "fired", rule) for entry, rule in _also(explained) if not rule.observe]
    added = [rule for fired, rule in every if fired]
    rest = [rule.id for fired, rule in every if not fired]
    line = Text("; ".join(f"{rule.id}: {_addition(rule)}" for rule in added) or "nothing")
    return line.append(f" ({', '.join(rest)} did not hold)" if rest else "")


def _addition(rule: Rule) -> str:
    return addition(rule.add).removeprefix("also ") if rule.add else "nothing"


def _rules(explained: Explained) -> Iterator[tuple[Trace, Rule]]:
    return _traced(explained, explained.live.rule_set.rules)


def _also(explained: Explained) -> Iterator[tuple[Trace, Rule]]:
    return _traced(explained, explained.live.rule_set.also)


def _traced(explained: Explained, rules: Iterable[Rule]) -> Iterator[tuple[Trace, Rule]]:
    entries = {entry.rule: entry for entry in explained.trace}
    return ((entries[rule.id], rule) for rule in rules if rule.id in entries)


# Clauses -------------------------------------------------------------------------------------------------------


def _clauses(entry: Trace, rule: Rule, *, only_reasons: bool = False) -> list[Text]:
    rows = [_row(clause, asked) for clause, asked in zip(entry.clauses, rule.when.all_clauses(), strict=False)]
    if only_reasons:
        # The first clause that failed settles it; where none did, the first without a value.
        row = next((row for row in rows if row[0] == "false"), None) or next(
            (row for row in rows if row[0] == "unknown"), None
        )
        rows = [row] if row else []
    widths = [max((cell_len(row[n]) for row in rows), default=0) for n in range(5)]
    widths[0] = max((cell_len(_VERDICTS[row[0]][0]) for row in rows), default=0)
    if sum(widths) + 9 > output.terminal_width() - output.GUTTER:
        widths[2] = widths[3] = 0  # too narrow for columns
    groups = [row[1] for row in rows]
    return [_clause_line(row, widths, show_group=row[1] not in groups[:n][-1:]) for n, row in enumerate(rows)]


Row = tuple[str, str, str, str, str]  # held, group, field, value, test in words


def _row(clause: Clause, asked: rule_clauses.Clause) -> Row:
    # Inside `none` a clause helps when it does not hold; people are told what helped.
    turned = clause.group == "none"
    held = _TURNED.get(clause.held, clause.held) if turned else clause.held
    return (
        held,
        clause.group or "",
        clause.field,
        shown_value(clause.value),
        excerpt(words_of(asked, turned=turned), _WORDS),
    )


def _clause_line(row: Row, widths: list[int], *, show_group: bool) -> Text:
    held, group, name, value, words = row
    mark, style = _VERDICTS[held]
    line = Text(" ").append(f"{mark:<{widths[0]}}  ", style=style)
    if widths[1]:
        line.append(f"{group if show_group else '':<{widths[1]}} ")
    return line.append(f"{name:<{widths[2]}}  {value:<{widths[3]}}  {words}")


def shown_value(value: Any) -> str:
    """A value as people read it; `none` for no value."""
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return excerpt(text, 40)


def words_of(clause: rule_clauses.Clause, *, turned: bool) -> str:
    """`is gold or platinum`; `turned`: what must not hold, `is neither NO nor SE`."""
    if not turned:
        return asked(clause)
    if not clause.tests:
        return "has no value" if clause.known else "has a value"
    return " or ".join(_against(test) for test in clause.tests)


def _against(test: Any) -> str:
    if isinstance(test, Is):
        return IsNot(test.values, test.said).words
    return f"not: {test.words}"


# Who -----------------------------------------------------------------------------------------------------------


def _owner(explained: Explained) -> list[Text]:
    decision = explained.decision
    width = max([cell_len(skip.candidate) for skip in decision.owner_skips] + [cell_len(decision.owner_via or "")])
    lines = [_skipped(skip, width) for skip in decision.owner_skips]
    chosen = Text("chosen  ", style="green")
    by = _reached(explained, decision.owner)
    return [*lines, chosen.append(f"{decision.owner_via or '':<{width}}  {decision.owner}{by}", style="default")]


def _skipped(skip: Skip, width: int) -> Text:
    line = Text("skipped ", style="yellow")
    return line.append(f"{skip.candidate:<{width}}  {skip_words(skip)}", style="default")


def _reached(explained: Explained, owner: str | None) -> str:
    plan = explained.decision.playbook
    ways = [by for by in (plan.notify[0].by if plan and plan.notify else ()) if by in _addresses(explained, owner)]
    return f", reached by {', then '.join(ways)}" if ways else ""


def _addresses(explained: Explained, owner: str | None) -> Mapping[str, str]:
    found = explained.live.people.find(owner)
    return found.addresses if found else {}


def _tells(explained: Explained) -> list[Text]:
    decision = explained.decision
    plan = decision.playbook
    if plan is None:
        return []
    lines = [_tell(explained, tell) for tell in plan.notify]
    if decision.copies:
        lines.append(Text(f"{', '.join(decision.copies)} a copy"))
    for entry in plan.tell_customer:
        held = _CONSENT[explained.response.customer.may_contact]
        lines.append(Text(f"the customer by email: {entry.say}{held}"))
    if plan.remind:
        lines.append(Text(f"{decision.owner} again every {plan.remind.every} until {plan.remind.until}"))
    rungs = [_rung(explained, rung, plan) for rung in plan.escalate]
    return [*lines, Text(" · ".join(rungs))] if rungs else lines


def _tell(explained: Explained, tell: Tell) -> Text:
    decision = explained.decision
    who = decision.owner if tell.to == "owner" else _meant(explained, tell.to)
    ways = [by for by in tell.by if by in _addresses(explained, who)] or list(tell.by)
    line = Text(f"{who or tell.to} by {ways[0]} now")
    for before, by in pairwise(ways):
        line.append(f"; by {by} if {before} fails for {tell.next_channel_after}")
    return line


def _rung(explained: Explained, rung: Escalation, plan: Playbook) -> str:
    who = _meant(explained, rung.to) or rung.to
    moves = ", and owns it then" if rung.hand_over else ""
    return f"{who} {_when(explained.decision, explained, rung, plan)} unless {rung.unless}{moves}"


def _when(decision: Decision, explained: Explained, rung: Escalation, plan: Playbook) -> str:
    people, due = explained.live.people, decision.due_at
    at: datetime | None = due
    if rung.after is not None:
        at = people.add(decision.owner, decision.now, rung.after)
    elif rung.after_due is not None and due is not None:
        at = people.add(decision.owner, due, rung.after_due)
    if at is None:
        return f"when due ({plan.due})"
    return f"{at.astimezone(people.zone(decision.owner or '')):%a %H:%M}"


def _meant(explained: Explained, who: str) -> str | None:
    resolve: Callable[[str, str | None], str | None] = explained.live.people.resolver(
        explained.response, explained.decision.now
    )
    return resolve(who, explained.decision.owner)
