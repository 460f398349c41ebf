"""Opening by hand what was too old to alert when it was first read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from worker.errors import NotAllowed, NotFound
from worker.followup.deciding import Deciding, ToDecide
from worker.followup.joining import Effects
from worker.followup.write import write_effects
from worker.model.decision import Decision, Outcome
from worker.model.followup import NewHistory, short_id
from worker.model.notice import Kind
from worker.pipeline.rows import decision_row_of
from worker.ruleset import LiveSet
from worker.store import batch
from worker.store.batch import KnownRow
from worker.store.responses import read_decision, read_response, read_verdict
from worker.store.schema import decisions, responses, versions


def open_late(
    conn: Connection, live: LiveSet, identity: tuple[str, str], *, by: str, via: str, note: str | None, now: datetime
) -> tuple[int, Effects]:
    """Decide the response once more, now, as if it were not too old. Gives the follow-up it opened or joined.

    The new decision takes the place of the one that said "too old": the follow-up is explained by it. Raises NotFound
    and NotAllowed.
    """
    row = _locked(conn, identity)
    _check(_decision(conn, row), row)
    item = _to_decide(conn, row)
    (decided,), effects = Deciding(live.decider, live.people, None, now).run(conn, [item])
    if decided.decision.outcome is not Outcome.OPEN:
        raise NotAllowed(f'Rule "{decided.decision.rule}" of the rule set in use opens nothing for it.')
    conn.execute(decisions.delete().where(decisions.c.response_id == row.id, decisions.c.version == row.version))
    batch.insert_planned(conn, decisions, [decision_row_of(decided)])
    effects.history = list(_by_hand(effects.history, by, via, note))
    # Too late for people at work to hear by themselves is too late for the customer, too.
    effects.notices = [notice for notice in effects.notices if notice.kind is not Kind.CUSTOMER]
    write_effects(conn, effects, now)
    joined = next((follow_up for response, follow_up, *_ in effects.joined if response == row.id), None)
    if joined is None:
        raise NotAllowed("A follow-up of this customer began with a later answer; an earlier one joins nothing.")
    return joined, effects


def _locked(conn: Connection, identity: tuple[str, str]) -> KnownRow:
    found = batch.known_responses(conn, [identity])
    if not found:
        raise NotFound(f"There is no response {identity[0]}/{identity[1]}.")
    return found[0]


def _decision(conn: Connection, row: KnownRow) -> Decision | None:
    mine = (decisions.c.response_id == row.id) & (decisions.c.version == row.version)
    found = conn.execute(select(decisions).where(mine)).mappings().first()
    return None if found is None else read_decision(dict(found))


def _check(decision: Decision | None, row: KnownRow) -> None:
    name = f"{row.source}/{row.external_id}"
    if row.erased:
        raise NotAllowed(f"What {name} said was forgotten; there is nothing to follow up.")
    if row.follow_up_id is not None:
        raise NotAllowed(f"{name} belongs to {short_id(row.follow_up_id)} already.")
    if decision is None:
        raise NotAllowed(f"{name} waits for its other half; it is decided soon.")
    if not decision.too_old:
        raise NotAllowed(f'{name} was not too old to alert: rule "{decision.rule}" decided it.')


def _to_decide(conn: Connection, row: KnownRow) -> ToDecide:
    current = (versions.c.response_id == responses.c.id) & (versions.c.n == responses.c.version)
    query = select(versions.c.content, responses.c.verdict).join(responses, current).where(responses.c.id == row.id)
    content, verdict = conn.execute(query).one()
    return ToDecide(row.id, row.version, read_response(content), read_verdict(verdict), row.read_at)


def _by_hand(
    history: Iterable[tuple[int, NewHistory]], by: str, via: str, note: str | None
) -> Iterable[tuple[int, NewHistory]]:
    for follow_up_id, line in history:
        said = "; ".join(filter(None, (line.note, "it had been too old to alert", note)))
        yield follow_up_id, msgspec.structs.replace(line, by=by, via=via, note=said)
