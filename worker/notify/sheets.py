"""One message for several notices: the catch-up after quiet hours, a list of reminders, the huddle sheet. Pure.

They name the follow-ups as they are at this moment: what was closed meanwhile is counted, never named as open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from worker.model.followup import LIVE, State, short_id
from worker.model.notice import Kind
from worker.model.playbook import Priority
from worker.notify import saying
from worker.notify.context import Context, Said, Work
from worker.notify.holding import held
from worker.notify.lists import MOST_ITEMS, item_of, view_of
from worker.notify.obsolete import Now, obsolete
from worker.notify.page import Page
from worker.notify.view import Item, Section, View
from worker.notify.words import capital, clean_line, cut, label

_FIRST = 3
_REPEATS = 2  # a theme named once does not repeat
_MOST_BAR = 20
_MOST_PRAISE = 160
_NEWS = {Kind.ESCALATION: "Escalated", Kind.HANDED_OVER: "Handed over", Kind.COPY: "Copy"}


@dataclass(slots=True)
class _Sheet:
    """What the notices come to: open follow-ups by due time, those that are over, praise, and what repeats."""

    open: list[Context] = field(default_factory=list)
    over: list[Context] = field(default_factory=list)
    taken: list[Context] = field(default_factory=list)
    praise: list[Context] = field(default_factory=list)
    themes: Counter[str] = field(default_factory=Counter)


def build(page: Page) -> View:
    """The view of a catch-up or a huddle sheet."""
    sheet = _sheet(page.context.gathered)
    if page.context.notice.kind is Kind.HUDDLE:
        return _huddle(page, sheet)
    return _catch_up(page, sheet)


def _sheet(gathered: Sequence[Context]) -> _Sheet:
    sheet, seen = _Sheet(), set[int]()
    for one in gathered:
        if one.notice.kind is Kind.KUDOS:
            sheet.praise.append(one)
        elif one.work is not None and one.work.id not in seen and (place := _place(sheet, one, one.work)) is not None:
            place.append(one)
            seen.add(one.work.id)
            sheet.themes.update(_themes(one))
    sheet.open.sort(key=lambda one: one.work.due_at if one.work else one.notice.created_at)
    return sheet


def _place(sheet: _Sheet, one: Context, work: Work) -> list[Context] | None:
    """Which list a follow-up belongs into; None where this notice has nothing left to say."""
    if work.state not in LIVE:
        return sheet.over
    if one.notice.kind is Kind.TAKEN_OVER:
        return sheet.taken
    now = Now(
        state=work.state, owner=work.owner, cycle=work.cycle, version=work.version, snoozed_until=work.snoozed_until
    )
    return sheet.open if obsolete(one.notice, now) is None else None


def _themes(one: Context) -> set[str]:
    return {theme for said in one.said for theme in said.verdict.themes}


# Catch-up ----------------------------------------------------------------------------------------------------------


def _catch_up(page: Page, sheet: _Sheet) -> View:
    say, n = page.say, len(sheet.open)
    quiet = any(held(one.notice.data) for one in page.context.gathered)
    count = say("{n} follow-ups", n=n) if n != 1 else say("1 follow-up")
    title = f"{say('While you were not disturbed')}: {count}" if quiet or n < 2 else say("{n} reminders", n=n)
    waits = say("{n} follow-ups wait for you.", n=n) if n != 1 else say("1 follow-up waits for you.")
    summary = " ".join([waits, *_over(page, sheet)])
    shown = tuple(_item(page, one) for one in sheet.open[:MOST_ITEMS])
    more = n - len(shown)
    tail = (say("And {n} more.", n=more),) if more > 0 else ()
    sections = (Section("", (summary,)), Section("", tail, shown), *_praise(page, sheet))
    return view_of(page, title, summary, sections, subject=_subject(page, title, sheet))


def _subject(page: Page, title: str, sheet: _Sheet) -> str:
    """The title, and by when the first of them is due."""
    first = sheet.open[0].work if sheet.open else None
    return f"{title}, {_by(page, first)}" if first else title


# Huddle ------------------------------------------------------------------------------------------------------------


def _huddle(page: Page, sheet: _Sheet) -> View:
    say, today = page.say, page.at(page.now)
    title = f"{say('Huddle sheet')}, {say.day(today)} {say.date(today)}"
    late = sum(1 for one in sheet.open if one.work and page.now >= one.work.due_at)
    counts = say("{n} open, {late} overdue.", n=len(sheet.open), late=late)
    summary = " ".join([counts, *_over(page, sheet)])
    first = tuple(_item(page, one) for one in sheet.open[:_FIRST])
    rest = tuple(_line(page, one) for one in sheet.open[_FIRST:])
    repeats = tuple(_bar(page, theme, n) for theme, n in _ranked(sheet.themes) if n >= _REPEATS)
    sections = [Section("", (summary,)), *_praise(page, sheet)]
    sections += [Section(say("First three, due first"), (), first)] if first else []
    sections += [Section(say("Also open"), rest)] if rest else []
    sections += [Section(say("What repeats"), repeats)] if repeats else []
    subject = f"{say('Huddle')}, {say.day(today)} {say.date(today)}: {counts.rstrip('.')}"
    glance = _glance(page, sheet) or summary
    return view_of(page, title, glance, tuple(sections), subject=subject)


def _glance(page: Page, sheet: _Sheet) -> str:
    """First: Jonas Weber, overdue since Fri 12:00. What a mail list shows below the counts."""
    first = sheet.open[0] if sheet.open else None
    if first is None or first.work is None:
        return ""
    return page.say("First: {name}, {by}.", name=_item(page, first).name, by=_by(page, first.work))


def _praise(page: Page, sheet: _Sheet) -> tuple[Section, ...]:
    lines = tuple(_thanks(page, one, said) for one in sheet.praise if (said := one.news or next(iter(one.said), None)))
    return (Section(page.say("Praise"), lines),) if lines else ()


def _thanks(page: Page, one: Context, said: Said) -> str:
    """Ana, from Marta Ivers (NPS 10): “She stayed on the line until it worked.”"""
    say = page.say
    who = page.first_name((one.work.owner if one.work else None) or one.notice.recipient)
    words = saying.words(said, say, page.around.telling(said))
    top = cut(" ".join(words.top.split()), _MOST_PRAISE)
    customer, score = saying.name(said, say), saying.score(said, say).short
    line = say("{name}, from {customer} ({score})", name=who, customer=customer, score=score)
    return f"{line}: {say.quote(top)}" if words.given else f"{line}."


def _line(page: Page, one: Context) -> str:
    item = _item(page, one)
    by = _by(page, one.work) if one.work else ""
    return ", ".join(part for part in (item.name, item.score, by) if part)


def _ranked(themes: Counter[str]) -> list[tuple[str, int]]:
    """Most frequent first, those alike by name."""
    return sorted(themes.items(), key=lambda one: (-one[1], one[0]))


def _bar(page: Page, theme: str, n: int) -> str:
    return f"{capital(page.say(label(theme)))}  {'|' * min(n, _MOST_BAR)}  {n}"


# Shared ------------------------------------------------------------------------------------------------------------


def _over(page: Page, sheet: _Sheet) -> list[str]:
    """2 closed by Bo since Fri 18:00. And who has taken what over."""
    say = page.say
    since = min((_waited_since(one) for one in sheet.over), default=page.now)
    closed = Counter(one.work.closed_by for one in sheet.over if one.work and one.work.state is State.CLOSED)
    lines = [
        say("{n} closed by {name} since {when}.", n=n, name=page.first_name(by), when=page.short(since))
        for by, n in closed.most_common()
    ]
    if cancelled := len(sheet.over) - closed.total():
        lines.append(say("{n} cancelled since {when}.", n=cancelled, when=page.short(since)))
    return lines + [
        say("{name} has taken over {id}.", name=page.first_name(one.work.owner), id=short_id(one.work.id))
        for one in sheet.taken
        if one.work
    ]


def _waited_since(one: Context) -> datetime:
    since = one.notice.data.get("held_since")
    return datetime.fromisoformat(str(since)) if since else one.notice.created_at


def _item(page: Page, one: Context) -> Item:
    work, say = one.work, page.say
    said = one.news if one.notice.kind is Kind.UPDATE else next(iter(one.said), one.news)
    assert work is not None
    when = capital(_by(page, work))
    if said is None or (work.playbook.private and not page.reader.personal):
        return Item(when=when, score="", name=say("Sensitive: open to read"), words="", rest=short_id(work.id))
    item = item_of(page, said)
    notes = [short_id(work.id), say("Urgent") if work.priority >= Priority.URGENT else "", _news(page, one, work)]
    if work.owner not in (None, page.reader.id):
        notes.append(capital(say("with {name}", name=page.first_name(work.owner))))
    rest = ". ".join(part for part in (*notes, item.rest.rstrip(".")) if part)
    return Item(when=when, score=item.score, name=item.name, words=item.words, rest=rest, dir=item.dir)


def _news(page: Page, one: Context, work: Work) -> str:
    kind = one.notice.kind
    if kind in {Kind.REMINDER, Kind.DUE_SOON}:
        return page.say("Not acknowledged") if work.state is State.OPEN else page.say("Not contacted")
    return page.say(_NEWS[kind]) if kind in _NEWS else ""


def _by(page: Page, work: Work) -> str:
    text = "overdue since {when}" if page.now >= work.due_at else "reply by {when}"
    return clean_line(page.say(text, when=page.short(work.due_at)))
