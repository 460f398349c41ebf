"""What a record is to what is already known, and that the answer does not depend on the way it came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from worker.ingest.records import Dead, NotResponse, Reason
from worker.ingest.versions import (
    Candidate,
    Change,
    Identity,
    Intake,
    Known,
    Surroundings,
    Understood,
    compare,
    compare_all,
    contradiction,
    settle_at,
)
from worker.model.response import Contact, Customer, Origin, Response, Status
from worker.model.verdict import Class, Verdict

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WINDOW = timedelta(minutes=10)
PARTIAL: dict[str, Any] = {"status": Status.PARTIAL}


def candidate(
    content: str = "a", order: str = "0 1", *, named: str = "r-1", at: tuple[int, int] = (0, 0), **fields: Any
) -> Candidate:
    """`content` is what the event says; `order` where it belongs among the versions of its response."""
    scale = {"metric": "nps", "score": 5, "klass": Class.DETRACTOR, "scale_low": 0, "scale_high": 10}
    verdict = Verdict(**{**scale, **fields.pop("verdict", {})})
    response = Response(id=named, source="ccaas", responded_at=NOON, **fields)
    origin = Origin(topic="t", partition=at[0], incarnation="t1", offset=at[1])
    return Candidate(origin, response, Contact(), verdict, content, content, order)


def known(**changes: Any) -> Known:
    values: dict[str, Any] = {
        "id": 7, "version": 2, "order_key": "0 5", "settle_at": None, "customer_key": "crm/c-77",
        "survey": "post-call", "hashes": frozenset({"a", "b"}), "read_at": NOON,
    }  # fmt: skip
    return Known(**{**values, **changes})


@pytest.mark.parametrize(
    ("one", "change"),
    [
        (candidate("c", "0 6"), Change.UPDATED),
        (candidate("c", "1 2026"), Change.UPDATED),
        (candidate("c", "0 4"), Change.STALE),
        (candidate("c", "0 5"), Change.STALE),
        (candidate("b", "0 6"), Change.DUPLICATE),
        (candidate("a", "0 1"), Change.DUPLICATE),
        (candidate("c", "0 6", customer=Customer(key="crm/c-78")), Change.CONFLICT),
        (candidate("c", "0 4", customer=Customer(key="crm/c-78")), Change.CONFLICT),
        (candidate("c", "0 6", survey="app"), Change.CONFLICT),
        (candidate("a", "0 6", survey="app"), Change.DUPLICATE),
    ],
)
def test_a_record_against_what_is_known(one: Candidate, change: Change) -> None:
    assert compare(one, known()) is change
    assert compare(one, None) is Change.ACCEPTED


@pytest.mark.parametrize(
    ("before", "customer", "survey", "says"),
    [
        ({}, "crm/c-77", "post-call", None),
        ({}, None, None, None),
        ({"customer_key": None}, "crm/c-78", None, None),
        ({"survey": None}, None, "app", None),
        ({}, "crm/c-78", None, "another customer"),
        ({}, None, "app", 'for survey "post-call", not "app"'),
    ],
)
def test_what_contradicts_a_known_response(
    before: dict[str, Any], customer: str | None, survey: str | None, says: str | None
) -> None:
    said = contradiction(candidate(customer=Customer(key=customer), survey=survey), known(**before))
    assert says in said if says and said else said is says
    assert "c-78" not in (said or "")


@pytest.mark.parametrize(
    ("one", "before", "until"),
    [
        (candidate(), None, None),
        (candidate(**PARTIAL), None, NOON + WINDOW),
        (candidate(**PARTIAL, verdict={"lowest_fifth": True}), None, None),
        (candidate(**PARTIAL, verdict={"severity": ("legal",)}), None, None),
        (candidate(**PARTIAL), known(settle_at=NOON + timedelta(minutes=3)), NOON + timedelta(minutes=3)),
        (candidate(**PARTIAL), known(), None),
        (candidate(), known(settle_at=NOON + timedelta(minutes=3)), None),
    ],
)
def test_how_long_a_response_waits_for_its_other_half(
    one: Candidate, before: Known | None, until: datetime | None
) -> None:
    assert settle_at(one, before, WINDOW, NOON) == until


def run(seen: dict[Identity, Known], ids: Any, *batch: Understood) -> Intake:
    """One batch; what it leaves is put into `seen`, as the store would keep it."""
    around = Surroundings(ids, lambda _: WINDOW, NOON, lambda part, before: pytest.fail("there is no part"))
    intake = compare_all(batch, seen, around)
    seen.update({version.candidate.identity: version.known for version in intake.kept})
    return intake


def test_records_that_are_no_answers_are_counted_by_partition() -> None:
    origin = Origin(topic="t", partition=3, incarnation="t1", offset=0)
    dead = Dead(origin=origin, source=None, reason=Reason.NOT_JSON, message="no")
    intake = run({}, count(1), dead, NotResponse(origin=origin, why="tombstone"), candidate(at=(1, 0)))
    assert intake.counts == {("t", 3): Counter(dead=1, not_response=1), ("t", 1): Counter(accepted=1)}
    assert intake.dead == [dead]


def test_versions_of_one_batch_see_each_other() -> None:
    seen: dict[Identity, Known] = {}
    intake = run(seen, count(1), candidate("b", "0 2", at=(0, 1)), candidate("a", "0 1", at=(0, 0)))
    assert [(version.known.version, version.before) for version in intake.kept] == [(1, None), (2, 1)]
    assert seen["ccaas", "r-1"].order_key == "0 2"


def test_what_a_version_does_not_say_of_its_identity_stays() -> None:
    seen: dict[Identity, Known] = {}
    run(seen, count(1), candidate("a", "0 1", customer=Customer(key="crm/c-77"), survey="post-call"))
    run(seen, count(2), candidate("b", "0 2", at=(0, 1)))
    assert (seen["ccaas", "r-1"].customer_key, seen["ccaas", "r-1"].survey) == ("crm/c-77", "post-call")


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[Candidate], list[Candidate], list[int]]:
    """Versions of a few responses, each sent once or more; the same in another order; and where batches end."""
    made = []
    for named in draw(st.sets(st.sampled_from(["r-1", "r-2", "r-3"]), min_size=1)):
        orders = draw(st.lists(st.integers(0, 30), min_size=1, max_size=5, unique=True))
        made += [candidate(f"{named} says {n}", f"1 {n:03}", named=named) for n in orders]
    sent = made + draw(st.lists(st.sampled_from(made), max_size=6))
    placed = [replace(one, origin=candidate(at=(n % 2, n)).origin) for n, one in enumerate(sent)]
    ends = draw(st.lists(st.integers(0, len(placed)), max_size=4))
    return placed, draw(st.permutations(placed)), sorted(ends)


def batches(records: Sequence[Candidate], ends: Sequence[int]) -> list[Sequence[Candidate]]:
    edges = [0, *ends, len(records)]
    return [records[start:end] for start, end in pairwise(edges)]


@given(arrivals())
def test_any_order_and_any_batching_ends_with_the_same_versions(
    arrival: tuple[list[Candidate], list[Candidate], list[int]],
) -> None:
    sent, shuffled, ends = arrival
    seen: dict[Identity, Known] = {}
    kept: dict[Identity, list[Candidate]] = {}
    counts, ids = Counter[str](), count(1)
    for batch in batches(shuffled, ends):
        intake = run(seen, ids, *batch)
        for version in intake.kept:
            kept.setdefault(version.candidate.identity, []).append(version.candidate)
        counts += sum(intake.counts.values(), Counter())
    newest = {one.identity: one for one in sorted(sent, key=lambda one: one.order_key)}
    assert {identity: found[-1].content for identity, found in kept.items()} == {
        identity: one.content for identity, one in newest.items()
    }
    assert {one.id: one.version for one in seen.values()} == {seen[i].id: len(found) for i, found in kept.items()}
    assert counts.total() == len(sent)
    assert (counts["accepted"], counts["accepted"] + counts["updated"]) == (len(kept), sum(map(len, kept.values())))
