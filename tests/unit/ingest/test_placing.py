"""Where a partition is read from, and what is written down about it."""

from __future__ import annotations

from typing import Any

import pytest

from worker.ingest.placing import Placing, place
from worker.ingest.records import Head

ID = "topic-id"


def head(next_offset: int, incarnation: str = ID) -> Head:
    return Head(incarnation=incarnation, next_offset=next_offset)


def placed(**known: Any) -> Placing:
    return place(**{"topic_id": ID, "head": None, "committed": None, "low": 0, "high": 100, **known})


@pytest.mark.parametrize(
    ("known", "start", "chain", "gap"),
    [
        ({}, 0, "new", None),
        ({"low": 40}, 40, "new", None),  # nobody promised what went before we came
        ({"head": head(50)}, 50, None, None),
        ({"head": head(50), "committed": 50}, 50, None, None),
        ({"head": head(50), "committed": 20}, 20, None, None),  # rewound: counts as read again
        ({"head": head(50), "committed": 80}, 50, None, None),  # the store was restored from a backup
        ({"head": head(50), "committed": 500}, 50, None, None),
        ({"committed": 80}, 0, "new", None),  # another store than the one that committed
        ({"head": head(100)}, 100, None, None),
        ({"head": head(20), "low": 60}, 60, None, (20, 60)),  # retention was faster than we
        ({"head": head(20), "committed": 20, "low": 60}, 60, None, (20, 60)),
        ({"head": head(70), "committed": 20, "low": 60}, 60, None, None),  # rewound beyond the log: nothing is lost
        ({"head": head(60), "committed": 20, "low": 60}, 60, None, None),
        ({"head": head(50, "another")}, 0, "recreated", None),
        ({"head": head(50, "another"), "committed": 50, "low": 5}, 5, "recreated", None),
        ({"head": head(101)}, 0, "shorter", None),
        ({"head": head(101), "committed": 20}, 0, "shorter", None),
        ({"head": head(101), "committed": 101, "low": 7}, 7, "shorter", None),
    ],
)  # fmt: skip
def test_the_table(known: dict[str, Any], start: int, chain: str | None, gap: tuple[int, int] | None) -> None:
    found = placed(**known)
    assert (found.start, found.chain, found.gap) == (start, chain, gap)


def test_a_log_that_shrank_gets_an_incarnation_of_its_own_each_time() -> None:
    first = placed(head=head(101)).incarnation
    second = placed(head=head(101, first)).incarnation
    assert (first, second) == (f"{ID}.2", f"{ID}.3")
    assert placed(head=head(50, second)).chain is None  # still the same topic


def test_a_chain_that_ends_unread_is_named_with_its_end() -> None:
    assert placed(head=head(50, "another")).ended == ("another", 50)
    assert placed(head=head(101)).ended == (ID, 101)
    assert placed(head=head(50)).ended is None


def test_a_broker_without_topic_ids_can_shrink_too() -> None:
    found = placed(topic_id="", head=head(101, ""))
    assert (found.chain, found.incarnation) == ("shorter", ".2")
    assert placed(topic_id="", head=head(50, ".2")).chain is None


def test_what_ops_should_know_is_said() -> None:
    assert placed(head=head(50), committed=80).alert
    assert placed(committed=80).alert
    assert placed(head=head(101)).alert
    assert placed(head=head(50), committed=50).alert is None
