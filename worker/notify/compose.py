"""From a claimed delivery to the message that goes out: reader, view, templates, thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from worker.classify.telling import most_telling_sentence
from worker.model.directory import Directory, Team
from worker.model.notice import Kind, NewNotice
from worker.model.playbook import Escalation
from worker.notify import customer, ops, samples, threadlines
from worker.notify.channel import Channel, Outgoing
from worker.notify.context import Context, Said, fill
from worker.notify.live import Live
from worker.notify.page import Above, Around
from worker.notify.recipients import Reader, find, reader
from worker.notify.view import View
from worker.notify.views import build
from worker.store.threads import Thread

_JOINS_THREAD = frozenset(
    {Kind.UPDATE, Kind.REMINDER, Kind.DUE_SOON, Kind.CLOSED, Kind.TAKEN_OVER, Kind.HANDED_OVER, Kind.ESCALATION}
)
_NOT_ABOUT_ONE = frozenset({Kind.OPS, Kind.LATE_ANSWERS, Kind.CATCH_UP, Kind.HUDDLE})
_BROADCAST = frozenset(
    {Kind.UPDATE, Kind.HANDED_OVER, Kind.TAKEN_OVER}
)  # a new owner or new words: shown to the whole channel


@dataclass(frozen=True, slots=True)
class Composed:
    """A message, the thread that it begins when it arrives, and templates that failed on the way."""

    message: Outgoing
    begins: Thread | None
    broken: Sequence[NewNotice]


def compose(
    context: Context, channel: Channel, key: str, live: Live, now: datetime, *, ops_hear: bool, repeat: bool
) -> Composed:
    """The message for one delivery."""
    mail = channel.name == "email"
    who = _reader(context, live)
    place = _answers(who, live.rule_set.directory, context)
    around = _around(live, now, place, ops_hear=ops_hear)
    in_thread = bool(context.thread) and not mail and context.notice.kind in _JOINS_THREAD
    view = build(context, who, around, now, by_mail=mail, repeat=repeat, in_thread=in_thread)
    rendered = live.templates.render(view, channel.parts)
    thread = context.thread.provider_ref if context.thread and (mail or in_thread) else None
    subject = _subject(view, context, mail=mail, repeat=repeat)
    message = Outgoing(
        key=key,
        address=customer.address(context) if context.notice.kind is Kind.CUSTOMER else context.address,
        kind=context.notice.kind,
        subject=subject,
        lead=view.lead,
        sender=view.sender,
        parts=rendered.parts,
        at=now,
        thread=thread,
        broadcast=in_thread and _is_for_all(context),
        reply_to=place.address if mail and place else None,
    )
    broken = [
        ops.template_broken(one.template, live.revision, one.problem, now) for one in rendered.broken
    ]  # fmt: skip
    return Composed(message, _begins(context, view.subject), broken)


def _is_for_all(context: Context) -> bool:
    """A new owner, or new words."""
    if not context.notice.is_line:
        return context.notice.kind in _BROADCAST
    line = threadlines.line_of(context.notice, context.history)
    return line is not None and line.what in threadlines.NEW_OWNER


def redraw(context: Context, channel: Channel, live: Live, now: datetime) -> Outgoing:
    """The follow-up's first message as it looks now: what an edit shows. It keeps the key it was sent with."""
    who = _reader(context, live)
    view = build(context, who, _around(live, now, None, ops_hear=False), now, by_mail=False)
    return Outgoing(
        key="",
        address=context.address,
        kind=context.notice.kind,
        subject=view.subject,
        lead=view.lead,
        sender=view.sender,
        parts=live.templates.render(view, channel.parts).parts,
        at=now,
    )


