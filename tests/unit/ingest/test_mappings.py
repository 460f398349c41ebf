"""The language of mappings: paths, picks, conditions, times, and what is said about mistakes in them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.events import record_of
from worker.errors import ConfigError
from worker.ingest.envelopes import Envelope
from worker.ingest.paths import Given, parse_path
from worker.ingest.reader import Accepted, Dead, NotResponse, Reader
from worker.ingest.records import Outcome
from worker.ingest.sources import check_source, compile_source

DOCUMENT: dict[str, Any] = {
    "a": {"b": 1, "c d": "x", "e.f": "y"},
    "rows": [{"k": "one", "v": 1, "n": {"m": True}}, {"k": "two", "v": None}, {"k": "two", "v": 3}],
    "none": None,
}
GIVEN = Given(DOCUMENT, Envelope("e", {"type": "t"}, {"x-id": "h"}), "a-topic", b"the-key")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b", [1]),
        ('a."c d"', ["x"]),
        ("a.c d", ["x"]),
        ('a."e.f"', ["y"]),
        ("none", []),
        ("a.missing.deeper", []),
        ("rows[0].v", [1]),
        ("rows[-1].v", [3]),
        ("rows[9].v", []),
        ("rows[*].v", [1, 3]),
        ("rows[k=two].v", [3]),
        ("rows[n.m=true].k", ["one"]),
        ("rows[v=3].k", ["two"]),
        ("a[0]", []),
        ("@topic", ["a-topic"]),
        ("@key", ["the-key"]),
        ("@header.X-ID", ["h"]),
        ("@envelope.type", ["t"]),
    ],
)
def test_paths(path: str, found: list[Any]) -> None:
    assert parse_path(path).find(GIVEN) == found


@pytest.mark.parametrize("path", ["", "a.", ".a", "a..b", "a[", "a[x]", "a[0", 'a."b', "@nothing.x", "a]b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"path|begins"):
        parse_path(path)


def reader(**changes: Any) -> Reader:
    fields = {"id": "id", "responded_at": "at", "metric": {"value": "nps"}, "score": "n", **changes.pop("fields", {})}
    return Reader({"tool": {"match": {"has": "n"}, "fields": fields, **changes}}, b"k")


def read(event: dict[str, Any], **changes: Any) -> Outcome:
    event = {"id": 1, "at": "2026-05-28T20:26:40Z", "n": 3, **event}
    return reader(**changes).read(record_of(event))


def accept(event: dict[str, Any], **changes: Any) -> Accepted:
    found = read(event, **changes)
    assert isinstance(found, Accepted), found
    return found


def test_the_mapping_names_source_and_customer_namespace() -> None:
    fields = {"customer.id": "c"}
    assert accept({"c": 5}, fields=fields).response.customer.key == "tool/5"
    found = accept({"c": 5}, fields=fields, source="shop", namespace="crm").response
    assert (found.source, found.customer.key) == ("shop", "crm/5")


@pytest.mark.parametrize(
    ("pick", "event", "comment"),
    [
        (["x", "y"], {"y": "b"}, "b"),
        ({"join": ["x", "y"]}, {"x": "a", "y": None}, "a"),
        ({"join": ["x", "y"], "with": ", "}, {"x": "a", "y": "b"}, "a, b"),
        ({"all_of": ["x", "y"]}, {"x": "a"}, None),
        ({"path": "x", "lower": "yes"}, {"x": "ABC"}, "abc"),
        ({"path": "x", "as": "text"}, {"x": 5}, "5"),
        ({"path": "x", "values": {1: "one"}}, {"x": "1"}, "one"),
        ({"path": "x", "values": {1: "one"}, "otherwise": "many"}, {"x": 7}, "many"),
        ({"path": "x", "values": {1: "one"}}, {"x": 7}, None),
        ({"path": "x[*]", "pick": "last"}, {"x": ["a", "b"]}, "b"),
        ({"value": "fixed", "when": {"is": {"x": [1, 2]}}}, {"x": 2}, "fixed"),
        ({"value": "fixed", "when": {"is": {"x": [1, 2]}}}, {"x": 3}, None),
        ({"path": "x", "when": {"above": {"y": 1.5}}}, {"x": "a", "y": "2"}, "a"),
        ({"path": "x", "when": {"above": {"y": 2}}}, {"x": "a", "y": 2}, None),
        ({"path": "x", "when": {"is_not": {"y": "z"}, "lacks": "q"}}, {"x": "a"}, "a"),
        ({"path": "x", "when": {"starts_with": {"x": "ab"}}}, {"x": "abc"}, "abc"),
    ],
)
def test_picks(pick: Any, event: dict[str, Any], comment: str | None) -> None:
    assert accept(event, fields={"comment": pick}).response.comment == comment


@pytest.mark.parametrize(
    ("raw", "spec"),
    [
        (1780000000, {"time": "epoch seconds"}),
        ("1780000000", {"time": "epoch seconds"}),
        (1780000000000, {"time": "epoch milliseconds"}),
        ({"seconds": "1780000000", "nanos": 0}, {"time": "seconds and nanos"}),
        ("2026-05-28T22:26:40", {"zone": "Europe/Berlin"}),
        ("28.05.2026 22:26:40", {"time": "%d.%m.%Y %H:%M:%S", "zone": "Europe/Berlin"}),
        ("2026-05-28 20:26:40 +0000", {"time": "%Y-%m-%d %H:%M:%S %z"}),
        ("2026-05-28T22:26:40+02:00", {}),
    ],
)
def test_times(raw: Any, spec: dict[str, str]) -> None:
    found = accept({"at": raw}, fields={"responded_at": {"path": "at", **spec}}).response.responded_at
    assert found.isoformat() == "2026-05-28T20:26:40+00:00"


@pytest.mark.parametrize(
    ("raw", "spec"),
    [
        ("soon", {"time": "epoch seconds"}),
        (10**30, {"time": "epoch seconds"}),
        ("2026-05-28T22:26:40", {}),
        (1780000000, {}),
        ("28/05/2026", {"time": "%d.%m.%Y", "zone": "UTC"}),
    ],
)
def test_a_time_that_does_not_fit_is_a_dead_letter(raw: Any, spec: dict[str, str]) -> None:
    found = read({"at": raw}, fields={"responded_at": {"path": "at", **spec}})
    assert isinstance(found, Dead)
    assert found.reason == "bad_time"
    assert "at" in found.message


def test_a_score_in_quotes_is_a_number_only_where_the_mapping_says_so() -> None:
    assert isinstance(read({"n": "3"}), Dead)
    assert accept({"n": "3"}, fields={"score": {"path": "n", "as": "number"}}).response.score == 3
    assert isinstance(read({"n": "3 stars"}, fields={"score": {"path": "n", "as": "number"}}), Dead)


def test_a_message_names_the_path_in_the_tools_own_event() -> None:
    found = read({"n": {"deep": True}}, fields={"score": "n.deep"})
    assert isinstance(found, Dead)
    assert "score (from n.deep)" in found.message


def test_order_values_sort_as_numbers_and_times_do() -> None:
    spec = {"path": "v", "as": "number"}
    orders = [accept({"v": value}, order=spec).order or "" for value in (2, 10, 10.5)]
    assert orders == sorted(orders)
    assert accept({"v": "2026-05-28T20:26:40Z"}, order="v").order == "2026-05-28T20:26:40.000000+00:00"


def test_what_a_mapping_ignores_is_no_response() -> None:
    ignore = [{"when": {"is": {"kind": "ping"}}, "because": "a test of the connection"}]
    found = read({"kind": "ping"}, ignore=ignore)
    assert isinstance(found, NotResponse)
    assert found.why == "tool: a test of the connection"
    assert isinstance(read({"kind": "rated"}, ignore=ignore), Accepted)


def test_our_own_event_is_never_taken_for_a_tools() -> None:
    event = {"id": "r", "responded_at": "2026-05-28T20:26:40Z", "score": 1, "n": 5, "at": "x"}
    found = reader().read(record_of(event))
    assert isinstance(found, Accepted)
    assert (found.mapping, found.response.source) == (None, "feedback.responses")


GOOD = {"match": {"has": "n"}, "fields": {"id": "id", "responded_at": "at", "score": "n"}}


@pytest.mark.parametrize(
    ("change", "place", "says"),
    [
        ({"feilds": {}}, ("feilds",), 'unknown key "feilds"'),
        ({"match": {}}, ("match",), "block of tests"),
        ({"match": {"hass": "n"}}, ("match", "hass"), 'unknown key "hass"'),
        ({"match": {"has": "a..b"}}, ("match", "has"), "no path"),
        ({"match": {"is": "x"}}, ("match", "is"), "needs paths"),
        ({"fields": {"id": "id", "responded_at": "at"}}, ("fields",), "neither score nor comment"),
        ({"fields": {"id": "id", "score": "n"}}, ("fields",), "responded_at is not mapped"),
        ({"fields": {**GOOD["fields"], "custmer.id": "c"}}, ("fields", "custmer.id"), "unknown key"),
        ({"fields": {**GOOD["fields"], "source": "c"}}, ("fields", "source"), "mapping's own"),
        ({"fields": {**GOOD["fields"], "comment": {"value": 1, "path": "x"}}}, ("fields", "comment"), "here are 2"),
        ({"fields": {**GOOD["fields"], "comment": {"path": "x", "lowr": 1}}}, ("fields", "comment", "lowr"), "unknown"),
        ({"fields": {**GOOD["fields"], "score": {"path": "n", "as": "int"}}}, ("fields", "score", "as"), "no type"),
        ({"fields": {**GOOD["fields"], "score": {"value": "x"}}}, ("fields", "score", "value"), "needs a number"),
        ({"fields": {**GOOD["fields"], "public": {"value": "maybe"}}}, ("fields", "public", "value"), "yes nor no"),
        ({"fields": {**GOOD["fields"], "responded_at": {"path": "at", "time": "unix"}}},
         ("fields", "responded_at", "time"), "no form of time"),
        ({"fields": {**GOOD["fields"], "responded_at": {"path": "at", "time": "%Y"}}},
         ("fields", "responded_at", "time"), "without an offset"),
        ({"fields": {**GOOD["fields"], "responded_at": {"path": "at", "zone": "Mars"}}},
         ("fields", "responded_at", "zone"), "no time zone"),
        ({"ignore": [{"when": {"has": "x"}}]}, ("ignore", 0), "when and because"),
        ({"source": "two words"}, ("source",), "no name"),
        ({"order": {"path": "a["}}, ("order", "path"), "no path"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_its_fix(change: Any, place: tuple[Any, ...], says: str) -> None:
    problems = check_source({**GOOD, **change})
    assert [problem.place for problem in problems] == [place], problems
    assert says in problems[0].message
    assert problems[0].fix.endswith((".", "?"))


def test_what_is_no_mapping_at_all_is_told_too() -> None:
    assert check_source(["a"])
    assert check_source(None)
    assert [problem.message for problem in check_source({"fields": GOOD["fields"]})] == ["match is missing"]


def test_a_broken_mapping_is_not_compiled() -> None:
    with pytest.raises(ConfigError, match=r"sources/shop.yaml: feilds"):
        compile_source("shop", {**GOOD, "feilds": 1})
