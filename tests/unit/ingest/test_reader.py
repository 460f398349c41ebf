"""Our own event: what is accepted, what becomes unknown, what is a dead letter."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.support.events import record_of, small_event, whole_event
from worker.ingest.reader import Accepted, Dead, NotResponse, Reader, Reason
from worker.ingest.records import MAX_VALUE_BYTES
from worker.model.response import ContactWish, Status, Value

READER = Reader({}, b"k" * 32)


def accept(value: Any, headers: dict[str, str] | None = None, **place: Any) -> Accepted:
    found = READER.read(record_of(value, headers, **place))
    assert isinstance(found, Accepted), found
    return found


def refuse(value: Any) -> Dead:
    found = READER.read(record_of(value))
    assert isinstance(found, Dead), found
    return found


def test_a_whole_event_is_read_field_by_field() -> None:
    response = accept(whole_event()).response
    assert (response.id, response.source, response.metric, response.score) == ("r-1001", "ccaas", "nps", 2)
    assert response.responded_at == datetime(2026, 11, 20, 15, 29, tzinfo=UTC)
    assert response.customer.value == Value(amount=1200, currency="EUR")
    assert response.customer.contact == ContactWish(prefer="phone", window="17:00-19:00", timezone="Europe/Lisbon")
    assert response.customer.key == "crm/c-77"
    assert response.interaction.wait_seconds == 340
    assert response.answers == {"effort": 6, "agent_friendly": 2}


def test_absent_and_null_mean_the_same() -> None:
    nulls = dict.fromkeys(["survey", "answers", "status", "public", "customer", "interaction", "attributes"])
    assert accept(small_event()).response == accept({**small_event(), **nulls}).response


def test_the_source_defaults_to_the_topic_and_for_an_import_to_its_name() -> None:
    assert accept(small_event()).response.source == "feedback.responses"
    assert accept(small_event(), topic="import:old-crm", how="import").response.source == "old-crm"


def test_whole_numbers_are_taken_as_ids() -> None:
    found = accept(small_event(id=77, source=5, customer={"id": 9}, interaction={"agent": 417}))
    assert (found.response.id, found.response.source) == ("77", "5")
    assert (found.response.customer.key, found.response.interaction.agent) == ("crm/9", "417")
    assert found.ignored_values == ()


@pytest.mark.parametrize(
    ("raw", "score"), [("7", 7), ("7.0", 7), ("0", 0), ("-1", -1), ("7.5", Decimal("7.5")), ("7e0", 7)]
)  # fmt: skip
def test_a_number_is_read_with_all_its_digits_and_a_whole_one_is_whole(raw: str, score: object) -> None:
    found = accept(f'{{"id": "r", "responded_at": "2026-11-20T15:29:00Z", "score": {raw}}}').response.score
    assert (found, type(found)) == (score, type(score))


@pytest.mark.parametrize("raw", ['"7"', "true", "NaN", "Infinity", "-Infinity", "[7]", "{}"])
def test_what_is_no_number_is_no_score(raw: str) -> None:
    dead = refuse(f'{{"id": "r", "responded_at": "2026-11-20T15:29:00Z", "score": {raw}}}')
    assert dead.reason is Reason.WRONG_TYPE
    assert "score" in dead.message


@pytest.mark.parametrize(("depth", "is_read"), [(60, True), (70, False), (900, False), (100_000, False)])
def test_what_is_nested_deeper_than_anybody_could_walk_through_is_refused(depth: int, is_read: bool) -> None:
    nested = "[" * depth + '"\\ud800 [{"' + "]" * depth
    value = json.dumps(small_event() | {"attributes": {"a": "HERE"}}).replace('"HERE"', nested)
    found = READER.read(record_of(value))
    assert isinstance(found, Accepted) if is_read else isinstance(found, Dead) and found.reason is Reason.NOT_JSON


@pytest.mark.parametrize("raw", ["1e999999999", "-1e999999999", "1e-999999999", "1e400", "9" * 5000])
def test_a_number_that_would_fill_the_memory_is_a_number_on_no_scale(raw: str) -> None:
    found = accept(f'{{"id": "r", "responded_at": "2026-11-20T15:29:00Z", "score": {raw}}}').response.score
    assert found is not None
    assert len(format(found, "f")) < 5100
    assert not (0 <= found <= 100 and found == int(found))


def test_zero_is_zero_whatever_its_exponent() -> None:
    raw = '{"id": "r", "responded_at": "2026-11-20T15:29:00Z", "score": 0e999999999}'
    assert accept(raw).response.score == 0


def test_a_wrong_type_in_an_optional_field_makes_it_unknown_and_is_named() -> None:
    found = accept(whole_event(interaction={"wait_seconds": "340", "agent": "a-1"}, public="yes", status="done"))
    assert found.response.interaction.wait_seconds is None
    assert found.response.interaction.agent == "a-1"
    assert (found.response.public, found.response.status) == (False, Status.FINAL)
    assert set(found.ignored_values) == {"interaction.wait_seconds", "public", "status"}


def test_a_whole_object_of_the_wrong_type_is_unknown() -> None:
    found = accept(whole_event(customer="c-77", answers=[1]))
    assert (found.response.customer.key, found.response.answers) == (None, {})
    assert set(found.ignored_values) == {"customer", "answers"}


def test_unknown_keys_are_named_and_no_dead_letter() -> None:
    customer = {**whole_event()["customer"], "shoe_size": 41}
    found = accept(whole_event(customer=customer, Zufriedenheit=1))
    assert found.unknown_keys == ("Zufriedenheit", "customer.shoe_size")


def test_a_key_that_could_be_an_address_is_not_repeated() -> None:
    assert accept({**small_event(), "ines@example.com": 1}).unknown_keys == ("(unprintable)",)


def test_a_customer_key_sent_from_outside_is_not_believed() -> None:
    found = accept(small_event(customer={"id": "c-1", "key": "crm/c-2"}))
    assert found.response.customer.key == "crm/c-1"
    assert found.unknown_keys == ("customer.key",)


def test_without_an_id_the_mail_address_makes_the_key_whatever_its_case() -> None:
    keys = {accept(small_event(customer={"email": mail})).response.customer.key for mail in ("A@b.de", "a@B.de ")}
    (key,) = keys
    assert key is not None
    assert key.startswith("mail/")
    assert len(key) == len("mail/") + 32
    other = Reader({}, b"another").read(record_of(small_event(customer={"email": "a@b.de"})))
    assert isinstance(other, Accepted)
    assert other.response.customer.key != key


def test_name_and_phone_make_no_key() -> None:
    assert accept(small_event(customer={"name": "Ines", "phone": "+351 1"})).response.customer.key is None


@pytest.mark.parametrize(
    "text", ["2026-11-20T15:29:00Z", "2026-11-20T16:29:00+01:00", "2026-11-20 15:29:00.000000Z", "20261120T152900Z",
             "2026-11-20T15:29Z"],
)  # fmt: skip
def test_times_are_iso_8601_and_become_utc(text: str) -> None:
    at = accept(small_event(responded_at=text)).response.responded_at
    assert (at, at.tzinfo) == (datetime(2026, 11, 20, 15, 29, tzinfo=UTC), UTC)


@pytest.mark.parametrize("text", ["2026-11-20T15:29:00", "2026-11-20", "yesterday", "0001-01-01T00:00:00+14:00"])
def test_a_time_without_offset_or_that_is_none_is_a_dead_letter(text: str) -> None:
    assert refuse(small_event(responded_at=text)).reason is Reason.BAD_TIME


@pytest.mark.parametrize("place", ["updated_at", "interaction"])
def test_a_naive_time_anywhere_is_a_dead_letter(place: str) -> None:
    naive = "2026-11-20T15:29:00"
    dead = refuse(small_event(**{place: naive if place == "updated_at" else {"ended_at": naive}}))
    assert dead.reason is Reason.BAD_TIME


def test_an_optional_time_that_is_none_is_unknown() -> None:
    assert accept(small_event(interaction={"ended_at": "soon"})).ignored_values == ("interaction.ended_at",)


def test_nul_and_unpaired_surrogates_become_the_replacement_character() -> None:
    raw = '{"id":"r","responded_at":"2026-11-20T15:29:00Z","comment":"a\\u0000b\\ud800c",'
    response = accept(raw + '"answers":{"x\\u0000":"\\udfff"}}').response
    assert response.comment == "a\ufffdb\ufffdc"
    assert response.answers == {"x\ufffd": "\ufffd"}


def test_pairs_of_surrogates_are_left_alone() -> None:
    raw = '{"id":"r","responded_at":"2026-11-20T15:29:00Z","comment":"\\ud83d\\ude00"}'
    assert accept(raw).response.comment == "😀"


def test_a_byte_order_mark_is_read() -> None:
    raw = '{"id":"r","responded_at":"2026-11-20T15:29:00Z","score":1}'
    assert accept(b"\xef\xbb\xbf" + raw.encode()).response.score == 1


def test_numbers_no_store_keeps_are_taken_out_of_open_fields() -> None:
    raw = '{"id":"r","responded_at":"2026-11-20T15:29:00Z","score":1,"answers":{"a":NaN,"b":1e999999,"c":[1.5]}}'
    found = accept(raw)
    assert found.response.answers == {"a": None, "b": None, "c": [Decimal("1.5")]}
    assert found.ignored_values == ("answers", "answers")


def test_a_comment_of_white_space_is_no_answer() -> None:
    assert refuse(small_event(score=None, comment=" \n\t")).reason is Reason.NO_ANSWERS
    assert accept(small_event(score=None, comment=" ok ")).response.score is None


def test_blank_text_means_unknown() -> None:
    found = accept(small_event(comment="", interaction={"agent": ""}, customer={"id": "", "email": "a@b.de"})).response
    assert (found.comment, found.interaction.agent, found.customer.id) == (None, None, None)
    assert (found.customer.key or "").startswith("mail/")


def test_a_tombstone_is_no_response() -> None:
    found = READER.read(record_of(None))
    assert isinstance(found, NotResponse)
    assert found.why == "tombstone"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"x" * (MAX_VALUE_BYTES + 1), Reason.TOO_LARGE),
        (b"\xff" * (MAX_VALUE_BYTES + 1), Reason.TOO_LARGE),  # the earlier of two
        (b'{"id": "\xff"}', Reason.NOT_UTF8),
        (b'\xff{"', Reason.NOT_UTF8),
        (b'{"id": "\xed\xa0\x80"}', Reason.NOT_UTF8),  # a surrogate in bytes is no UTF-8
        (b"", Reason.NOT_JSON),
        (b"  \n", Reason.NOT_JSON),
        (b"{'id': 1}", Reason.NOT_JSON),
        (b'{"id": 1}{"id": 2}', Reason.NOT_JSON),
        (b"Topic=a.b&Status=Complete&Id=R_1", Reason.NOT_JSON),
        (b"[" * 100_000, Reason.NOT_JSON),
        (b"[]", Reason.NOT_AN_OBJECT),
        (b'[{"id": "r-1", "responded_at": "2026-11-20T15:29:00Z", "score": 1}]', Reason.NOT_AN_OBJECT),
        (b"null", Reason.NOT_AN_OBJECT),
        (b'"text"', Reason.NOT_AN_OBJECT),
        (b"3", Reason.NOT_AN_OBJECT),
        (b"{}", Reason.UNKNOWN_SHAPE),
        (b'{"hello": "world"}', Reason.UNKNOWN_SHAPE),
        (b'{"responded_at": "2026-11-20T15:29:00Z", "score": 1}', Reason.MISSING_FIELD),
        (b'{"id": "r", "score": 1}', Reason.MISSING_FIELD),
        (b'{"id": "", "responded_at": "2026-11-20T15:29:00Z", "score": 1}', Reason.MISSING_FIELD),
        (b'{"id": " ", "responded_at": "2026-11-20T15:29:00Z", "score": 1}', Reason.MISSING_FIELD),
        (b'{"id": null, "responded_at": "2026-11-20T15:29:00Z", "score": "1"}', Reason.MISSING_FIELD),
        (b'{"id": true, "responded_at": "2026-11-20", "score": 1}', Reason.WRONG_TYPE),
        (b'{"id": "r", "responded_at": 1772528400, "score": 1}', Reason.WRONG_TYPE),
        (b'{"id": "r", "source": [], "responded_at": "2026-11-20T15:29:00Z", "score": 1}', Reason.WRONG_TYPE),
        (b'{"id": "r", "responded_at": "2026-11-20T15:29:00", "metric": "nps"}', Reason.BAD_TIME),
        (b'{"id": "r", "responded_at": "2026-11-20T15:29:00Z"}', Reason.UNKNOWN_SCALE),
        (b'{"id": "r", "responded_at": "2026-11-20T15:29:00Z", "metric": "nps"}', Reason.NO_ANSWERS),
    ],
)  # fmt: skip
def test_where_two_reasons_fit_the_earlier_one_is_said(value: bytes, reason: Reason) -> None:
    dead = refuse(value)
    assert dead.reason is reason, dead.message
    assert dead.message.endswith((".", "?")) and len(dead.message) < 400


def test_exactly_the_largest_value_is_read() -> None:
    frame = len(b'{"id":"r","responded_at":"2026-11-20T15:29:00Z","comment":""}')
    raw = b'{"id":"r","responded_at":"2026-11-20T15:29:00Z","comment":"%s"}' % (b"x" * (MAX_VALUE_BYTES - frame))
    assert len(raw) == MAX_VALUE_BYTES
    assert accept(raw).response.has_comment


def test_form_encoding_and_batches_are_called_by_their_names() -> None:
    assert "form-encoded" in refuse(b"a=1&b=2").message
    assert "array of 2" in refuse(b"[{}, {}]").message


def test_a_dead_letter_says_whose_it_is_as_far_as_it_could_be_read() -> None:
    assert refuse(b"not json").source is None
    assert refuse(small_event(score="x")).source == "feedback.responses"
    assert refuse(small_event(score="x", source="ccaas")).source == "ccaas"
    assert (refuse(b"not json").stage, refuse(small_event(score="x")).stage) == ("decode", "read")


@pytest.mark.parametrize("secret", ["Ines Ferrer", "ines@example.com", "+351912345678", "912 345 678"])
def test_messages_never_repeat_what_could_be_personal(secret: str) -> None:
    for field in ("score", "responded_at"):
        assert secret not in refuse(small_event(**{field: secret})).message
    assert secret not in refuse({secret: 1}).message
    assert secret not in refuse(f'{{"comment": "{secret}" "x"}}').message


def test_messages_show_short_values_that_help() -> None:
    assert '"7,5"' in refuse(small_event(score="7,5")).message
    assert '"2026-11-20 15:29"' in refuse(small_event(responded_at="2026-11-20 15:29")).message
