"""Files that nobody means well with: an error line, quickly, and never a traceback."""

from __future__ import annotations

import random

import pytest

from tests.support.mutating import mutated, remembered, run, shipped
from tests.support.rule_sets import SMALLEST, loaded
from worker.route.load import load

TWO_MEGABYTES = 2 * 1024 * 1024
HOSTILE = [
    (b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "E111"),
    (b"rules: [" + b"a," * 500_000 + b"]", "E117"),
    (b"rules: " + b"[" * 1_000_000, "E117"),
    (b"- " * 1_000_000, "E117"),
    (b"{" * 1_000_000, "E116"),
    (b"? " * 1_000_000, "E116"),
    (b"#" * (TWO_MEGABYTES + 1), "E117"),
    (b"rules: \xc3\x28", "E118"),
    (b"rules: \x00", "E100"),
    (b"rules: !!python/object/apply:os.system [ls]", "E111"),
    (b"rules:\n  - {id: a, <<: {then: {open: recover}}}", "E111"),
    (b"just words", "E116"),
    (b"rules: []\n---\nrules: []\n", "E100"),
]


@pytest.mark.parametrize(("data", "code"), HOSTILE, ids=lambda value: value if isinstance(value, str) else "")
def test_a_hostile_file_is_one_line(data: bytes, code: str) -> None:
    files = {name: text.encode() for name, text in SMALLEST.items()}
    assert [finding.code for finding in load({**files, "routing.yaml": data}).findings] == [code]


def test_a_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    files = {name: ("\ufeff" + text.replace("\n", "\r\n")).encode() for name, text in SMALLEST.items()}
    assert load(files).rule_set is not None


def test_a_file_cannot_include_itself_or_what_is_outside() -> None:
    routing = "format: 1\ninclude: [routing.yaml, ../other.yaml]\nrules: []\n"
    assert [finding.code for finding in loaded({"routing.yaml": routing}).findings] == ["E123", "E123"]


def test_an_included_file_cannot_include_others() -> None:
    routing = SMALLEST["routing.yaml"].replace("rules:", "include: [a.yaml]\nrules:")
    (finding,) = loaded({"routing.yaml": routing, "a.yaml": "format: 1\ninclude: [b.yaml]\n"}).findings
    assert (finding.file, finding.code) == ("rules/a.yaml", "E101")


@pytest.mark.parametrize("first", range(0, 600, 150))
def test_no_mutation_of_the_shipped_rules_is_a_traceback(first: int) -> None:
    assert run(range(first, first + 150)).died == ()


@pytest.mark.parametrize("seed", range(20))
def test_a_file_that_was_parsed_before_says_the_same_again(seed: int) -> None:
    files = mutated(random.Random(seed), shipped(sources=False))
    first, again = load(files, parse=remembered), load(files, parse=remembered)
    assert first.findings == again.findings == load(files).findings
