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
    NOT_MINE = "not-mine"
    SNOOZE = "snooze"
    UNSNOOZE = "unsnooze"
    CANCEL = "cancel"
    REOPEN = "reopen"


class Rule(Struct, frozen=True):
    """From which states a move is allowed, where it leads (None: nowhere else), and its word in the history.

    `by_whom` is how a sentence goes on that begins with the name of whoever did it.
    """

    sources: frozenset[State]
    target: State | None
    done: str
    by_whom: str


_EARLY = frozenset({State.OPEN, State.ACKNOWLEDGED})
MOVES: dict[Move, Rule] = {
    Move.ACKNOWLEDGE: Rule(frozenset({State.OPEN}), State.ACKNOWLEDGED, "acknowledged", "acknowledged this"),
    Move.CONTACT: Rule(_EARLY, State.CONTACTED, "contacted", "contacted the customer"),
    Move.TRIED: Rule(_EARLY, State.ACKNOWLEDGED, "tried, no answer", "tried to reach the customer"),
    Move.CLOSE: Rule(LIVE, State.CLOSED, "closed", "closed this"),
    Move.REASSIGN: Rule(LIVE, None, "reassigned", "reassigned this"),
    Move.NOT_MINE: Rule(LIVE, None, "not mine", "passed this on"),
    Move.SNOOZE: Rule(LIVE, None, "snoozed", "snoozed this"),
    Move.UNSNOOZE: Rule(LIVE, None, "snooze ended", "ended the snooze"),
    Move.CANCEL: Rule(LIVE, State.CANCELLED, "cancelled", "cancelled this"),
    Move.REOPEN: Rule(frozenset({State.CLOSED, State.CANCELLED}), State.OPEN, "reopened", "reopened this"),
}
BY_WHOM = {rule.done: rule.by_whom for rule in MOVES.values()}
"""How a line of history reads after a name: `tried, no answer` is `tried to reach the customer`."""


def target(move: Move, follow_up_id: int, state: State, first: str = "") -> State:
    """The state after a move. Raises NotAllowed with `first` (who was faster), the state, and what is possible."""
    rule = MOVES[move]
    if state not in rule.sources:
        possible = ", ".join(sorted(o.value for o, r in MOVES.items() if state in r.sources and o is not Move.UNSNOOZE))
        name = f"{short_id(follow_up_id)} is {state.value}"
        said = f"{first} {name}." if first else f"{name}: {move.value} is not possible."
        raise NotAllowed(f"{said} Possible: {possible}.")
    return rule.target or state
