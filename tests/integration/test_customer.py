"""Messages to customers, on both stores and over a real mail server: only where everything allows it, and only once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.flow import DIRECTORY
from tests.support.flow import ROUTING as SILENT
from tests.support.forgetting import SEAL, erase, found, traces
from tests.support.smtp_server import Mail, SmtpServer
from tests.support.telling import telling_store
from tests.support.timeline import PLAYBOOKS, Timeline
from worker.errors import NotAllowed, UsageError
from worker.followup.closing import CloseOut
from worker.notify.customer import held_back
from worker.notify.deliver import Deliverer
from worker.notify.render import Templates
from worker.ruleset import below
from worker.schedule.retention import Retention
from worker.store import listing, persons
from worker.store.engine import Store
from worker.store.notices import by_ids, start, try_again
from worker.store.schema import deliveries, notices

INES = "ines@example.com"
TOLD = PLAYBOOKS.replace(
    "    due: 1 business day\n",
    "    due: 1 business day\n    tell_customer: [{say: recovery_reply}, {say: we_fixed_it}]\n",
)
TOLD += """
  thanks:
    name: Thank you
    owner: [agent]
    due: 5 business days
    one_open_per: response
    closes_itself: true
    tell_customer: [{say: thanks, at_most_every: 30 days}]
"""
ROUTING = """
format: 1
timezone: Europe/Berlin
rules:
  - {id: tested, when: {response.test: yes}, then: {ignore: a test}}
  - {id: unhappy, name: Internal name, when: {response.class: detractor}, then: {open: recover}}
  - {id: praise, when: {response.class: promoter}, then: {open: thanks}}
  - {id: rest, when: always, then: {ignore: neither}}
