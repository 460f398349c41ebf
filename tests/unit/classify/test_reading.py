from __future__ import annotations

import pytest

from worker.classify.reading import CommentReader, Reading
from worker.model.survey import Lexicon, Polarity
from worker.model.verdict import Sentiment

BILLING = Lexicon(
    label="billing",
    words={"en": ("bill", "charged twice", "💸"), "pt": ("fatura",), "it": ("bolletta",)},
    exclusions={"en": ("bill gates",)},
)
WAITING = Lexicon(label="waiting", words={"en": ("waited", "on hold"), "de": ("gewartet",)})
LEGAL = Lexicon(label="legal", words={"en": ("sue", "solicitor", "legal action"), "pt-BR": ("processo",)})
READER = CommentReader([BILLING, WAITING], [LEGAL])

PLAIN = CommentReader([], [])


def _read(comment: str, language: str | None = "en", polarity: Polarity = Polarity.OPEN) -> Reading:
    return READER.read(comment, language, polarity)


def _words(comment: str, label: str, language: str | None = "en") -> list[str]:
    return [comment[one.start : one.end] for one in _read(comment, language).evidence if one.label == label]


def test_themes_come_in_the_order_of_the_lexicon_with_their_words() -> None:
    comment = "I waited an hour to be charged twice on one BILL."
    assert _read(comment).themes == ("billing", "waiting")
    assert _words(comment, "billing") == ["charged twice", "BILL"]
    assert _words(comment, "waiting") == ["waited"]


def test_an_exclusion_takes_away_only_what_it_covers() -> None:
    assert _read("Bill Gates called").themes == ()
    assert _words("Bill Gates would not pay this bill", "billing") == ["bill"]


@pytest.mark.parametrize(
    "comment",
    ["I am not going to sue you", "no legal action", "We don't want to sue", "I won't be going to sue", "never sue"],
)
def test_a_severe_word_that_is_denied_is_not_counted(comment: str) -> None:
    assert _read(comment).severity == ()


@pytest.mark.parametrize(
    "comment",
    [
        "I will sue",
        "not happy, I will sue",
        "I am not only angry, I will sue",
        "You did not answer my solicitor",
        "AT&T, I sue",
    ],
)
def test_a_severe_word_elsewhere_in_a_denial_counts(comment: str) -> None:
    assert _read(comment).severity == ("legal",)


def test_a_sign_without_words_can_be_a_theme() -> None:
    assert _read("again 💸!").themes == ("billing",)
    assert _words("again 💸!", "billing") == ["💸"]


def test_the_tag_of_redaction_is_no_word_of_the_customer() -> None:
    reader = CommentReader([Lexicon(label="phone", words={"en": ("phone", "call")})], [])
    assert reader.read("call me: [phone]", "en").themes == ("phone",)
    assert reader.read("[phone] [card]", "en").themes == ()


def test_only_the_first_part_of_a_language_tag_counts() -> None:
    assert _read("o processo da fatura", "pt-BR").severity == ("legal",)
    assert _read("o processo da fatura", "PT_pt").themes == ("billing",)


def test_a_language_without_lexicon_is_not_read() -> None:
    reading = _read("Монтёр не пришёл", "ru")
    assert (reading.read, reading.language, reading.sentiment) == (False, "ru", None)


def test_a_language_of_the_sites_own_lexicons_is_read() -> None:
    reading = _read("Ancora una bolletta sbagliata", "it")
    assert (reading.read, reading.themes) == (True, ("billing",))


@pytest.mark.parametrize(
    ("comment", "language"),
    [
        ("The engineer never came and nobody rang me back", "en"),
        ("Der Techniker kam nicht und niemand rief zurück", "de"),
        ("Le technicien n'est jamais venu et personne ne répond", "fr"),
        ("El técnico no vino y nadie contesta el teléfono", "es"),
        ("O técnico não veio e ninguém atende o telefone", "pt"),
        ("De monteur is niet gekomen en niemand belde terug", "nl"),
        ("ok", "en"),
        ("Danke", "de"),
        ("服务很差，没人接电话", None),
    ],
)
def test_a_language_is_told_from_the_small_words(comment: str, language: str | None) -> None:
    reading = PLAIN.read(comment, None)
    assert reading.language == language
    assert reading.read is (language in {"en", "de", "fr", "es", "pt"})


@pytest.mark.parametrize("comment", [".", "10", "👍", "?!", "0"])
def test_a_comment_without_a_letter_is_read_in_every_language(comment: str) -> None:
    assert _read(comment, None).read


def test_evidence_of_one_label_is_limited() -> None:
    assert len(_read("bill " * 1000).evidence) == 5


def test_words_of_every_language_feel_something() -> None:
    moods = {
        "en": ("Great service, thank you", "The worst company ever"),
        "de": ("Sehr freundlich und kompetent", "Eine Katastrophe, niemand erreichbar"),
        "fr": ("Service excellent, merci", "Service lamentable, aucune réponse"),
        "es": ("Muy buena atención, gracias", "Pésima atención, nadie contesta"),
        "pt": ("Ótimo atendimento, obrigado", "Péssimo, ninguém responde"),
    }
    for language, (happy, unhappy) in moods.items():
        assert _read(happy, language).sentiment is Sentiment.POSITIVE, happy
        assert _read(unhappy, language).sentiment is Sentiment.NEGATIVE, unhappy
