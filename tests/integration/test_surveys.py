"""When a loop is closed with the customer, the survey tool can hear of it, and ask once more."""

from __future__ import annotations

import gc
import json
import secrets
from collections.abc import Callable, Iterator

import pytest
import structlog

from tests.support.kafka.cluster import Kafka
from tests.support.kafka.fixtures import PrivateKafka
from tests.support.timeline import Timeline
from tests.support.waiting import until
from worker.errors import ConfigError
from worker.followup.closing import CloseOut
from worker.followup.service import Service
from worker.ingest.client import Timing
from worker.notify.surveys import Surveys
from worker.settings import load
from worker.store import notices
from worker.store.engine import Store
from worker.store.reconcile import reconcile

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
def surveys(friday: Timeline, caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[str, str], Surveys]]:
    made: list[Surveys] = []

    def make(bootstrap: str, topic: str) -> Surveys:
        env = {"INNERLOOP_KAFKA_BOOTSTRAP_SERVERS": bootstrap, "INNERLOOP_KAFKA_EVENTS_TOPIC": topic}
        made.append(Surveys(friday.store, load(env), friday.clock, Timing(bootstrap=0.5), seconds=0.5))
        return made[-1]

    yield make
    for one in made:
        one.close()
    caplog.get_records("call").clear()  # records of the log hold on to them
    gc.collect()


def ids(kafka: Kafka, topic: str) -> list[str]:
    return [json.loads(message.value() or b"")["id"] for message in kafka.read(topic)]


def waits(friday: Timeline) -> float | None:
    """Seconds since the oldest event that is not published."""
    with friday.store.read() as conn:
        since = notices.unpublished_since(conn, friday.clock.now())
    return None if since is None else (friday.clock.now() - since).total_seconds()


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


@pytest.mark.kafka
def test_a_topic_that_is_missing_is_named_once_and_gets_everything_when_it_is_there(
    friday: Timeline, surveys: Callable[[str, str], Surveys], real_kafka: Kafka
) -> None:
    topic = f"late-{secrets.token_hex(4)}"
    friday.service.close(friday.answer(), CLOSING, by="ana", via="cli")
    publisher = surveys(real_kafka.bootstrap, topic)
    with structlog.testing.capture_logs() as logs:
        assert (publisher.run(), publisher.run()) == (0, 0)
        real_kafka.create_topic(topic)
        until(publisher.run)
    said = [(line["log_level"], line["topic"]) for line in logs]
    assert said == [("warning", topic), ("info", topic)]
    assert ids(real_kafka, topic) == ["follow-up/1/1/recovery_survey"]


@pytest.mark.kafka
@pytest.mark.timeout(180)
@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_loops_closed_while_the_brokers_are_away_are_published_when_they_are_back(
    friday: Timeline, surveys: Callable[[str, str], Surveys], private_kafka: PrivateKafka
) -> None:
    kafka = private_kafka()
    topic = kafka.create_topic()
    publisher = surveys(kafka.bootstrap, topic)
    friday.service.close(friday.answer("r-1", customer={"id": "c-1"}), CLOSING, by="ana", via="cli")
    until(publisher.run)
    kafka.pause()
    friday.service.close(friday.answer("r-2", customer={"id": "c-2"}), CLOSING, by="bo", via="cli")
    friday.clock.advance(minutes=2)
    assert (publisher.run(), waits(friday)) == (0, 120)
    friday.deliver()
    assert ("pending", None) not in friday.ends("closed")
    kafka.resume()
    until(publisher.run, 30)
    assert sorted(set(ids(kafka, topic))) == [f"follow-up/{n}/1/recovery_survey" for n in (1, 2)]
    assert waits(friday) is None


def test_what_one_worker_publishes_another_leaves_alone_until_it_has_taken_too_long(friday: Timeline) -> None:
    friday.service.close(friday.answer(), CLOSING, by="ana", via="cli")
    with friday.store.write() as conn:
        assert len(notices.take_for_surveys(conn, friday.clock.now(), 10)) == 1
        assert notices.take_for_surveys(conn, friday.clock.now(), 10) == []
    friday.clock.advance(minutes=2)
    with friday.store.write() as conn:
        (again,) = notices.take_for_surveys(conn, friday.clock.now(), 10)
        notices.published(conn, [again.id], friday.clock.now())
    with friday.store.read() as conn:
        assert reconcile(conn)["problems"] == []


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
