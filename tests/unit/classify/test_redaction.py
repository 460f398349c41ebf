from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product

import pytest

from worker.classify.found import Tag
from worker.classify.redact import redact, redact_response
from worker.model.response import Customer, Response

CARDS = ("4012888888881881", "5555555555554444", "371449635398431", "30569309025904")
IBANS = ("DE89370400440532013000", "GB29NWBK60161331926819", "FR1420041010050500013M02606", "NO9386011117947")
SEPARATORS = (
    "", " ", "-", ".", "  ", " - ", "/", "_", ",", "\n", "\t", "\u00a0", "\u2009", "\u202f", "\u2011", "\u2013",
    "\u2014",
    "\u2212", "\u00ad", "\u200b", "\u2060", "\u3000", "·", "&nbsp;",
)  # fmt: skip
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "full-width": lambda text: _digits(text, 0xFF10),
    "Arabic": lambda text: _digits(text, 0x660),
    "Devanagari": lambda text: _digits(text, 0x966),
    "bold": lambda text: _digits(text, 0x1D7CE),
    "keycap": lambda text: "".join(each + "\ufe0f\u20e3" if each.isdigit() else each for each in text),
}


def _digits(text: str, zero: int) -> str:
    return text.translate({48 + n: zero + n for n in range(10)})


def _grouped(number: str, size: int, separator: str) -> str:
    return separator.join(number[at : at + size] for at in range(0, len(number), size))


def _plain_digits(text: str) -> str:
    return "".join(str(value) for each in text if (value := unicodedata.digit(each, None)) is not None)


@pytest.mark.parametrize(("size", "spelling"), [*product([4], SPELLINGS), *product([1, 2, 3, 5, 8, 19], ["plain"])])
def test_no_card_number_survives_any_spelling(size: int, spelling: str) -> None:
    frames = ("my card{}x", "2026-11-20, order 4455, {} 12/27 cvc 123")
    for card, separator, frame in product(CARDS, SEPARATORS, frames):
        text = frame.format(SPELLINGS[spelling](_grouped(card, size, separator)))
        redacted = redact(text)
        assert Tag.CARD in redacted.tags, text
        assert card not in _plain_digits(redacted.text), text
        assert not redacted.phones


@pytest.mark.parametrize(("size", "spelling"), [*product([4], SPELLINGS), *product([2, 5, 40], ["plain"])])
def test_no_iban_survives_any_spelling(size: int, spelling: str) -> None:
    for iban, separator, frame in product(IBANS, SEPARATORS, ("IBAN{}", "refund to {} please")):
        text = frame.format(SPELLINGS[spelling](_grouped(iban if "{} " in frame else iban.lower(), size, separator)))
        assert redact(text).tags == (Tag.IBAN,), text


@pytest.mark.parametrize(
    "address",
    [
        "ines@example.com", "INES.F+tag@mail.example.co.uk", "ines @ example.com", "ines@ example.com",
        "ines@example .com",
        "ines\u00a0@\u00a0example.com", "ines＠example.com", "ines@example．com", "in\u200bes@exam\u200bple.com",
        "ines(at)example.com", "ines [at] example [dot] com", "ines at example dot com", "ines&#64;example.com",
        "ínes@exämple.de", "ines@xn--exmple-cua.com", '"ines f"@example.com', "<ines@example.com>", "a@b.co",
        "mailto:ines@example.com?subject=x", "email=ines@example.com", "ines@[192.168.0.1]", "ines@example.museum_",
    ],
)  # fmt: skip
def test_no_mail_address_survives_any_spelling(address: str) -> None:
    for frame in ("{}", "write to {} please", "mail:{}!", "({})"):
        redacted = redact(frame.format(address))
        assert "[email]" in redacted.text
        assert "example" not in redacted.text.lower()
        assert len(redacted.emails) == 1


def test_a_card_number_is_found_with_its_security_code_glued_on() -> None:
    assert redact("4012888888881881123").text == "[card]"
    assert redact("40128888888818815555555555554444").text == "[card]"
    assert redact("5555-5555-5555-4444\u200b123").text == "[card]"
    assert redact("x93714 496353 98431123").text == "x[card]"


def test_an_address_becomes_contact_data_in_its_plain_form() -> None:
    assert redact("or ines [at] Example [dot] com").emails == ("ines@example.com",)
    assert redact("email=ines@example.com").emails == ("ines@example.com",)


def test_a_card_number_inside_an_address_is_destroyed_with_it() -> None:
    redacted = redact("4012888888881881@example.com")
    assert (redacted.text, redacted.emails) == ("[card]", ())


