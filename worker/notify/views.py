"""Building a view: what one message says to one reader, from what the store and the live rule set know. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from operator import itemgetter

from worker.model.followup import State, short_id
from worker.model.notice import Kind
from worker.model.playbook import Priority
from worker.notify import customer, lists, reasons, saying, sheets, threadlines
from worker.notify.context import Context, Said, Work
from worker.notify.page import Around, Page
from worker.notify.recipients import Reader
from worker.notify.retry import LOOK_FOR
from worker.notify.view import Closing, Due, Moment, Ops, Strip, View, Words
from worker.notify.words import Language, ascii_only, capital, clean_line, cut, label
from worker.store.notices import Told

MOST_SUBJECT = 78
_MOST_OTHERS = 5
_MOST_SO_FAR = 8
MOST_LEAD = 110
MOST_PREHEADER = 100
_NOTHING_TO_DO = frozenset({Kind.TAKEN_OVER, Kind.CLOSED, Kind.KUDOS})
_NO_FIRST_STEP = _NOTHING_TO_DO | {Kind.COPY}
_SHEETS = frozenset({Kind.CATCH_UP, Kind.HUDDLE})
_SENDERS = {
    Kind.REMINDER: "innerloop reminder", Kind.DUE_SOON: "innerloop reminder", Kind.ESCALATION: "innerloop escalation",
    Kind.HUDDLE: "innerloop huddle", Kind.DRILL: "innerloop drill",
}  # fmt: skip
_PRIORITIES = {Priority.LOW: "low", Priority.NORMAL: "normal", Priority.HIGH: "high", Priority.URGENT: "urgent"}


def build(
    context: Context, reader: Reader, around: Around, now: datetime, *, by_mail: bool, repeat: bool = False,
    in_thread: bool = False,
) -> View:  # fmt: skip
    """The view of one notice for one reader. `repeat`: an earlier message may have arrived."""
    page = Page(
        context=context, reader=reader, around=around, say=Language.of(reader.language), now=now, by_mail=by_mail
    )
    kind = context.notice.kind
    if kind is Kind.OPS:
        return _ops(page)
    if context.notice.is_line:
        return threadlines.build(page)
    if kind is Kind.LATE_ANSWERS:
        return lists.build(page)
    if kind in _SHEETS:
        return sheets.build(page)
    said = context.news if kind is Kind.KUDOS or not context.said else context.said[0]
    if said is None:
        return _bare(page)
    if kind is Kind.CUSTOMER:
        return customer.build(page, said)
    if context.work and context.work.playbook.private and not reader.personal:
        return _private(page)
    return _about(page, said, repeat=repeat, in_thread=in_thread)


def _about(page: Page, said: Said, *, repeat: bool, in_thread: bool) -> View:
    """A message about one customer's answer."""
    context, say, work = page.context, page.say, page.work
    score, zone = saying.score(said, say), page.reader.zone
    due = _due(page, said) if work else None
    news = context.news if context.news and _is_about_news(context) else None
    words = saying.words(news or said, say, page.around.telling(news or said))
    older = saying.words(said, say, None) if news and news.id != said.id else None
    strips = reasons.strips(page, said, repeat=repeat)
    name = saying.named(said, say)
    title = _title(page, said, score.short)
    subject = _subject(page, said, score.short)
    who = saying.who(said, say)
    directory = page.around.directory
    return View(
        kind=context.notice.kind,
        say=say,
        subject=subject,
        sender=ascii_only(_SENDERS.get(context.notice.kind, "innerloop")),
        preheader=cut(_joined(_news(strips), _glance(page, said, words)), MOST_PREHEADER),
        lead=_lead(page, subject, strips, _glance(page, said, words), in_thread=in_thread),
        title=title,
        id=short_id(work.id) if work and context.notice.kind is not Kind.KUDOS else "",
        priority=say(_PRIORITIES[Priority(work.priority)]) if work else "",
        state=work.state.value if work else State.OPEN.value,
        state_line=_state_line(page),
        state_by=_state_by(page),
        in_thread=in_thread,
        strips=strips,
        score=score,
        words=words,
        older=older,
        name=name,
        who=who,
        due=due,
        first_step=_first_step(page, said),
        customer=_customer_line(said, name, say),
        may_call=None
        if context.notice.kind in _NOTHING_TO_DO
        else saying.may_call(said, say, personal_mail=page.personal_mail),
        was_in_touch=saying.was_in_touch(said, say, zone, page.now, directory),
        about=capital(saying.about(said.verdict, say)),
        before=saying.before(context.before, say, zone, page.now),
        others=_others(page),
        so_far=_so_far(page, said) if context.notice.kind is Kind.ESCALATION else (),
        why=reasons.why(page),
        why_short=reasons.why_short(page),
        next=reasons.next_sentence(page),
        next_steps=reasons.next_steps(page),
        closing=_closing(page, said),
        foot=_foot(page),
    )


