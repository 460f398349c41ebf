from __future__ import annotations

import json

import pytest

from worker.classify.redact import excerpt

CARD = "4012\u00a08888\u00a08888\u00a01881"


@pytest.mark.parametrize(
    "raw",
    [
        f'{{"comment": "{CARD}", "email": "ines@example.com"}}'.encode(),
        json.dumps({"comment": CARD, "email": "ines@example.com"}).encode(),
        b'{"comment": "4012\\u00a08888\\u00a08888\\u00a01881", "email": "ines\\u0040example.com"}',
        b"comment=4012+8888+8888+1881&email=ines%40example.com",
        '{"comment": "4012888888881881 ines@example.com"}'.encode("utf-16-le"),
        b"\xff\xfe 4012888888881881 \x00 ines@example.com",
    ],
)
def test_an_excerpt_shows_no_number_and_no_address_however_they_are_escaped(raw: bytes) -> None:
    shown = excerpt(raw)
    assert "[card]" in shown
    assert "[email]" in shown
    assert "1881" not in shown
    assert "example" not in shown


def test_a_number_across_the_end_is_not_shown_in_half() -> None:
    for before in range(2300, 2410, 6):
        shown = excerpt(b'{"a": "' + b" " * before + b"4012888888881881" + b" " * 3000 + b'"}')
        assert "4012" not in shown


def test_an_excerpt_is_short_and_printable() -> None:
    shown = excerpt(bytes(range(256)) * 20, limit=100)
    assert len(shown) <= 100
    assert shown.isprintable()


def test_plain_json_stays_readable() -> None:
    assert excerpt(b'{"id": "r-1", "score": "nine"}') == '{"id": "r-1", "score": "nine"}'
