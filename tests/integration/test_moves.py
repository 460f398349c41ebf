"""What people do with follow-ups, alone and at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from tests.support.clock import MovableClock
from tests.support.flow import DIRECTORY
from tests.support.timeline import BERLIN, PLAYBOOKS, Timeline, berlin
from worker.errors import InnerloopError, NotAllowed, RowRefused
from worker.followup.closing import CloseOut
from worker.followup.timers import Timers, fire
from worker.store import follow_ups as rows
from worker.store.engine import Store, open_store
from worker.store.schema import follow_ups

QUEUE = DIRECTORY.replace("calendar: berlin}\npeople", 'calendar: berlin, queue: {slack: "#billing"}}\npeople')
TO_QUEUE = PLAYBOOKS.replace("owner: [agent, manager]", "owner: [team_queue]")
CLOSING = CloseOut(outcome="unreachable", root_cause="billing", action="Wrote to her.")


@pytest.fixture
def friday(fresh_store: Store) -> Timeline:
    return Timeline(fresh_store, "2026-11-20 16:30", directory=QUEUE)


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Let several people act at the same moment. Gives what each was answered; empty: it worked."""
    ready, answers = threading.Barrier(len(acts)), [""] * len(acts)

    def run(n: int, act: Callable[[], object]) -> None:
        ready.wait(10)
        try:
            act()
        except InnerloopError as error:
            answers[n] = str(error)

    threads = [threading.Thread(target=run, args=(n, act)) for n, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers


def test_of_two_who_acknowledge_at_once_one_wins_and_the_other_reads_who(friday: Timeline) -> None:
    one = friday.answer()
    answers = at_once(
        lambda: friday.service.acknowledge(one, by="ana", via="slack"),
        lambda: friday.service.acknowledge(one, by="bo", via="link"),
    )
    winner = "Ana" if answers[0] == "" else "Bo"
    assert min(answers) == ""
    assert max(answers).startswith(f"{winner} acknowledged this at 16:30; yours was not saved. F-1 is acknowledged.")
    assert friday.history(one) == ["opened", "acknowledged"]


def test_closing_and_reassigning_at_once_leaves_one_story(friday: Timeline) -> None:
    one = friday.answer()
    at_once(
        lambda: friday.service.close(one, CLOSING, by="ana", via="cli"),
        lambda: friday.service.reassign(one, to="hana", by="bo", via="page"),
        lambda: friday.service.cancel(one, by="hana", via="page", note="a test of ours"),
    )
    assert friday.row(one).version == len(friday.history(one))


def test_who_moves_what_somebody_else_just_moved_is_told_also_where_both_are_possible(friday: Timeline) -> None:
    one = friday.answer()
    answers = at_once(
        lambda: friday.service.reassign(one, to="hana", by="bo", via="page"),
        lambda: friday.service.reassign(one, to="bo", by="ana", via="slack"),
    )
    told = [answer for answer in answers if answer]
    # The second may also have begun after the first had ended: then it is a move of its own.
    assert len(friday.history(one)) == 3 - len(told)
    assert all(answer.endswith("reassigned this at 16:30; yours was not saved. Look again: F-1.") for answer in told)


def test_who_comes_a_day_later_reads_on_which_day_it_was_and_who_acts_twice_that_it_is_done(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.contact(one, by="ana", via="slack")
    with pytest.raises(NotAllowed, match=r"^You contacted the customer at 16:30 already\. F-1 is contacted\."):
        friday.service.contact(one, by="ana", via="link")
    friday.clock.set(berlin("2026-11-23 09:00"))
    with pytest.raises(NotAllowed, match=r"^Ana contacted the customer on Fri 20 Nov at 16:30; yours was not saved\."):
        friday.service.acknowledge(one, by="bo", via="link")


def test_two_replicas_with_skewed_clocks_do_each_step_once(friday: Timeline, store_url: str) -> None:
    for n in range(12):
        friday.answer_of(f"Customer {n}")
    early, late = (MovableClock(berlin("2026-11-24 11:00") + timedelta(seconds=s)) for s in (-20, 20))
    stores = [open_store(store_url) for _ in range(2)]
    replicas = [
        Timers(store, lambda: friday.flow.live, clock, lambda: None)
        for store, clock in zip(stores, (early, late), strict=True)
    ]
    assert at_once(*[lambda one=one: _until_done(one) for one in replicas * 2]) == [""] * 4
    for store in stores:
        store.close()
    told = ["alert to ana", "escalation to bo", "handed_over to bo", "reminder to ana", "taken_over to ana"]
    assert sorted(line.split(" ", 2)[2] for line in friday.told) == sorted(told * 12)
    assert friday.history(7) in (
        ["opened", "escalated", "reminded", "handed over"], ["opened", "reminded", "escalated", "handed over"],
    )  # fmt: skip


def _until_done(replica: Timers) -> None:
    while replica.run():
        pass


def test_what_is_private_never_goes_to_a_queue(fresh_store: Store) -> None:
    private = PLAYBOOKS.replace("due: 1 business day", "due: 1 business day\n    private: true", 1)
    private = private.replace("to: manager}", "to: team_queue, hand_over: true}")
    friday = Timeline(fresh_store, "2026-11-20 16:30", directory=QUEUE, playbooks=private)
    one = friday.answer()
    with pytest.raises(NotAllowed, match="private"):
        friday.service.reassign(one, to="team:billing", by="ana", via="cli")
    friday.until("2026-11-23 10:00")
    assert friday.row(one).owner == "bo"
    assert not [line for line in friday.told if "team:" in line]


def test_a_queues_work_belongs_to_the_first_who_acknowledges(fresh_store: Store) -> None:
    friday = Timeline(fresh_store, "2026-11-20 16:30", directory=QUEUE, playbooks=TO_QUEUE)
    one = friday.answer()
    assert (friday.row(one).owner, friday.told) == ("team:billing", ["Fri 16:30 alert to team:billing"])
    answers = at_once(*[lambda by=by: friday.service.acknowledge(one, by=by, via="slack") for by in ("ana", "hana")])
    assert friday.row(one).owner == ("ana" if answers[0] == "" else "hana")
    assert min(answers) == ""
    assert max(answers)


def test_after_the_last_try_the_owner_hears_once_more_and_it_may_be_closed_as_unreachable(friday: Timeline) -> None:
    one = friday.answer()
    for _ in range(3):
        assert friday.row(one).tries < 3
        friday.service.tried(one, by="ana", via="cli", reason="voicemail")
    row = friday.row(one)
    assert (row.tries, row.next_try_at, row.contacted_at) == (3, None, None)
    assert friday.until("2026-11-23 16:29") == ["Mon 12:00 reminder to ana"]
    assert friday.notes(one)[-1] == "the last try was in vain; ana was told"
    friday.service.close(one, CLOSING, by="ana", via="cli")
    assert (friday.row(one).outcome, friday.row(one).contacted_at) == ("unreachable", None)


def test_due_moves_with_a_changed_calendar_only_when_asked(friday: Timeline) -> None:
    one = friday.answer()
    friday.change(directory=QUEUE.replace("09:00-17:30", "12:00-20:00"))
    assert friday.row(one).due_at.astimezone(BERLIN) == berlin("2026-11-23 16:30")
    friday.until("2026-11-23 10:30")
    friday.service.recalculate(one, by="bo", via="cli", note="we answer in the evening now")
    assert friday.until("2026-11-23 16:30")[0] == "Mon 12:30 reminder to ana"
    assert friday.history(one)[:3] == ["opened", "escalated", "due counted again"]


def test_another_live_one_forbids_to_reopen_and_says_so(friday: Timeline) -> None:
    first = friday.answer()
    friday.service.cancel(first, by="ana", via="cli", note="a slip of the score")
    second = friday.answer("r-2")
    assert second != first
    with pytest.raises(NotAllowed, match="Another follow-up for the same customer is live"):
        friday.service.reopen(first, by="ana", via="cli")


def test_a_drill_tells_ops_and_nobody_else(friday: Timeline) -> None:
    friday.answer(test=True)
    friday.until("2026-11-25 12:00")
    assert {line.rpartition(" ")[2] for line in friday.told} == {"ops"}


def test_the_night_the_clocks_go_forward_takes_nobody_an_hour(fresh_store: Store) -> None:
    march = Timeline(fresh_store, "2027-03-26 16:30")  # the clocks go forward on Sunday the 28th
    one = march.answer()
    assert march.until("2027-03-29 10:00") == ["Mon 10:00 escalation to bo"]
    assert march.row(one).due_at.astimezone(BERLIN) == berlin("2027-03-29 16:30")


def test_an_escalation_to_the_owner_themselves_is_a_reminder(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.reassign(one, to="bo", by="ana", via="cli")
    assert friday.until("2026-11-23 10:00") == ["Mon 10:00 reminder to bo"]


def test_a_pause_that_lasts_is_counted_once_when_due_is_counted_again(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.snooze(one, until=berlin("2026-11-24 09:00"), by="ana", via="cli")
    friday.until("2026-11-23 12:00")
    friday.service.recalculate(one, by="bo", via="cli")
    assert friday.until("2026-11-24 09:00") == ["Tue 09:00 reminder to ana"]
    assert friday.row(one).due_at.astimezone(BERLIN) == berlin("2026-11-24 17:30")
    friday.service.recalculate(one, by="bo", via="cli")
    assert friday.row(one).due_at.astimezone(BERLIN) == berlin("2026-11-24 17:30")
    assert friday.until("2026-11-24 11:00") == ["Tue 11:00 escalation to bo"]


def test_a_snooze_between_reading_and_doing_keeps_a_step_from_being_done(friday: Timeline) -> None:
    one = friday.answer()
    friday.clock.set(berlin("2026-11-23 10:00"))
    people = friday.flow.live.people
    with friday.store.read() as conn:
        (due,) = rows.due_timers(conn, friday.clock.now(), 10)
    friday.service.snooze(one, until=berlin("2026-11-24 09:00"), by="ana", via="cli")
    with friday.store.write() as conn:
        assert fire(conn, rows.get(conn, one), due, people, friday.clock.now()) is None
    assert friday.history(one) == ["opened", "snoozed"]


def test_a_new_cycle_escalates_to_the_same_manager_again(friday: Timeline) -> None:
    one = friday.answer()
    friday.until("2026-11-23 10:00")
    friday.service.close(one, CLOSING, by="ana", via="cli")
    friday.service.reopen(one, by="ana", via="cli")
    assert friday.until("2026-11-23 12:00") == ["Mon 12:00 escalation to bo"]


def test_nobody_is_handed_what_they_own_already(friday: Timeline) -> None:
    one = friday.answer()
    with pytest.raises(NotAllowed, match="Ana Keller owns F-1 already"):
        friday.service.reassign(one, to="ana", by="bo", via="cli")


def test_a_clock_that_waits_for_the_customer_goes_on_when_they_answer(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.snooze(one, until=berlin("2026-11-25 09:00"), by="ana", via="cli", for_customer=True)
    assert friday.until("2026-11-24 09:00") == []
    friday.answer("r-2", 9)
    assert friday.row(one).next_step_at.astimezone(BERLIN) == berlin("2026-11-24 09:00")
    assert friday.until("2026-11-24 10:59") == []  # the owner reads the answer itself, and no reminder besides
    row = friday.row(one)
    assert (row.snoozed_until, row.due_at.astimezone(BERLIN)) == (None, berlin("2026-11-24 17:30"))
    assert friday.history(one) == ["opened", "waiting for the customer", "answered again", "snooze ended"]
    assert friday.until("2026-11-24 11:00") == ["Tue 11:00 escalation to bo"]


def test_an_answer_does_not_end_a_snooze_that_waits_for_something_else(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.snooze(one, until=berlin("2026-11-25 09:00"), by="ana", via="cli")
    friday.until("2026-11-24 09:00")
    friday.answer("r-2", 9)
    friday.until("2026-11-24 12:00")
    assert friday.row(one).snoozed_until.astimezone(BERLIN) == berlin("2026-11-25 09:00")


def test_a_pause_moves_elapsed_time_by_elapsed_time_and_working_time_by_working_time(fresh_store: Store) -> None:
    mixed = PLAYBOOKS.replace("every: 4 business hours, until", "every: 4 hours, until").replace(
        "    escalate:", "    escalate:\n      - {after_due: 24 hours, unless: closed, to: manager}"
    )
    friday = Timeline(fresh_store, "2026-11-20 16:30", playbooks=mixed)
    one = friday.answer()  # due Mon 16:30, first reminder Fri 20:30
    friday.service.snooze(one, until=berlin("2026-11-20 17:00"), by="ana", via="cli")
    friday.until("2026-11-20 17:00")
    with friday.store.read() as conn:
        steps = {timer.step: timer.fire_at.astimezone(BERLIN) for timer in rows.pending_timers(conn, one)}
    assert friday.row(one).due_at.astimezone(BERLIN) == berlin("2026-11-23 17:00")
    assert steps["remind"] == berlin("2026-11-20 21:00")
    assert steps["escalate.0"] == berlin("2026-11-24 17:00")
    assert steps["escalate.1"] == berlin("2026-11-23 10:30")


def test_a_pause_of_an_earlier_cycle_moves_nothing_when_due_is_counted_again(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.snooze(one, until=berlin("2026-11-24 09:00"), by="ana", via="cli")
    friday.until("2026-11-24 10:00")
    friday.service.close(one, CLOSING, by="ana", via="cli")
    friday.service.reopen(one, by="ana", via="cli")
    due = friday.row(one).due_at
    friday.service.recalculate(one, by="ana", via="cli")
    assert friday.row(one).due_at == due


def test_who_opens_again_the_work_of_somebody_who_left_gives_it_to_the_next(friday: Timeline) -> None:
    one = friday.answer()
    friday.service.close(one, CLOSING, by="ana", via="cli")
    friday.change(directory=QUEUE.replace("manager: bo}", "manager: bo, left: 2026-11-20}"))
    friday.service.reopen(one, by="hana", via="cli")
    assert (friday.row(one).owner, friday.told[-1]) == ("bo", "Fri 16:30 alert to bo")


IMPOSSIBLE = (
    {"state": "acknowledged"},  # by nobody, never
    {"state": "contacted", "acknowledged_at": berlin("2026-11-20 16:30")},
    {"state": "open", "acknowledged_at": berlin("2026-11-20 16:30")},
    {"state": "closed", "closed_at": berlin("2026-11-20 16:30")},  # without saying how it ended
    {"state": "closed", "outcome": "recovered"},
    {"state": "open", "closed_at": berlin("2026-11-20 16:30")},
    {"state": "cancelled", "cancelled_at": berlin("2026-11-20 16:30")},  # without a reason
    {
        "state": "cancelled", "cancelled_at": berlin("2026-11-20 16:30"), "cancel_reason": "a slip",
        "snoozed_until": berlin("2026-11-23 09:00"),
    },
    {"state": "lost"},
    {"outcome": "forgotten"},
    {"priority": 9},
)  # fmt: skip


def test_the_database_refuses_what_no_move_leads_to(friday: Timeline) -> None:
    one = friday.answer()
    for values in IMPOSSIBLE:
        with pytest.raises(RowRefused), friday.store.write() as conn:
            conn.execute(update(follow_ups).where(follow_ups.c.id == one).values(values))
    assert friday.row(one).state == "open"