"""
LEGAL = "format: 1\nseverity:\n  legal: {words: {en: [lawyer]}}\n"
QUEUE = DIRECTORY.replace("calendar: berlin}", "calendar: berlin, queue: {email: billing@example.com}}", 1)
RECOVERED = CloseOut(outcome="recovered", root_cause="billing", action="Credited.", tell_customer="The fee is gone.")


def customer(**more: Any) -> dict[str, Any]:
    return {"id": "c-77", "name": "Ines Ferrer", "email": INES, "may_contact": True, **more}


@pytest.fixture
def friday(tmp_path: Path, smtp: SmtpServer) -> Iterator[Timeline]:
    """A Friday afternoon with a rule set that tells customers."""
    with telling_store(tmp_path) as store:
        yield telling_customers(store, smtp)


@pytest.fixture
def both(fresh_store: Store, smtp: SmtpServer) -> Timeline:
    """The same on each engine."""
    return telling_customers(fresh_store, smtp)


def telling_customers(store: Store, smtp: SmtpServer) -> Timeline:
    return Timeline(store, "2026-11-20 16:30", playbooks=TOLD, routing=ROUTING, directory=QUEUE, mail=smtp)


def answer(friday: Timeline, named: str = "r-1", score: int = 2, who: Any = None, **more: Any) -> int:
    """An answer of somebody who may be contacted. Gives the newest follow-up."""
    return friday.answer(named, score, customer=who or customer(), **more)


def got(friday: Timeline, smtp: SmtpServer) -> list[Mail]:
    """What the customer has, after what is due was sent."""
    friday.deliver()
    return smtp.to(INES)


# What is said ------------------------------------------------------------------------------------------------------


def test_a_happy_customer_is_thanked(friday: Timeline, smtp: SmtpServer) -> None:
    answer(friday, score=10, comment="She stayed on the line until it worked.")
    (mail,) = got(friday, smtp)
    headers = mail.message
    assert (headers["Subject"], headers["From"]) == ("Thank you for your answer", "Innerloop <alerts@example.com>")
    assert (headers["Reply-To"], headers["Auto-Submitted"]) == ("billing@example.com", "auto-generated")
    assert '"She stayed on the line until it worked."' in mail.text
    assert "If you would rather not get mail from us" in mail.text.replace("\n", " ")
    assert "praise" not in mail.text + mail.html
    assert friday.ends("customer") == [("delivered", None)]


def test_an_unhappy_one_hears_who_will_be_in_touch_by_when(friday: Timeline, smtp: SmtpServer) -> None:
    lisbon = customer(language="de", contact={"timezone": "Europe/Lisbon"})
    answer(friday, who=lisbon, comment="Third call, ring 0171 5550123.")
    (mail,) = got(friday, smtp)
    assert mail.subject == "Ihre Antwort ist angekommen"
    assert "Guten Tag Ines Ferrer," in mail.text
    assert '"Third call, ring …."' in mail.text
    assert "Ana Keller meldet sich bei Ihnen bis Mo. 23. Nov., 15:30 WET." in mail.text.replace("\n", " ")
    assert "Internal name" not in mail.text + mail.html


def test_a_queue_promises_no_person(friday: Timeline, smtp: SmtpServer) -> None:
    friday.change(playbooks=TOLD.replace("owner: [agent, manager]", 'owner: ["team:billing"]'))
    answer(friday)
    (mail,) = got(friday, smtp)
    assert "We will be in touch by Mon 23 Nov, 16:30 CET." in mail.text.replace("\n", " ")


def test_without_a_mailbox_of_the_owner_a_reply_comes_to_our_own(friday: Timeline, smtp: SmtpServer) -> None:
    friday.change(directory=DIRECTORY.replace("email: ana@example.com, ", ""))
    answer(friday)
    (mail,) = got(friday, smtp)
    assert mail.message["Reply-To"] == "alerts@example.com"


def test_whoever_closes_says_what_was_changed(friday: Timeline, smtp: SmtpServer) -> None:
    number = answer(friday)
    friday.service.close(number, RECOVERED, by="bo", via="cli")
    (mail,) = got(friday, smtp)  # the promise of a contact is not made any more
    assert mail.subject == "What we have changed"
    assert "The fee is gone.\n\nBo Marsh" in mail.text.replace("\r", "")
    assert friday.ends("customer") == [("skipped", "the follow-up is closed"), ("delivered", None)]


# Who is not told ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ({"may_contact": False}, "must not be contacted"),
        ({"may_contact": None}, "not known whether they may be contacted"),
        ({"email": None}, "no e-mail address is known"),
    ],
)
def test_who_may_not_be_written_to_is_not(friday: Timeline, smtp: SmtpServer, who: dict[str, Any], why: str) -> None:
    answer(friday, who=customer(**who))
    assert got(friday, smtp) == []
    assert friday.ends("customer") == [("skipped", why)]
    assert friday.ends("alert") == [("delivered", None)]


def test_who_asks_for_nothing_tells_no_customer(friday: Timeline, smtp: SmtpServer) -> None:
    friday.change(playbooks=PLAYBOOKS, routing=SILENT)
    answer(friday)
    assert got(friday, smtp) == []
    assert friday.ends("customer") == []


def test_consent_withdrawn_before_the_next_try_counts(both: Timeline, smtp: SmtpServer) -> None:
    answer(both, score=10)
    smtp.fail_next(code=451, times=2)  # the agent's, and the customer's
    both.deliver()
    with both.store.read() as conn:
        assert conn.execute(select(deliveries.c.attempts)).scalars().all() == [1, 1]
    answer(both, "r-2", 7, who=customer(may_contact=False))
    both.clock.advance(minutes=1)
    assert got(both, smtp) == []
    assert both.ends("customer") == [("skipped", "must not be contacted, says another answer")]


def test_what_is_switched_off_is_off_for_what_is_open(friday: Timeline, smtp: SmtpServer) -> None:
    answer(friday)
    friday.change(playbooks=TOLD.replace("{say: recovery_reply}, ", ""))
    assert got(friday, smtp) == []
    assert friday.ends("customer") == [("skipped", "the rules no longer ask for it")]


def test_a_drill_writes_to_no_customer(friday: Timeline, smtp: SmtpServer) -> None:
    friday.change(routing=ROUTING.replace("then: {ignore: a test}", "then: {open: recover}"))
    answer(friday, test=True)
    assert got(friday, smtp) == []
    assert friday.ends("customer") == []


def test_what_was_too_old_to_alert_stays_without_a_word_when_it_is_opened(friday: Timeline, smtp: SmtpServer) -> None:
    friday.flow.feed(friday.flow.event("r-1", 2, minutes_ago=20_000, customer=customer()))
    friday.flow.pipeline.open_late("ccaas", "r-1", by="bo", via="cli")
    assert got(friday, smtp) == []
    assert (friday.ends("customer"), friday.ends("alert")) == ([], [("delivered", None)])


def test_a_broken_template_tells_ops_and_no_customer(friday: Timeline, smtp: SmtpServer) -> None:
    good = friday.flow.live
    broken = Templates({**below(good.files, "templates"), "customer/email.txt.j2": b"{{ nonsense }}"})
    answer(friday, score=10)
    friday.flow.live = replace(good, templates=broken)
    assert got(friday, smtp) == []
    assert friday.ends("customer") == [("skipped", "its template cannot be rendered")]
    assert len(friday.ends("ops")) == 1


# Once --------------------------------------------------------------------------------------------------------------


def test_reading_it_again_says_nothing_again(friday: Timeline, smtp: SmtpServer) -> None:
    for _ in range(3):
        friday.flow.feed(friday.flow.event("r-1", 10, minutes_ago=0, customer=customer()))
        assert len(got(friday, smtp)) == 1


def test_a_customer_is_thanked_once_in_its_window(both: Timeline, smtp: SmtpServer) -> None:
    answer(both, "r-1", 10)
    answer(both, "r-2", 10)
    assert len(got(both, smtp)) == 1
    both.clock.advance(days=29)
    answer(both, "r-3", 10)
    assert len(got(both, smtp)) == 1
    both.clock.advance(days=2)
    answer(both, "r-4", 10)
    assert len(got(both, smtp)) == 2
    said = ("skipped", "told so in the last 30 days")
    assert both.ends("customer") == [("delivered", None), said, said, ("delivered", None)]


def test_two_workers_at_once_thank_once(both: Timeline, smtp: SmtpServer) -> None:
    for n in range(6):
        answer(both, f"r-{n}", 10)
    others = [Deliverer(both.store, both.deliverer._channels, lambda: both.flow.live, both.clock, 2) for _ in range(2)]
    for one in others:
        one.start()
    try:
        both.deliver()
    finally:
        for one in others:
            one.stop(30)
    both.deliver()
    assert len(smtp.to(INES)) == 1
    assert sorted(both.ends("customer")) == [("delivered", None)] + [("skipped", "told so in the last 30 days")] * 5


def test_whoever_plans_second_waits_and_sees_the_first(both: Timeline) -> None:
    """Two workers in the middle of planning: neither has committed when the other looks."""
    for named in ("r-1", "r-2"):
        answer(both, named, 10)
    rules, now = both.flow.live.rule_set, both.clock.now()
    with both.store.read() as conn:
        ids = conn.execute(select(notices.c.id).where(notices.c.kind == "customer").order_by(notices.c.id)).scalars()
        first, second = by_ids(conn, list(ids)).values()

    def plan_second() -> dict[int, str]:
        with both.store.write() as conn:
            return held_back(conn, [second], rules, now)

    with ThreadPoolExecutor(1) as pool:
        with both.store.write() as conn:
            assert held_back(conn, [first], rules, now) == {}
            other = pool.submit(plan_second)
            wait([other], timeout=0.5)  # it has to wait; without a lock it would be through by now
            start(conn, [first.id], now)
        assert other.result(timeout=30) == {second.id: "told so in the last 30 days"}


def test_a_mail_without_an_answer_is_never_sent_again(friday: Timeline, smtp: SmtpServer) -> None:
    friday.change(directory=DIRECTORY.replace("email: ana@example.com, ", ""))  # the one mail is the customer's
    answer(friday)
    smtp.fail_next(cut_after_accept=True)
    for _ in range(3):
        assert len(got(friday, smtp)) == 1
        friday.clock.advance(minutes=10)
    assert friday.ends("customer") == [("failed", "no_answer")]
    assert [reason for _, reason in friday.ends("ops")][-1] == "no ops channel is set; it is in the log"


def test_nor_is_one_whose_worker_died_in_the_call(friday: Timeline, smtp: SmtpServer) -> None:
    friday.change(directory=DIRECTORY.replace("email: ana@example.com, ", ""))
    answer(friday)
    dying = Deliverer(friday.store, friday.deliverer._channels, lambda: friday.flow.live, friday.clock, 2)
    dying._record([], 2)  # claimed, the attempt written; then the process is gone
    with friday.store.write() as conn:
        conn.execute(deliveries.update().values(lease_until=None))
    friday.clock.advance(minutes=1)
    assert got(friday, smtp) == []
    assert friday.ends("customer") == [("failed", "no_answer")]


def test_what_failed_for_good_can_be_sent_by_a_person(friday: Timeline, smtp: SmtpServer) -> None:
    answer(friday, score=10)
    smtp.fail_next(code=550, stage="rcpt", times=2)
    assert got(friday, smtp) == []
    with friday.store.write() as conn:
        number = conn.execute(select(notices.c.id).where(notices.c.kind == "customer")).scalar_one()
        assert try_again(conn, number, friday.clock.now())
    assert len(got(friday, smtp)) == 1


# Closing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "who", "why"),
    [
        ({"outcome": "not_recovered"}, {}, 'the outcome of F-1 is "not_recovered"'),
        ({"tell_customer": "  "}, {}, "1 to 2000 characters"),
        ({"tell_customer": "x" * 2001}, {}, "got 2001"),
        ({}, {"may_contact": None}, "is not known. Close F-1"),
        ({}, {"may_contact": False}, "must not be contacted"),
        ({}, {"email": None}, "No e-mail address"),
    ],
)
def test_who_closes_is_told_at_once_why_a_customer_is_not(
    friday: Timeline, changes: dict[str, Any], who: dict[str, Any], why: str
) -> None:
    number = answer(friday, who=customer(**who))
    values = {name: getattr(RECOVERED, name) for name in CloseOut.__struct_fields__}
    with pytest.raises((NotAllowed, UsageError), match=why):
        friday.service.close(number, CloseOut(**{**values, **changes}), by="ana", via="cli")
    with friday.store.read() as conn:
        assert listing.follow_up_row(conn, number)["state"] == "open"


def test_a_playbook_that_does_not_say_so_refuses(friday: Timeline) -> None:
    friday.change(playbooks=TOLD.replace(", {say: we_fixed_it}", ""))
    number = answer(friday)
    with pytest.raises(NotAllowed, match=r"It needs tell_customer: \[\{say: we_fixed_it\}\]"):
        friday.service.close(number, RECOVERED, by="ana", via="cli")


@pytest.mark.parametrize(
    ("old", "new", "comment", "why"),
    [
        ("    owner: [agent", "    private: yes\n    owner: [agent", "Bad.", "private"),
        ("", "", "My lawyer will write.", "legal"),
    ],
)
def test_what_is_grave_is_not_told_by_mail(friday: Timeline, old: str, new: str, comment: str, why: str) -> None:
    friday.change(playbooks=TOLD.replace(old, new, 1), severity=LEGAL)
    number = answer(friday, comment=comment, language="en")
    with pytest.raises(NotAllowed, match=f"F-1 is {why}: its customer is not told by mail"):
        friday.service.close(number, RECOVERED, by="ana", via="cli")


def test_two_follow_ups_closed_in_a_window_are_told_of_once(friday: Timeline) -> None:
    friday.service.close(answer(friday), RECOVERED, by="ana", via="cli")
    friday.deliver()
    friday.clock.advance(days=20)
    number = answer(friday, "r-2")
    with pytest.raises(NotAllowed, match="told so in the last 30 days"):
        friday.service.close(number, RECOVERED, by="ana", via="cli")


def test_a_customer_is_told_of_a_follow_up_once_also_when_it_opens_again(both: Timeline, smtp: SmtpServer) -> None:
    number = answer(both)
    both.deliver()
    both.service.close(number, RECOVERED, by="ana", via="cli")
    both.deliver()
    both.service.reopen(number, by="ana", via="cli")
    with pytest.raises(NotAllowed, match="told of F-1 before"):
        both.service.close(number, RECOVERED, by="ana", via="cli")
    assert [mail.subject for mail in got(both, smtp)] == ["We have your answer", "What we have changed"]


# Their data --------------------------------------------------------------------------------------------------------


def test_the_address_is_in_no_notice_and_no_delivery(friday: Timeline, smtp: SmtpServer) -> None:
    answer(friday)
    assert len(got(friday, smtp)) == 1
    with friday.store.read() as conn:
        shown = [row for row in listing.notice_rows(conn) if row["kind"] == "customer"]
        kept = [str(row) for table in (notices, deliveries) for row in conn.execute(select(table))]
    assert (shown[0]["to"], shown[0]["deliveries"][0]["address"]) == ("customer", "customer")
    assert INES not in "".join(kept)


def test_who_was_erased_meanwhile_is_not_told(both: Timeline, smtp: SmtpServer) -> None:
    number = answer(both)
    both.service.close(number, RECOVERED, by="ana", via="cli")
    erase(both.flow, "c-77")
    assert got(both, smtp) == []
    assert both.ends("customer") == [("skipped", "the customer was erased")] * 2
    assert traces(both.store, [INES, "The fee is gone"]) == []


def test_an_export_holds_what_they_were_told(both: Timeline) -> None:
    number = answer(both)
    both.service.close(number, RECOVERED, by="ana", via="cli")
    both.deliver()
    with both.store.read() as conn:
        told = persons.export(conn, found(both.flow, "c-77"), SEAL)["told"]
    said = [(one["what"], one["state"]) for one in told]
    assert said == [("recovery_reply", "skipped"), ("we_fixed_it", "delivered")]
    assert told[1]["data"]["words"] == "The fee is gone."


def test_pruning_forgets_the_words_and_not_that_they_were_said(friday: Timeline, smtp: SmtpServer) -> None:
    number = answer(friday)
    friday.service.close(number, RECOVERED, by="ana", via="cli")
    friday.deliver()
    friday.clock.advance(days=400)
    span = friday.clock.now() - friday.clock.now()
    Retention(friday.store, friday.clock, responses=None, notices=span).run_to_the_end()
    assert traces(friday.store, ["The fee is gone"]) == []
    assert friday.ends("customer")[1] == ("delivered", None)
