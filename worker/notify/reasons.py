"""Why somebody got a message, what is new about it, and what happens next, in sentences. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from worker.model.followup import LIVE, State
from worker.model.notice import Kind
from worker.model.playbook import Escalation, Milestone, Priority
from worker.notify import saying
from worker.notify.context import Said, Step, Work
from worker.notify.page import Page
from worker.notify.recipients import display_name
from worker.notify.retry import NO_ANSWER_TWICE
from worker.notify.view import Moment, Strip
from worker.notify.words import Language, capital, clean_line, cut

_LATE = timedelta(minutes=2)  # sooner, nobody would call it late
_VIA = {
    "agent": "You handled it.", "manager": "You manage the agent who handled it.",
    "account_manager": "You look after this customer.", "unit_manager": "You manage the unit.",
    "team_lead": "You lead the team.", "team_queue": "It belongs to your team's queue.",
    "default_owner": "Nobody else could be found, and you are the default owner.",
    "above": "You stand above whoever had it.", "not mine": "You are next in line.",
    "directory": "You are next in line.", "reassigned": "It was given to you.",
}  # fmt: skip
_NO = {
    "agent": "the agent", "manager": "the agent's manager", "account_manager": "the account manager",
    "unit_manager": "the unit's manager", "team_lead": "the team's lead", "team_queue": "the team's queue",
}  # fmt: skip
_SKIPS = {
    "unknown": "{who} is not known", "left": "{who} has left", "away": "{who} is away",
    "owner_not": "{who} may not own it", "private": "{who} is a queue, and this is private",
    "no_channel": "{who} cannot be reached",
}  # fmt: skip
_WHO = {
    "manager": "the manager", "team_lead": "the team's lead", "unit_manager": "the unit's manager",
    "account_manager": "the account manager", "team_queue": "the team", "owner": "the owner", "agent": "the agent",
}  # fmt: skip
_HAS_NOT = {
    Milestone.ACKNOWLEDGED: "{name} has not acknowledged it since {when}, and keeps it until you act.",
    Milestone.CONTACTED: "{name} has not contacted the customer since {when}, and keeps it until you act.",
    Milestone.CLOSED: "{name} has not closed it since {when}, and keeps it until you act.",
}  # fmt: skip
_NOT = {
    Milestone.ACKNOWLEDGED: "Not acknowledged", Milestone.CONTACTED: "Not contacted", Milestone.CLOSED: "Not closed",
}  # fmt: skip
_GIVEN = frozenset({"reassigned", "not mine", "handed over"})  # in the words of the history
_CHANNELS = {"slack": "Slack", "email": "E-mail"}


# What is new -----------------------------------------------------------------------------------------------------


def strips(page: Page, said: Said, *, repeat: bool) -> tuple[Strip, ...]:
    """The lines above the score, the kind's own first. A first alert in time has none."""
    found = [_kind_strip(page, said), _late_strip(page), _repeat_strip(page.say) if repeat else None]
    return tuple(strip for strip in found if strip)


def _kind_strip(page: Page, said: Said) -> Strip | None:
    work, say = page.work, page.say
    match page.context.notice.kind:
        case Kind.DRILL:
            return Strip(say("Drill."), say("A test by ops. No customer is waiting."), small=True)
        case Kind.UPDATE:
            return _update(page, said)
        case Kind.COPY if work:
            return Strip(say("Copy."), say("{name} has this one.", name=page.first_name(work.owner)))
        case Kind.ESCALATION if work:
            return _escalation(page, work)
        case Kind.HANDED_OVER:
            return _handed_over(page)
        case Kind.TAKEN_OVER:
            data = page.context.notice.data
            now = page.first_name(str(data.get("to") or data.get("by") or (work.owner if work else "") or ""))
            return Strip(say("{name} has taken this over.", name=now), say("Nothing is left for you to do."))
        case Kind.REMINDER if work and "tries" in page.context.notice.data:
            return _next_try(page, work, said)
        case Kind.REMINDER | Kind.DUE_SOON if work:
            return _reminder(page, work)
        case Kind.ALERT if work and work.cycle > 1 and work.state is State.OPEN:
            return _opened_again(page, said)
        case Kind.ALERT if work and _tries_are_spent(work):
            return _in_vain(page, work, said)
        case Kind.ALERT if work and page.now >= work.due_at:
            return _overdue(page, work)
        case _:
            return None


def _update(page: Page, said: Said) -> Strip:
    say, work = page.say, page.work
    news = page.context.news or said
    edited = page.context.notice.cause.count("/") > 3
    text = "{name} changed the answer, {when}." if edited or news.id == said.id else "{name} wrote again, {when}."
    at = news.response.updated_at or news.response.responded_at
    bold = say(text, name=saying.named(news, say), when=page.short(at))
    parts = [] if news.id == said.id else [say("New answer: {score}.", score=saying.score(news, say).short)]
    if work and work.state is State.CANCELLED:
        parts.append(say("Nothing is left to do: the answer no longer asks for a follow-up."))
    elif work and work.priority >= Priority.URGENT:
        parts.append(say("Urgent now."))
    return Strip(bold, " ".join(parts))


