"""What messages say: the first lines, the strips, who may be called, why and what next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from worker.model.followup import State
from worker.model.notice import Kind
from worker.model.playbook import Escalation, Milestone
from worker.model.response import Contact, Customer, Interaction
from worker.model.verdict import Class, Verdict
from worker.notify import samples
from worker.notify.context import Said, Step
from worker.notify.page import Around
from worker.notify.recipients import reader
from worker.notify.view import View
from worker.notify.views import build
from worker.store.deliveries import Earlier

SAID = samples.SAID


def scored(metric: str, score: int | None, high: int, **more: Any) -> Said:
    klass = Class.DETRACTOR if score is not None else None
    return replace(SAID, verdict=Verdict(metric=metric, score=score, klass=klass, scale_low=0, scale_high=high, **more))


def customer(**values: Any) -> Said:
    response = SAID.response
    known = {name: getattr(response, name) for name in type(response).__struct_fields__}
    return replace(SAID, response=type(response)(**{**known, "customer": Customer(name="Ines Ferrer", **values)}))


def test_the_first_lines_of_an_alert() -> None:
    view = samples.view(Kind.ALERT)
    assert view.subject == "Reply by Mon 12:00: NPS 2 from Ines Ferrer, Berlin [F-42]"
    assert view.preheader.startswith("“Third call about the same invoice.")
    assert view.lead.startswith("Reply by Mon 12:00: NPS 2 from Ines Ferrer, Berlin. “Third call")
    assert (view.sender, view.title) == ("innerloop", "NPS 2 from Ines Ferrer, Berlin")


def test_the_first_lines_in_german() -> None:
    view = samples.view(Kind.ALERT, language="de")
    assert view.subject == "Antwort bis Mo. 12:00: NPS 2 von Ines Ferrer, Berlin [F-42]"
    assert view.preheader.startswith("„Third call")


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.CUSTOMER])
@pytest.mark.parametrize("language", ["en", "de", "en-XA"])
def test_first_lines_keep_their_lengths(kind: Kind, language: str) -> None:
    for said in (SAID, customer(id="x" * 300)):
        view = samples.view(kind, said, language=language)
        assert len(view.subject) <= 78
        assert len(view.preheader) <= 100
        assert len(view.lead) <= 110
        assert view.sender.isascii()


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (scored("nps", 2, 10), "NPS 2"),
        (scored("csat", 1, 5), "CSAT 1/5"),
        (scored("ces", 3, 7), "CES 3/7"),
        (scored("stars", 1, 5), "1 of 5 stars"),
        (scored("thumbs", 0, 1), "Thumbs down"),
        (scored("nps", 9, 10, silent=True), "NPS 9, unhappy words"),
        (scored("nps", None, 10), "Comment"),
    ],
)
def test_scores_as_people_say_them(said: Said, text: str) -> None:
    assert samples.view(Kind.ALERT, said).subject.startswith(f"Reply by Mon 12:00: {text} from Ines Ferrer")


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        (Kind.DRILL, "Drill, reply by"),
        (Kind.ESCALATION, "Escalated, reply by"),
        (Kind.HANDED_OVER, "Handed over, reply by"),
        (Kind.CLOSED, "Closed by Ana: NPS 2 from"),
        (Kind.OPS, "Ops: Slack refuses every message"),
        (Kind.KUDOS, "Praise: NPS 10 from Marta Ivers"),
    ],
)
def test_the_first_word_says_what_it_is(kind: Kind, start: str) -> None:
    assert samples.view(kind).subject.startswith(start)


def test_an_urgent_one_says_so_and_an_overdue_one_since_when() -> None:
    urgent = samples.view(Kind.ALERT, work=replace(samples._WORK, priority=4))
    late = samples.view(Kind.ALERT, work=replace(samples._WORK, due_at=samples.NOW - timedelta(hours=1)))
    assert urgent.subject.startswith("Urgent, reply by Mon 12:00:")
    assert late.subject.startswith("Overdue since Fri 15:31:")
    assert late.due is not None
    assert late.due.label == "Overdue since"


def test_something_grave_is_not_read_aloud_on_a_lock_screen() -> None:
    view = samples.view(Kind.ALERT, scored("nps", 2, 10, severity=("legal",)))
    assert view.preheader == "About: legal. The words are inside."
    assert "invoice" not in view.lead


STRIPS = [
    (Kind.REMINDER, "Reminder 2. Not acknowledged yet. 3 h 59 min of working time left. Next: Bo is told, Mon 10:00."),
    (Kind.ESCALATION, "Escalated to you, Bo. Ana has not acknowledged it since Fri 16:30, and keeps it until you act."),
    (Kind.HANDED_OVER, "Handed over to you by Bo. “On holiday from noon.” The clock goes on."),
    (Kind.TAKEN_OVER, "Bo has taken this over. Nothing is left for you to do."),
    (Kind.UPDATE, "Ines Ferrer wrote again, Fri 16:30. New answer: NPS 1."),
    (Kind.DRILL, "Drill. A test by ops. No customer is waiting."),
]


@pytest.mark.parametrize(("kind", "line"), STRIPS)
def test_the_strip_says_what_is_new(kind: Kind, line: str) -> None:
    assert samples.view(kind).strips[0].line == line


def test_a_first_alert_has_no_strip() -> None:
    assert samples.view(Kind.ALERT).strips == ()


def test_a_message_that_came_another_way_says_so() -> None:
    late = replace(samples.context(Kind.ALERT).notice, not_before=samples.NOW - timedelta(minutes=14))
    view = samples.view(
        Kind.ALERT, notice=late, earlier=(Earlier(0, "slack", "U01ANA", "user_disabled", 1),), position=1
    )
    assert view.strips[0].line == "14 min late. Slack refused it, so it comes by mail. Ops know."


def test_new_words_come_first_and_the_earlier_ones_follow() -> None:
    view = samples.view(Kind.UPDATE)
    assert view.words is not None
    assert view.older is not None
    assert view.words.top.startswith("And now I got")
    assert view.older.top.startswith("Third call")


def test_the_most_telling_sentence_is_on_top_of_a_long_comment() -> None:
    view = _long("I have been a customer for years. " * 12 + "My solicitor will write to you. Bye.")
    assert view.words is not None
    assert view.words.top == "My solicitor will write to you."
    assert view.words.whole is not None
    assert view.words.whole.startswith("I have been")


def test_a_comment_beyond_600_characters_stands_whole_at_the_end() -> None:
    view = samples.view(Kind.ALERT, list(samples.hard())[5])
    assert view.words is not None
    assert len(view.words.top) <= 600
    assert view.words.full is not None
    assert len(view.words.full) > 4900


def test_no_comment_and_an_unread_one() -> None:
    empty = samples.view(Kind.ALERT, next(iter(samples.hard())))
    unread = samples.view(Kind.ALERT, scored("nps", 2, 10, text_read=False, language="pt"))
    assert empty.words is not None
    assert (empty.words.top, empty.words.given) == ("No comment", False)
    assert unread.words is not None
    assert unread.words.note == "Portuguese comment, not analysed"


def test_may_be_called_with_a_number_only_in_ones_own_mail() -> None:
    mail, slack = samples.view(Kind.ALERT), samples.view(Kind.ALERT, by_mail=False)
    assert mail.may_call is not None
    assert (mail.may_call.text, mail.may_call.link) == ("Yes.", "tel:+49305550142")
    assert slack.may_call is not None
    assert slack.may_call.line == "Yes."


def test_who_must_not_be_contacted_and_who_is_not_known() -> None:
    never = samples.view(Kind.ALERT, customer(may_contact=False))
    unknown = samples.view(Kind.ALERT, customer())
    assert never.may_call is not None
    assert never.may_call.line == "Must not be contacted. Fix it without contact."
    assert never.customer.endswith("Must not be contacted. Fix it without contact.")
    assert unknown.may_call is not None
    assert (unknown.may_call.text, unknown.may_call.link) == ("Check first. +49 30 5550 142", "")


def test_a_number_left_in_the_comment_is_named_as_such() -> None:
    said = replace(SAID, contact=Contact(phones_in_comment=("+351 21 555 0142",)))
    view = samples.view(Kind.ALERT, said)
    assert view.may_call is not None
    assert view.may_call.link_text == "Call +351 21 555 0142 (number left in the comment)"


def test_why_and_what_next() -> None:
    view = samples.view(Kind.ALERT)
    assert view.why == (
        "Rule “Gold and platinum detractors unhappy about billing”. You handled it. The account manager is not known."
    )
    assert view.next == (
        "Not acknowledged by Mon 10:00: Bo is told. Not contacted by Mon 12:00: Cyd is told, and it becomes urgent."
    )


@pytest.mark.parametrize(
    ("priority", "now", "said"),
    [("urgent", 3, "Cyd is told, and it becomes urgent"), ("high", 2, "Cyd is told, and its priority becomes high"),
     ("high", 4, "Cyd is told")],
)  # fmt: skip
def test_a_step_says_what_it_raises_and_nothing_where_it_raises_nothing(priority: str, now: int, said: str) -> None:
    rung = Escalation(to="team_lead", unless=Milestone.CONTACTED, at="due", priority=priority)
    plan = structs.replace(samples._PLAYBOOK, escalate=(rung,))
    steps = (Step("escalate.0", samples._DUE),)
    view = samples.view(Kind.ALERT, work=replace(samples._WORK, playbook=plan, priority=now), steps=steps)
    assert view.next == f"Not contacted by Mon 12:00: {said}."


def test_what_is_done_is_not_announced_any_more() -> None:
    done = replace(samples._WORK, state=State.ACKNOWLEDGED, acknowledged_at=samples.NOW)
    view = samples.view(Kind.ALERT, work=done)
    assert view.next == "Not contacted by Mon 12:00: Cyd is told, and it becomes urgent."


def test_who_must_not_be_contacted_is_not_to_be_called_in_a_first_step_either() -> None:
    view = samples.view(Kind.ALERT, customer(may_contact=False))
    assert view.first_step == "Must not be contacted. Fix it without contact."


def test_whoever_stands_in_is_told_for_whom_by_name() -> None:
    work = replace(samples._WORK, owner="ana", stands_in_for="bo")
    view = samples.view(Kind.ALERT, work=work, by_mail=False)
    assert view.why_short == "Why you: Bo is away, and you stand in. Rule gold-billing"


@pytest.mark.parametrize(
    ("team", "unit", "shown"),
    [
        ("Billing, Leeds", "Leeds", "Billing, Leeds"),
        ("Leeds", "Leeds Central", "Leeds Central"),
        ("billing-emea", "Berlin", "billing-emea, Berlin"),
        ("Complaints", "", "Complaints"),
    ],
)
def test_each_place_is_named_once(team: str, unit: str, shown: str) -> None:
    interaction = Interaction(channel="phone", team=team, unit=unit or None)
    view = samples.view(Kind.ALERT, replace(SAID, response=samples._with(SAID.response, interaction=interaction)))
    assert view.was_in_touch == f"Phone, {shown}"


def test_whoever_is_escalated_to_reads_why_them_and_what_happened_so_far() -> None:
    view = samples.view(Kind.ESCALATION)
    assert view.why.startswith("You are Ana's manager. The playbook “Win the customer back” says: after 2 business")
    assert [moment.what for moment in view.so_far] == [
        "Ines Ferrer answered", "Opened", "Slack message to Ana delivered",
    ]  # fmt: skip


def test_who_has_nothing_left_to_do_is_offered_nothing() -> None:
    view = samples.view(Kind.TAKEN_OVER)
    assert (view.first_step, view.may_call, view.why) == ("", None, "It was yours until then.")


def test_a_late_answer_comes_with_the_way_to_open_it() -> None:
    view = samples.view(Kind.LATE_ANSWERS)
    assert view.title == "2 late answers"
    assert view.sections[1].items[0].rest == "Gold, Germany. ccaas/r-1001"
    assert view.sections[1].lines[-1] == "To open one: innerloop responses open SOURCE/ID --by bo"


def test_german_reminders_are_german_sentences() -> None:
    strip = samples.view(Kind.REMINDER, language="de").strips[0]
    assert strip.line.startswith("Erinnerung 2. Noch nicht angenommen. Noch 3 h 59 min Arbeitszeit.")


def test_an_unknown_customer_begins_a_line_like_any_name() -> None:
    said = list(samples.hard())[8]
    assert samples.view(Kind.ALERT, said).name == "Unknown customer"
    assert samples.view(Kind.ALERT, said, language="de").name == "Unbekannter Kunde"
    assert "from an unknown customer" in samples.view(Kind.ALERT, said).subject


def test_a_huddles_subject_counts_and_its_preview_names_the_first() -> None:
    view = samples.view(Kind.HUDDLE)
    assert view.subject == "Huddle, Fri 20 Nov: 4 open, 0 overdue"
    assert view.preheader == "First: Ines Ferrer, reply by Mon 12:00."


def test_praise_is_never_told_as_something_closed() -> None:
    view = samples.view(Kind.KUDOS, work=samples._CLOSED, by_mail=False)
    assert (view.title, view.id) == ("Praise: NPS 10 from Marta Ivers, Berlin", "")
    assert view.subject == "Praise: NPS 10 from Marta Ivers, Berlin"


def test_before_and_about() -> None:
    view = samples.view(Kind.ALERT)
    assert (view.before, view.about) == ("6 in August (closed, recovered), 9 in May", "Billing, refund")


def test_a_private_one_shows_a_team_nothing() -> None:
    fields = type(samples._PLAYBOOK).__struct_fields__
    private = type(samples._PLAYBOOK)(**{**{f: getattr(samples._PLAYBOOK, f) for f in fields}, "private": True})
    context = replace(samples.context(Kind.ALERT), work=replace(samples._WORK, playbook=private))
    team = reader("team:billing-emea", samples.DIRECTORY, default_zone="UTC")
    view = build(context, team, samples.around(), samples.NOW, by_mail=True)
    assert view.private
    assert "Ines" not in repr(view)
    assert "invoice" not in repr(view)


def _long(comment: str) -> View:
    response = SAID.response
    known = {name: getattr(response, name) for name in type(response).__struct_fields__}
    said = replace(SAID, response=type(response)(**{**known, "comment": comment}))
    around = samples.around()
    fields = {name: getattr(around, name) for name in Around.__dataclass_fields__}
    telling = Around(**{**fields, "telling": lambda _: "My solicitor will write to you."})
    context = replace(samples.context(Kind.ALERT), said=(said,), news=said)
    return build(context, reader("ana", samples.DIRECTORY, default_zone="UTC"), telling, samples.NOW, by_mail=True)