@pytest.mark.parametrize(
    "text",
    [
        "call me at 17:30", "order 20261120-4455", "£1,200.50", "on 20.11.2026 at 15:29", "2026-11-20 15:29:33",
        "paid 1.200,50 € twice", "invoice 4455-66778", "from 09:00-17:30", "2023-2024", "24/7 support",
        "ticket #123456789",
        "ref 078051121", "EUR 1 200 000", "1,000,000 times", "order no. 1234567890", "case 12345678901",
        "version 10.0.19045.3570", "tracking 00340434161094042557", "customer number 12345678",
        "20261120-4455 is my order",
        "my order 123-4567890-1234567 is late", "between 8am-1pm on 12/03/2018", "ISBN 9783161484100",
        "11/20/26, flight UA1234",
        "@VirginAmerica thanks", "I met him @ the hotel. Then we left", "thanks @anna. It works now",
        "parcel 1Z999AA10123456784",
        "Rechnung Nr. 4711-2026",
        "order 4012888888881882", "I gave 10/10", "speeds of 0.5 - 1.2 mbps, 38 promised", "2 x 250 000 000",
        "50 50 chance",
    ],
)  # fmt: skip
def test_what_agents_need_survives(text: str) -> None:
    for country in (None, "GB", "DE", "US", "ES", "PT", "FR", "BR", "DK"):
        assert redact(text, country=country).text == text


@pytest.mark.parametrize(
    ("text", "country", "phone"),
    [
        ("call me on 07700 900123", None, "07700 900123"),
        ("call me on 07911 123456", "GB", "+44 7911 123456"),
        ("or +351 912 345 678", None, "+351 912 345 678"),
        ("0044 20 7946 0958", None, "+44 20 7946 0958"),
        ("Rückruf unter 0171 1234567", "DE", "+49 171 1234567"),
        ("me liguem (11) 98456-5666", "BR", "+55 11 98456-5666"),
        ("06.12.34.56.78", None, "06.12.34.56.78"),
        ("telemóvel 912 345 678", None, "912 345 678"),
        ("(415) 555-0132 is my cell", None, "(415) 555-0132"),
        ("415-555-0132", "US", "+1 415-555-0132"),
    ],
)
def test_a_telephone_number_left_in_a_comment_is_kept_as_contact(text: str, country: str | None, phone: str) -> None:
    redacted = redact(text, country=country)
    assert "[phone]" in redacted.text
    assert redacted.phones == (phone,)


def test_two_numbers_and_an_address_in_one_comment() -> None:
    redacted = redact("ring +44 7911 123456 or +44 7911 123457, else ines@example.com")
    assert redacted.text == "ring [phone] or [phone], else [email]"
    assert redacted.tags == (Tag.PHONE, Tag.PHONE, Tag.EMAIL)


def test_a_pasted_table_of_numbers_goes_unread() -> None:
    table = "; ".join(f"{n:010}x" for n in range(400))
    assert "0000000399" not in redact(table).text


def _response(**fields: object) -> Response:
    return Response(id="4012888888881881", source="s", responded_at=datetime(2026, 1, 1, tzinfo=UTC), **fields)  # type: ignore[arg-type]


def test_every_free_text_of_a_response_is_redacted_at_any_depth() -> None:
    response = _response(
        comment="card 4012 8888 8888 1881",
        comment_translated="mail ines@example.com",
        answers={"effort": 6, "why": "IBAN DE89 3704 0044 0532 0130 00", "more": ["a@b.co", {"x": "5555555555554444"}]},
        attributes={"note": "4012888888881881", "card": 4012888888881881, "a@b.co": True},
        customer=Customer(id="c-77", attributes={"note": "+44 7911 123456"}),
    )
    clean, contact = redact_response(response)
    assert (clean.comment, clean.comment_translated) == ("card [card]", "mail [email]")
    assert clean.answers == {"effort": 6, "why": "IBAN [iban]", "more": ["[email]", {"x": "[card]"}]}
    assert clean.attributes == {"note": "[card]", "card": "[card]", "[email]": True}
    assert clean.customer.attributes == {"note": "[phone]"}
    assert contact.emails_in_comment == ("ines@example.com", "a@b.co")
    assert contact.phones_in_comment == ("+44 7911 123456",)


def test_ids_stay_and_the_customers_own_contact_moves_out() -> None:
    customer = Customer(id="078051121", name="Ines Ferrer", email="Ines@example.com", phone="+351 912 345 678")
    clean, contact = redact_response(_response(customer=customer))
    assert (clean.id, clean.customer.id, clean.customer.name) == ("4012888888881881", "078051121", "Ines Ferrer")
    assert (clean.customer.email, clean.customer.phone) == (None, None)
    assert (contact.email, contact.phone) == ("Ines@example.com", "+351 912 345 678")


def test_the_name_of_an_attribute_says_what_its_number_is() -> None:
    kept = {"call_id": "02079460958", "orderId": "078051121", "account": "1234567890", "text_code": "0161 496 0000"}
    personal = {"tax_id": "078051121", "nhs_number": "0032698674", "phone": "612345678"}
    clean, contact = redact_response(_response(attributes={**kept, **personal}))
    assert clean.attributes == {**kept, "tax_id": "[id]", "nhs_number": "[id]", "phone": "[phone]"}
    assert contact.phones_in_comment == ("612345678",)


def test_what_holds_nothing_personal_comes_back_as_it_was() -> None:
    text = "Ça fait 3 fois… naïve ﬁne ½ ™"
    assert redact(text).text is text


def test_answers_nested_without_end_do_no_harm() -> None:
    deep: object = "4012888888881881"
    for _ in range(400):
        deep = [deep]
    clean, _contact = redact_response(_response(answers={"deep": deep}))
    assert "4012" not in str(clean.answers)
