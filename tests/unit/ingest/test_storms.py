"""When a source, or a whole partition, brings nothing but what nobody can use."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.unit.ingest.test_versions import candidate
from worker.ingest.records import Dead, Reason
from worker.ingest.storms import IN_A_ROW, Storm, Storms, Stretch, pause_reason, rests
from worker.ingest.versions import Understood
from worker.model.response import Origin

AT = ("t", 0)


def dead(offset: int, source: str | None = "ccaas") -> Dead:
    origin = Origin(topic="t", partition=0, incarnation="t1", offset=offset)
    return Dead(origin=origin, source=source, reason=Reason.WRONG_TYPE, message=f"number {offset}")


def unreadable(first: int, n: int) -> list[Dead]:
    return [dead(offset, None) for offset in range(first, first + n)]


def saw(storms: Storms, *written: Understood) -> list[Storm]:
    return storms.saw(written, {})


def test_fifty_dead_in_a_row_of_one_source_are_a_storm_told_once() -> None:
    storms = Storms()
    assert saw(storms, *map(dead, range(49))) == []
    (storm,) = saw(storms, dead(49))
    assert (storm.topic, storm.source, storm.dead, storm.of, storm.sample.origin.offset) == ("t", "ccaas", 50, 50, 49)
    assert saw(storms, *map(dead, range(50, 120))) == []


def test_one_that_could_be_read_in_between_is_no_storm_yet() -> None:
    storms = Storms()
    assert saw(storms, *map(dead, range(49)), candidate(), *map(dead, range(50, 98))) == []


def test_other_sources_do_not_count() -> None:
    storms = Storms()
    mixed = [dead(n, f"source-{n % 2}") for n in range(98)]
    assert saw(storms, *mixed) == []
    assert [storm.source for storm in saw(storms, dead(98, "source-0"), dead(99, "source-1"))] == [
        "source-0",
        "source-1",
    ]


@pytest.mark.parametrize(("every", "storms"), [(4, 1), (5, 0), (6, 0)])
def test_more_than_a_fifth_of_two_hundred_is_a_storm(every: int, storms: int) -> None:
    written = [dead(n) if n % every == 0 else candidate(at=(0, n)) for n in range(400)]
    assert len(saw(Storms(), *written)) == storms


def test_a_storm_that_ended_and_came_again_is_told_again() -> None:
    storms = Storms()
    for _ in range(2):
        assert len(saw(storms, *map(dead, range(60)))) == 1
        assert saw(storms, *[candidate(at=(0, n)) for n in range(200)]) == []


def test_fifty_in_a_row_without_a_source_pause_the_partition_behind_them() -> None:
    assert Storms().look(AT, unreadable(10, 49), None) == Stretch(49)
    assert Storms().look(AT, unreadable(10, 70), None) == Stretch(0, 60)


def test_the_run_goes_on_over_batches_and_looking_alone_changes_nothing() -> None:
    storms = Storms()
    for _ in range(3):
        assert storms.look(AT, unreadable(0, 30), None) == Stretch(30)
    storms.saw(unreadable(0, 30), {AT: 30})
    assert storms.look(AT, unreadable(30, 30), None) == Stretch(0, IN_A_ROW)


@pytest.mark.parametrize("good", [dead(29, "ccaas"), candidate(at=(0, 29))])
def test_a_record_whose_source_is_known_ends_the_run(good: Understood) -> None:
    written: Sequence[Understood] = [*unreadable(0, 29), good, *unreadable(30, 40)]
    assert Storms().look(AT, written, None) == Stretch(40)


def test_what_ops_accepted_counts_for_nothing() -> None:
    assert Storms().look(AT, unreadable(0, 120), accepted_until=100) == Stretch(20)
    assert Storms().look(AT, unreadable(0, 160), accepted_until=100) == Stretch(0, 150)


def test_another_rule_set_begins_afresh() -> None:
    storms = Storms()
    storms.saw(unreadable(0, 49), {AT: 49})
    saw(storms, *map(dead, range(49)))
    storms.forget()
    assert storms.look(AT, unreadable(49, 10), None) == Stretch(10)
    assert saw(storms, dead(49)) == []


@pytest.mark.parametrize(
    ("reason", "still"),
    [(None, False), (pause_reason("4f2a"), True), (pause_reason("b1b1"), False), ("somebody said so", True)],
)
def test_a_pause_holds_under_the_revision_that_could_not_read(reason: str | None, still: bool) -> None:
    assert rests(reason, "4f2a") is still
