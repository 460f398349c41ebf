"""When a loop is closed with the customer, the survey tool can hear of it, and ask once more."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator

import pytest

from tests.support.kafka.cluster import Kafka
from tests.support.timeline import Timeline
from worker.errors import ConfigError
from worker.followup.closing import CloseOut
from worker.followup.service import Service
from worker.ingest.client import Timing
from worker.notify.surveys import Surveys
from worker.settings import load
from worker.store.engine import Store

# The client leaves sockets of refused connections to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <s:ResourceWarning")
CLOSING = CloseOut(outcome="recovered", root_cause="billing", action="Fee credited.")


@pytest.fixture
def friday(fresh_store: Store) -> Timeline:
    """A worker for which a topic is set."""
    line = Timeline(fresh_store, "2026-11-20 16:30")
    line.service = Service(fresh_store, lambda: line.flow.live, line.clock, asks_again=True)
    return line


@pytest.fixture
def surveys(friday: Timeline) -> Iterator[Callable[[str, str], Surveys]]:
    made: list[Surveys] = []

    def make(bootstrap: str, topic: str) -> Surveys:
        env = {"INNERLOOP_KAFKA_BOOTSTRAP_SERVERS": bootstrap, "INNERLOOP_KAFKA_EVENTS_TOPIC": topic}
        made.append(Surveys(friday.store, load(env), friday.clock, Timing(bootstrap=0.3)))
        return made[-1]

    yield make
    for one in made:
        one.close()
    gc.collect()


@pytest.mark.kafka
def test_a_closed_loop_is_published_once_without_a_way_to_reach_the_customer(
    friday: Timeline, surveys: Callable[[str, str], Surveys], kafka: Kafka
) -> None:
    topic = kafka.create_topic()
    friday.service.close(friday.answer(), CLOSING, by="ana", via="cli")
    publisher = surveys(kafka.bootstrap, topic)
    assert (publisher.run(), publisher.run()) == (1, 0)
    (message,) = kafka.read(topic)
    event = json.loads(message.value() or b"")
    assert (event["type"], event["id"]) == ("innerloop.recovery_survey", "follow-up/1/1/recovery_survey")
    assert event["data"]["customer"] == "c-77"
    assert event["data"]["response"] == {"source": "ccaas", "id": "r-1"}
    assert b"ines@example.com" not in (message.value() or b"")
    assert friday.ends("customer") == [("delivered", None)]


def test_what_waits_for_kafka_holds_nothing_else_up(friday: Timeline) -> None:
    friday.service.close(friday.answer(), CLOSING, by="bo", via="cli")
    friday.deliver()
    assert friday.ends("customer") == [("pending", None)]
    assert ("pending", None) not in friday.ends("closed")


@pytest.mark.parametrize(
    ("outcome", "may_contact"), [("unreachable", True), ("no_contact", True), ("recovered", False)]
)
def test_who_was_not_spoken_to_or_must_not_be_contacted_is_not_asked(
    friday: Timeline, outcome: str, may_contact: bool
) -> None:
    one = friday.answer(customer={"id": "c-77", "may_contact": may_contact})
    friday.service.close(one, CloseOut(outcome=outcome, root_cause="billing", action="Credited."), by="ana", via="cli")
    assert friday.ends("customer") == []


def test_without_a_topic_nobody_hears(friday: Timeline) -> None:
    friday.service = Service(friday.store, lambda: friday.flow.live, friday.clock)
    friday.service.close(friday.answer(), CLOSING, by="ana", via="cli")
    assert friday.ends("customer") == []


def test_a_topic_needs_brokers() -> None:
    with pytest.raises(ConfigError, match="KAFKA_BOOTSTRAP_SERVERS"):
        load({"INNERLOOP_KAFKA_EVENTS_TOPIC": "surveys"})
