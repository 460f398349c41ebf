"""What `rules explain` says: a decision with its trace, of an event that was never stored or of a stored response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs
from sqlalchemy import select

from worker.classify.classifier import Unclassifiable
from worker.classify.redact import redact_response
from worker.errors import NotFound, UsageError
from worker.ingest.records import Accepted, Dead, NotResponse, Record
from worker.model.decision import Clause, Decision, Facts, Trace
from worker.model.response import Response
from worker.model.verdict import Verdict
from worker.route.facts import facts_from
from worker.store import listing, rule_sets
from worker.store.responses import read_decision, read_response
from worker.store.schema import decisions, responses, versions

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.cli.rule_files import Compose
    from worker.ruleset import LiveSet

Json = dict[str, Any]
_HELD = {"true": True, "false": False}
_FACTS = {
    **{f"history.{name}": name for name in Facts.__struct_fields__ if name != "open_follow_ups"},
    "customer.open_follow_ups": "open_follow_ups",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """A decision and everything it came from."""

    response: Response
    verdict: Verdict
    decision: Decision
    trace: tuple[Trace, ...]
    live: LiveSet
    given: frozenset[str] = field(default_factory=frozenset)  # facts that were handed in or stored

    @property
    def misfits(self) -> list[str]:
        """Fields whose value does not fit, so that they are unknown."""
        return self.live.decider.misfits(self.response, self.verdict)

    def as_json(self, *, trace: bool = True) -> Json:
        shown = decision_json(self.response, self.verdict, self.decision, self.trace if trace else None)
        return {**shown, "not_fitting": misfits} if (misfits := self.misfits) else shown


@dataclass(frozen=True, slots=True)
class Unread:
    """An event that gives no decision: it is dead, or no response at all."""

    source: str | None
    id: str | None
    reason: str
    message: str
    dead: bool = True

    def as_json(self, *, trace: bool = True) -> Json:
        said = {"reason": self.reason, "message": self.message}
        return {"source": self.source, "id": self.id, "dead" if self.dead else "not_response": said}


def explain_event(live: LiveSet, record: Record, facts: Mapping[str, Any], now: datetime) -> Explained | Unread:
    """What the rules make of one event. `facts` stand for what the store would say. Raises UsageError for others."""
    outcome = live.reader.read(record)
    if isinstance(outcome, NotResponse):
        return Unread(None, None, "not_response", outcome.why, dead=False)
    if isinstance(outcome, Dead):
        return Unread(outcome.source, _id_of(record), outcome.reason.value, outcome.message)
    return _decided(live, outcome, facts, now)


def _decided(live: LiveSet, accepted: Accepted, facts: Mapping[str, Any], now: datetime) -> Explained | Unread:
    response, _ = redact_response(accepted.response)
    try:
        verdict = live.classifier.classify(response)
    except Unclassifiable as error:
        return Unread(response.source, response.id, error.reason, str(error))
    check_facts(facts)
    known = facts_from(facts, response)
    decision = live.decider.decide(response, verdict, known, now, live.people.reachable)
    trace = live.decider.trace(response, verdict, known, now)
    return Explained(response, verdict, decision, trace, live, frozenset(facts))


def check_facts(given: Mapping[str, Any]) -> None:
    """Facts have names and types of their own: `history.detractors_90d` is a whole number. Raises UsageError."""
    unknown = sorted(set(given) - set(_FACTS))
    if unknown:
        raise UsageError(f'"{unknown[0]}" is no fact. Facts are: {", ".join(sorted(_FACTS))}.')
    try:
        msgspec.convert({_FACTS[name]: value for name, value in given.items()}, Facts)
    except msgspec.ValidationError as error:
        raise UsageError(f"The facts cannot be read: {error}.") from None


def _id_of(record: Record) -> str | None:
    """The id of an event that is dead for another reason, so that a reader can find it."""
    try:
        found = msgspec.json.decode(record.value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    found = found.get("id") if isinstance(found, dict) else None
    return str(found) if isinstance(found, str | int) and not isinstance(found, bool) else None


# Stored --------------------------------------------------------------------------------------------------------


def explain_stored(conn: Connection, reference: str, compose: Compose) -> Explained:
    """Why a stored response was decided as it was: its own facts, its own time, its own revision.

    Raises NotFound where there is no such response, no decision yet, or its rule set is gone.
    """
    number = listing.response_id(conn, reference)
    _check_remembered(conn, number, reference)
    decided = decisions.select().where(decisions.c.response_id == number).order_by(decisions.c.version.desc()).limit(1)
    row = conn.execute(decided).mappings().first()
    if row is None:
        raise NotFound(f"{reference} is not decided yet: it waits for its other half.")
    files = rule_sets.files_of(conn, row["revision"])
    if files is None:
        raise NotFound(f"The rule set {row['revision']} that decided {reference} is not in this store.")
    live = compose(files)
    stored = versions.select().where(versions.c.response_id == number, versions.c.n == row["version"])
    response = read_response(conn.execute(stored).mappings().one()["content"])
    # Classified again, by the words of that revision: the stored verdict may be that of a later version.
    verdict = live.classifier.classify(response)
    decision = read_decision(dict(row))
    trace = live.decider.trace(response, verdict, facts_from(decision.facts, response), decision.now)
    return Explained(response, verdict, decision, trace, live, frozenset(decision.facts))


def _check_remembered(conn: Connection, number: int, reference: str) -> None:
    erased_at = conn.execute(select(responses.c.erased_at).where(responses.c.id == number)).scalar_one()
    if erased_at is not None:
        raise NotFound(
            f"What {reference} said was forgotten on {erased_at:%Y-%m-%d}, so its clauses cannot be shown any more. "
            f"`innerloop responses show {reference}` still says which rule decided."
        )


# JSON ----------------------------------------------------------------------------------------------------------


def decision_json(response: Response, verdict: Verdict, decision: Decision, trace: tuple[Trace, ...] | None) -> Json:
    """The shape of `rules explain --json`."""
    shown = {
        "source": response.source,
        "id": response.id,
        "verdict": listing.verdict(verdict),
        "revision": decision.revision,
        "rule": decision.rule,
        "ignored": decision.reason,
        "also": list(decision.also),
        "playbook": decision.playbook.id if decision.playbook else None,
        "priority": decision.priority,
        "owner": decision.owner,
        "owner_skips": [structs.asdict(skip) for skip in decision.owner_skips],
        "copies": list(decision.copies),
        "tags": list(decision.tags),
        "due_at": listing.iso(decision.due_at),
    }
    return shown if trace is None else {**shown, "trace": trace_json(trace)}


def trace_json(trace: tuple[Trace, ...]) -> list[Json]:
    """Rules in file order, then `also`; clauses of groups say which member they belong to."""
    return [
        {"rule": entry.rule, "outcome": entry.outcome, "clauses": [_clause(clause) for clause in entry.clauses]}
        for entry in trace
    ]


def _clause(clause: Clause) -> Json:
    shown = {
        "field": clause.field,
        "test": clause.test,
        "value": clause.value,
        "held": _HELD.get(clause.held, "unknown"),
    }
    return shown if clause.group is None else {**shown, "group": clause.group, "member": clause.member}
