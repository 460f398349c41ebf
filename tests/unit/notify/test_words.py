"""How things are written."""

from __future__ import annotations

import ast
import re
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.shared import ROOT
from worker.notify.german import GERMAN
from worker.notify.words import Language, clean, clean_line, cut, direction, number

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 16, 31, tzinfo=BERLIN)
DUE = datetime(2026, 11, 23, 12, 0, tzinfo=BERLIN)
EN, DE = Language.of("en"), Language.of("de-AT")


def test_times_in_english_and_german() -> None:
    assert (EN.short(DUE, NOW), DE.short(DUE, NOW)) == ("Mon 12:00", "Mo. 12:00")
    assert (EN.full(DUE), DE.full(DUE)) == ("Mon 23 Nov, 12:00 CET", "Mo. 23. Nov., 12:00 CET")


def test_beyond_six_days_a_date_stands_for_the_time() -> None:
    assert EN.short(DUE + timedelta(days=7), NOW) == "Mon 30 Nov"
    assert EN.short(NOW + timedelta(days=6), NOW) == "Thu 16:31"


def test_an_earlier_year_is_named() -> None:
    assert EN.month(datetime(2025, 8, 1, tzinfo=BERLIN), NOW) == "August 2025"
    assert DE.month(datetime(2026, 3, 1, tzinfo=BERLIN), NOW) == "März"


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(seconds=59), "0 min"),
        (timedelta(minutes=12, seconds=59), "12 min"),
        (timedelta(hours=3, minutes=48, seconds=59), "3 h 48 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(days=5, hours=1), "5 days"),
    ],
)
def test_spans_are_rounded_down(length: timedelta, text: str) -> None:
    assert EN.span(length) == text


def test_quotation_marks_are_the_readers() -> None:
    assert (EN.quote("x"), DE.quote("x")) == ("“x”", "„x“")


def test_a_language_that_is_not_spoken_reads_english() -> None:
    assert Language.of("pt")("Reply by") == Language.of(None)("Reply by") == "Reply by"


def test_the_test_locale_is_longer_and_keeps_its_slots() -> None:
    text = Language.of("en-XA")("Reminder {n}.", n=2)
    assert "2" in text
    assert len(text) >= len("Reminder 2.") * 1.3
    assert text != "Reminder 2."


def test_countries_and_languages_have_names() -> None:
    assert (EN.country("DE"), DE.country("de"), EN.country("XX")) == ("Germany", "Deutschland", "XX")
    assert (EN.language("pt-BR"), DE.language("pt")) == ("Portuguese", "Portugiesisch")


def test_control_and_override_characters_go() -> None:
    assert clean("a\x00b\x07c\u202egnp.exe\u2069\r\nd") == "abcgnp.exe\nd"
    assert clean_line("a\n\n b\tc") == "a b c"


@given(st.text(max_size=80), st.integers(min_value=5, max_value=40))
def test_a_cut_text_is_never_too_long(text: str, most: int) -> None:
    assert len(cut(text, most)) <= max(most, 0)


def test_a_text_is_cut_at_a_word() -> None:
    assert cut("Nobody has called me back", 20) == "Nobody has called…"


@pytest.mark.parametrize(("text", "way"), [("abc", "ltr"), ("123 שלום", "rtl"), ("", "ltr"), ("!? سلام abc", "rtl")])
def test_a_text_runs_as_its_first_letter_does(text: str, way: str) -> None:
    assert direction(text) == way


def test_numbers_have_no_idle_zeros() -> None:
    assert [number(n) for n in (2, 4.5, Decimal("7.0"), Decimal("1E+1"))] == ["2", "4.5", "7", "10"]


def _our_texts() -> set[str]:
    """Every text that goes through a language, in code and in templates."""
    found: set[str] = set()
    for path in (ROOT / "worker" / "notify").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and _is_say(node.func):
                texts = (c.value for c in ast.walk(node.args[0]) if isinstance(c, ast.Constant))
                found |= {text for text in texts if isinstance(text, str) and " " in text.strip()}
    for path in (ROOT / "templates").rglob("*.j2"):
        found |= set(re.findall(r'\b_\("([^"]+)"', path.read_text()))
    return found


def _is_say(function: ast.expr) -> bool:
    name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    return name == "say"


def test_every_text_of_ours_is_translated() -> None:
    assert sorted(_our_texts() - set(GERMAN)) == []


def test_a_translation_has_the_slots_of_its_text() -> None:
    slots = re.compile(r"\{(\w+)\}")
    wrong = [text for text, german in GERMAN.items() if set(slots.findall(text)) != set(slots.findall(german))]
    assert wrong == []
