"""The catalogues of fields and operators: what the reference shows is what the loader takes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.rule_sets import DIRECTORY, loaded, with_test
from worker.model.playbook import Playbook
from worker.route.fields import DECLARABLE, FIELDS, Field, Kind
from worker.route.operators import OPERATORS, Operator
from worker.route.playbook_file import KEYS

CALENDAR = DIRECTORY + "calendars: {berlin: {timezone: Europe/Berlin, hours: {mon-fri: '09:00-17:00'}}}\n"
KINDS = {kind: f"attributes.some-{kind}" for kind in DECLARABLE}
SITE = "format: 1\nfields:\n" + "".join(f"  {name}: {{type: {kind}}}\n" for kind, name in KINDS.items())
VALUES = {"number": "3", "duration": "10 minutes", "boolean": "yes", "time": "2026-12-31"}


def uses() -> Iterator[tuple[str, str]]:
    """Every operator with every declarable kind it fits, as a condition."""
    for operator in OPERATORS.values():
        for kind in sorted(operator.kinds & {Kind(name) for name in DECLARABLE}):
            shown = operator.example
            if operator.name in ("is", "not"):
                shown = f"{{{operator.name}: {VALUES.get(kind, 'word')}}}"
            yield operator.name, f"{{{KINDS[kind]}: {shown}}}"


@pytest.mark.parametrize(("operator", "condition"), list(uses()))
def test_every_operator_is_taken_as_its_example_shows(operator: str, condition: str) -> None:
    changes = {**with_test(condition), "fields.yaml": SITE, "directory.yaml": CALENDAR}
    assert loaded(changes).findings == (), operator


@pytest.mark.parametrize("operator", list(OPERATORS.values()), ids=lambda operator: operator.name)
def test_every_operator_says_what_it_does(operator: Operator) -> None:
    assert operator.says


@pytest.mark.parametrize("field", list(FIELDS.values()), ids=lambda field: field.name)
def test_every_field_can_be_asked_whether_it_is_known(field: Field) -> None:
    assert loaded(with_test(f"{{{field.name}: {{known: yes}}}}")).findings == ()
    assert field.description.endswith(".")


def test_every_key_of_a_playbook_can_be_written() -> None:
    assert {*KEYS, "id", "name"} == set(Playbook.__struct_fields__)
