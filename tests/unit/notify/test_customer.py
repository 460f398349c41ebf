"""What a customer may be told, and what speaks against it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from worker.model.followup import State
from worker.model.notice import Kind
from worker.model.playbook import Playbook, Say, TellCustomer
from worker.model.response import Contact, ContactWish
from worker.model.verdict import Class
from worker.notify import samples
from worker.notify.channel import Outgoing
from worker.notify.channels.sendgrid import SendGrid
from worker.notify.context import Context
from worker.notify.customer import answers_to, reader, withheld
from worker.notify.view import View
from worker.notify.views import build
from worker.route.schema import RuleSet

REPLY, THANKS, FIXED = Say.RECOVERY_REPLY, Say.THANKS, Say.WE_FIXED_IT


def case(say: Say = REPLY, *, work: dict[str, Any] | None = None, **changes: Any) -> Context:
    """Something that may be said, but for the changes: `customer`, `verdict`, `contact`, `response`, `notice`."""
    closed = {} if say is REPLY else {"state": State.CLOSED, "outcome": "recovered"}
    bare = samples.context(Kind.CUSTOMER)
    happy = {"klass": Class.PROMOTER} if say is THANKS else {}
    customer = structs.replace(samples.SAID.response.customer, **changes.get("customer", {}))
    said = replace(
        samples.SAID,
        response=structs.replace(samples.SAID.response, customer=customer, **changes.get("response", {})),
        verdict=structs.replace(samples.SAID.verdict, **{**happy, **changes.get("verdict", {})}),
        contact=Contact(email=changes.get("email", "ines@example.com")),
    )
    notice = replace(bare.notice, cause=f"follow-up/42/customer/{say}", **changes.get("notice", {}))
    assert bare.work is not None
    its = replace(bare.work, **{**closed, **(work or {})})
    return replace(bare, notice=notice, work=its, news=said, said=(said,), withdrawn=changes.get("withdrawn", False))


def rules(*says: Say, even_if: tuple[str, ...] = (), plan: str = "recover") -> RuleSet:
    told = tuple(TellCustomer(say=say, even_if=even_if) for say in says)
    books = {plan: structs.replace(_plan(case()), id=plan, tell_customer=told)}
    return RuleSet("r", "Europe/Berlin", (), (), books, samples.DIRECTORY, {})


def _plan(context: Context) -> Playbook:
    assert context.work is not None
    return context.work.playbook


PRIVATE = structs.replace(_plan(case()), private=True)
LEGAL = {"severity": ("legal",)}
AGAINST: list[tuple[Context, str]] = [
    (case(customer={"may_contact": False}), "must not be contacted"),
    (case(customer={"may_contact": None}), "not known whether they may be contacted"),
    (case(withdrawn=True), "must not be contacted, says another answer"),
    (case(email=None), "no e-mail address is known"),
    (case(response={"test": True}), "a test"),
    (case(work={"test": True}), "a test"),
    (case(work={"playbook": PRIVATE}), "the playbook is private"),
    (case(verdict=LEGAL), "marked legal"),
    (case(verdict={"severity": ("opt_out",)}), "asked not to be contacted"),
    (case(notice={"not_before": samples.NOW - timedelta(days=4)}), "too late to say it"),
    (case(work={"state": State.CLOSED}), "the follow-up is closed"),
    (case(work={"snoozed_until": samples.NOW}), "the follow-up is snoozed"),
    (case(work={"contacted_at": samples.NOW}), "contacted already"),
    (case(work={"due_at": samples.NOW}), "the due time has passed"),
    (case(THANKS, verdict={"klass": Class.PASSIVE}), "the answer is not a happy one"),
    (case(THANKS, verdict={"silent": True}), "the answer is not a happy one"),
    (case(FIXED, work={"state": State.OPEN}), "it is no longer closed as recovered"),
    (replace(case(), news=None), "the answer is gone"),
]


@pytest.mark.parametrize("say", list(Say))
def test_what_nothing_speaks_against_is_said(say: Say) -> None:
    assert withheld(case(say), rules(*Say), samples.NOW) is None


@pytest.mark.parametrize(("context", "why"), AGAINST, ids=[why for _, why in AGAINST])
def test_each_guard_rail_has_its_reason(context: Context, why: str) -> None:
    assert withheld(context, rules(*Say), samples.NOW) == why


@pytest.mark.parametrize(
    ("context", "word"), [(case(work={"playbook": PRIVATE}), "private"), (case(verdict=LEGAL), "severity")]
)
def test_what_is_grave_is_said_only_where_the_playbook_says_so(context: Context, word: str) -> None:
    assert withheld(context, rules(*Say, even_if=(word,)), samples.NOW) is None


def test_no_word_of_the_rules_reaches_who_asked_for_silence() -> None:
    context = case(verdict={"severity": ("opt_out",)})
    assert withheld(context, rules(*Say, even_if=("private", "severity")), samples.NOW) == "asked not to be contacted"


@pytest.mark.parametrize("today", [rules(), rules(THANKS), rules(*Say, plan="another")])
def test_what_the_rules_no_longer_ask_for_is_not_said(today: RuleSet) -> None:
    assert withheld(case(), today, samples.NOW) == "the rules no longer ask for it"


@pytest.mark.parametrize(("zone", "read"), [("Europe/Lisbon", "Europe/Lisbon"), ("Middle/Earth", "Europe/Berlin")])
def test_the_customer_reads_on_their_own_clock_where_it_is_known(zone: str, read: str) -> None:
    context = case(customer={"contact": ContactWish(timezone=zone), "language": "de"})
    found = reader(context, samples.DIRECTORY, "Europe/Paris")
    assert (found.zone.key, found.language, found.personal) == (read, "de", False)


@pytest.mark.parametrize(
    ("owner", "private", "to"),
    [
        ("ana", False, "billing@example.com"),  # the team's, which is there when Ana is not
        ("ana", True, "ana@example.com"),
        ("team:billing-emea", False, "billing@example.com"),
        ("cyd", False, "cyd@example.com"),
        ("nobody", False, None),
    ],
)
def test_a_reply_goes_to_people_who_know_of_it(owner: str, private: bool, to: str | None) -> None:
    work = case(work={"owner": owner, "playbook": PRIVATE if private else _plan(case())}).work
    assert answers_to(work, samples.DIRECTORY) == to


def test_a_promise_names_a_person_and_never_a_queue() -> None:
    view = samples.to_customer(REPLY)
    assert (view.colleague, view.due and view.due.when) == ("Ana Keller", "Mon 23 Nov, 12:00 CET")
    assert build_for(case(work={"owner": "team:billing-emea"})).colleague == ""


@pytest.mark.parametrize("say", list(Say))
def test_nothing_for_people_at_work_is_in_it(say: Say) -> None:
    shown = samples.to_customer(say)
    assert (shown.why, shown.strips, shown.facts, shown.score, shown.sender) == ("", (), (), None, "")
    assert shown.words is not None
    assert shown.words.note is None


def test_by_sendgrid_it_comes_from_our_name_and_an_answer_goes_somewhere() -> None:
    message = Outgoing(
        key="k", address="ines@example.com", kind=Kind.CUSTOMER, subject="s", lead="l", sender="",
        parts={"email.txt": "t", "email.html": "h"}, at=samples.NOW,
    )  # fmt: skip
    payload = SendGrid(lambda: "key", "http://127.0.0.1", "Quillbay <care@example.com>").payload(message)
    assert payload["from"] == {"email": "care@example.com", "name": "Quillbay"}
    assert payload["reply_to"] == {"email": "care@example.com"}


def build_for(context: Context) -> View:
    who = reader(context, samples.DIRECTORY, "Europe/Berlin")
    return build(context, who, samples.around(), samples.NOW, by_mail=True)
