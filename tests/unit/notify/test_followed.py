"""What a message says once somebody has acted: it is edited on every change, and must not go on saying what was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from worker.model.followup import State
from worker.model.notice import Kind
from worker.model.playbook import Tries
from worker.model.span import Span, Unit
from worker.notify import samples
from worker.notify.context import Line
from worker.notify.view import View
from worker.notify.words import Language

SEEN: dict[str, Any] = {
    "state": State.ACKNOWLEDGED, "acknowledged_at": samples.NOW, "acknowledged_by": "ana",
}  # fmt: skip


def message(kind: Kind, data: dict[str, Any], language: str = "en", said: Any = samples.SAID, **work: Any) -> View:
    found = samples.context(kind, said)
    assert found.work is not None
    playbook = replace_struct(found.work.playbook, tries=Tries(at_most=3, every=Span(4, Unit.BUSINESS_HOURS)))
    changed = replace(found.work, playbook=playbook, **work)
    return samples.view(
        kind, said, language=language, by_mail=False, notice=replace(found.notice, data=data), work=changed
    )  # fmt: skip


def replace_struct(value: Any, **changes: Any) -> Any:
    return type(value)(**{name: getattr(value, name) for name in value.__struct_fields__} | changes)


@pytest.mark.parametrize(
    ("unless", "work", "says"),
    [
        ("acknowledged", {}, "Ana has not acknowledged it since Fri 16:31, and keeps it until you act."),
        ("contacted", {}, "Ana has not contacted the customer since Fri 16:31, and keeps it until you act."),
        ("acknowledged", {"owner": "cyd"}, "Cyd has it now."),
        ("acknowledged", SEEN, "It has been acknowledged since."),
        ("contacted", SEEN, "Ana has not contacted the customer since Fri 16:31, and keeps it until you act."),
        (
            "contacted",
            SEEN | {"state": State.CONTACTED, "contacted_at": samples.NOW},
            "The customer has been contacted since.",
        ),
    ],
)
def test_an_escalation_says_what_holds_now(unless: str, work: dict[str, Any], says: str) -> None:
    (strip,) = message(Kind.ESCALATION, {"unless": unless, "from": "ana"}, due_from=samples.NOW, **work).strips
    assert strip.line == f"Escalated to you, Bo. {says}"


def test_nobody_is_blamed_for_the_time_before_it_was_theirs() -> None:
    given = (Line(2, samples.NOW, "handed over", "directory", None, "directory", "ana"),)
    escalated = samples.context(Kind.ESCALATION)
    notice = replace(escalated.notice, data={"unless": "acknowledged", "from": "ana"})
    (strip,) = samples.view(Kind.ESCALATION, by_mail=False, history=given, notice=notice).strips
    assert "Ana has not acknowledged it since Fri 16:31" in strip.text


def test_what_was_opened_again_begins_with_the_new_words() -> None:
    found = samples.context(Kind.ALERT)
    assert found.work is not None
    again = samples.view(Kind.ALERT, work=replace(found.work, cycle=2), news=samples.context(Kind.UPDATE).news)
    assert again.strips[0].line.startswith("Opened again. Ines Ferrer wrote again,")
    assert again.words is not None
    assert again.older is not None
    assert again.older.top.startswith("Third call")
    assert not samples.view(Kind.ALERT, work=replace(found.work, cycle=2, state=State.ACKNOWLEDGED)).strips


def test_an_escalation_of_an_earlier_cycle_says_nothing_of_this_one() -> None:
    found = samples.context(Kind.ESCALATION)
    assert found.work is not None
    assert samples.view(Kind.ESCALATION, work=replace(found.work, cycle=2)).strips == ()


def test_a_try_counts_as_seen_and_is_shown() -> None:
    assert message(Kind.ALERT, {}, tries=1, **SEEN).state_by == "by Ana, Fri 16:31, tried once"
    assert message(Kind.ALERT, {}, tries=2, **SEEN).state_by == "by Ana, Fri 16:31, tried 2 times"


def test_the_next_try_is_no_reminder_to_acknowledge() -> None:
    (strip,) = message(Kind.REMINDER, {"try": 1, "tries": 3}, tries=1, **SEEN).strips
    assert strip.line.startswith("Time for the next try. Tried once so far.")


@pytest.mark.parametrize("kind", [Kind.ALERT, Kind.REMINDER])
def test_after_the_last_try_a_message_offers_to_write_or_to_close(kind: Kind) -> None:
    (strip,) = message(kind, {"try": 3, "tries": 3}, tries=3, **SEEN).strips
    assert strip.line == (
        "Tried 3 times, and nobody was reached. Write to the customer, or close it as unreachable."
    )  # fmt: skip


def test_who_must_not_be_contacted_is_not_offered_a_letter() -> None:
    response = samples.SAID.response
    customer = replace_struct(response.customer, may_contact=False)
    said = replace(samples.SAID, response=replace_struct(response, customer=customer))
    (strip,) = message(Kind.REMINDER, {"try": 3, "tries": 3}, said=said, tries=3, **SEEN).strips
    assert strip.text == "Close it as unreachable."


def test_working_time_is_never_said_in_days() -> None:
    assert Language.of("en").span(timedelta(hours=80), days=False) == "80 h"
