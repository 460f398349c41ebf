"""What a customer is told: whether they may be, in which words, and where their answer goes.

The address of a customer is in no notice and no delivery: it is read from the answer's contact data for each call, so
that a withdrawn consent, a changed address and an erasure count at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection

from worker.classify.found import Tag
from worker.model.directory import Directory, Person
from worker.model.followup import LIVE, ClosingOutcome, State, short_id
from worker.model.notice import CUSTOMER, Kind
from worker.model.playbook import Playbook, Say, TellCustomer
from worker.model.verdict import Class
from worker.notify import recipients, saying
from worker.notify.context import Context, Said, Work, fill
from worker.notify.page import Page
from worker.notify.recipients import Reader, find
from worker.notify.view import Due, View, Words
from worker.notify.words import ELLIPSIS, clean, clean_line, cut, label
from worker.route.schema import RuleSet
from worker.store import notices
from worker.store.notices import Notice

MOST_LATE = timedelta(days=3)
_NEVER = "opt_out"  # a severity: no `even_if` lets it through
_SUBJECTS = {
    Say.THANKS: "Thank you for your answer",
    Say.RECOVERY_REPLY: "We have your answer",
    Say.WE_FIXED_IT: "What we have changed",
}


# Whether -----------------------------------------------------------------------------------------------------------


def held_back(conn: Connection, theirs: Sequence[Notice], rules: RuleSet, now: datetime) -> dict[int, str]:
    """Why some of these notices are not sent, by id. Their customers are locked until the transaction ends."""
    if not theirs:
        return {}
    contexts = fill(conn, [Context(notice=one, channel="email", address=CUSTOMER) for one in theirs])
    found = {context.notice.id: withheld(context, rules, now) for context in contexts}
    rest = [context for context in contexts if found[context.notice.id] is None]
    notices.lock_customers(conn, (key for context in rest if (key := _key(context))))
    said: set[tuple[str | None, Say]] = set()
    for context in rest:
        what = (_key(context), context.notice.says)
        found[context.notice.id] = _told_before(conn, context, rules, now, again=what in said)
        if found[context.notice.id] is None:
            said.add(what)
    return {number: reason for number, reason in found.items() if reason}


def withheld(context: Context, rules: RuleSet, now: datetime) -> str | None:
    """Why a customer is not told, in words; None while nothing speaks against it. Looked at again before each call."""
    said, work = context.news, context.work
    if said is None or work is None:
        return "the answer is gone"
    asked = _asked(work, context.notice.says, rules)
    if asked is None:
        return "the rules no longer ask for it"
    if work.test or said.response.test:
        return "a test"
    return _no_consent(context, said) or _too_grave(context, work, asked) or _too_late(context, said, work, now)


def _asked(work: Work, say: Say, rules: RuleSet) -> TellCustomer | None:
    """The entry that asks for it today: what is switched off is off, also for what is open."""
    rule = rules.rule(work.rule)
    same = rule and rule.plan and rule.plan.id == work.playbook.id
    plan: Playbook | None = rule.plan if rule and same else rules.playbooks.get(work.playbook.id)
    return plan.tells_customer(say) if plan else None


def _no_consent(context: Context, said: Said) -> str | None:
    may = said.response.customer.may_contact
    if may is None:
        return "not known whether they may be contacted"
    if not may:
        return "must not be contacted"
    if context.withdrawn:
        return "must not be contacted, says another answer"
    if any(_NEVER in one.verdict.severity for one in context.said):
        return "asked not to be contacted"
    return None if said.contact.email else "no e-mail address is known"


def _too_grave(context: Context, work: Work, asked: TellCustomer) -> str | None:
    if work.playbook.private and "private" not in asked.even_if:
        return "the playbook is private"
    grave = next((word for one in context.said for word in one.verdict.severity), None)
    return f"marked {label(grave)}" if grave and "severity" not in asked.even_if else None


def _too_late(context: Context, said: Said, work: Work, now: datetime) -> str | None:
    if now - context.notice.not_before > MOST_LATE:
        return "too late to say it"
    match context.notice.says:
        case Say.THANKS:
            happy = said.verdict.klass is Class.PROMOTER and not said.verdict.silent
            return None if happy else "the answer is not a happy one"
        case Say.RECOVERY_REPLY:
            return _promise_is_over(work, now)
        case Say.WE_FIXED_IT:
            good = work.state is State.CLOSED and work.outcome == ClosingOutcome.RECOVERED
            return None if good else "it is no longer closed as recovered"


def _promise_is_over(work: Work, now: datetime) -> str | None:
    """Nobody is promised a contact that has been, will not be, or should have been."""
    if work.state not in LIVE:
        return f"the follow-up is {work.state.value}"
    if work.snoozed_until is not None:
        return "the follow-up is snoozed"
    if work.contacted_at is not None:
        return "contacted already"
    return "the due time has passed" if now >= work.due_at else None


def _told_before(conn: Connection, context: Context, rules: RuleSet, now: datetime, *, again: bool) -> str | None:
    key, work, says = _key(context), context.work, context.notice.says
    asked = _asked(work, says, rules) if work else None
    if key is None or asked is None:
        return None
    since = now - asked.at_most_every.elapsed
    told = again or notices.told_customer(conn, key, says, since, context.notice.id)
    return f"told so in the last {asked.at_most_every}" if told else None


def _key(context: Context) -> str | None:
    return context.work.customer_key if context.work else None


# To whom -----------------------------------------------------------------------------------------------------------


def address(context: Context) -> str:
    """Where the customer is reached, as the answer says it today."""
    return (context.news.contact.email if context.news else None) or ""


def answers_to(work: Work | None, directory: Directory) -> str | None:
    """A customer's reply goes to the owner's team, which is there when the owner is away; a private one to a person."""
    team, person = find((work.owner if work else None) or "", directory)
    team = team or directory.teams.get((person.team if person else None) or "")
    shared = team.queue.get("email") if team and work and not work.playbook.private else None
    return shared or (person.email if person else None)


def reader(context: Context, directory: Directory, default_zone: str) -> Reader:
    """The customer, in their own language, on their own clock where it is known, else on the owner's."""
    said, owner = context.news, (context.work.owner if context.work else None) or ""
    there = recipients.reader(owner, directory, default_zone=default_zone).zone
    if said is None:
        return Reader(id=CUSTOMER, name="", language="en", zone=there)
    customer = said.response.customer
    language = customer.language or said.response.language or said.verdict.language or "en"
    zone = _zone(customer.contact.timezone if customer.contact else None) or there
    return Reader(id=CUSTOMER, name=clean_line(customer.name or ""), language=language, zone=zone)


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None  # the sender's spelling, not ours to check here