def _opened_again(page: Page, said: Said) -> Strip:
    say, news = page.say, page.context.news
    if news is None or news.id == said.id:
        return Strip(say("Opened again."), "")
    text = say("{name} wrote again, {when}.", name=saying.named(news, say), when=page.short(news.response.responded_at))
    return Strip(say("Opened again."), f"{text} {say('New answer: {score}.', score=saying.score(news, say).short)}")


def _escalation(page: Page, work: Work) -> Strip | None:
    """Why it came to this reader; once somebody has acted, that they did: the message is edited on every change."""
    if work.state not in LIVE or page.context.notice.cause.startswith(_earlier_cycles(work)):
        return None
    say, data = page.say, page.context.notice.data
    waited_for = next((one for one in Milestone if one == data.get("unless")), Milestone.ACKNOWLEDGED)
    bold = say("Escalated to you, {name}.", name=page.first_name(page.reader.id))
    if work.owner not in (None, data.get("from", work.owner)):
        return Strip(bold, say("{name} has it now.", name=page.first_name(work.owner)))
    if waited_for is Milestone.ACKNOWLEDGED and work.acknowledged_at:
        return Strip(bold, say("It has been acknowledged since."))
    if waited_for is Milestone.CONTACTED and work.contacted_at:
        return Strip(bold, say("The customer has been contacted since."))
    if page.now >= work.due_at and waited_for is not Milestone.ACKNOWLEDGED:
        told = say("{name} has been told.", name=page.first_name(work.owner))
        rest = f"{_not(work, say)}. {told}"
        return Strip(say("Overdue since {when}.", when=page.short(work.due_at)), rest, "late")
    text = say(_HAS_NOT[waited_for], name=page.first_name(work.owner), when=page.short(_has_had_it_since(page, work)))
    return Strip(bold, text, "soon")


def _earlier_cycles(work: Work) -> tuple[str, ...]:
    return tuple(f"follow-up/{work.id}/{cycle}/" for cycle in range(1, work.cycle))


def _has_had_it_since(page: Page, work: Work) -> datetime:
    """Since when this is the present owner's to do: nobody is blamed for the time before."""
    given = (line.at for line in page.context.history if line.what in _GIVEN and line.to == work.owner)
    return max([work.due_from, *given])


def _handed_over(page: Page) -> Strip:
    say, data = page.say, page.context.notice.data
    reason = clean_line(str(data.get("reason") or ""))
    by = data.get("by")
    bold = say("Handed over to you by {name}.", name=page.first_name(str(by))) if by else say("Handed over to you.")
    if away := str(data.get("away") or data.get("left") or ""):
        text = "{name} is away, and you stand in." if data.get("away") else "{name} has left."
        return Strip(bold, f"{say(text, name=page.first_name(away))} {say('The clock goes on.')}")
    quoted = f"{say.quote(cut(reason, 200))} " if reason else ""
    return Strip(bold, f"{quoted}{say('The clock goes on.')}")


def _reminder(page: Page, work: Work) -> Strip:
    say = page.say
    if page.now >= work.due_at:
        return _overdue(page, work)
    # Counting what is left needs a calendar, which the view has at hand.
    left = page.time_left(work)
    n = page.context.notice.data.get("n")
    bold = say("Due soon.") if page.context.notice.kind is Kind.DUE_SOON else say("Reminder {n}.", n=n or 1)
    parts = [say(f"{_not_word(work)} yet."), say("{span} left.", span=left)]
    following = next_steps(page)[:1]
    parts += [say("Next: {what}, {when}.", what=step.what.partition(": ")[2], when=step.when) for step in following]
    return Strip(bold, " ".join(parts), "soon")


def _next_try(page: Page, work: Work, said: Said) -> Strip:
    """It is time to try again; after as many times as the playbook asks for, to do something else."""
    if _tries_are_spent(work):
        return _in_vain(page, work, said)
    say = page.say
    late = page.now >= work.due_at
    by = say("Overdue since {when}.", when=page.short(work.due_at))
    left = by if late else say("{span} left.", span=page.time_left(work))
    so_far = say("Tried {n} times so far.", n=work.tries) if work.tries > 1 else say("Tried once so far.")
    return Strip(say("Time for the next try."), f"{so_far} {left}", "late" if late else "soon")


def _in_vain(page: Page, work: Work, said: Said) -> Strip:
    say = page.say
    bold = say("Tried {n} times, and nobody was reached.", n=work.tries)
    may = said.response.customer.may_contact is not False
    instead = "Write to the customer, or close it as unreachable." if may else "Close it as unreachable."
    return Strip(bold, say(instead), "late" if page.now >= work.due_at else "soon")


