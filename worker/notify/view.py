"""What a template may use: every fact of a message, already in the reader's words, zone and language.

`views.build` makes one from the store's rows and the live rule set; templates only place what stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from worker.model.notice import Kind
from worker.notify.words import Language


@dataclass(frozen=True, slots=True)
class Strip:
    """The line above everything that says what is new. `tone` is sunken, soon or late.

    `small`: about the message, not about the customer; Slack shows it in small print below.
    """

    bold: str
    text: str
    tone: str = "sunken"
    small: bool = False

    @property
    def line(self) -> str:
        return f"{self.bold} {self.text}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """`chip` is shown with its shape, `klass` is the class in words, `tone` det, pas, pro or none."""

    chip: str
    short: str
    klass: str
    tone: str
    shape: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The customer's words, redacted and cleaned.

    `top` comes first; `whole` is the comment (600 characters at most) where `top` is only its most telling sentence;
    `full` is all of it where that was cut. `given` is false when there is no comment and `top` says so.
    """

    top: str
    given: bool
    whole: str | None = None
    full: str | None = None
    note: str | None = None
    lang: str = ""
    dir: str = "ltr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """By when. `slack` is Slack's date token, which each reader sees in the own zone."""

    label: str
    when: str
    slack: str
    note: str
    late: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """A labelled line. With a `link`, `link_text` is its last part."""

    label: str
    text: str
    link_text: str = ""
    link: str = ""

    @property
    def line(self) -> str:
        return f"{self.text} {self.link_text}".strip()


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened or will, and when."""

    when: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of a list: an answer or a follow-up."""

    when: str
    score: str
    name: str
    words: str
    rest: str = ""
    dir: str = "ltr"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a list message."""

    title: str
    lines: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """How a follow-up ended."""

    outcome: str
    line: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ops:
    """What broke, what still works, what to do."""

    broke: str
    works: str
    todo: str


PARTS_OF_A_VIEW = frozenset({Strip, Score, Words, Due, Fact, Moment, Item, Section, Closing, Ops})


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One message for one reader. Texts are plain: escaping is the template's, and automatic."""

    kind: Kind
    say: Language
    subject: str
    sender: str
    preheader: str
    lead: str
    title: str
    id: str = ""
    priority: str = ""
    state: str = "open"
    state_line: str = ""
    state_by: str = ""
    in_thread: bool = False
    private: bool = False
    strips: tuple[Strip, ...] = ()
    score: Score | None = None
    words: Words | None = None
    older: Words | None = None
    name: str = ""
    who: str = ""
    due: Due | None = None
    first_step: str = ""
    customer: str = ""
    may_call: Fact | None = None
    was_in_touch: str = ""
    about: str = ""
    before: str = ""
    others: str = ""
    so_far: tuple[Moment, ...] = ()
    why: str = ""
    why_short: str = ""
    next: str = ""
    next_steps: tuple[Moment, ...] = ()
    closing: Closing | None = None
    says: str = ""
    colleague: str = ""
    changed: str = ""
    sections: tuple[Section, ...] = ()
    ops: Ops | None = None
    foot: tuple[str, ...] = ()

    @property
    def lang(self) -> str:
        return self.say.code

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The labelled lines of a mail, in order; one without text is left out."""
        say = self.say
        lines = (
            self.may_call,
            Fact(say("Was in touch"), self.was_in_touch),
            Fact(say("About"), self.about),
            Fact(say("Before"), self.before),
            Fact(say("Other open"), self.others),
        )
        return tuple(fact for fact in lines if fact and fact.line)

    def variables(self) -> Mapping[str, Any]:
        """What a template sees, by name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return found | {"kind": self.kind.value, "lang": self.lang, "facts": self.facts, "_": self.say}
