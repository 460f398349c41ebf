"""The answer to "why was this customer (not) called?" in one sentence, with a word for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.cli.output import when
from worker.model.decision import Trace
from worker.model.followup import short_id
from worker.route.schema import Rule

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Because:
    """`reason` is one of a closed list; `answer` says it."""

    reason: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a customer's newest answer. `trace` and `rules` are those of the revision that decided it."""

    answer: Row
    work: Row | None = None  # the follow-up it opened or joined, with history and notices
    trace: Sequence[Trace] = ()
    rules: Mapping[str, Rule] | None = None


def never_received(customer: str) -> Because:
    said = f"Nothing from {customer} was ever received: no answer, and no dead letter that names them."
    return Because("never_received", f"{said} Look whether the survey tool sent it, and to which topic.")


def only_dead(customer: str, dead: Sequence[Row]) -> Because:
    last = dead[-1]
    said = f"What {customer} answered could not be read: dead letter {last['id']} of {when(last['at'])}"
    return Because("dead_letter", f"{said} ({last['reason']}: {last['message']})")


def because(known: Known) -> Because:
    """Why the newest answer was, or was not, followed up."""
    answer, decision = known.answer, known.answer["decision"]
    if decision is None:
        said = f"Their answer of {when(answer['responded_at'])} waits for its other half, and is decided soon."
        return Because("waiting", said)
    if known.work is not None:
        return _worked(known.work, may_contact=answer["customer"]["may_contact"])
    if decision["too_old"]:
        name = f"{answer['source']}/{answer['id']}"
        said = f"Their answer of {when(answer['responded_at'])} was too old to alert when it was first read"
        return Because("too_old", f"{said}, so it opened nothing. Run: innerloop responses open {name} --by PERSON")
    return _ruled(known, decision)


def _ruled(known: Known, decision: Row) -> Because:
    """Nothing was opened because a rule said so; or another rule would have, which not everybody gets yet."""
    done = f'rule "{decision["rule"]}" decided to do nothing: {decision["ignored"]}.'
    left_out = _left_out(known)
    if left_out is None:
        no_contact = " They may not be contacted." if known.answer["customer"]["may_contact"] is False else ""
        return Because("rule", f"{done[0].upper()}{done[1:]}{no_contact}")
    rule, outcome = left_out
    opens = rule.plan.id if rule.plan else "something"
    if outcome == "observed":
        said = f'Rule "{rule.id}" would have opened {opens}, but it only observes; so {done}'
        return Because("rule", said)
    share = f"{(rule.rollout or 0) * 100:g} %"
    said = f'Rule "{rule.id}" would have opened {opens}, but it is rolled out to {share} of customers'
    return Because("rollout", f"{said} and not to this one; so {done}")


def _left_out(known: Known) -> tuple[Rule, str] | None:
    """The first rule that held and opens something, without deciding."""
    for entry in known.trace:
        rule = (known.rules or {}).get(entry.rule)
        if entry.outcome in ("observed", "not in rollout") and rule is not None and rule.plan is not None:
            return rule, entry.outcome
    return None


def _worked(work: Row, *, may_contact: bool | None) -> Because:
    """How far the follow-up has come."""
    name, owner = short_id(int(work["id"])), work["owner"] or "nobody"
    if may_contact is False and work["state"] != "cancelled":
        return Because("no_consent", f"They may not be contacted; {_so_far(work, name, owner)}")
    if work["state"] == "open":
        return _untouched(work, name, owner)
    return Because(work["state"], _so_far(work, name, owner))


def _so_far(work: Row, name: str, owner: str) -> str:
    match work["state"]:
        case "open":
            return f"{owner} has {name} to work on without a call, due {when(work['due_at'])}."
        case "acknowledged":
            said = f"{_by(work, 'acknowledged')} took {name} on {when(work['acknowledged_at'])}"
            return f"{said}, and nobody has noted a contact yet; it is due {when(work['due_at'])}."
        case "contacted":
            return f"{_by(work, 'contacted')} contacted them on {when(work['contacted_at'])} ({name})."
        case "closed":
            how = ", ".join(str(part).replace("_", " ") for part in (work["outcome"], work["root_cause"]) if part)
            return f"{_by(work, 'closed')} closed {name} on {when(work['closed_at'])}: {how}{_note(work, 'closed')}."
        case _:
            return f"{name} was cancelled{_note(work, 'cancelled')}."


def _untouched(work: Row, name: str, owner: str) -> Because:
    """Open: either nobody heard of it, or nobody acted."""
    told = [notice for notice in work["notices"] if notice["kind"] not in ("ops", "customer")]
    arrived = [notice["delivered_at"] for notice in told if notice["delivered_at"]]
    if not arrived:
        failed = next((notice["reason"] for notice in told if notice["state"] == "failed"), None)
        why = f"every way to tell them failed ({failed})" if failed else "no message about it has been delivered yet"
        return Because("undelivered", f"{name} is open for {owner}, and {why}; see: innerloop follow-ups show {name}")
    said = f"{owner} was told of {name} on {when(min(arrived))}, and nobody has acted on it yet"
    return Because("nobody_acted", f"{said}; it is due {when(work['due_at'])}.")


def _by(work: Row, what: str) -> str:
    return next((line["by"] for line in reversed(work["history"]) if line["what"] == what), "somebody")


def _note(work: Row, what: str) -> str:
    note = next((line["note"] for line in reversed(work["history"]) if line["what"] == what), None)
    return f" ({note})" if note else ""
