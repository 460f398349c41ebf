"""Messages that are lists: late answers, catch-up, huddle sheet. Pure."""

from __future__ import annotations

from typing import Any

from worker.model.notice import Kind
from worker.notify import saying
from worker.notify.context import Said
from worker.notify.page import Page
from worker.notify.view import Item, Section, View
from worker.notify.words import clean_line, cut, direction

_MOST_ITEMS = 20
_MOST_WORDS = 200


def build(page: Page) -> View:
    """The view of a list."""
    kind = page.context.notice.kind
    if kind is Kind.LATE_ANSWERS:
        return _late(page)
    return _sheet(page)


def _late(page: Page) -> View:
    say = page.say
    mine = [said for said in page.context.late if _receiver(page, said) == page.reader.id]
    title = say("{n} late answers", n=len(mine)) if len(mine) != 1 else say("1 late answer")
    sentence = say("They came in too old to alert, so nothing was opened. Look whether somebody should call.")
    shown = tuple(_item(page, said) for said in mine[:_MOST_ITEMS])
    more = len(mine) - len(shown)
    tail = (say("And {n} more.", n=more),) if more > 0 else ()
    sections = (Section("", (sentence,)), Section("", tail, shown))
    return _view(page, title, sentence, sections)


def _sheet(page: Page) -> View:
    """Catch-up and huddle: the facts come with the notice, as titled sections."""
    say, data = page.say, page.context.notice.data
    huddle = page.context.notice.kind is Kind.HUDDLE
    default = say("Huddle sheet") if huddle else say("While you were not disturbed")
    title = clean_line(str(data.get("title") or default))
    summary = clean_line(str(data.get("summary") or ""))
    first = (Section("", (summary,)),) if summary else ()
    sections = tuple(_section(part) for part in data.get("sections", ()))
    return _view(page, title, summary or title, first + sections)


def _view(page: Page, title: str, glance: str, sections: tuple[Section, ...]) -> View:
    say = page.say
    sender = "innerloop huddle" if page.context.notice.kind is Kind.HUDDLE else "innerloop"
    return View(
        kind=page.context.notice.kind,
        say=say,
        subject=cut(title, 78),
        sender=sender,
        preheader=cut(glance, 100),
        lead=cut(f"{title}. {glance}", 110),
        title=cut(title, 140),
        sections=sections,
        foot=(
            say("This message is for {name}.", name=clean_line(page.reader.name)),
            say("innerloop, rules {revision}", revision=page.around.revision),
        ),
    )


def _item(page: Page, said: Said) -> Item:
    say = page.say
    words = saying.words(said, say, page.around.telling(said))
    top = cut(" ".join(words.top.split()), _MOST_WORDS)
    contact = saying.contact_note(said, say) if said.response.customer.may_contact is False else ""
    return Item(
        when=page.short(said.response.responded_at),
        score=saying.score(said, say).short,
        name=cut(saying.name(said, say), 40),
        words=say.quote(top) if words.given else top,
        rest=". ".join(part for part in (saying.who(said, say), contact) if part),
        dir=words.dir,
    )


def _section(part: dict[str, Any]) -> Section:
    items = tuple(
        Item(
            when=clean_line(str(item.get("when") or "")),
            score=clean_line(str(item.get("score") or "")),
            name=clean_line(str(item.get("name") or "")),
            words=cut(clean_line(str(item.get("words") or "")), _MOST_WORDS),
            rest=clean_line(str(item.get("rest") or "")),
            dir=direction(str(item.get("words") or "")),
        )
        for item in part.get("items", ())
    )
    lines = tuple(clean_line(str(line)) for line in part.get("lines", ()))
    return Section(clean_line(str(part.get("title") or "")), lines, items)


def _receiver(page: Page, said: Said) -> str:
    """Who is told about a late answer: the unit's manager, else the team's lead, else the default owner."""
    directory, interaction = page.around.directory, said.response.interaction
    unit = directory.units.get(interaction.unit or "")
    team = directory.teams.get(interaction.team or "")
    for person in (unit.manager if unit else None, team.lead if team else None):
        if person is not None and person in directory.people:
            return person
    return directory.default_owner.removeprefix("person:")
