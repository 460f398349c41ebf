"""The table of allowed moves. The database repeats it as constraints, the documentation is drawn from it. Pure.

open ──acknowledge──► acknowledged ──contact──► contacted ──close──► closed
  └────────────────────── every live state may be closed or cancelled; both may be reopened
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from worker.errors import NotAllowed
from worker.model.followup import LIVE, State, short_id


class Move(StrEnum):
    """What people do with a follow-up. The words of the commands."""

    ACKNOWLEDGE = "acknowledge"
    CONTACT = "contact"
    TRIED = "tried"
    CLOSE = "close"
    REASSIGN = "reassign"
    SNOOZE = "snooze"
    UNSNOOZE = "unsnooze"
    CANCEL = "cancel"
    REOPEN = "reopen"


class Rule(Struct, frozen=True):
    """From which states a move is allowed, where it leads (None: nowhere else), and its word in the history."""

    sources: frozenset[State]
    target: State | None
    done: str


MOVES: dict[Move, Rule] = {
    Move.ACKNOWLEDGE: Rule(frozenset({State.OPEN}), State.ACKNOWLEDGED, "acknowledged"),
    Move.CONTACT: Rule(frozenset({State.OPEN, State.ACKNOWLEDGED}), State.CONTACTED, "contacted"),
    Move.TRIED: Rule(frozenset({State.OPEN, State.ACKNOWLEDGED}), State.ACKNOWLEDGED, "tried, no answer"),
    Move.CLOSE: Rule(LIVE, State.CLOSED, "closed"),
    Move.REASSIGN: Rule(LIVE, None, "reassigned"),
    Move.SNOOZE: Rule(LIVE, None, "snoozed"),
    Move.UNSNOOZE: Rule(LIVE, None, "snooze ended"),
    Move.CANCEL: Rule(LIVE, State.CANCELLED, "cancelled"),
    Move.REOPEN: Rule(frozenset({State.CLOSED, State.CANCELLED}), State.OPEN, "reopened"),
}


def target(move: Move, follow_up_id: int, state: State, who: str = "") -> State:
    """The state after a move. Raises NotAllowed saying what the state is, since `who`, and what is possible."""
    rule = MOVES[move]
    if state not in rule.sources:
        possible = ", ".join(sorted(other.value for other, r in MOVES.items() if state in r.sources))
        raise NotAllowed(
            f"{short_id(follow_up_id)} is {state.value}{who}: {move.value} is not possible. Possible: {possible}."
        )
    return rule.target or state
