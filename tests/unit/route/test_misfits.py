"""Values that do not fit their field are unknown to every rule, and somebody hears of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.rule_sets import classify, response, rule_set, with_test
from worker.model.response import Customer
from worker.route.decide import Decider

FIELDS = """format: 1
fields:
  customer.tier: {type: enum, values: [gold, silver]}
  interaction.transfers: {type: number, range: 0 to 9}
  attributes.line: {type: enum, values: [copper, fibre]}
"""


def misfits(customer: Customer | None = None, **attributes: Any) -> list[str]:
    rules = rule_set({**with_test("{attributes.floor: at most 3}"), "fields.yaml": FIELDS})
    asked = response(2, customer=customer, attributes=attributes)
    return Decider(rules).misfits(asked, classify(asked))


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({"line": "fibre", "floor": 3}, []),
        ({"line": "FIBRE", "floor": None}, []),
        ({"line": "  ", "floor": ""}, []),
        ({"line": "satellite"}, ["attributes.line"]),
        ({"line": 7}, ["attributes.line"]),
        ({"floor": "3"}, ["attributes.floor"]),
        ({"never asked for": object}, []),
    ],
)
def test_an_attribute_that_does_not_fit_is_named(attributes: dict[str, Any], named: list[str]) -> None:
    assert misfits(**attributes) == named


def test_a_value_that_the_site_does_not_list_is_named() -> None:
    assert misfits(Customer(tier="Gold")) == []
    assert misfits(Customer(tier="platinium")) == ["customer.tier"]
