"""Matching by bitmaps: bit i stands for rule i, and each field narrows all rules at once.

For every field an index answers "which rules' clauses on this field hold for this value?" with one integer; the
intersection over fields leaves the candidates. Ten thousand rules cost a few wider integers, not ten thousand tests.
Members of groups live in planes: plane k holds the k-th member of every rule that has one. Tests that no index
knows (patterns, parts of text, times) are asked of the candidates alone, in order; so is everything once few are left.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from worker.route.clauses import Clause, Member, When
from worker.route.conditions import AllOf, AnyOf, Between, Is, IsNot, Mentions, NoneOf, whole
from worker.route.fields import Field, Subject
from worker.route.schema import Rule

_WORD = re.compile(r"\w+")
_STEPS = 256  # most cumulative bitmaps kept per direction: 10,000 of 10,000 bits would take megabytes
_REMEMBERED = 512
_FEW = 3
_SHARP = 8  # a field that leaves this many of all rules is followed by a look at which they are


class View:
    """A subject, with each field read at most once."""

    __slots__ = ("_values", "subject")

    def __init__(self, subject: Subject, slots: int) -> None:
        self.subject = subject
        self._values: list[Any] = [_UNREAD] * slots

    def value(self, slot: int, field: Field) -> Any:
        found = self._values[slot]
        if found is _UNREAD:
            found = self._values[slot] = field.read(self.subject)
        return found


_UNREAD: Any = object()


class _Steps:
    """Bits by a sorted bound. `upto(n)` joins the bits of the first n bounds, `since(n)` of the others."""

    def __init__(self, bits_by_bound: dict[tuple[Any, int], int]) -> None:
        self.bounds = sorted(bits_by_bound)
        self._bits = [bits_by_bound[bound] for bound in self.bounds]
        self._every = max(1, -(-len(self.bounds) // _STEPS))
        self._backwards = self._bits[::-1]
        self._up, self._down = self._sums(self._bits), self._sums(self._backwards)

    def _sums(self, bits: list[int]) -> list[int]:
        sums, total = [0], 0
        for n, some in enumerate(bits, 1):
            total |= some
            if n % self._every == 0:
                sums.append(total)
        return sums

    def upto(self, n: int) -> int:
        return self._joined(self._up, self._bits, n)

    def since(self, n: int) -> int:
        return self._joined(self._down, self._backwards, len(self._bits) - n)

    def _joined(self, sums: list[int], bits: list[int], n: int) -> int:
        step, rest = divmod(n, self._every)
        total = sums[step]
        for some in bits[n - rest : n]:
            total |= some
        return total


class FieldIndex:
    """All clauses on one field in one plane. `has`: the rules with such a clause."""

    def __init__(self, field: Field, slot: int) -> None:
        self.field, self.slot = field, slot
        self.has = 0
        self._unknown_true = self._unknown_false = 0
        self._known = 0  # clauses that only ask whether there is a value
        self._is: dict[Any, int] = {}
        self._not: dict[Any, int] = {}
        self._not_any = 0
        self._all: dict[str, list[tuple[frozenset[str], int]]] = {}
        self._low: dict[tuple[Any, int], int] = {}
        self._high: dict[tuple[Any, int], int] = {}
        self._no_low = self._no_high = self._ranged = 0
        self._words: dict[str, int] = {}  # phrases of one word
        self._phrases: dict[str, dict[str, int]] = {}  # longer ones, by their first word
        self._patterns: dict[str, re.Pattern[str]] = {}  # of longer ones
        self.odd: list[tuple[Clause, int]] = []
        self._remembered: dict[Any, int] = {}
        self._split = (-1, 0, 0)

    def add(self, clause: Clause, bit: int) -> None:
        self.has |= bit
        if clause.when_unknown is True:
            self._unknown_true |= bit
        elif clause.when_unknown is False:
            self._unknown_false |= bit
        if clause.known is False:
            return
        if not clause.tests:
            self._known |= bit
        elif len(clause.tests) > 1 or not self._index(clause.tests[0], bit):
            self.odd.append((clause, bit))

    def split(self, wanted: int, *, stays: bool) -> tuple[int, int]:
        """The rules of `wanted` with and without a clause on this field; remembered for a set that stays the same."""
        known, mine, others = self._split
        if known is not wanted:
            mine = wanted & self.has
            others = wanted ^ mine
            if stays:
                self._split = wanted, mine, others
        return mine, others

    def _index(self, test: Any, bit: int) -> bool:
        """Whether the test could be put into a table."""
        match test:
            case Is() | AnyOf():
                _spread(self._is, test.values, bit)
            case IsNot() | NoneOf():
                self._not_any |= bit
                _spread(self._not, test.values, bit)
            case AllOf():
                first = min(test.values)
                self._all.setdefault(first, []).append((test.values, bit))
            case Between():
                self._add_range(test, bit)
            case Mentions():
                return self._add_phrases(test, bit)
            case _:
                return False
        return True

    def _add_range(self, test: Between, bit: int) -> None:
        self._ranged |= bit
        if test.low is None:
            self._no_low |= bit
        else:
            _spread(self._low, [(test.low, 1 if test.low_open else 0)], bit)
        if test.high is None:
            self._no_high |= bit
        else:
            _spread(self._high, [(test.high, -1 if test.high_open else 0)], bit)

    def _add_phrases(self, test: Mentions, bit: int) -> bool:
        """By the first word of each phrase: where a phrase stands, that word stands whole."""
        firsts = {phrase: _WORD.search(phrase) for phrase in test.phrases}
        if None in firsts.values():
            return False
        for phrase, first in firsts.items():
            if first and first[0] == phrase:
                _spread(self._words, [phrase], bit)
            elif first:
                _spread(self._phrases.setdefault(first[0], {}), [phrase], bit)
                self._patterns.setdefault(phrase, whole([phrase]))
        return True

    def seal(self) -> FieldIndex:
        """Everything is added."""
        self._lows, self._highs = _Steps(self._low), _Steps(self._high)
        self.is_sharp = self.kept <= _SHARP
        self.odd_bits = _union_bits(bit for _, bit in self.odd)
        self._worded = bool(self._words or self._phrases)
        self._plain = not (self._not_any or self._all or self._ranged or self._worded)
        return self

    def hold(self, value: Any) -> int:
        """The rules whose indexed clause holds. Clauses in `odd` are not among them."""
        if value is None:
            return self._unknown_true
        if self._plain and type(value) is str:
            return self._known | self._is.get(value, 0)
        try:
            return self._remembered[value]
        except KeyError:
            found = self._work_out(value)
            if len(self._remembered) >= _REMEMBERED or (type(value) is str and len(value) > 40):
                return found
            self._remembered[value] = found
            return found
        except TypeError:  # an undeclared field may hold an object, of which only `known` is asked
            return self._known

    def _work_out(self, value: Any) -> int:
        found = self._known
        parts = value if type(value) is tuple else (value,)
        excluded = 0
        for part in parts:
            found |= self._is.get(part, 0)
            excluded |= self._not.get(part, 0)
            for wanted, bit in self._all.get(part, ()):
                if wanted.issubset(parts):
                    found |= bit
        found |= self._not_any ^ (self._not_any & excluded)
        if self._ranged:
            found |= self._in_range(value)
        if self._worded:
            found |= self._mentioned(value)
        return found

    def _in_range(self, value: Any) -> int:
        low = self._no_low | self._lows.upto(bisect_right(self._lows.bounds, (value, 0)))
        high = self._no_high | self._highs.since(bisect_left(self._highs.bounds, (value, 0)))
        return low & high

    def _mentioned(self, value: str) -> int:
        found = 0
        words = set(_WORD.findall(value))
        for word in words & self._words.keys():
            found |= self._words[word]
        for word in words & self._phrases.keys():
            for phrase, bits in self._phrases[word].items():
                if bits & ~found and self._patterns[phrase].search(value):
                    found |= bits
        return found

    @property
    def kept(self) -> float:
        """How many rules a value leaves, roughly: the fewer, the sooner the field is asked."""
        if self._not_any or self._ranged or self._all or not self._is:
            return float(self.has.bit_count())
        return sum(bits.bit_count() for bits in self._is.values()) / len(self._is)

    def true(self, view: View, wanted: int) -> int:
        """The rules of `wanted` whose clause is true, odd ones included."""
        value = view.value(self.slot, self.field)
        found = self.hold(value)
        if value is not None:
            for clause, bit in self.odd:
                if bit & wanted and clause.held_by(value, view.subject.now):
                    found |= bit
        return found

    def false(self, view: View, wanted: int) -> int:
        """The rules of `wanted` whose clause is false (not unknown)."""
        if view.value(self.slot, self.field) is None:
            return self._unknown_false
        mine = wanted & self.has
        return mine ^ (mine & self.true(view, mine))


def _spread(table: dict[Any, int], keys: Iterable[Any], bit: int) -> None:
    for key in keys:
        table[key] = table.get(key, 0) | bit


class _Plane:
    """The k-th member of every rule that has one."""

    def __init__(self, members: Sequence[tuple[int, Member]], slots: _Slots) -> None:
        self.has = 0
        indexes: dict[Field, FieldIndex] = {}
        for bit, member in members:
            self.has |= bit
            for clause in member:
                slots.index(indexes, clause.field).add(clause, bit)
        self.indexes = [index.seal() for index in indexes.values()]

    def true(self, view: View, wanted: int) -> int:
        """The rules whose member is true."""
        left = self.has & wanted
        for index in self.indexes:
            if left & index.has:
                mine = left & index.has
                left = (left ^ mine) | (mine & index.true(view, mine))
        return left

    def false(self, view: View, wanted: int) -> int:
        """The rules whose member is false: one false clause is enough."""
        found = 0
        for index in self.indexes:
            if wanted & index.has:
                found |= index.false(view, wanted)
        return found


class _Slots:
    """A number for every field that is used, so that a view reads it once."""

    def __init__(self) -> None:
        self.numbers: dict[Field, int] = {}

    def index(self, indexes: dict[Field, FieldIndex], field: Field) -> FieldIndex:
        if field not in indexes:
            indexes[field] = FieldIndex(field, self._number(field))
        return indexes[field]

    def of(self, member: Member) -> Slotted:
        return tuple((self._number(clause.field), clause) for clause in member)

    def _number(self, field: Field) -> int:
        return self.numbers.setdefault(field, len(self.numbers))


Slotted = tuple[tuple[int, Clause], ...]


class _Tested:
    """One rule's condition, ready to be tested on its own."""

    __slots__ = ("_any", "_clauses", "_none")

    def __init__(self, when: When, slots: _Slots) -> None:
        self._clauses = slots.of(when.clauses)
        self._any = tuple(slots.of(member) for member in when.any)
        self._none = tuple(slots.of(member) for member in when.none)

    def holds(self, view: View) -> bool:
        return (
            _all_true(self._clauses, view)
            and (not self._any or any(_all_true(member, view) for member in self._any))
            and all(_one_false(member, view) for member in self._none)
        )


