from __future__ import annotations

import itertools
import re

import pytest

from worker.errors import NotAllowed
from worker.followup.lifecycle import MOVES, Move, target
from worker.model.followup import LIVE, State
from worker.store.schema import follow_ups

ENDED = {State.CLOSED, State.CANCELLED}


@pytest.mark.parametrize(("move", "state"), list(itertools.product(Move, State)))
def test_a_move_leads_where_the_table_says_or_says_what_is_possible(move: Move, state: State) -> None:
    rule = MOVES[move]
    if state in rule.sources:
        assert target(move, 7, state) == (rule.target or state)
    else:
        with pytest.raises(NotAllowed, match=rf"F-7 is {state.value}: {move.value} is not possible\. Possible: \w+"):
            target(move, 7, state)


def test_what_is_live_can_always_be_ended_and_what_has_ended_can_only_be_opened_again() -> None:
    assert all({Move.CLOSE, Move.CANCEL} <= _possible(state) for state in LIVE)
    assert all(_possible(state) == {Move.REOPEN} for state in ENDED)


def test_work_only_goes_forward_but_for_reopening() -> None:
    order = [State.OPEN, State.ACKNOWLEDGED, State.CONTACTED, State.CLOSED]
    for move, rule in MOVES.items():
        if rule.target in order and move is not Move.REOPEN:
            assert all(order.index(source) <= order.index(rule.target) for source in rule.sources), move


def test_the_database_knows_the_same_states() -> None:
    checks = {str(check.sqltext) for check in follow_ups.constraints if hasattr(check, "sqltext")}
    listed = next(text for text in checks if text.startswith("state IN"))
    assert set(re.findall(r"'(\w+)'", listed)) == {state.value for state in State}


def _possible(state: State) -> set[Move]:
    return {move for move, rule in MOVES.items() if state in rule.sources}