def _tries_are_spent(work: Work) -> bool:
    plan = work.playbook.tries
    return plan is not None and work.tries >= plan.at_most and work.contacted_at is None and work.state in LIVE


def _overdue(page: Page, work: Work) -> Strip:
    say = page.say
    parts = [f"{_not(work, say)}."]
    if work.priority >= Priority.URGENT:
        parts.append(say("Urgent now."))
    return Strip(say("Overdue since {when}.", when=page.short(work.due_at)), " ".join(parts), "late")


def _not(work: Work, say: Language) -> str:
    return say(_not_word(work))


def _not_word(work: Work) -> str:
    if work.state is State.CONTACTED:
        return "Not closed"
    return "Not acknowledged" if work.state is State.OPEN else "Not contacted"


def _late_strip(page: Page) -> Strip | None:
    """Late by fail-over: how late, why, and that somebody knows."""
    context, say = page.context, page.say
    late = page.now - context.notice.not_before
    if not context.earlier:
        return None
    last = context.earlier[-1]
    bold = say("{span} late.", span=say.span(late)) if late >= _LATE else say("Sent another way.")
    channel = say(_CHANNELS.get(last.channel, last.channel))
    here = say("mail") if context.channel == "email" else say(_CHANNELS.get(context.channel, context.channel))
    silent = last.reason in {NO_ANSWER_TWICE, "timeout", "connection_lost"}
    text = (
        "{channel} gave no answer, so it comes by {here}." if silent else "{channel} refused it, so it comes by {here}."
    )
    ops = say("Ops know.") if page.around.ops_hear else ""
    return Strip(bold, f"{say(text, channel=channel, here=here)} {ops}".strip(), small=True)


def _repeat_strip(say: Language) -> Strip:
    return Strip(say("Sent again;"), say("the first may not have arrived."), small=True)


# Why -------------------------------------------------------------------------------------------------------------


def why(page: Page) -> str:
    """Why this reader got this message."""
    work, say, kind = page.work, page.say, page.context.notice.kind
    if kind is Kind.DRILL:
        return say("Ops asked for a test of the way messages go.")
    if work is None:
        return say("You were in touch with this customer.") if kind is Kind.KUDOS else ""
    if kind is Kind.TAKEN_OVER:
        return say("It was yours until then.")
    if kind is Kind.CLOSED:
        return say("It was yours, and somebody else ended it.")
    rule = say("Rule {name}.", name=say.quote(clean_line(page.around.rule_name(work.rule) or work.rule)))
    if kind is Kind.ESCALATION:
        return _why_escalated(page, work)
    if kind is Kind.COPY:
        return f"{rule} {say('Your copy is asked for by the rules.')}"
    if page.reader.id != work.owner:
        return rule
    return " ".join(part for part in (rule, _ownership(page, work)) if part)


def why_short(page: Page) -> str:
    """The same in Slack's small print: Why you: you handled it. Rule gold-billing."""
    work, say, kind = page.work, page.say, page.context.notice.kind
    if work is None or kind is Kind.DRILL:
        return why(page)
    if kind is Kind.ESCALATION:
        return _why_escalated(page, work)
    mine = _ownership(page, work) if page.reader.id == work.owner and kind is not Kind.COPY else ""
    reason = say("Why you: {reason}", reason=_within(mine, say)) if mine else ""
    return " ".join(part for part in (reason, say("Rule {name}", name=work.rule)) if part)


def _within(sentence: str, say: Language) -> str:
    """A sentence after a colon: small, unless it begins with a name or is German."""
    first = sentence.partition(" ")[0]
    small = say.code == "en" and first in {"You", "It", "Nobody", "The"}
    return sentence[:1].lower() + sentence[1:] if small else sentence


def _ownership(page: Page, work: Work) -> str:
    """You handled it, and the account manager is not known."""
    say, via = page.say, work.owner_via or ""
    if work.stands_in_for:
        return say("{name} is away, and you stand in.", name=page.first_name(work.stands_in_for))
    own = say(_VIA[via]) if via in _VIA else say("The rule names you.") if via else ""
    skipped = [_skip(page, dict(skip)) for skip in page.context.skips[:2]]
    return " ".join(part for part in (own, *skipped) if part)


def _skip(page: Page, skip: dict[str, object]) -> str:
    say, candidate = page.say, str(skip.get("candidate") or "")
    text = _SKIPS.get(str(skip.get("reason") or ""))
    if text is None:
        return ""
    person = skip.get("person")
    name = page.first_name(str(person)) if person else say(_NO.get(candidate, candidate))
    return capital(say(text, who=name)) + "."


