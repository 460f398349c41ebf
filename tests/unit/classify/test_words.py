from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.classify.words import Index, Kind, Label, Text, normal, phrase

LABEL = Label(Kind.THEME, "x")


def _found(written: str, comment: str) -> list[str]:
    one = phrase(LABEL, written)
    assert one is not None
    text = Text(comment)
    places = [text.original(at, at + len(hit.words) - 1) for at, hit in Index([one]).find(text)]
    return [comment[start:end] for start, end in places]


def test_words_are_whole_words_in_any_script() -> None:
    assert _found("bill", "Bill, billing, my_bill, BILL!") == ["Bill", "BILL"]
    assert _found("счёт", "мой СЧЁТ, счётчик") == ["СЧЁТ"]
    assert _found("straße", "In der STRASSE, Straßen") == ["STRASSE"]


def test_a_space_matches_any_white_space_and_nothing_else() -> None:
    assert _found("charged twice", "charged\n\t twice, charged-twice, charged, twice") == ["charged\n\t twice"]


def test_other_signs_match_themselves() -> None:
    assert _found("e-mail", "E-Mail, e mail, email") == ["E-Mail"]
    assert _found("can't log in", "I can’t log in") == ["can’t log in"]
    assert _found("c++", "c, c+ and C++ code") == ["C"]  # the one with both signs; the span is of its words
    assert _found("24/7", "24/7 or 24 7") == ["24/7"]


def test_evidence_points_into_the_original_where_folding_changes_lengths() -> None:
    assert _found("fine", "½ … ™ it is ﬁne ß") == ["ﬁne"]
    assert _found("café", "the CAFE\u0301 was shut") == ["CAFE\u0301"]
    assert _found("twice", "İİİ charged twice") == ["twice"]


def test_phrases_that_share_words_are_all_found() -> None:
    phrases = [one for text in ("not good", "good", "good at all", "not good at all") if (one := phrase(LABEL, text))]
    found = Index(phrases).find(Text("not good at all"))
    assert [" ".join(one.words) for _, one in found] == ["not good at all", "not good", "good at all", "good"]


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_word_is_found_wherever_it_stands_alone(before: str, after: str) -> None:
    comment = f"{before} refund {after}"
    assert "refund" in [normal(part) for part in _found("refund", comment)]


@given(st.text(max_size=80))
def test_places_always_lie_in_the_text_in_order(comment: str) -> None:
    text = Text(comment)
    places = [text.original(at, at) for at in range(len(text.words))]
    assert all(0 <= start < end <= len(comment) for start, end in places)
    assert places == sorted(places)