# In which words ----------------------------------------------------------------------------------------------------


def build(page: Page, said: Said) -> View:
    """The view of a message to a customer. Nothing in it is for people at work alone."""
    say, notice, work = page.say, page.context.notice, page.work
    says = notice.says
    changed = clean(str(notice.data.get("words") or ""))
    words = _own_words(page, said)
    subject = say(_SUBJECTS[says])
    due = _due(page, work) if work and says is Say.RECOVERY_REPLY else None
    return View(
        kind=Kind.CUSTOMER,
        say=say,
        subject=subject,
        sender="",
        preheader=cut(" ".join((changed or (words.top if words.given else subject)).split()), 100),
        lead=subject,
        title=subject,
        id=short_id(work.id) if work else "",
        words=words,
        name=page.reader.name,
        due=due,
        says=says.value,
        colleague=_colleague(page, work),
        changed=changed,
    )


def _own_words(page: Page, said: Said) -> Words:
    """What they wrote, from the first word on, without notes for people at work and the tags of redaction."""
    found = saying.words(said, page.say, None)
    top = found.top
    for tag in Tag:
        top = top.replace(tag, ELLIPSIS)
    return Words(top=top, given=found.given, lang=found.lang, dir=found.dir)


def _due(page: Page, work: Work) -> Due:
    return Due(label="", when=page.say.full(page.at(work.due_at)), slack="", note="", late=False)


def _colleague(page: Page, work: Work | None) -> str:
    """Who will be in touch, or who writes: a person by name, a queue by none."""
    by: Mapping[str, object] = page.context.notice.data
    _, person = find(str(by.get("by") or (work.owner if work else None) or ""), page.around.directory)
    return clean_line(person.name) if isinstance(person, Person) else ""