def _is_about_news(context: Context) -> bool:
    """New words come first: of an update, and of an answer that opened it again."""
    again = context.notice.kind is Kind.ALERT and context.work is not None and context.work.cycle > 1
    return context.notice.kind is Kind.UPDATE or again


def _ops(page: Page) -> View:
    data, say = page.context.notice.data, page.say
    broke, works, todo = (clean_line(str(data.get(word) or "")) for word in ("broke", "works", "todo"))
    return View(
        kind=Kind.OPS,
        say=say,
        subject=cut(f"Ops: {broke}", MOST_SUBJECT),
        sender="innerloop",
        preheader=cut(_joined(works, todo), MOST_PREHEADER),
        lead=cut(f"Ops: {broke}", MOST_LEAD),
        title=say("Something needs you"),
        ops=Ops(broke=broke, works=works, todo=todo),
        foot=(say("innerloop, rules {revision}", revision=page.around.revision),),
    )


def _bare(page: Page) -> View:
    """What can be said of a notice whose response is gone."""
    say, work = page.say, page.work
    title = say("Follow-up {id}", id=short_id(work.id)) if work else say("innerloop has news")
    return View(
        kind=page.context.notice.kind, say=say, subject=title, sender="innerloop", preheader=title, lead=title,
        title=title, id=short_id(work.id) if work else "", foot=_foot(page),
    )  # fmt: skip


def _private(page: Page) -> View:
    """In a channel or a shared mailbox a sensitive follow-up shows that it exists, and nothing of it."""
    say, work = page.say, page.work
    assert work is not None
    identity = short_id(work.id)
    subject = say("Sensitive follow-up, reply by {when} [{id}]", when=page.short(work.due_at), id=identity)
    return View(
        kind=page.context.notice.kind,
        say=say,
        subject=subject,
        sender=ascii_only(_SENDERS.get(page.context.notice.kind, "innerloop")),
        preheader=say("Sensitive: open to read"),
        lead=cut(subject, MOST_LEAD),
        title=say("Sensitive follow-up"),
        id=identity,
        priority=say(_PRIORITIES[Priority(work.priority)]),
        private=True,
        due=_due(page, None),
        foot=_foot(page),
    )


# The first lines -------------------------------------------------------------------------------------------------


def _subject(page: Page, said: Said, score: str) -> str:
    """`[Word, ]reply by {when}: {score} from {who}, {where} [{id}]`."""
    say, work, kind = page.say, page.work, page.context.notice.kind
    sender = say("{score} from {who}", score=score, who=_who_where(page, said))
    if kind is Kind.KUDOS:
        return cut(say("Praise: {line}", line=sender), MOST_SUBJECT)
    if work is None:
        return cut(sender, MOST_SUBJECT)
    identity = f" [{short_id(work.id)}]"
    if kind is Kind.CLOSED or work.state in {State.CLOSED, State.CANCELLED}:
        word = say("Cancelled") if work.state is State.CANCELLED else _closed_by(page)
        return cut(f"{word}: {sender}", MOST_SUBJECT - len(identity)) + identity
    overdue = page.now >= work.due_at
    by = say("overdue since {when}" if overdue else "reply by {when}", when=page.short(work.due_at))
    urgent = _word(page)
    head = f"{say(urgent)}, {by}" if urgent else capital(by)
    return cut(f"{head}: {sender}", MOST_SUBJECT - len(identity)) + identity


def _word(page: Page) -> str | None:
    work, kind = page.work, page.context.notice.kind
    if kind is Kind.DRILL:
        return "Drill"
    if kind is Kind.ESCALATION:
        return "Escalated"
    if kind is Kind.HANDED_OVER:
        return "Handed over"
    return "Urgent" if work and work.priority >= Priority.URGENT else None


