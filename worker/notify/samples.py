"""Invented messages of every kind: what templates are checked with when a rule set is loaded, and what a preview shows.

Among them are what breaks templates: no comment, a long one, one from right to left, a customer who must not be
contacted, an answer without score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.model.directory import CalendarSpec, Directory, OrgUnit, Person, Team, Window
from worker.model.followup import State
from worker.model.notice import Kind
from worker.model.playbook import Escalation, Milestone, Playbook, Priority, Say
from worker.model.response import Contact, Customer, Interaction, Response
from worker.model.span import Span, Unit
from worker.model.verdict import Class, Verdict
from worker.notify import customer
from worker.notify.context import Before, Context, Line, Said, Step, Work
from worker.notify.page import Around
from worker.notify.recipients import reader
from worker.notify.view import View
from worker.notify.views import build
from worker.store.deliveries import Earlier
from worker.store.notices import Notice, Told

NOW = datetime(2026, 11, 20, 15, 31, tzinfo=UTC)  # Friday, 16:31 in Berlin
_DUE = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
_FIXED = (
    "The fee of 15 EUR is credited, and the corrected bill is on its way.\n\nReminders now wait for open questions."
)
_WORDS = "Third call about the same invoice. Nobody has called me back, and the reminder fee is still on it."
_HOURS = (Window(datetime(2026, 1, 1, 9, 0).time(), datetime(2026, 1, 1, 17, 30).time()),)  # noqa: DTZ001 - a time of day

DIRECTORY = Directory(
    people={
        "ana": Person(id="ana", name="Ana Keller", email="ana@example.com", slack="U01ANA", team="billing-emea"),
        "bo": Person(id="bo", name="Bo Lindqvist", email="bo@example.com", slack="U02BO", team="billing-emea"),
        "cyd": Person(id="cyd", name="Cyd Moreau", email="cyd@example.com", slack="U03CYD", language="de"),
    },
    teams={
        "billing-emea": Team(
            id="billing-emea", name="billing-emea", lead="cyd", calendar="berlin",
            queue={"slack": "#billing-alerts", "email": "billing@example.com"},
        )
    },
    units={"berlin": OrgUnit(id="berlin", name="Berlin", manager="bo")},
    calendars={"berlin": CalendarSpec(id="berlin", timezone="Europe/Berlin", hours=(_HOURS,) * 5 + ((), ()))},
    default_owner="person:bo",
    default_calendar="berlin",
)  # fmt: skip

_PLAYBOOK = Playbook(
    id="recover",
    name="Win the customer back",
    first_step="Call within the due time; listen first, then say what you will do and by when.",
    owner=("agent", "manager"),
    due=Span(4, Unit.BUSINESS_HOURS),
    escalate=(
        Escalation(to="manager", unless=Milestone.ACKNOWLEDGED, after=Span(2, Unit.BUSINESS_HOURS)),
        Escalation(to="team_lead", unless=Milestone.CONTACTED, at="due", priority="urgent"),
    ),
)

_RESPONSE = Response(
    id="r-1001",
    source="ccaas",
    survey="post-call",
    metric="nps",
    score=2,
    comment=_WORDS,
    responded_at=datetime(2026, 11, 20, 15, 29, tzinfo=UTC),
    language="en",
    customer=Customer(key="crm/c-77", id="c-77", name="Ines Ferrer", tier="gold", country="DE", may_contact=True),
    interaction=Interaction(
        channel="phone", agent="ana", team="billing-emea", unit="berlin",
        ended_at=datetime(2026, 11, 20, 15, 20, tzinfo=UTC),
    ),
)  # fmt: skip
_VERDICT = Verdict(
    metric="nps", score=2, klass=Class.DETRACTOR, scale_low=0, scale_high=10, themes=("billing", "refund"),
    text_read=True, language="en",
)  # fmt: skip

SAID = Said(id=1001, response=_RESPONSE, verdict=_VERDICT, contact=Contact(phone="+49 30 5550 142"))
_NEWS = Said(
    id=1002,
    response=Response(
        id="r-1002", source="ccaas", responded_at=datetime(2026, 11, 20, 15, 30, tzinfo=UTC), metric="nps", score=1,
        comment="And now I got a second reminder. \U0001f620", customer=_RESPONSE.customer,
        interaction=_RESPONSE.interaction,
    ),
    verdict=Verdict(metric="nps", score=1, klass=Class.DETRACTOR, scale_low=0, scale_high=10, text_read=True),
    contact=Contact(),
)  # fmt: skip
_PRAISE = Said(
    id=1003,
    response=Response(
        id="r-1003", source="ccaas", responded_at=NOW, metric="nps", score=10,
        comment="She stayed on the line until the new card worked.", customer=Customer(name="Marta Ivers"),
        interaction=_RESPONSE.interaction,
    ),
    verdict=Verdict(metric="nps", score=10, klass=Class.PROMOTER, scale_low=0, scale_high=10, text_read=True),
    contact=Contact(),
)  # fmt: skip

_WORK = Work(
    id=42, response_id=1001, customer_key="crm/c-77", revision="4f2a91c0d3e5", rule="gold-billing", playbook=_PLAYBOOK,
    priority=int(Priority.HIGH), state=State.OPEN, cycle=1, version=1, owner="ana", owner_via="agent",
    stands_in_for=None, test=False, due_span="4 business hours", due_calendar="berlin", due_at=_DUE,
    due_from=datetime(2026, 11, 20, 15, 30, tzinfo=UTC),
    opened_at=datetime(2026, 11, 20, 15, 30, tzinfo=UTC), acknowledged_at=None, acknowledged_by=None,
    contacted_at=None, closed_at=None, closed_by=None, snoozed_until=None, cancel_reason=None, outcome=None,
    root_cause=None, closing={},
)  # fmt: skip
_CLOSED = replace(
    _WORK, state=State.CLOSED, acknowledged_at=NOW, contacted_at=NOW + timedelta(hours=2),
    closed_at=NOW + timedelta(hours=3), closed_by="ana", outcome="recovered", root_cause="billing.amount",
    closing={"action": "Fee of 15 EUR credited, corrected bill sent."},
)  # fmt: skip

_DATA: Mapping[Kind, Mapping[str, Any]] = {
    Kind.REMINDER: {"n": 2, "until": "acknowledged"},
    Kind.ESCALATION: {"rung": 0, "unless": "acknowledged"},
    Kind.HANDED_OVER: {"by": "bo", "reason": "On holiday from noon."},
    Kind.TAKEN_OVER: {"by": "bo"},
    Kind.OPS: {
        "kind": "channel_down", "broke": "Slack refuses every message: token revoked.",
        "works": "What has another channel goes there. The rest waits; nothing is lost.",
        "todo": "Mend the secret or its rights. It is read again and tried once a minute.",
    },
    Kind.LATE_ANSWERS: {"from": NOW.isoformat(), "to": NOW.isoformat()},
}  # fmt: skip


def around(directory: Directory = DIRECTORY, *, revision: str = "4f2a91c0d3e5") -> Around:
    """What a sample knows besides its context."""
    return Around(
        directory=directory,
        revision=revision,
        rule_name=lambda _: "Gold and platinum detractors unhappy about billing",
        telling=lambda _: None,
        resolve=lambda who, _: {"manager": "bo", "team_lead": "cyd"}.get(who),
        above=lambda rung, _at, _owner, _told, _: {"manager": "bo", "team_lead": "cyd"}.get(rung.to),
        answers_to="billing-emea",
        ops_hear=True,
    )


def context(kind: Kind, said: Said = SAID) -> Context:
    """A context of that kind about one answer."""
    about = kind not in {Kind.OPS, Kind.KUDOS, Kind.LATE_ANSWERS, Kind.HUDDLE, Kind.CATCH_UP}
    recipient = {Kind.ESCALATION: "bo", Kind.COPY: "bo", Kind.OPS: "ops", Kind.LATE_ANSWERS: "bo"}.get(kind, "ana")
    news = {Kind.UPDATE: _NEWS, Kind.KUDOS: _PRAISE}.get(kind, said)
    work = (_CLOSED if kind is Kind.CLOSED else replace(_WORK, test=kind is Kind.DRILL)) if about else None
    return Context(
        notice=Notice(
            id=1, cause=f"follow-up/42/1/{kind.value}", recipient=recipient, kind=kind, priority=Priority.HIGH,
            channels=("slack", "email"), next_channel_after=600, follow_up_id=42 if about else None,
            response_id=news.id, data=_DATA.get(kind, {}), created_at=NOW, not_before=NOW,
        ),
        channel="email",
        address="ana@example.com",
        work=work,
        said=((said, news) if kind is Kind.UPDATE else (said,)) if about else (),
        news=news,
        skips=({"candidate": "account_manager", "person": None, "reason": "unknown"},),
        history=(Line(1, NOW, "opened", "rules", None, "response"),),
        steps=(Step("escalate.0", datetime(2026, 11, 23, 9, 0, tzinfo=UTC)), Step("escalate.1", _DUE)),
        before=(Before(datetime(2026, 8, 3, tzinfo=UTC), "nps", "6", "closed", "recovered"),
                Before(datetime(2026, 5, 9, tzinfo=UTC), "nps", "9", None, None)),
        told=(Told(NOW, "ana", "slack"),) if kind is Kind.ESCALATION else (),
        late=(said, _PRAISE) if kind is Kind.LATE_ANSWERS else (),
        gathered=tuple(_gathered(said)) if kind in {Kind.CATCH_UP, Kind.HUDDLE} else (),
    )  # fmt: skip


def _gathered(said: Said) -> Iterator[Context]:
    """What a catch-up or a huddle sheet stands for: five follow-ups, one of them closed, and praise."""
    kinds = (Kind.ALERT, Kind.ESCALATION, Kind.REMINDER, Kind.HANDED_OVER, Kind.CLOSED, Kind.KUDOS)
    for number, kind in enumerate(kinds, start=42):
        one = context(kind, said)
        yield replace(one, work=replace(one.work, id=number) if one.work else None)


def view(kind: Kind, said: Said = SAID, *, by_mail: bool = True, language: str = "en", **changes: Any) -> View:
    """A sample message. `changes` replace parts of its context."""
    found = replace(context(kind, said), **changes)
    who = replace(reader(found.notice.recipient, DIRECTORY, default_zone="Europe/Berlin"), language=language)
    now = {Kind.ESCALATION: datetime(2026, 11, 23, 9, 0, tzinfo=UTC), Kind.CLOSED: NOW + timedelta(hours=3)}.get(
        kind, NOW
    )
    return build(found, who, around(), now, by_mail=by_mail)


def to_customer(say: Say, said: Said | None = None, *, language: str = "en") -> View:
    """What a customer reads."""
    news = said or (_PRAISE if say is Say.THANKS else SAID)
    bare = context(Kind.CUSTOMER, news)
    data = {"by": "ana", "words": _FIXED} if say is Say.WE_FIXED_IT else {}
    found = replace(bare, notice=replace(bare.notice, cause=f"follow-up/42/customer/{say}", data=data))
    who = replace(customer.reader(found, DIRECTORY, "Europe/Berlin"), language=language)
    return build(found, who, around(), NOW, by_mail=True)


def views() -> Iterator[View]:
    """Every kind, in both languages, by mail and in Slack; alerts with everything that is hard to show."""
    for kind in Kind:
        for language in ("en", "de", "en-XA"):
            if kind is Kind.CUSTOMER:
                yield from (to_customer(say, language=language) for say in Say)
                continue
            for by_mail in (True, False):
                yield view(kind, by_mail=by_mail, language=language)
    for said in hard():
        yield view(Kind.ALERT, said)
        yield view(Kind.ALERT, said, by_mail=False)
        yield to_customer(Say.RECOVERY_REPLY, said)
    yield view(Kind.ALERT, earlier=(Earlier(0, "slack", "U01ANA", "user_disabled", 1),), position=1)


def hard() -> Iterator[Said]:
    """Answers that are hard to show."""
    comments = (
        None,
        "   ",
        "<!channel> <script>alert(1)</script> a & b < c {{ 7 * 7 }} *bold* @here \u202egnp.exe\u2069",
        "ﻢﺘﻣﺎﺳ. האינטרנט לא עובד כבר שבוע, ואף אחד לא חוזר אליי.",
        "\U0001f620\U0001f468\u200d\U0001f469\u200d\U0001f467 " * 40,
        ("A very long story about a router. " * 150)[:5000],
        "x" * 5000,
    )
    for comment in comments:
        yield replace(SAID, response=_with(_RESPONSE, comment=comment))
    forbidden = _with(_RESPONSE, customer=Customer(name="Piet Jansen", may_contact=False))
    yield replace(SAID, response=forbidden)
    unknown = _with(_RESPONSE, customer=Customer(), interaction=Interaction(), comment="Bad.")
    yield replace(SAID, response=unknown, contact=Contact())
    plain = Verdict(metric="nps", score=None, klass=None, scale_low=0, scale_high=10, severity=("legal",))
    yield replace(SAID, response=_with(_RESPONSE, score=None), verdict=plain)


def _with(response: Response, **changes: Any) -> Response:
    values = {name: getattr(response, name) for name in Response.__struct_fields__}
    return Response(**{**values, **changes})