def _all_true(clauses: Slotted, view: View) -> bool:
    now = view.subject.now
    # Loops, since a generator costs as much as the tests.
    for slot, clause in clauses:  # noqa: SIM110 - a plain loop is measurably faster than all()
        if clause.held_by(view.value(slot, clause.field), now) is not True:
            return False
    return True


def _one_false(clauses: Slotted, view: View) -> bool:
    now = view.subject.now
    for slot, clause in clauses:  # noqa: SIM110 - a plain loop is measurably faster than all()
        if clause.held_by(view.value(slot, clause.field), now) is False:
            return True
    return False


class Matcher:
    """Which of some rules hold for a subject."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._slots = _Slots()
        bits = [(1 << n, rule.when) for n, rule in enumerate(rules)]
        self._fields = _Plane([(bit, when.clauses) for bit, when in bits], self._slots).indexes
        # Folding a comment costs most, so text comes last.
        self._fields.sort(key=lambda index: (index.field.kind == "text", index.kept))
        self._any = self._planes([(bit, when.any) for bit, when in bits])
        self._none = self._planes([(bit, when.none) for bit, when in bits])
        self._some_any, self._some_none = _union(self._any[:1]), _union(self._none[:1])
        self._odd = _union_bits(index.odd_bits for index in self._fields)
        self._tested = [_Tested(when, self._slots) for _, when in bits]
        self._size = len(self._slots.numbers)

    def _planes(self, groups: list[tuple[int, tuple[Member, ...]]]) -> list[_Plane]:
        deepest = max((len(members) for _, members in groups), default=0)
        return [
            _Plane([(bit, members[k]) for bit, members in groups if len(members) > k], self._slots)
            for k in range(deepest)
        ]

    def matching(self, subject: Subject, active: int) -> Iterator[int]:
        """Indexes of the active rules that hold, in order."""
        if not active:
            return
        view = View(subject, self._size)
        left, few = self._candidates(view, active)
        if few is not None:
            for n in few:
                if self._tested[n].holds(view):
                    yield n
            return
        left = self._by_groups(view, left)
        while left:
            lowest = left & -left
            n = lowest.bit_length() - 1
            if not lowest & self._odd or self._tested[n].holds(view):
                yield n
            left ^= lowest

    def _candidates(self, view: View, active: int) -> tuple[int, list[int] | None]:
        """The rules whose plain clauses may hold; as a list as soon as few are left."""
        left = active
        for index in self._fields:
            mine, others = index.split(left, stays=left is active)
            if mine:
                value = view.value(index.slot, index.field)
                kept = index.hold(value)
                if index.odd_bits and value is not None:
                    kept |= index.odd_bits
                left = others | (mine & kept)
                few = _few(left) if index.is_sharp else None
                if few is not None:
                    return left, few
        return left, _few(left)

    def _by_groups(self, view: View, left: int) -> int:
        """Those of `left` whose groups hold."""
        if left & self._some_any:
            left = (left ^ (left & self._some_any)) | self._one_true(view, left)
        if left & self._some_none:
            for plane in self._none:
                mine = left & plane.has
                if mine:
                    left = (left ^ mine) | (mine & plane.false(view, mine))
        return left

    def _one_true(self, view: View, wanted: int) -> int:
        found = 0
        for plane in self._any:
            todo = wanted & plane.has & ~found
            if todo:
                found |= plane.true(view, todo)
        return found


def _few(bits: int) -> list[int] | None:
    """At most three numbers of bits, in order: quicker tested one by one than narrowed further.

    Taken from the top, where a wide integer gives its bits cheaply; subtracting from it or counting all would not be.
    """
    found: list[int] = []
    while bits:
        if len(found) == _FEW:
            return None
        top = bits.bit_length() - 1
        found.append(top)
        bits ^= 1 << top
    return found[::-1]


def _union(planes: Sequence[_Plane]) -> int:
    return _union_bits(plane.has for plane in planes)


def _union_bits(bits: Iterable[int]) -> int:
    total = 0
    for bit in bits:
        total |= bit
    return total