def _title(page: Page, said: Said, score: str) -> str:
    """Slack's header, and the heading of a mail for those who listen to it."""
    say, work, kind = page.say, page.work, page.context.notice.kind
    line = say("{score} from {who}", score=score, who=_who_where(page, said))
    more = len(page.context.said)
    if more > 1:
        line = f"{line} {say('({n} answers)', n=more)}"
    if kind is Kind.KUDOS:
        return say("Praise: {line}", line=line)
    if kind is Kind.DRILL:
        return f"{say('Drill')}: {line}"
    if work and work.state in {State.CLOSED, State.CANCELLED}:
        return f"{say('Closed') if work.state is State.CLOSED else say('Cancelled')}: {line}"
    return f"{say('Escalated')}: {line}" if kind is Kind.ESCALATION else line


def _who_where(page: Page, said: Said) -> str:
    place = saying.where(said, page.around.directory)
    return ", ".join(part for part in (cut(saying.name(said, page.say), 24), cut(place, 20)) if part)


def _lead(page: Page, subject: str, strips: tuple[Strip, ...], glance: str, *, in_thread: bool) -> str:
    """What a lock screen shows: the subject without its id, then what is new, then the words."""
    if in_thread and strips:
        return cut(_joined(strips[0].line, glance), MOST_LEAD)
    line = subject.rpartition(" [")[0] if subject.endswith("]") else subject
    tail = _news(strips) if page.context.notice.kind is Kind.ESCALATION else glance
    return cut(f"{line}. {tail}".strip(), MOST_LEAD)


def _glance(page: Page, said: Said, words: Words) -> str:
    """The words at a glance. Where they are about something grave, only what they are about."""
    if said.verdict.severity:
        return page.say("About: {what}. The words are inside.", what=label(said.verdict.severity[0]))
    top = " ".join(words.top.split())
    return page.say.quote(top) if words.given else top + "."


def _news(strips: tuple[Strip, ...]) -> str:
    if not strips:
        return ""
    strip = strips[0]
    return strip.text or strip.bold


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


# By when ---------------------------------------------------------------------------------------------------------


def _due(page: Page, said: Said | None) -> Due:
    work, say = page.work, page.say
    assert work is not None
    at = page.at(work.due_at)
    late = page.now >= work.due_at
    whole = say.full(at)
    return Due(
        label=say("Overdue since") if late else say("Reply by"),
        when=whole,
        slack=f"<!date^{int(at.timestamp())}^{{date_short_pretty}}, {{time}}|{whole}>",
        note=_due_note(page, work, said),
        late=late,
    )


def _first_step(page: Page, said: Said) -> str:
    work = page.work
    if work is None or page.context.notice.kind in _NO_FIRST_STEP:
        return ""
    return saying.first_step(work.playbook.first_step or "", work.playbook, said, page.say)


def _due_note(page: Page, work: Work, said: Said | None) -> str:
    """Where the time comes from; later, how much of it is left and how long the customer has waited."""
    say = page.say
    waiting = _waiting(page, said)
    if page.context.notice.kind is Kind.ALERT and page.now - work.opened_at < LOOK_FOR:
        return _joined(f"{_span_words(page, work)}.", waiting)
    if page.now >= work.due_at:
        return waiting
    left = say("{span} left when this was sent.", span=page.time_left(work))
    return _joined(left, waiting)


def _waiting(page: Page, said: Said | None) -> str:
    if page.context.notice.kind is Kind.DRILL:
        return ""
    waited = page.now - said.response.responded_at if said else timedelta()
    return page.say("Waiting {span}.", span=page.say.span(waited)) if waited >= timedelta(minutes=1) else ""


def _span_words(page: Page, work: Work) -> str:
    """4 business hours after the answer, by Berlin hours."""
    say = page.say
    amount, _, unit = work.due_span.partition(" ")
    span = f"{amount} {say(unit)}"
    if "business" in unit and work.due_calendar:
        return say("{span} after the answer, by {place} hours", span=span, place=label(work.due_calendar).title())
    return say("{span} after the answer", span=span)


# The rest --------------------------------------------------------------------------------------------------------


def _state_line(page: Page) -> str:
    """Acknowledged, Contacted, Cancelled: what a message that is edited shows in its third block."""
    work = page.work
    if work is None or work.state in {State.OPEN, State.CLOSED}:
        return ""
    return page.say(capital(work.state.value))


