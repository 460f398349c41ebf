"""What each test means, one line of the language after the other. None is unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.rule_sets import NOW, held

Case = tuple[str, dict[str, Any], bool | None]

VALUES: list[Case] = [
    ("{customer.tier: gold}", {"customer.tier": "gold"}, True),
    ("{customer.tier: gold}", {"customer.tier": "GOLD"}, True),  # labels fold
    ("{customer.tier: gold}", {"customer.tier": " gold"}, False),  # nothing else is removed
    ("{customer.tier: [gold, platinum]}", {"customer.tier": "platinum"}, True),
    ("{customer.tier: {not: gold}}", {"customer.tier": "silver"}, True),
    ("{customer.tier: {not: [gold, silver]}}", {"customer.tier": "silver"}, False),
    ("{customer.tier: straße}", {"customer.tier": "STRASSE"}, True),
    ("{customer.tier: ｇｏｌｄ}", {"customer.tier": "gold"}, True),  # full-width letters
    ("{customer.country: NO}", {"customer.country": "NO"}, True),  # Norway, not false
    ("{interaction.agent: 00123}", {"interaction.agent": "00123"}, True),
    ("{interaction.agent: 00123}", {"interaction.agent": "123"}, False),
    ("{interaction.agent: Ana}", {"interaction.agent": "ana"}, False),  # ids are exact
    ("{interaction.product: 1.10}", {"interaction.product": "1.10"}, True),
    ("{interaction.product: 1.10}", {"interaction.product": "1.1"}, False),
    ("{customer.may_contact: no}", {"customer.may_contact": False}, True),
    ("{customer.may_contact: TRUE}", {"customer.may_contact": False}, False),
]
NUMBERS: list[Case] = [
    ("{response.score: 4}", {"response.score": Decimal("4.0")}, True),
    ("{response.score: at most 4}", {"response.score": 4}, True),
    ("{response.score: below 4}", {"response.score": 4}, False),
    ("{response.score: at least 9}", {"response.score": 9}, True),
    ("{response.score: above 9}", {"response.score": 9}, False),
    ("{response.score: 0 to 6}", {"response.score": 0}, True),
    ("{response.score: 0 to 6}", {"response.score": 6}, True),
    ("{response.score: at least 3 and below 6}", {"response.score": 6}, False),
    ("{response.score: [1, 2]}", {"response.score": 2}, True),
    ("{response.score: {not: [1, 2]}}", {"response.score": 3}, True),
    ("{customer.value: above 0.1}", {"customer.value": Decimal("0.10000000000000001")}, True),  # no floats
    ("{history.score_change: at most -3}", {"history.score_change": -4}, True),
    ("{interaction.wait_seconds: above 10 minutes}", {"interaction.wait_seconds": 601}, True),
    ("{interaction.wait_seconds: above 10 minutes}", {"interaction.wait_seconds": 600}, False),
    ("{interaction.wait_seconds: 5 to 10 minutes}", {"interaction.wait_seconds": 300}, True),
    ("{interaction.wait_seconds: 90 seconds}", {"interaction.wait_seconds": 90}, True),
]
LISTS: list[Case] = [
    ("{response.themes: billing}", {"response.themes": ["app", "billing"]}, True),
    ("{response.themes: [billing, refund]}", {"response.themes": ["app"]}, False),
    ("{response.themes: {any_of: [billing, app]}}", {"response.themes": ["app"]}, True),
    ("{response.themes: {all_of: [billing, app]}}", {"response.themes": ["app"]}, False),
    ("{response.themes: {all_of: [billing, app]}}", {"response.themes": ["app", "x", "billing"]}, True),
    ("{response.themes: {none_of: [billing]}}", {"response.themes": ["app"]}, True),
    ("{response.themes: {not: billing}}", {"response.themes": ["billing", "app"]}, False),
    ("{response.themes: {none_of: [billing]}}", {}, None),  # an empty list is unknown
]
TEXTS: list[Case] = [
    ("{response.comment: {mentions: refund}}", {"response.comment": "A REFUND, please"}, True),
    ("{response.comment: {mentions: refund}}", {"response.comment": "refunds"}, False),
    ("{response.comment: {mentions: refund}}", {"response.comment": "refund_2"}, False),
    ("{response.comment: {mentions: refund}}", {"response.comment": "re-refund."}, True),
    ("{response.comment: {mentions: [no call, late]}}", {"response.comment": "no \n call"}, True),
    ("{response.comment: {mentions: c++}}", {"response.comment": "we use C++ here"}, True),
    ("{response.comment: {mentions: 返金}}", {"response.comment": "返金 希望"}, True),
    ("{response.comment: {mentions: straße}}", {"response.comment": "In der STRASSE"}, True),
    ("{response.comment: {contains: fund}}", {"response.comment": "refunds"}, True),
    ("{response.comment: {starts_with: [the, a]}}", {"response.comment": "The end"}, True),
    ("{response.comment: {ends_with: end}}", {"response.comment": "The END"}, True),
    ("{response.comment: {starts_with: t, ends_with: x}}", {"response.comment": "the end"}, False),
    ("{interaction.team: {starts_with: eu-}}", {"interaction.team": "EU-1"}, False),  # ids are exact
    ("{interaction.team: {ends_with: '-1'}}", {"interaction.team": "eu-1"}, True),
    ("{response.comment: {matches: 'order \\d+'}}", {"response.comment": "my ORDER 77"}, True),
]


@pytest.mark.parametrize(("condition", "given", "expected"), [*VALUES, *NUMBERS, *LISTS, *TEXTS])
def test_a_test_means_what_the_language_says(condition: str, given: dict[str, Any], expected: bool | None) -> None:
    assert held(condition, given) is expected


UNKNOWN: list[Case] = [
    ("{customer.tier: gold}", {}, None),
    ("{customer.tier: {not: gold}}", {}, None),
    ("{customer.tier: gold}", {"customer.tier": "  "}, None),
    ("{customer.tier: {known: yes}}", {}, False),
    ("{customer.tier: {known: no}}", {}, True),
    ("{customer.tier: {known: no}}", {"customer.tier": "gold"}, False),
    ("{customer.tier: {not: gold, or_unknown: yes}}", {}, True),
    ("{response.score: {is: at most 6, or_unknown: true}}", {}, True),
    ("{response.score: {is: at most 6, or_unknown: true}}", {"response.score": 7}, False),
    ("{response.score: {is: at most 6, or_unknown: no}}", {}, None),
    # one false clause settles it, one unknown does not
    ("{customer.tier: gold, response.score: 1}", {"response.score": 2}, False),
    ("{customer.tier: gold, response.score: 2}", {"response.score": 2}, None),
    # any: one true member is enough
    ("{any: [{customer.tier: gold}, {response.score: 2}]}", {"response.score": 2}, True),
    ("{any: [{customer.tier: gold}, {response.score: 1}]}", {"response.score": 2}, None),
    ("{any: [{response.score: 0}, {response.score: 1}]}", {"response.score": 2}, False),
    # none: every member must be surely false
    ("{none: [{customer.country: NO}]}", {}, None),
    ("{none: [{customer.country: NO}]}", {"customer.country": "DE"}, True),
    ("{none: [{customer.country: NO}]}", {"customer.country": "NO"}, False),
    ("{none: [{customer.country: NO, response.score: 1}]}", {"response.score": 2}, True),
    ("{none: [{response.comment: {contains: refund}}]}", {}, None),
    ("{none: [{response.comment: {known: true, contains: refund}}]}", {}, True),
]


@pytest.mark.parametrize(("condition", "given", "expected"), UNKNOWN)
def test_what_is_not_known_never_holds_by_itself(condition: str, given: dict[str, Any], expected: bool | None) -> None:
    assert held(condition, given) is expected


SATURDAY_NIGHT = datetime(2026, 11, 21, 22, 30, tzinfo=UTC)  # 23:30 in Berlin
TIMES: list[tuple[str, datetime, bool]] = [
    ("{now: {on: [sat, sun]}}", SATURDAY_NIGHT, True),
    ("{now: {on: sat}}", SATURDAY_NIGHT + timedelta(hours=1), False),  # Sunday in Berlin
    ("{now: {on: mon-fri}}", NOW, True),
    ("{now: {between: ['22:00', '06:00']}}", SATURDAY_NIGHT, True),
    ("{now: {between: ['22:00', '23:30']}}", SATURDAY_NIGHT, False),  # the end is outside
    ("{now: {between: ['23:30', '24:00']}}", SATURDAY_NIGHT, True),  # the start is inside
    # past midnight, `on` still asks for the moment's own day
    ("{now: {on: [sat], between: ['22:00', '06:00']}}", SATURDAY_NIGHT, True),
    ("{now: {on: [sat], between: ['22:00', '06:00']}}", SATURDAY_NIGHT + timedelta(hours=3), False),
    ("{now: {before: 2026-11-21}}", SATURDAY_NIGHT, False),  # excludes that day
    ("{now: {after: 2026-11-21}}", SATURDAY_NIGHT, False),
    ("{now: {after: 2026-11-21}}", SATURDAY_NIGHT + timedelta(hours=1), True),
    ("{now: 2026-11-21}", SATURDAY_NIGHT, True),
]


@pytest.mark.parametrize(("condition", "now", "expected"), TIMES)
def test_times_are_tested_on_the_clock_of_the_rule_set(condition: str, now: datetime, expected: bool) -> None:
    assert held(condition, {}, now=now) is expected


@pytest.mark.parametrize(
    ("ago", "expected"),
    [(timedelta(days=30), True), (timedelta(days=30, seconds=1), False), (timedelta(seconds=-1), False)],
)
def test_within_last_is_elapsed_time_and_the_future_is_not_in_it(ago: timedelta, expected: bool) -> None:
    condition = "{response.responded_at: {within_last: 30 days}}"
    assert held(condition, {"response.responded_at": NOW - ago}) is expected


SITE = (
    "format: 1\nfields:\n  customer.tier: {values: [gold, silver]}\n  attributes.level: {type: number, range: 0 to 5}\n"
)


@pytest.mark.parametrize(
    ("condition", "given", "expected"),
    [
        ("{attributes.level: at most 3}", {"attributes.level": 3}, True),
        ("{attributes.level: at most 3}", {"attributes.level": "3"}, None),  # "3" is no number
        ("{attributes.level: at most 3}", {"attributes.level": True}, None),  # true is no number
        ("{attributes.level: at least 3}", {"attributes.level": 9}, None),  # outside its range
        ("{customer.tier: {not: gold}}", {"customer.tier": "basic"}, None),  # not in its list
        ("{customer.tier: {not: gold}}", {"customer.tier": "Silver"}, True),
    ],
)
def test_a_value_that_does_not_fit_a_declared_field_is_unknown(
    condition: str, given: dict[str, Any], expected: bool | None
) -> None:
    assert held(condition, given, fields=SITE) is expected


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ("{attributes.x: 3}", 3, True),
        ("{attributes.x: 3}", "3", True),
        ("{attributes.x: '3'}", 3, None),
        ("{attributes.x: yes}", True, True),
        ("{attributes.x: at most 3}", 2, True),
        ("{attributes.x: above 2 minutes}", 121, True),
        ("{attributes.x: {any_of: [a]}}", ["A", 3, " "], True),
        ("{attributes.x: {mentions: late}}", "too late", True),
        ("{attributes.x: {known: yes}}", {"any": "thing"}, True),
        ("{attributes.x: {known: yes}}", [], False),
        ("{attributes.x: {after: 2026-11-01}}", "2026-11-20T10:00:00Z", True),
        ("{attributes.x: pro}", 3, None),
    ],
)
def test_a_field_that_nobody_declared_is_what_its_test_asks_for(
    condition: str, value: Any, expected: bool | None
) -> None:
    assert held(condition, {"attributes.x": value}) is expected
