"""What people are told over days, as a timeline of answers, moves and messages."""

from __future__ import annotations

import pytest

from tests.support.flow import DIRECTORY
from tests.support.smtp_server import SmtpServer
from tests.support.timeline import BERLIN, PLAYBOOKS, Timeline, berlin
from worker.errors import NotAllowed, UsageError
from worker.followup.closing import CloseOut
from worker.store.engine import Store


@pytest.fixture
def friday(fresh_store: Store) -> Timeline:
    """Friday afternoon: an hour of working time is left before the weekend."""
    return Timeline(fresh_store, "2026-11-20 16:30")


def test_an_unseen_follow_up_over_a_weekend_goes_to_the_manager_and_then_over_to_the_lead(friday: Timeline) -> None:
    friday.answer()
    assert friday.until("2026-11-20 23:00") == []
    assert friday.until("2026-11-23 09:59") == []
    assert friday.until("2026-11-23 10:00") == ["Mon 10:00 escalation to bo"]
    assert friday.until("2026-11-23 12:00") == ["Mon 12:00 reminder to ana"]
    assert friday.until("2026-11-23 16:30") == [
        "Mon 16:00 reminder to ana",
        "Mon 16:30 handed_over to bo",
        "Mon 16:30 taken_over to ana",
    ]


def test_the_hand_over_moves_the_owner_raises_priority_and_leaves_due(friday: Timeline) -> None:
    one = friday.answer()
    due = friday.row(one).due_at
    friday.until("2026-11-23 16:30")
    row = friday.row(one)
    assert (row.owner, row.priority, row.due_at) == ("bo", 4, due)
    assert friday.history(one)[-1] == "handed over"