def _why_escalated(page: Page, work: Work) -> str:
    say = page.say
    rung = page.context.notice.data.get("rung")
    rungs = work.playbook.escalate
    if not isinstance(rung, int) or not 0 <= rung < len(rungs):
        return say("The playbook {name} has no step left.", name=say.quote(clean_line(work.playbook.name)))
    it = rungs[rung]
    close = _tie(page, work, it)
    said = say(
        "{when}, unless {done}, to {who}",
        when=_rung_words(it, say), done=say(it.unless.value), who=say(_WHO.get(it.to, "you")),
    )  # fmt: skip
    says = say("The playbook {name} says: {said}.", name=say.quote(clean_line(work.playbook.name)), said=said)
    return f"{close} {says}".strip()


def _tie(page: Page, work: Work, rung: Escalation) -> str:
    """You are Ana's manager: what the reader has to do with whoever has not acted."""
    text = {"manager": "You are {name}'s manager.", "team_lead": "You lead {name}'s team."}.get(rung.to)
    owner = str(page.context.notice.data.get("from") or work.owner or "")
    is_them = page.around.resolve(rung.to, page.context) == page.reader.id
    known = owner in page.around.directory.people
    return page.say(text, name=page.first_name(owner)) if text and is_them and known else ""


def _rung_words(rung: Escalation, say: Language) -> str:
    if rung.after:
        return say("after {span}", span=f"{rung.after.amount} {say(str(rung.after).partition(' ')[2])}")
    if rung.after_due:
        span = f"{rung.after_due.amount} {say(str(rung.after_due).partition(' ')[2])}"
        return say("{span} after the due time", span=span)
    return say("when it is due")


# What happens next -----------------------------------------------------------------------------------------------


def next_steps(page: Page) -> tuple[Moment, ...]:
    """What the playbook does, and when, unless somebody acts. Only what is still to come."""
    work = page.work
    if work is None or page.context.notice.kind in {Kind.COPY, Kind.TAKEN_OVER, Kind.DRILL}:
        return ()
    found, owner, told = [], work.owner, _last_told(page)
    for step in page.context.steps:
        rung = _rung(step, work)
        if rung and step.at > page.now and _still_waits(rung, work):
            told = page.around.above(rung, step.at, owner, told, page.context)
            owner = told if rung.hand_over else owner
            found.append(Moment(page.short(step.at), _consequence(page, rung, told)))
    return tuple(found)


def _last_told(page: Page) -> str | None:
    """Whom the last step told: nobody hears twice in a row of what somebody above could hear of."""
    for line in reversed(page.context.history):
        if line.what in {"reopened", "opened"}:
            break
        if line.to is not None and (line.what in _GIVEN or line.what == "escalated"):
            return line.to
    return None


def next_sentence(page: Page) -> str:
    """Not acknowledged by Mon 10:00: Bo is told."""
    work = page.work
    if work is None:
        return ""
    parts = []
    for moment in next_steps(page):
        condition, _, what = moment.what.partition(": ")
        line = page.say("{condition} by {when}: {what}.", condition=capital(condition), when=moment.when, what=what)
        parts.append(line)
    return " ".join(parts)


def _rung(step: Step, work: Work) -> Escalation | None:
    name, _, index = step.step.partition(".")
    rungs = work.playbook.escalate
    return rungs[int(index)] if name == "escalate" and index.isdigit() and int(index) < len(rungs) else None


def _still_waits(rung: Escalation, work: Work) -> bool:
    reached = {State.ACKNOWLEDGED: 1, State.CONTACTED: 2}.get(work.state, 0)
    wanted = {Milestone.ACKNOWLEDGED: 1, Milestone.CONTACTED: 2}.get(rung.unless, 3)
    return reached < wanted


def _raised(page: Page, rung: Escalation) -> str:
    """And it becomes urgent: where the step lifts the priority that it has now."""
    if not rung.priority or (page.work and Priority.of(rung.priority) <= page.work.priority):
        return ""
    if Priority.of(rung.priority) is Priority.URGENT:
        return page.say("and it becomes urgent")
    return page.say("and its priority becomes {priority}", priority=page.say(rung.priority))


def _consequence(page: Page, rung: Escalation, person: str | None) -> str:
    """Not acknowledged: Bo is told, and it becomes urgent."""
    say = page.say
    known = display_name(person, page.around.directory) if person else None
    name = page.first_name(person) if known else say(_WHO.get(rung.to, "somebody else"))
    told = say("you are told") if person == page.reader.id else say("{name} is told", name=name)
    taking = say("takes over") if rung.hand_over else ""
    raised = _raised(page, rung)
    what = f"{told}, {raised}" if raised else told
    what = f"{what}; {name} {taking}" if taking and person != page.reader.id else what
    return f"{say(_NOT[rung.unless]).lower()}: {what}"
