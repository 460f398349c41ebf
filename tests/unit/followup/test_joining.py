from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count

import msgspec

from worker.followup.joining import Decided, Joining, Work
from worker.model.decision import Decision, Outcome
from worker.model.followup import State
from worker.model.notice import Kind
from worker.model.playbook import IfOpen, OnePer, Playbook, Priority
from worker.model.response import Customer, Interaction, Response
from worker.model.span import Span, Unit

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
RECOVER = Playbook(
    id="recover",
    name="Win the customer back",
    owner=("agent",),
    due=Span(1, Unit.DAYS),
    reopen_within=Span(14, Unit.DAYS),
)


def response(named: str = "r-1", customer: str | None = "crm/c-77", minutes_ago: int = 5, **fields: object) -> Response:
    return Response(
        id=named,
        source="ccaas",
        responded_at=NOW - timedelta(minutes=minutes_ago),
        customer=Customer(key=customer, id="c-77"),
        **fields,  # type: ignore[arg-type]
    )


def opens(plan: Playbook = RECOVER, priority: str = "normal", **fields: object) -> Decision:
    return Decision(
        revision="0123456789ab",
        now=NOW,
        rule="any-detractor",
        outcome=Outcome.OPEN,
        playbook=plan,
        priority=priority,
        owner="ana",
        due_at=NOW + timedelta(days=1),
        **fields,  # type: ignore[arg-type]
    )


def ignores() -> Decision:
    return Decision(revision="0123456789ab", now=NOW, rule="rest", outcome=Outcome.IGNORE, reason="not a detractor")


def joining(work: Iterable[Work] = ()) -> Joining:
    return Joining(
        work,
        ids=count(100),
        resolver=lambda _: lambda who, owner: owner if who == "owner" else who,
        add=lambda _, start, span: start + span.elapsed,
        stays=lambda _: True,
    )


def live(number: int = 42, plan: Playbook = RECOVER, **fields: object) -> Work:
    work = Work(
        id=number, customer_key="crm/c-77", dedupe_key="customer:crm/c-77", plan=plan, state=State.OPEN, cycle=1,
        version=1, priority=Priority.NORMAL, owner="ana", tags=(), test=False,
        first_responded_at=NOW - timedelta(hours=3), due_at=NOW + timedelta(hours=21), openers={1}, read_version=1,
    )  # fmt: skip
    for name, value in fields.items():
        setattr(work, name, value)
    return work


def test_a_detractor_opens_a_follow_up_with_a_timer_a_history_line_and_an_alert_to_its_owner() -> None:
    this = joining()
    this.apply(Decided(7, 1, response(), opens()))
    [new] = this.effects.opened
    assert (new.id, new.owner, new.due_at) == (100, "ana", NOW + timedelta(days=1))
    assert new.timers
    assert [(n.kind, n.recipient, n.cause) for n in this.effects.notices] == [
        (Kind.ALERT, "ana", "follow-up/100/1/alert")
    ]
    assert this.effects.joined == [(7, 100, "opened", NOW)]


def test_two_bad_answers_of_one_customer_in_one_batch_open_one_follow_up() -> None:
    this = joining()
    this.apply(Decided(7, 1, response("r-1"), opens()))
    this.apply(Decided(8, 1, response("r-2", minutes_ago=4), opens()))
    assert len(this.effects.opened) == 1
    assert this.effects.joined[1] == (8, 100, "added", NOW)
    assert this.effects.touched[100].version == 2


def test_an_unknown_customer_never_merges() -> None:
    this = joining()
    this.apply(Decided(7, 1, response("r-1", customer=None), opens()))
    this.apply(Decided(8, 1, response("r-2", customer=None), opens()))
    assert len(this.effects.opened) == 2


def test_a_second_playbook_of_the_same_customer_opens_its_own() -> None:
    this = joining([live()])
    this.apply(Decided(8, 1, response("r-2"), opens(msgspec.structs.replace(RECOVER, id="complaint"))))
    assert [new.plan.id for new in this.effects.opened] == ["complaint"]


