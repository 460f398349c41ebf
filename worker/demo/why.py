"""Why a message was sent: the decision behind it, and its trace, recomputed from what was stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, select

from worker.demo.clock import PACE
from worker.demo.sandbox.messages import Kept
from worker.demo.sandbox.views import Answer
from worker.demo.times import ZONE
from worker.model.decision import Clause, Facts, Trace
from worker.model.response import Response
from worker.model.verdict import Verdict
from worker.ruleset import LiveSet
from worker.store import schema
from worker.store.engine import Store

_VERDICTS = {"true": "holds", "false": "fails"}
_LONGEST_DELAY = 20.0  # real seconds; beyond, the clock has jumped in between


class Reasons:
    """Answers for the pages, from the demo's store and its rule set."""

    def __init__(self, store: Store, live: LiveSet) -> None:
        self._store = store
        self._live = live

    def why(self, kept: Kept) -> Answer | None:
        """None for a message about no answer: a huddle sheet, a word to ops."""
        with self._store.read() as conn:
            notice = _notice(conn, kept)
            found = _decision(conn, notice) if notice is not None else None
        return None if found is None or notice is None else self._answer(notice, found)

    def delay(self, kept: Kept) -> float | None:
        """Real seconds from reading an answer to its alert; None where the clock jumped, or it is no alert."""
        with self._store.read() as conn:
            notice = _notice(conn, kept)
            if notice is None or notice["kind"] != "alert" or notice["position"]:
                return None
        seconds = (kept.at - notice["created_at"]).total_seconds() / PACE
        return seconds if 0 <= seconds <= _LONGEST_DELAY else None

    def last(self) -> str:
        """One sentence about the newest follow-up."""
        with self._store.read() as conn:
            row = conn.execute(_follow_ups().order_by(schema.follow_ups.c.id.desc())).mappings().first()
        return "" if row is None else f"F-{row['id']}: {self._rule(row['rule'])}. {self._owner(row)}."

    def _answer(self, notice: RowMapping, found: RowMapping) -> Answer:
        response = msgspec.convert(found["content"], Response, strict=False)
        verdict = msgspec.convert(found["verdict"], Verdict, strict=False)
        facts = msgspec.convert(_facts(found["facts"]), Facts, strict=False)
        traces = self._live.decider.trace(response, verdict, facts, found["now"])
        return Answer(self._rule(found["rule"]), self._facts(notice, found), [_traced(one) for one in traces])

    def _facts(self, notice: RowMapping, found: RowMapping) -> list[tuple[str, str]]:
        lines = [("Rule", found["rule"])]
        if found["playbook"]:
            lines.append(("Follow-up", f"{found['playbook']}, priority {found['priority']}"))
        if found["owner"]:
            lines.append(("Owner", self._owner(found)))
        lines += [("Passed over", _skipped(skip, self._call)) for skip in found["skips"]]
        if found["due_at"]:
            lines.append(("Reply by", _when(found["due_at"])))
        if found["also"]:
            lines.append(("Also", ", ".join(found["also"])))
        lines.append(("This message", f"{notice['kind'].replace('_', ' ')}, for {self._call(notice['recipient'])}"))
        return [*lines, ("Decided", f"{_when(found['now'])}, rules {found['revision']}")]

    def _rule(self, ident: str) -> str:
        names = {rule.id: rule.name for rule in self._live.rule_set.rules}
        return names.get(ident) or ident

    def _owner(self, row: RowMapping) -> str:
        via = f", as {row['owner_via'].replace('_', ' ')}" if row["owner_via"] else ""
        away = row["stands_in_for"]
        return f"{self._call(row['owner'])}{via}" + (f"; {self._call(away)} is away" if away else "")

    def _call(self, who: str | None) -> str:
        found = self._live.people.find(who)
        return found.name if found else who or "nobody"


def _notice(conn: Connection, kept: Kept) -> RowMapping | None:
    d, n = schema.deliveries, schema.notices
    query = select(n, d.c.position).join(d, d.c.notice_id == n.c.id).where(d.c.key == kept.delivery_id)
    return conn.execute(query).mappings().first()


def _follow_ups() -> Any:
    f = schema.follow_ups.c
    return select(f.id, f.rule, f.owner, f.owner_via, f.stands_in_for)


def _decision(conn: Connection, notice: RowMapping) -> RowMapping | None:
    """The newest decision about the answer that the notice is about, else about the one that opened its follow-up."""
    d, f, r, v = schema.decisions, schema.follow_ups, schema.responses, schema.versions
    about = notice["response_id"]
    if about is None:
        about = conn.execute(select(f.c.response_id).where(f.c.id == notice["follow_up_id"])).scalar()
    query = (
        select(d, v.c.content, r.c.verdict, f.c.owner_via, f.c.stands_in_for, f.c.due_at)
        .join(r, r.c.id == d.c.response_id)
        .join(v, (v.c.response_id == r.c.id) & (v.c.n == d.c.version))
        .outerjoin(f, f.c.response_id == r.c.id)
        .where(d.c.response_id == about)
        .order_by(d.c.version.desc())
    )
    return conn.execute(query).mappings().first()


def _facts(stored: dict[str, Any]) -> dict[str, Any]:
    """Facts are stored under the names rules use, such as history.detractors_90d."""
    return {name.rpartition(".")[2]: value for name, value in stored.items()}


def _traced(trace: Trace) -> tuple[str, str, Sequence[tuple[str, str, str, str]]]:
    return trace.rule, trace.outcome, [_clause(clause) for clause in trace.clauses]


def _clause(clause: Clause) -> tuple[str, str, str, str]:
    group = f"{clause.group} · " if clause.group else ""
    value = clause.value
    text = "none" if value is None else ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return _VERDICTS.get(str(clause.held).lower(), "unknown"), f"{group}{clause.field}", text, clause.test


def _skipped(skip: Any, call: Callable[[str | None], str]) -> str:
    candidate, who, reason = (
        (skip["candidate"], skip["person"], skip["reason"]) if isinstance(skip, dict) else tuple(skip)
    )
    person = f" ({call(who)})" if who else ""
    return f"{candidate.replace('_', ' ')}{person}: {str(reason).replace('_', ' ')}"


def _when(at: datetime) -> str:
    local = at.astimezone(ZONE)
    return f"{local:%a} {local.day} {local:%b, %H:%M %Z}"
