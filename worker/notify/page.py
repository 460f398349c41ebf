"""One message in the making: what every part of it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from worker.calendars import Calendar
from worker.model.directory import Directory
from worker.model.playbook import Escalation
from worker.notify.context import Context, Said, Work
from worker.notify.recipients import Reader, first_name
from worker.notify.words import Language, clean_line

Above = Callable[[Escalation, datetime, str | None, str | None, Context], str | None]
"""(rung, its moment, owner by then, who was told last, context) -> whom it will tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the live rule set and the process add to a context.

    `telling` finds the sentence of a comment that says most; `resolve` finds whom a word such as `manager` means for
    a follow-up, `above` whom a rung to come will tell; `answers_to` names where an answer to a mail goes; `ops_hear`
    says that ops channels are set.
    """

    directory: Directory
    revision: str
    rule_name: Callable[[str], str | None]
    telling: Callable[[Said], str | None]
    resolve: Callable[[str, Context], str | None]
    above: Above
    answers_to: str | None = None
    ops_hear: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A notice on its way to one reader."""

    context: Context
    reader: Reader
    around: Around
    say: Language
    now: datetime
    by_mail: bool

    @property
    def personal_mail(self) -> bool:
        return self.by_mail and self.reader.personal

    @property
    def work(self) -> Work | None:
        return self.context.work

    def at(self, moment: datetime) -> datetime:
        """In the reader's zone."""
        return moment.astimezone(self.reader.zone)

    def short(self, moment: datetime) -> str:
        return self.say.short(self.at(moment), self.now)

    def first_name(self, who: str | None) -> str:
        return clean_line(first_name(who, self.around.directory) or "") or self.say("nobody")

    def time_left(self, work: Work) -> str:
        """3 h 48 min of working time, rounded down; elapsed time where no calendar counts."""
        spec = self.around.directory.calendars.get(work.due_calendar or "")
        if spec is None or "business" not in work.due_span:
            return self.say.span(work.due_at - self.now)
        left = Calendar.of(spec).business_between(self.now, work.due_at)
        return self.say("{span} of working time", span=self.say.span(left, days=False))
