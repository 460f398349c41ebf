"""Clauses and conditions with three values: true, false, and None for unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from worker.route.conditions import Test
from worker.route.fields import Field, Subject
from worker.route.findings import Place

Held = bool | None


@dataclass(frozen=True, slots=True)
class Clause:
    """One field and what is asked of it. All `tests` must hold; `written` is what its author put after the field.

    `known` True beside a test makes an unknown value false; alone it asks for a value, and False for none.
    """

    field: Field
    tests: tuple[Test, ...]
    written: str
    place: Place
    known: bool | None = None
    or_unknown: bool = False

    @property
    def when_unknown(self) -> Held:
        """What the clause says of a field without a value."""
        if self.or_unknown or self.known is False:
            return True
        return False if self.known else None

    def held(self, subject: Subject) -> Held:
        return self.held_by(self.field.read(subject), subject.now)

    def held_by(self, value: object, now: datetime) -> Held:
        """`value` is canonical, None for unknown."""
        if value is None:
            return self.when_unknown
        if self.known is False:
            return False
        # Mostly one test: a generator would cost more than it.
        for test in self.tests:  # noqa: SIM110 - a plain loop is measurably faster than all()
            if not test.holds(value, now):
                return False
        return True


Member = tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class When:
    """Every clause, at least one member of `any`, and no member of `none`. All empty: always."""

    clauses: Member = ()
    any: tuple[Member, ...] = ()
    none: tuple[Member, ...] = ()

    @property
    def always(self) -> bool:
        return not (self.clauses or self.any or self.none)

    def all_clauses(self) -> Iterator[Clause]:
        yield from self.clauses
        for member in (*self.any, *self.none):
            yield from member

    def held(self, subject: Subject) -> Held:
        groups = [all_of(clause.held(subject) for clause in self.clauses)]
        if self.any:
            groups.append(any_of(_member(member, subject) for member in self.any))
        if self.none:
            groups.append(negated(any_of(_member(member, subject) for member in self.none)))
        return all_of(groups)


def _member(member: Member, subject: Subject) -> Held:
    return all_of(clause.held(subject) for clause in member)


def all_of(values: Iterable[Held]) -> Held:
    """False as soon as one is false, else unknown as soon as one is unknown."""
    found = set(values)
    return False if False in found else None if None in found else True


def any_of(values: Iterable[Held]) -> Held:
    found = set(values)
    return True if True in found else None if None in found else False


def negated(value: Held) -> Held:
    return None if value is None else not value
