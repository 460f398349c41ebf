"""Messages that are lists, and the list of late answers. Pure."""

from __future__ import annotations

from dataclasses import replace

from worker.model.notice import Kind
from worker.notify import saying
from worker.notify.context import Said
from worker.notify.page import Page
from worker.notify.view import Item, Section, View
from worker.notify.words import clean_line, cut

MOST_ITEMS = 20
_MOST_WORDS = 200


def build(page: Page) -> View:
    """The view of a list of late answers."""
    say = page.say
    mine = [said for said in page.context.late if _receiver(page, said) == page.reader.id]
    title = say("{n} late answers", n=len(mine)) if len(mine) != 1 else say("1 late answer")
    sentence = say("They came in too old to alert, so nothing was opened. Look whether somebody should call.")
    shown = tuple(_openable(page, said) for said in mine[:MOST_ITEMS])
    more = len(mine) - len(shown)
    tail = (say("And {n} more.", n=more),) if more > 0 else ()
    command = f"innerloop responses open SOURCE/ID --by {page.reader.id}"
    how = (say("To open one: {command}", command=command),) if mine else ()
    sections = (Section("", (sentence,)), Section("", (*tail, *how), shown))
    return view_of(page, title, sentence, sections)


def view_of(page: Page, title: str, glance: str, sections: tuple[Section, ...], *, subject: str | None = None) -> View:
    """A message that is a list. `glance` is what a lock screen shows after the title."""
    say = page.say
    sender = "innerloop huddle" if page.context.notice.kind is Kind.HUDDLE else "innerloop"
    return View(
        kind=page.context.notice.kind,
        say=say,
        subject=cut(subject or title, 78),
        sender=sender,
        preheader=cut(glance, 100),
        lead=cut(f"{(subject or title).rstrip('.')}. {glance}", 110),
        title=cut(title, 140),
        sections=sections,
        foot=(
            say("This message is for {name}.", name=clean_line(page.reader.name)),
            say("innerloop, rules {revision}", revision=page.around.revision),
        ),
    )


def _openable(page: Page, said: Said) -> Item:
    """An entry with the id that a command needs to open it."""
    item, response = item_of(page, said), said.response
    ident = clean_line(f"{response.source}/{response.id}")
    return replace(item, rest=". ".join(part for part in (item.rest.rstrip("."), ident) if part))


def item_of(page: Page, said: Said) -> Item:
    """An answer as an entry of a list."""
    say = page.say
    words = saying.words(said, say, page.around.telling(said))
    top = cut(" ".join(words.top.split()), _MOST_WORDS)
    contact = saying.contact_note(said, say) if said.response.customer.may_contact is False else ""
    return Item(
        when=page.short(said.response.responded_at),
        score=saying.score(said, say).short,
        name=cut(saying.named(said, say), 40),
        words=say.quote(top) if words.given else top,
        rest=". ".join(part for part in (saying.who(said, say), contact) if part),
        dir=words.dir,
    )


def _receiver(page: Page, said: Said) -> str:
    """Who is told about a late answer: the unit's manager, else the team's lead, else the default owner."""
    directory, interaction = page.around.directory, said.response.interaction
    unit = directory.units.get(interaction.unit or "")
    team = directory.teams.get(interaction.team or "")
    for person in (unit.manager if unit else None, team.lead if team else None):
        if person is not None and person in directory.people:
            return person
    return directory.default_owner.removeprefix("person:")
