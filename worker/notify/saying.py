"""The parts of a message that speak of one response: its score, its words, its customer. Pure."""

from __future__ import annotations

import html
import re
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from worker.model.directory import Directory
from worker.model.playbook import Milestone, Playbook
from worker.model.response import Contact, Interaction
from worker.model.verdict import Class, Verdict
from worker.notify.context import Before, Said
from worker.notify.recipients import first_name
from worker.notify.view import Fact, Score, Words
from worker.notify.words import Language, capital, clean, clean_line, cut, direction, label, number

MOST_TOP = 600
_MOST_TELLING = 300
_MOST_FULL = 20_000
_MOST_FULL_BYTES = 60_000  # as HTML: a mail beyond 102 KB is clipped by Gmail
_SHAPES = {Class.DETRACTOR: ("det", "▼"), Class.PASSIVE: ("pas", "■"), Class.PROMOTER: ("pro", "▲")}
_KLASS = {Class.DETRACTOR: "Detractor", Class.PASSIVE: "Passive", Class.PROMOTER: "Promoter"}
_CHANNELS = {
    "phone": "Phone", "chat": "Chat", "email": "E-mail", "store": "Store", "web": "Web", "app": "App", "sms": "SMS",
    "visit": "Visit", "video": "Video call", "social": "Social media", "letter": "Letter", "branch": "Branch",
}  # fmt: skip


def score(said: Said, say: Language) -> Score:
    verdict = said.verdict
    tone, shape = _SHAPES.get(verdict.klass, ("none", "")) if verdict.klass else ("none", "")
    return Score(
        chip=_chip(verdict, say),
        short=_short(verdict, say),
        klass=say(_KLASS[verdict.klass]) if verdict.klass else "",
        tone=tone,
        shape=shape,
    )


def short_score(metric: str, value: str | None, say: Language) -> str:
    """An earlier score, as people say it: 6, 1 star, thumbs down."""
    if value is None:
        return say("Comment")
    if metric == "thumbs":
        return say("Thumbs up") if Decimal(value) else say("Thumbs down")
    return number(Decimal(value))


def words(said: Said, say: Language, telling: str | None) -> Words:
    """The comment, its most telling sentence on top."""
    comment = clean(said.response.comment or "")
    if not comment:
        return Words(top=say("No comment"), given=False)
    top, whole = cut(comment, MOST_TOP), None
    sentence = clean_line(telling) if telling else ""
    if sentence and len(comment) > _MOST_TELLING and not comment.startswith(sentence):
        top, whole = cut(sentence, _MOST_TELLING), top
    return Words(
        top=top,
        given=True,
        whole=whole,
        full=_full(comment) if len(comment) > MOST_TOP else None,
        note=_note(said, say),
        lang=said.verdict.language or said.response.language or "",
        dir=direction(comment),
    )


def name(said: Said, say: Language) -> str:
    customer = said.response.customer
    if customer.name and (shown := clean_line(customer.name)):
        return shown
    return say("customer {id}", id=clean_line(customer.id)) if customer.id else say("an unknown customer")


def named(said: Said, say: Language) -> str:
    """The name where it stands by itself or begins a sentence."""
    customer = said.response.customer
    return capital(name(said, say)) if customer.id or clean_line(customer.name or "") else say("Unknown customer")


def first_step(text: str, plan: Playbook, said: Said, say: Language) -> str:
    """The playbook's first step; where it would reach out to somebody who must not be contacted, what to do instead."""
    if said.response.customer.may_contact is False and _reaches_out(plan):
        return say("Must not be contacted. Fix it without contact.")
    return clean_line(text)


def _reaches_out(plan: Playbook) -> bool:
    """It counts tries, or waits for the customer to have been contacted."""
    return plan.tries is not None or any(rung.unless is Milestone.CONTACTED for rung in plan.escalate)


def who(said: Said, say: Language) -> str:
    """Tier and country, after the name."""
    customer = said.response.customer
    tier = clean_line(customer.tier).capitalize() if customer.tier else None
    return ", ".join(part for part in (tier, say.country(customer.country)) if part)


def where(said: Said, directory: Directory) -> str:
    """The unit, else the team, else the region."""
    interaction = said.response.interaction
    unit = directory.units.get(interaction.unit or "")
    team = directory.teams.get(interaction.team or "")
    found = (unit and unit.name) or interaction.unit or (team and team.name) or interaction.team or interaction.region
    return clean_line(found) if found else ""


def may_call(said: Said, say: Language, *, personal_mail: bool) -> Fact:
    """Whether and how the customer may be reached. Ways to reach only in mail to one person's own address."""
    customer = said.response.customer
    if customer.may_contact is False:
        return Fact(say("May be called"), say("Must not be contacted. Fix it without contact."))
    if customer.may_contact is None:
        reach = _reach(said.contact, say) if personal_mail else ("", "", "")
        return Fact(say("May be called"), " ".join(part for part in (say("Check first."), reach[0]) if part))
    wish = _wish(said, say)
    if not personal_mail:
        return Fact(say("May be called"), " ".join(part for part in (say("Yes."), wish) if part))
    shown, link_text, link = _reach(said.contact, say)
    text = " ".join(part for part in (say("Yes."), wish, "" if link else shown) if part)
    return Fact(say("May be called"), text, link_text, link)


