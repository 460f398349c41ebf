"""Friday afternoon at Quillbay Broadband: what happens, when, and what to look for afterwards.

A beat says what is played. What follows from it is never written here: `shows` asks the store and answers with a
sentence once it is so, or keeps silent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from worker.demo import outcomes
from worker.demo.cast import FARAH, JOAO, MAYA, OSKAR, PIET, SLOW, SLOWER, WEBER, WORDS, broken, ines, leo
from worker.demo.scene import Scene
from worker.demo.stream import Event, Record, record
from worker.demo.times import clock

Shows = Callable[[Scene], str | None]


class Turn(Enum):
    """What a beat does beside sending records."""

    SLACK_DOWN = "slack down"
    SLACK_BACK = "slack back"
    KILL = "kill"
    FIX_WEBER = "fix"
    SKIP_TO_MONDAY = "monday"


@dataclass(frozen=True, slots=True)
class Beat:
    """`says` is told when it is played; `shows` is asked until it has an answer."""

    at: datetime
    says: str | None = None
    records: tuple[Record, ...] = ()
    turn: Turn | None = None
    shows: Shows | None = None


def beats() -> list[Beat]:
    """The story, in order."""
    return [*_first_hour(), *_second_hour(), *_last_hour()]


def _gives(hours: int, minutes: int, says: str, event: Event, shows: Shows | None = None) -> Beat:
    at = clock(hours, minutes)
    return Beat(at, says, (record(event, at),), shows=shows)


def _first_hour() -> list[Beat]:
    whole = record(ines(WORDS, updated=clock(15, 12)), clock(15, 4))
    garbled = broken(clock(15, 44))
    return [
        _gives(15, 4, "Ines Ferrer, gold, gives a 2 after her call with Ana. Her words are still to come.", ines()),
        Beat(clock(15, 12), "Her words arrive under the same id.", (whole,), shows=outcomes.one_alert),
        _gives(15, 20, "Maya Roe gives a 10 and thanks Rita.", MAYA, outcomes.kudos),
        _gives(15, 32, "Oskar Lind gives a 9: he was charged twice.", OSKAR, outcomes.silent_detractor),
        Beat(garbled.at, "Somebody sends broken JSON.", (garbled,), shows=outcomes.dead_letter),
    ]


def _second_hour() -> list[Beat]:
    return [
        _gives(16, 0, "Farah Aziz gives a 3 and mentions her solicitor.", FARAH, outcomes.to_complaints),
        _gives(16, 8, "Leo Brandt gives a 4.", leo(1, 4, SLOW)),
        Beat(clock(16, 14), "Slack answers 503 from now on.", turn=Turn.SLACK_DOWN),
        _gives(16, 15, "Piet Jansen gives a 3.", PIET),
        Beat(clock(16, 21), shows=outcomes.by_mail),
        Beat(clock(16, 32), "Slack is back.", turn=Turn.SLACK_BACK),
        _gives(16, 36, "Leo Brandt again, a 2 this time.", leo(2, 2, SLOWER), outcomes.same_follow_up),
        Beat(clock(16, 42), "The worker is killed (SIGKILL) and started again.", turn=Turn.KILL),
    ]


def _last_hour() -> list[Beat]:
    return [
        Beat(clock(17, 6), shows=outcomes.manager_hears),
        _gives(17, 10, "Jonas Weber gives a 3. He has asked not to be contacted.", WEBER),
        _gives(17, 18, "João Pinto writes in Portuguese.", JOAO, outcomes.portuguese),
        Beat(clock(17, 30), shows=outcomes.desk_closed),
        Beat(clock(17, 34), "Cyd corrects Mr Weber's bill.", turn=Turn.FIX_WEBER, shows=outcomes.why_no_call),
        Beat(clock(18, 40), "The last answer of the day is in."),
        Beat(clock(19, 0), "Skip to Monday, 09:05.", turn=Turn.SKIP_TO_MONDAY, shows=outcomes.monday),
    ]