def _state_by(page: Page) -> str:
    work, say = page.work, page.say
    if work is None:
        return ""
    if work.state is State.ACKNOWLEDGED and work.acknowledged_at:
        by = say("by {name}, {when}", name=page.first_name(work.acknowledged_by), when=page.short(work.acknowledged_at))
        tried = say("tried {n} times", n=work.tries) if work.tries > 1 else say("tried once") if work.tries else ""
        return f"{by}, {tried}" if tried else by
    word = "contacted" if work.state is State.CONTACTED else None
    line = next((one for one in reversed(page.context.history) if one.what == word), None)
    return say("by {name}, {when}", name=page.first_name(line.by), when=page.short(line.at)) if line else ""


def _customer_line(said: Said, name: str, say: Language) -> str:
    tier = clean_line(said.response.customer.tier or "").capitalize()
    return f"{', '.join(part for part in (name, tier) if part)}. {saying.contact_note(said, say)}"


def _others(page: Page) -> str:
    if page.work is None or page.work.customer_key is None:
        return ""
    lines = [
        page.say("{id} ({what}), with {name}", id=short_id(o.id), what=label(o.playbook), name=page.first_name(o.owner))
        for o in page.context.others[:_MOST_OTHERS]
    ]
    if (more := len(page.context.others) - _MOST_OTHERS) > 0:
        lines.append(page.say("{n} more", n=more))
    return "; ".join(lines) or page.say("None")


def _so_far(page: Page, said: Said) -> tuple[Moment, ...]:
    """What happened until now, for somebody who was not there."""
    say = page.say
    first = Moment(
        page.short(said.response.responded_at), say("{name} answered", name=saying.named(said, say))
    )  # fmt: skip
    moments = [(line.at, _history_words(page, line.what, line.by)) for line in page.context.history]
    moments += [(told.at, _arrived(page, told)) for told in page.context.told]
    return (first, *(Moment(page.short(at), what) for at, what in sorted(moments, key=itemgetter(0))[-_MOST_SO_FAR:]))


def _arrived(page: Page, told: Told) -> str:
    """Slack message to Ana delivered."""
    text = {"slack": "Slack message to {name} delivered", "email": "Mail to {name} delivered"}
    return page.say(text.get(told.channel, "{name} was told"), name=page.first_name(told.recipient))


def _history_words(page: Page, what: str, by: str) -> str:
    text = capital(page.say(what))
    known = page.around.directory.people.get(by)
    return page.say("{what}, by {name}", what=text, name=page.first_name(by)) if known else text


def _closed_by(page: Page) -> str:
    work = page.work
    if work is None or work.closed_by is None:
        return page.say("Closed")
    return page.say("Closed by {name}", name=page.first_name(work.closed_by))


def _closing(page: Page, said: Said) -> Closing | None:
    work, say = page.work, page.say
    if work is None or work.state is not State.CLOSED or work.closed_at is None:
        return None
    outcome = say(capital(label(work.outcome or "")))
    parts = [say("by {name}, {when}.", name=page.first_name(work.closed_by), when=page.short(work.closed_at))]
    if work.root_cause:
        parts.append(say("Cause: {cause}.", cause=label(work.root_cause.replace(".", ": "))))
    if action := clean_line(str(work.closing.get("action") or "")):
        parts.append(say("Done: {action}", action=cut(action, 300)))
    return Closing(outcome=outcome, line=" ".join(parts), note=_in_time(page, work, said))


def _in_time(page: Page, work: Work, said: Said) -> str:
    say = page.say
    at = work.contacted_at or work.closed_at
    assert at is not None
    took = say.span(max(at - said.response.responded_at, timedelta()))
    word = say("Contacted after {span}", span=took) if work.contacted_at else say("Closed after {span}", span=took)
    return f"{word}, {say('in time') if at <= work.due_at else say('late')}"


def _foot(page: Page) -> tuple[str, ...]:
    say, reader = page.say, page.reader
    lines = [say("This message is for {name}.", name=clean_line(reader.name))]
    if page.by_mail and page.around.answers_to:
        lines.append(say("An answer to it goes to {place}, never to the customer.", place=page.around.answers_to))
    lines.append(say("innerloop, rules {revision}", revision=page.around.revision))
    return tuple(lines)