def contact_note(said: Said, say: Language) -> str:
    """The same for a channel, as a sentence after the name."""
    allowed = said.response.customer.may_contact
    if allowed is False:
        return say("Must not be contacted. Fix it without contact.")
    return say("May be called") if allowed else say("Check first")


def was_in_touch(said: Said, say: Language, zone: ZoneInfo, now: datetime, directory: Directory) -> str:
    """How, when, with whom and where."""
    interaction = said.response.interaction
    return capital(", ".join(part for part in _touch(interaction, say, zone, now, directory) if part))


def about(verdict: Verdict, say: Language) -> str:
    """Themes and severities, each in words; the severities first."""
    return ", ".join(say(label(word)) for word in dict.fromkeys((*verdict.severity, *verdict.themes)))


def before(earlier: tuple[Before, ...], say: Language, zone: ZoneInfo, now: datetime) -> str:
    """6 in August (closed, recovered), 9 in May."""
    parts = []
    for one in earlier:
        what = ", ".join(say(label(word)) for word in (one.state, one.outcome) if word)
        month = say.month(one.responded_at.astimezone(zone), now)
        line = say("{score} in {month}", score=short_score(one.metric, one.score, say), month=month)
        parts.append(f"{line} ({what})" if what else line)
    return ", ".join(parts)


def _chip(verdict: Verdict, say: Language) -> str:
    if verdict.score is None:
        return say("Comment")
    if verdict.metric == "thumbs":
        return say("Thumbs up") if verdict.score else say("Thumbs down")
    return say("{score} of {high}", score=number(verdict.score), high=number(verdict.scale_high))


def _short(verdict: Verdict, say: Language) -> str:
    """NPS 2, CSAT 1/5, 1 of 5 stars, Thumbs down, Comment."""
    if verdict.score is None:
        return say("Comment")
    value, high = number(verdict.score), number(verdict.scale_high)
    match verdict.metric:
        case "nps":
            text = f"NPS {value}"
        case "stars":
            text = say("{score} of {high} stars", score=value, high=high)
        case "thumbs":
            text = say("Thumbs up") if verdict.score else say("Thumbs down")
        case metric:
            text = f"{clean_line(metric).upper()} {value}/{high}"
    return f"{text}, {say('unhappy words')}" if verdict.silent else text


def _note(said: Said, say: Language) -> str | None:
    if said.verdict.text_read is not False:
        return None
    language = say.language(said.verdict.language or said.response.language)
    return say("{language} comment, not analysed", language=language) if language else say("Comment not analysed")


def _full(comment: str) -> str:
    full = cut(comment, _MOST_FULL)
    while len(html.escape(full).encode()) > _MOST_FULL_BYTES:
        full = cut(full, len(full) * 9 // 10)
    return full


def _wish(said: Said, say: Language) -> str:
    """How and when the customer wants to be reached, in the customer's own zone."""
    wish = said.response.customer.contact
    if wish is None:
        return ""
    place = wish.timezone.rpartition("/")[2].replace("_", " ") if wish.timezone else ""
    parts = [
        say(_CHANNELS.get(wish.prefer, wish.prefer)) if wish.prefer else "",
        wish.window or "",
        say("({place} time)", place=place) if wish.window and place else "",
    ]
    text = clean_line(" ".join(part for part in parts if part))
    return say("Prefers {wish}.", wish=text) if text else ""


def _reach(contact: Contact, say: Language) -> tuple[str, str, str]:
    """A number, or else an address: as text, as the text of a link, and as the link."""
    phone = contact.phone or next(iter(contact.phones_in_comment), None)
    if phone:
        shown = clean_line(phone)
        left = say("(number left in the comment)") if not contact.phone else ""
        digits = "".join(c for c in shown if c.isdigit() or c == "+")
        return f"{shown} {left}".strip(), f"{say('Call {number}', number=shown)} {left}".strip(), f"tel:{digits}"
    email = contact.email or next(iter(contact.emails_in_comment), None)
    if email and "@" in email and not any(c.isspace() or c in '<>"?&' for c in email):
        return clean_line(email), say("Write to {address}", address=clean_line(email)), f"mailto:{email}"
    return say("No number is known."), "", ""


def _touch(
    interaction: Interaction, say: Language, zone: ZoneInfo, now: datetime, directory: Directory
) -> tuple[str | None, ...]:
    channel = interaction.channel
    ended = interaction.ended_at.astimezone(zone) if interaction.ended_at else None
    agent = first_name(directory.aliases.get(interaction.agent or "", interaction.agent), directory)
    team = directory.teams.get(interaction.team or "")
    unit = directory.units.get(interaction.unit or "")
    return (
        say(_CHANNELS.get(channel.lower(), clean_line(channel).capitalize())) if channel else None,
        say.short(ended, now) if ended else None,
        say("with {name}", name=clean_line(agent)) if agent else None,
        *_places(
            clean_line(team.name if team else interaction.team or ""),
            clean_line(unit.name if unit else interaction.unit or ""),
        ),
    )


def _places(team: str, unit: str) -> tuple[str, ...]:
    """Team and unit; only the longer of the two where it holds the other: Billing, Leeds."""
    if _holds(team, unit):
        return (team,)
    return (unit,) if _holds(unit, team) else (team, unit)


def _holds(text: str, name: str) -> bool:
    return bool(name) and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None