def test_an_acknowledged_follow_up_is_quiet_until_due(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.acknowledge(one, by="ana", via="cli")
    assert friday.until("2026-11-23 16:29") == []


def test_a_contacted_follow_up_is_never_escalated(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.contact(one, by="ana", via="cli")
    assert [line for line in friday.until("2026-11-24 09:00") if "handed_over" in line] == []


def test_a_live_follow_up_whose_steps_are_spent_is_shown_to_the_default_owner_every_day(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.contact(one, by="ana", via="cli")
    told = friday.until("2026-11-26 17:00")
    assert told == ["Tue 16:30 escalation to bo", "Wed 16:30 escalation to bo", "Thu 16:30 escalation to bo"]
    assert friday.row(one).next_step_at.astimezone(BERLIN) == berlin("2026-11-27 16:30")


def test_a_worker_that_was_down_catches_up_in_due_order_without_a_flood(friday: Timeline) -> None:
    one = friday.answer()
    told = friday.down_until("2026-11-24 11:00")
    assert [line.split(" ", 2)[2] for line in told] == [
        "escalation to bo", "reminder to ana", "handed_over to bo", "taken_over to ana",
    ]  # fmt: skip
    assert friday.history(one) == ["opened", "escalated", "reminded", "handed over"]
    assert friday.notes(one)[1] == "not acknowledged; bo was told; planned for Mon 23 Nov, 10:00 CET"


def test_a_step_that_was_overtaken_while_the_worker_was_down_is_void_and_not_sent(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.contact(one, by="ana", via="cli")
    assert "escalation to bo" not in " ".join(friday.down_until("2026-11-23 16:45"))
    assert set(friday.flow.rows("timers", "state", "reason")) >= {("void", "acknowledged"), ("void", "contacted")}


def test_a_snooze_stops_the_clock_and_moves_what_is_due(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.snooze(one, until=berlin("2026-11-24 09:00"), by="ana", via="cli", note="back on Tuesday")
    assert friday.until("2026-11-24 08:59") == []
    assert friday.until("2026-11-24 09:00") == ["Tue 09:00 reminder to ana"]
    row = friday.row(one)
    assert row.due_at.astimezone(BERLIN) == berlin("2026-11-24 17:30")
    assert row.snoozed_until is None
    assert friday.history(one) == ["opened", "snoozed", "snooze ended"]


def test_a_try_is_no_contact_and_asks_for_the_next_one(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.tried(one, by="ana", via="cli", reason="voicemail")
    row = friday.row(one)
    assert (row.state, row.contacted_at, row.tries) == ("acknowledged", None, 1)
    assert friday.until("2026-11-23 12:00") == ["Mon 12:00 reminder to ana"]


def test_closing_needs_what_the_playbook_asks_for(friday: Timeline) -> None:
    one = friday.answer()
    with pytest.raises(UsageError, match="root cause"):
        friday.service.close(one, CloseOut(outcome="recovered"), by="ana", via="cli")
    friday.service.close(
        one, CloseOut(outcome="recovered", root_cause="billing", action="Fee credited."), by="ana", via="cli"
    )
    row = friday.row(one)
    assert (row.state, row.outcome, row.contacted_by) == ("closed", "recovered", "ana")
    assert friday.until("2026-11-24 12:00") == []


def test_a_second_acknowledgement_is_told_who_was_first(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.acknowledge(one, by="ana", via="cli")
    with pytest.raises(NotAllowed, match="acknowledged"):
        friday.service.acknowledge(one, by="bo", via="cli")


def test_reassigning_keeps_due_and_tells_both(friday: Timeline) -> None:
    one = friday.answer()
    due = friday.row(one).due_at
    friday.service.reassign(one, to="hana", by="bo", via="cli", note="knows the case")
    assert friday.row(one).due_at == due
    assert friday.told[1:] == ["Fri 16:30 handed_over to hana", "Fri 16:30 taken_over to ana"]


def test_not_mine_goes_on_in_the_chain_and_never_back(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.not_mine(one, by="ana", via="cli", note="not my call")
    assert friday.row(one).owner == "bo"
    with pytest.raises(NotAllowed, match="nobody after bo"):
        friday.service.not_mine(one, by="bo", via="cli", note="nor mine")


def test_a_bad_answer_after_closing_opens_the_same_follow_up_again(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.close(
        one, CloseOut(outcome="recovered", root_cause="billing", action="Fee credited."), by="ana", via="cli"
    )
    friday.until("2026-11-23 09:30")
    assert friday.answer("r-2", score=1) == one
    row = friday.row(one)
    assert (row.state, row.cycle, row.acknowledged_at, row.closed_at) == ("open", 2, None, None)
    assert friday.told[-1] == "Mon 09:30 alert to ana"


def test_the_night_the_clocks_go_back_costs_nobody_an_hour(fresh_store: Store) -> None:
    late_october = Timeline(fresh_store, "2026-10-23 16:30")  # the clocks go back on Sunday the 25th
    late_october.answer()
    assert late_october.until("2026-10-26 10:00") == ["Mon 10:00 escalation to bo"]


def test_the_owner_is_warned_when_little_time_is_left_and_the_customer_was_not_contacted(fresh_store: Store) -> None:
    warned = PLAYBOOKS.replace("    tries:", "    due_soon: 90 business minutes\n    tries:")
    friday = Timeline(fresh_store, "2026-11-20 10:00", playbooks=warned)
    one = friday.answer()  # due Mon 10:00: of the 90 minutes, an hour is Monday's
    friday.service.acknowledge(one, by="ana", via="cli")
    assert friday.until("2026-11-23 09:59") == ["Fri 17:00 due_soon to ana"]
    assert friday.history(one)[-1] == "warned"


def test_who_was_contacted_in_time_needs_no_warning(fresh_store: Store) -> None:
    warned = PLAYBOOKS.replace("    tries:", "    due_soon: 90 business minutes\n    tries:")
    friday = Timeline(fresh_store, "2026-11-20 10:00", playbooks=warned)
    friday.service.contact(friday.answer(), by="ana", via="cli")
    assert friday.until("2026-11-23 10:00") == []


ABOVE = DIRECTORY.replace(
    "email: bo@example.com, team: billing", "email: bo@example.com, team: billing, manager: cyd"
).replace('"person:bo"', '"person:head"') + (
    "  cyd: {name: Cyd Moreau, email: cyd@example.com, manager: head}\n"
    "  head: {name: Hedda Lund, email: head@example.com}\n"
)  # fmt: skip


@pytest.mark.parametrize(
    "bo_is", ["away: [{from: 2026-11-23, until: 2026-11-27}]", "left: 2026-11-21"], ids=["away", "gone"]
)
def test_a_manager_who_is_not_there_is_passed_over_for_who_stands_above(fresh_store: Store, bo_is: str) -> None:
    absent = ABOVE.replace("email: bo@example.com,", f"email: bo@example.com, {bo_is},")
    friday = Timeline(fresh_store, "2026-11-20 16:30", directory=absent)
    friday.answer()
    assert friday.until("2026-11-23 10:00") == ["Mon 10:00 escalation to cyd"]


def test_nobody_is_told_twice_in_a_row_but_who_stands_above(fresh_store: Store) -> None:
    friday = Timeline(fresh_store, "2026-11-20 16:30", directory=ABOVE)
    friday.answer()
    assert friday.until("2026-11-23 10:00") == ["Mon 10:00 escalation to bo"]
    assert friday.until("2026-11-23 16:30")[-2:] == ["Mon 16:30 handed_over to cyd", "Mon 16:30 taken_over to ana"]


def test_who_must_not_have_it_is_not_handed_it_either(fresh_store: Store) -> None:
    barred = PLAYBOOKS.replace("owner: [agent, manager]", 'owner: ["person:hana"]\n    owner_not: [manager]')
    barred = barred.replace("unless: contacted, to: team_lead", "unless: contacted, to: agent")
    friday = Timeline(fresh_store, "2026-11-20 16:30", directory=ABOVE, playbooks=barred)
    one = friday.answer()
    friday.service.not_mine(one, by="hana", via="cli", note="not my call")
    friday.service.reassign(one, to="ana", by="hana", via="cli")
    friday.until("2026-11-23 16:30")
    assert friday.row(one).owner == "cyd"  # ana has it, her manager is barred


def test_a_clock_that_is_set_back_does_nothing_twice_and_loses_nothing(friday: Timeline) -> None:
    one = friday.answer()
    friday.until("2026-11-23 10:00")
    friday.clock.set(berlin("2026-11-23 08:00"))
    assert friday.until("2026-11-23 11:59") == []
    assert friday.until("2026-11-23 12:00") == ["Mon 12:00 reminder to ana"]
    assert friday.history(one) == ["opened", "escalated", "reminded"]


def test_what_a_message_says_comes_next_is_what_comes(fresh_store: Store, smtp: SmtpServer) -> None:
    friday = Timeline(fresh_store, "2026-11-20 16:30", directory=ABOVE, mail=smtp)
    friday.answer()  # bo is ana's manager and leads the team: told first, he is not the next one, too
    friday.deliver()
    said = " ".join(smtp.to("ana@example.com")[0].text.split())
    assert "Mon 10:00 not acknowledged: Bo is told Mon 16:30 not contacted: Cyd is told" in said
    assert friday.until("2026-11-23 10:00") == ["Mon 10:00 escalation to bo"]
    friday.deliver()
    assert "Mon 16:30 not contacted: Cyd is told" in " ".join(smtp.to("bo@example.com")[0].text.split())
    assert friday.until("2026-11-23 16:30")[-2:] == ["Mon 16:30 handed_over to cyd", "Mon 16:30 taken_over to ana"]
    assert friday.row(1).owner_via == "above"


def test_the_second_not_mine_goes_to_the_teams_lead_whoever_else_is_in_the_chain(fresh_store: Store) -> None:
    chain = PLAYBOOKS.replace("owner: [agent, manager]", 'owner: [agent, manager, "person:hana"]')
    friday = Timeline(
        fresh_store, "2026-11-20 16:30", directory=ABOVE.replace("lead: bo", "lead: cyd"), playbooks=chain
    )  # fmt: skip
    one = friday.answer()
    friday.service.not_mine(one, by="ana", via="cli", note="not my call")
    assert friday.row(one).owner == "bo"
    friday.service.not_mine(one, by="bo", via="cli", note="nor mine")
    assert friday.row(one).owner == "cyd"
    assert friday.told[-2:] == ["Fri 16:30 handed_over to bo", "Fri 16:30 handed_over to cyd"]