def test_an_added_bad_answer_raises_priority_only_where_the_playbook_says_so() -> None:
    note, raising = live(), live(plan=msgspec.structs.replace(RECOVER, if_already_open=IfOpen.RAISE_PRIORITY))
    for work in (note, raising):
        joining([work]).apply(Decided(8, 1, response("r-2"), opens(priority="urgent")))
    assert (note.priority, raising.priority) == (Priority.NORMAL, Priority.URGENT)


def test_what_also_asks_for_at_least_holds_for_an_added_answer_too() -> None:
    work = live()
    joining([work]).apply(Decided(8, 1, response("r-2"), opens(floor="high")))
    assert work.priority is Priority.HIGH


def test_a_happy_answer_joins_the_newest_live_follow_up_and_tells_its_owner() -> None:
    this = joining([live(41), live(42, plan=msgspec.structs.replace(RECOVER, id="complaint"))])
    this.apply(Decided(8, 1, response("r-2"), ignores()))
    assert this.effects.joined == [(8, 42, "added", NOW)]
    assert [(n.kind, n.recipient) for n in this.effects.notices] == [(Kind.UPDATE, "ana")]


def test_an_answer_from_before_the_first_one_joins_nothing() -> None:
    this = joining([live()])
    this.apply(Decided(8, 1, response("r-0", minutes_ago=600), ignores()))
    assert not this.effects.joined


def test_a_bad_answer_within_the_window_opens_a_closed_follow_up_again_for_its_owner() -> None:
    closed = live(state=State.CLOSED, closed_at=NOW - timedelta(days=3), owner="bo", version=5)
    this = joining([closed])
    this.apply(Decided(8, 1, response("r-2"), opens()))
    [again] = this.effects.reopened
    assert (again.id, again.cycle, again.owner, again.history.version) == (42, 2, "bo", 6)
    assert this.effects.notices[0].cause == "follow-up/42/2/alert"


def test_after_the_window_a_new_follow_up_opens() -> None:
    closed = live(state=State.CLOSED, closed_at=NOW - timedelta(days=15))
    this = joining([closed])
    this.apply(Decided(8, 1, response("r-2"), opens()))
    assert [new.id for new in this.effects.opened] == [100]


def test_an_edit_that_takes_back_the_only_complaint_cancels_what_nobody_has_seen() -> None:
    work = live()
    joining([work]).apply(Decided(1, 2, response("r-1"), ignores(), belongs_to=42))
    assert work.state is State.CANCELLED
    assert work.cancel_reason


def test_an_edit_cancels_nothing_while_another_answer_still_asks_for_it() -> None:
    work = live(openers={1, 5})
    joining([work]).apply(Decided(1, 2, response("r-1"), ignores(), belongs_to=42))
    assert work.state is State.OPEN


def test_an_edit_cancels_nothing_that_somebody_works_on() -> None:
    work = live(state=State.ACKNOWLEDGED)
    joining([work]).apply(Decided(1, 2, response("r-1"), ignores(), belongs_to=42))
    assert work.state is State.ACKNOWLEDGED


def test_a_test_response_joins_nothing_and_is_told_to_ops_only() -> None:
    this = joining([live()])
    this.apply(Decided(8, 1, response("r-2", test=True), opens()))
    assert [(n.kind, n.recipient) for n in this.effects.notices] == [(Kind.DRILL, "ops")]


def test_one_open_per_interaction_merges_by_the_interaction() -> None:
    per_call = msgspec.structs.replace(RECOVER, one_open_per=OnePer.INTERACTION)
    this = joining()
    for n, call in enumerate(("i-1", "i-2", "i-1")):
        this.apply(Decided(n, 1, response(f"r-{n}", interaction=Interaction(id=call)), opens(per_call)))
    assert len(this.effects.opened) == 2


def test_too_old_to_alert_opens_nothing() -> None:
    this = joining()
    this.apply(Decided(7, 1, response(), opens(too_old=True)))
    assert not this.effects.opened
    assert not this.effects.notices