def preview(
    conn: Connection, kind: Kind, response: int, follow_up: int | None, live: Live, now: datetime, *, by_mail: bool,
    language: str | None, say: str = "",
) -> View | None:  # fmt: skip
    """What a notice of this kind would say about a stored answer now; None for a kind that is not about one answer."""
    if kind in _NOT_ABOUT_ONE:
        return None
    rules = live.rule_set
    bare = replace(
        samples.context(kind), channel="email" if by_mail else "slack", address="", said=(), news=None, work=None
    )
    bare = replace(bare, notice=replace(bare.notice, follow_up_id=follow_up, response_id=response, not_before=now))
    context = fill(conn, [bare])[0]
    owner = (context.work.owner if context.work else None) or rules.directory.default_owner.removeprefix("person:")
    data = {**context.notice.data, **({"by": rules.directory.default_owner} if "by" in context.notice.data else {})}
    cause = f"follow-up/{follow_up}/customer/{say}" if kind is Kind.CUSTOMER else context.notice.cause
    context = replace(context, notice=replace(context.notice, recipient=owner, data=data, cause=cause))
    who = _reader(context, live)
    who = replace(who, language=language) if language else who
    place = _answers(who, rules.directory, context)
    return build(context, who, _around(live, now, place, ops_hear=True), now, by_mail=by_mail)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an answer to a mail goes."""

    address: str
    name: str


def _reader(context: Context, live: Live) -> Reader:
    rules = live.rule_set
    if context.notice.kind is Kind.CUSTOMER:
        return customer.reader(context, rules.directory, rules.timezone)
    return reader(context.notice.recipient, rules.directory, default_zone=rules.timezone)


def _around(live: Live, now: datetime, place: _Place | None, *, ops_hear: bool) -> Around:
    return Around(
        directory=live.rule_set.directory,
        revision=live.revision,
        rule_name=lambda rule_id: rule.name if (rule := live.rule_set.rule(rule_id)) else None,
        telling=_telling,
        resolve=_resolver(live, now),
        above=_above(live),
        answers_to=place.name if place else None,
        ops_hear=ops_hear,
    )


def _resolver(live: Live, now: datetime) -> Callable[[str, Context], str | None]:
    def resolve(who: str, context: Context) -> str | None:
        if not context.said or context.work is None:
            return None
        return live.people.resolver(context.said[0].response, now)(who, context.work.owner)

    return resolve


def _above(live: Live) -> Above:
    def above(
        rung: Escalation, at: datetime, owner: str | None, told: str | None, context: Context
    ) -> str | None:  # fmt: skip
        work = context.work
        if not context.said or work is None:
            return None
        response = context.said[0].response
        resolve = live.people.resolver(response, at)
        barred = {resolve(who, None) for who in work.playbook.owner_not} if rung.hand_over else set()
        until = max(at, work.due_at) if rung.hand_over else at
        return live.people.above(
            rung.to, response, owner, at, shut_out={owner, told, *barred}, private=work.playbook.private, until=until
        )

    return above


def _telling(said: Said) -> str | None:
    comment = said.response.comment or ""
    start, end = most_telling_sentence(comment, said.verdict)
    return comment[start:end] or None


def _answers(who: Reader, directory: Directory, context: Context) -> _Place | None:
    """An answer goes to the team's shared mailbox, else to its lead: never to the customer, never back to oneself."""
    if context.notice.kind is Kind.CUSTOMER:
        found = customer.answers_to(context.work, directory)
        return _Place(found, found) if found else None
    team = who.team or (directory.teams.get(who.person.team or "") if who.person else None)
    if team is None:
        return None
    return next((p for p in _mailboxes(team, directory) if p.address != context.address), None)


def _mailboxes(team: Team, directory: Directory) -> list[_Place]:
    found = [_Place(team.queue["email"], team.name)] if team.queue.get("email") else []
    _, lead = find(team.lead or "", directory)
    return [*found, _Place(lead.email, lead.name)] if lead and lead.email else found


def _subject(view: View, context: Context, *, mail: bool, repeat: bool) -> str:
    """The same reader again: `Re:` and the first subject, unchanged. So too a message sent again."""
    if mail and context.thread and context.thread.subject:
        return f"Re: {context.thread.subject}"
    return f"Re: {view.subject}" if mail and repeat else view.subject


def _begins(context: Context, subject: str) -> Thread | None:
    if context.work is None or context.thread is not None or context.notice.kind is Kind.CUSTOMER:
        return None
    return Thread(
        follow_up_id=context.work.id,
        channel=context.channel,
        address=context.address,
        provider_ref="",
        subject=subject,
        shown_version=context.work.version,
    )
