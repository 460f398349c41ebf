"""Why a message was sent: the decision behind it, and its trace, recomputed from what was stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, select

from worker.demo.sandbox.messages import Kept
from worker.demo.sandbox.views import Answer
from worker.demo.times import ZONE
from worker.model.decision import Clause, Decision, Facts, Skip, Trace
from worker.ruleset import LiveSet
from worker.store import schema
from worker.store.engine import Store
from worker.store.responses import read_decision, read_response, read_verdict

_VERDICTS = {"true": "holds", "false": "fails"}
_TURNED = {"true": "false", "false": "true"}
_LONGEST_DELAY = 20.0  # real seconds; beyond, the clock has jumped in between


class Reasons:
    """Answers for the pages, from the demo's store and its rule set."""

    def __init__(self, store: Store, live: LiveSet, pace: float) -> None:
        self._pace = pace
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
        seconds = (kept.at - notice["created_at"]).total_seconds() / self._pace
        return seconds if 0 <= seconds <= _LONGEST_DELAY else None

    def last(self) -> str:
        """One sentence about the newest follow-up."""
        with self._store.read() as conn:
            row = conn.execute(_follow_ups().order_by(schema.follow_ups.c.id.desc())).mappings().first()
        if row is None:
            return ""
        owner = self._owner(row["owner"], row["owner_via"], row["stands_in_for"])
        return f"F-{row['id']}: {self._rule(row['rule'])}. {owner}."

    def _answer(self, notice: RowMapping, found: RowMapping) -> Answer:
        decision = read_decision(dict(found))
        facts = msgspec.convert(_facts(decision.facts), Facts)
        response, verdict = read_response(found["content"]), read_verdict(found["verdict"])
        tried: list[Trace] = []
        rest: list[Trace] = []
        for trace in self._live.decider.trace(response, verdict, facts, decision.now):
            (rest if trace.outcome == "not consulted" else tried).append(trace)
        lines = self._facts(notice, decision, found["due_at"] or decision.due_at)
        if rest:
            lines.append(("Not tried", ", ".join(trace.rule for trace in rest)))
        return Answer(self._rule(decision.rule), lines, [_traced(one) for one in tried])

    def _facts(self, notice: RowMapping, decision: Decision, due_at: datetime | None) -> list[tuple[str, str]]:
        lines = [("This message", f"{notice['kind'].replace('_', ' ')}, for {self._call(notice['recipient'])}")]
        if decision.playbook:
            lines.append(("Follow-up", f"{decision.playbook.name.lower()}, priority {decision.priority}"))
        if decision.owner:
            lines.append(("Owner", self._owner(decision.owner, decision.owner_via, decision.stands_in_for)))
        lines += [("Passed over", self._skipped(skip)) for skip in decision.owner_skips]
        if due_at:
            lines.append(("Reply by", _when(due_at)))
        if decision.also:
            lines.append(("Adds", ", ".join(decision.also)))
        return [*lines, ("Decided", f"{_when(decision.now)}, rules {decision.revision}")]

    def _rule(self, ident: str) -> str:
        names = {rule.id: rule.name for rule in self._live.rule_set.rules}
        return names.get(ident) or ident

    def _owner(self, owner: str | None, via: str | None, away: str | None) -> str:
        role = f", as {via.replace('_', ' ')}" if via else ""
        return f"{self._call(owner)}{role}" + (f"; {self._call(away)} is away" if away else "")

    def _skipped(self, skip: Skip) -> str:
        person = f" ({self._call(skip.person)})" if skip.person else ""
        return f"{skip.candidate.replace('_', ' ')}{person}: {skip.reason.replace('_', ' ')}"

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
        select(d, v.c.content, r.c.verdict, f.c.due_at)
        .join(r, r.c.id == d.c.response_id)
        .join(v, (v.c.response_id == r.c.id) & (v.c.n == d.c.version))
        .outerjoin(f, f.c.response_id == r.c.id)
        .where(d.c.response_id == about)
        .order_by(d.c.version.desc())
    )
    return conn.execute(query).mappings().first()


def _facts(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Facts are stored under the names rules use, such as history.detractors_90d."""
    return {name.rpartition(".")[2]: value for name, value in stored.items()}


def _traced(trace: Trace) -> tuple[str, str, Sequence[tuple[str, str, str, str]]]:
    return trace.rule, trace.outcome, [_clause(clause) for clause in trace.clauses]


def _clause(clause: Clause) -> tuple[str, str, str, str]:
    """In a `none` group a clause serves the rule by failing."""
    held = _TURNED.get(clause.held, clause.held) if clause.group == "none" else clause.held
    group = f"{clause.group} of · " if clause.group else ""
    return _VERDICTS.get(held, "unknown"), f"{group}{clause.field}", _value(clause.value), clause.test


def _value(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _when(at: datetime) -> str:
    local = at.astimezone(ZONE)
    return f"{local:%a} {local.day} {local:%b, %H:%M %Z}"
