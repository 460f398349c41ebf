"""Erasing a customer on both stores: nothing of them stays, nothing brings them back, and the books still balance."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clock import MovableClock
from tests.support.flow import Flow
from tests.support.forgetting import PERSONAL, columns_with, erase, found, traces
from tests.support.rows import Rows
from tests.support.slack_server import SlackServer
from tests.support.telling import Telling, live_set
from worker.errors import UsageError
from worker.followup.closing import CloseOut
from worker.followup.service import Service
from worker.store.engine import Store
from worker.store.reconcile import reconcile

INES = ["Inesita", "c-77", "ines@example.com", "third call", "0171 555", "credited her", "she cried"]
WORDS = "Third call about my invoice, ring 0171 5550123. Inesita"


@pytest.fixture
def flow(fresh_store: Store, clock: MovableClock) -> Flow:
    return Flow(fresh_store, clock)


def ines(flow: Flow, named: str, **more: Any) -> dict[str, Any]:
    """An answer of hers, with everything that could give her away."""
    person = {"id": "c-77", "name": "Inesita Ferrer", "email": "Ines@example.com", "phone": "0171 5550123"}
    link = {"id": "call-of-Inesita", "url": "https://crm.example.com/c-77", "agent": "a-417"}
    hers = {"comment": WORDS, "customer": person, "interaction": link, "attributes": {"note": "c-77"}, **more}
    return flow.event(named, **hers)


def somebody_else(flow: Flow, named: str = "o-1", **more: Any) -> dict[str, Any]:
    return flow.event(named, customer={"id": "c-8", "name": "Oskar Lind"}, comment="Charged twice.", **more)


def worked(flow: Flow) -> None:
    """Ana closed the first follow-up and wrote about her; another one is live."""
    service = Service(flow.store, lambda: flow.live, flow.clock)
    flow.feed(ines(flow, "r-1"), somebody_else(flow))
    service.contact(1, by="ana", via="page", note="She cried on the phone")
    out = CloseOut(outcome="recovered", root_cause="billing", action="Credited her 40", worth="no:c-77 again")
    service.close(1, out, by="ana", via="page", note="c-77 is content")
    flow.feed(ines(flow, "r-2", comment="Inesita again: my solicitor will write."))


def counts(flow: Flow) -> dict[str, int]:
    with flow.store.read() as conn:
        account = reconcile(conn)
    assert account["problems"] == []
    words = ("accepted", "updated", "duplicate", "stale", "not_response", "dead")
    return {word: total for word in words if (total := sum(part[word] for part in account["partitions"]))}


def test_nothing_of_the_customer_stays_in_any_table(flow: Flow) -> None:
    worked(flow)
    flow.feed(b'{"id": "r-3", "customer": {"id": "c-77", "name": "Inesita"}, "score": "third call"}')
    assert set(traces(flow.store, INES)) == set(INES)
    assert columns_with(flow.store, INES) == PERSONAL

    erase(flow, "c-77")

    assert traces(flow.store, INES) == []
    assert traces(flow.store, ["Oskar Lind", "Charged twice", "c-8"]) == ["Oskar Lind", "Charged twice", "c-8"]
    assert counts(flow) == {"accepted": 3, "dead": 1}


def test_figures_and_our_own_ids_stay(flow: Flow) -> None:
    worked(flow)
    erase(flow, "crm/c-77")
    assert ("r-1", "2", "detractor") in flow.rows("responses", "external_id", "score", "class")
    assert flow.rows("follow_ups", "id", "state", "outcome", "root_cause")[0] == (1, "closed", "recovered", "billing")


def test_live_work_is_cancelled_and_its_owner_told(flow: Flow) -> None:
    worked(flow)
    erase(flow, "c-77")
    assert flow.rows("follow_ups", "state", "cancel_reason")[2] == ("cancelled", "erased")
    assert ("closed", "hana", "pending") in flow.rows("notices", "kind", "recipient", "state")
    assert [what for (what,) in flow.rows("history", "what")][-2:] == ["cancelled", "erased"]


def test_an_address_finds_the_answers_under_an_id_and_those_without_one(flow: Flow) -> None:
    flow.feed(ines(flow, "r-1"), flow.event("r-2", customer={"email": "INES@example.com"}), somebody_else(flow))
    assert len(found(flow, "ines@example.com").responses) == 2
    assert len(found(flow, "c-77").responses) == 1
    assert found(flow, "c-7").is_nobody


def test_one_id_in_two_systems_is_two_people(fresh_store: Store) -> None:
    rows = Rows(fresh_store)
    rows.response(1)
    rows.response(2)
    with fresh_store.write() as conn:
        conn.exec_driver_sql("UPDATE responses SET customer_key = 'zendesk/c-77' WHERE id = 2")
    flow = Flow(fresh_store, MovableClock())
    with pytest.raises(UsageError, match="crm/c-77, zendesk/c-77"):
        found(flow, "c-77")
    assert found(flow, "crm/c-77").responses == (1,)


def test_reading_the_topic_again_brings_nothing_back(flow: Flow) -> None:
    told = [ines(flow, "r-1"), ines(flow, "r-2", score=0), somebody_else(flow)]
    flow.feed(*told)
    erase(flow, "c-77")
    flow.feed(*told, partition=1)
    assert counts(flow) == {"accepted": 3, "duplicate": 3}
    assert traces(flow.store, INES) == []


def test_a_later_version_of_an_erased_answer_is_stale_also_with_another_customer_in_it(flow: Flow) -> None:
    flow.feed(ines(flow, "r-1"))
    erase(flow, "c-77")
    flow.feed(ines(flow, "r-1", score=1, survey="other"), flow.event("r-1", customer={"id": "c-9"}))
    assert counts(flow) == {"accepted": 1, "stale": 2}
    assert traces(flow.store, [*INES, "c-9"]) == []


def test_what_was_not_read_yet_stays_out_and_what_comes_afterwards_is_a_new_beginning(flow: Flow) -> None:
    before = ines(flow, "r-late")
    flow.feed(ines(flow, "r-1"))
    flow.clock.advance(minutes=1)
    erase(flow, "c-77")
    flow.clock.advance(hours=1)
    flow.feed(before, ines(flow, "r-new"))
    assert counts(flow) == {"accepted": 2, "not_response": 1}
    assert [name for name, key in flow.rows("responses", "external_id", "customer_key") if key] == ["r-new"]


def test_a_waiting_answer_opens_nothing_once_its_customer_is_erased(flow: Flow) -> None:
    flow.feed(ines(flow, "r-1", score=5, status="partial"))
    erase(flow, "c-77")
    flow.clock.advance(hours=1)
    assert flow.pipeline.settle() == 0
    assert flow.rows("follow_ups", "id") == []
    assert counts(flow) == {"accepted": 1}


def test_a_dead_letter_of_theirs_cannot_be_replayed_and_others_can(flow: Flow) -> None:
    flow.feed(ines(flow, "r-1"), ines(flow, "r-2", score="bad"), somebody_else(flow, score="bad"))
    erase(flow, "c-77")
    assert flow.rows("dead_letters", "state", "excerpt", "sealed")[0] == ("discarded", None, None)
    assert flow.rows("dead_letters", "state")[1] == ("open",)


def test_somebody_elses_answer_keeps_a_follow_up_alive(flow: Flow) -> None:
    """One interaction, two customers: the work goes on, without her."""
    flow.feed(ines(flow, "r-1"))
    flow.feed(somebody_else(flow))
    with flow.store.write() as conn:
        conn.exec_driver_sql("UPDATE follow_up_responses SET follow_up_id = 1 WHERE response_id = 2")
    erase(flow, "c-77")
    assert flow.rows("follow_ups", "state", "customer_key")[0] == ("open", None)


def test_what_no_key_opens_is_counted_and_not_guessed_at(flow: Flow) -> None:
    flow.feed(ines(flow, "r-2", score="bad"), ines(flow, "r-1"))
    person = found(flow, "c-77", seal=None)
    assert (len(person.responses), person.unopened) == (1, 1)


def test_a_message_in_slack_is_drawn_again_without_the_customer(
    fresh_store: Store, clock: MovableClock, slack: SlackServer
) -> None:
    told = Telling(fresh_store, clock, live_set(), slack.settings())
    told.follow_up()
    told.tell()
    told.run()
    first = slack.messages[0]
    assert "Ines Ferrer" in str(first.versions[0])
    flow = Flow(fresh_store, clock, told.live)
    erase(flow, "c-77")
    for _ in range(3):  # a message a second
        clock.advance(seconds=2)
        told.run()
    assert [word for word in ("Ines Ferrer", "same invoice", "5550 142") if word in str(first.versions[-1])] == []
    assert [word for word in ("Ines Ferrer", "same invoice") if word in str(slack.messages[1:])] == []
