"""The reading loop and the pipeline together, on a real Kafka: outages of the store, and logs that are not plain."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from tests.support.clock import MovableClock
from tests.support.flow import RULES, Flow
from tests.support.kafka.cluster import Kafka, produce_all
from tests.support.postgres import Postgres
from tests.support.process import Innerloop
from tests.support.reading import QUICK, ReaderThread, read_until_idle
from tests.support.waiting import until
from worker import settings
from worker.cli.kafka_record import KafkaAgain
from worker.store.engine import Store, open_store
from worker.store.migrate import migrate
from worker.store.reconcile import reconcile

pytestmark = pytest.mark.kafka
PATIENT = replace(QUICK, poll_interval=30)  # a locked file is waited for longer than a quick group allows
FOUR = {"INNERLOOP_KAFKA_MAX_POLL_RECORDS": "4"}


@pytest.fixture
def flow(fresh_store: Store, real_now: datetime) -> Flow:
    return Flow(fresh_store, MovableClock(real_now))


@pytest.fixture
def server(private_postgres: Callable[[], Postgres]) -> Postgres:
    return private_postgres()


@pytest.fixture
def on_server(server: Postgres, real_now: datetime) -> Iterator[Flow]:
    store = open_store(server.create_database())
    migrate(store)
    yield Flow(store, MovableClock(real_now))
    store.close()


def answers(flow: Flow, first: int, beyond: int) -> list[dict[str, Any]]:
    return [flow.event(f"r-{n}", score=n % 11, customer={"id": f"c-{n % 7}"}) for n in range(first, beyond)]


def account(flow: Flow) -> dict[str, Any]:
    with flow.store.read() as conn:
        return reconcile(conn)


def ledger(flow: Flow, *columns: str) -> tuple[int, ...]:
    return tuple(sum(each) for each in zip(*flow.rows("ledger", *columns), strict=True))


def head(flow: Flow) -> int:
    return sum(row[0] for row in flow.rows("partitions", "next_offset"))


def in_transaction(kafka: Kafka, topic: str, values: list[Any], name: str, *, abort: bool = False) -> None:
    producer = kafka.producer(transactional_id=f"{topic}-{name}")
    producer.init_transactions()
    producer.begin_transaction()
    produce_all(producer, topic, values)
    producer.abort_transaction() if abort else producer.commit_transaction()


@pytest.mark.postgres
def test_a_store_that_goes_under_load_and_comes_back_loses_and_doubles_nothing(
    real_kafka: Kafka, server: Postgres, on_server: Flow
) -> None:
    topic = real_kafka.create_topic(partitions=2)
    with ReaderThread(real_kafka, on_server.pipeline, topic, group=topic) as reader:
        reader.until_joined(2)
        real_kafka.produce(topic, *answers(on_server, 0, 200))
        until(lambda: head(on_server) > 0)
        server.stop()
        real_kafka.produce(topic, *answers(on_server, 200, 400))
        until(lambda: reader.status.store_away, 30)
        real_kafka.produce(topic, *answers(on_server, 400, 500))
        assert reader.status.joined
        assert real_kafka.members(topic) == 1
        server.start()
        until(lambda: not reader.status.store_away and head(on_server) == 500, 60)
    assert ledger(on_server, "accepted", "again", "absent") == (500, 0, 0)
    assert account(on_server)["problems"] == []
    assert sum(real_kafka.committed(topic, topic).values()) == 500


def test_a_locked_file_is_waited_for(real_kafka: Kafka, sqlite_url: str, real_now: datetime) -> None:
    store = open_store(sqlite_url)
    flow, topic = Flow(store, MovableClock(real_now)), real_kafka.create_topic()
    with ReaderThread(real_kafka, flow.pipeline, topic, group=topic, timing=PATIENT) as reader:
        reader.until_joined(1)
        other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        real_kafka.produce(topic, *answers(flow, 0, 50))
        until(lambda: reader.status.store_away, 40)
        other.execute("ROLLBACK")
        other.close()
        until(lambda: head(flow) == 50, 40)
        assert reader.status.joined
    assert ledger(flow, "accepted", "again") == (50, 0)
    assert account(flow)["ok"]
    store.close()


@pytest.mark.postgres
def test_sigterm_while_the_store_is_away_ends_in_time_and_the_next_run_reads_the_rest(
    real_kafka: Kafka, server: Postgres, on_server: Flow, innerloop: Innerloop
) -> None:
    topic = real_kafka.create_topic()
    rules = innerloop.cwd / "rules"
    rules.mkdir()
    for name, text in RULES.items():
        (rules / name).write_text(text, encoding="utf-8")
    innerloop.settings |= {
        **real_kafka.settings(), "INNERLOOP_STORE_URL": server.url(on_server.store.url.database or ""),
        "INNERLOOP_KAFKA_TOPICS": topic, "INNERLOOP_KAFKA_GROUP_ID": topic,
    }  # fmt: skip
    running = innerloop.run("--only", "consume")
    real_kafka.produce(topic, *answers(on_server, 0, 20))
    until(lambda: head(on_server) == 20, 30)
    server.stop()
    real_kafka.produce(topic, *answers(on_server, 20, 40))
    until(lambda: "store" in running.failing(), 30)
    assert running.process.terminate(timeout=20) == 0
    on_server.store.close()  # its connections went with the server
    server.start()
    assert innerloop("run", "--only", "consume", "--until-idle").code == 0
    assert ledger(on_server, "accepted", "again") == (40, 0)
    assert account(on_server)["ok"]


def test_aborted_records_and_markers_are_counted_as_absent(real_kafka: Kafka, flow: Flow) -> None:
    topic = real_kafka.create_topic()
    real_kafka.produce(topic, *answers(flow, 0, 10))
    in_transaction(real_kafka, topic, answers(flow, 10, 20), "a")
    in_transaction(real_kafka, topic, answers(flow, 20, 30), "b", abort=True)
    real_kafka.produce(topic, *answers(flow, 30, 35))
    in_transaction(real_kafka, topic, answers(flow, 35, 42), "c", abort=True)
    with ReaderThread(real_kafka, flow.pipeline, topic, group=topic, env=FOUR):
        until(lambda: head(flow) == real_kafka.end_offsets(topic)[0])
    found = account(flow)
    assert found["problems"] == []
    (place,) = found["partitions"]
    assert (place["accepted"], place["absent"], place["to"]) == (25, 20, 45)
    assert sorted(row[0] for row in flow.rows("responses", "external_id")) == sorted(
        f"r-{n}" for n in [*range(20), *range(30, 35)]
    )


def test_what_retention_took_is_loud(real_kafka: Kafka, flow: Flow) -> None:
    topic = real_kafka.create_topic()
    real_kafka.produce(topic, *answers(flow, 0, 20))
    read_until_idle(real_kafka, flow.pipeline, topic, group=topic)
    real_kafka.produce(topic, *answers(flow, 20, 60))
    real_kafka.delete_records(topic, {0: 50})
    read_until_idle(real_kafka, flow.pipeline, topic, group=topic)
    found = account(flow)
    assert not found["ok"]
    assert found["partitions"][0]["gaps"] == [{"from": 20, "to": 50, "reason": "retention"}]
    assert found["partitions"][0]["accepted"] == 30
    (told,) = [data["broke"] for kind, data in flow.rows("notices", "kind", "data") if kind == "ops"]
    assert told == f"Up to 30 records of {topic}:0 were lost before they were read (offsets 20 to 49: retention)."


def test_a_topic_made_again_is_read_from_its_beginning_and_said(real_kafka: Kafka, flow: Flow) -> None:
    topic = real_kafka.create_topic()
    real_kafka.produce(topic, *answers(flow, 0, 20))
    read_until_idle(real_kafka, flow.pipeline, topic, group=topic)
    real_kafka.delete_topic(topic)
    real_kafka.create_topic(topic)
    real_kafka.produce(topic, *answers(flow, 100, 130))
    read_until_idle(real_kafka, flow.pipeline, topic, group=topic)
    found = account(flow)
    assert not found["ok"]
    assert sorted(place["accepted"] for place in found["partitions"]) == [20, 30]
    assert found["responses"] == 50
    assert found["problems"] == [f"{topic}/0: what lay behind offset 20 was lost, nobody knows how much: recreated."]


def test_without_keys_a_dead_letter_is_read_from_kafka_again_until_it_has_expired(
    real_kafka: Kafka, flow: Flow
) -> None:
    topic = real_kafka.create_topic()
    real_kafka.produce(topic, *answers(flow, 0, 3))
    real_kafka.produce(topic, b"{broken", key=b"c-77", headers={"ce_id": b"e-1"}, timestamp_ms=1_760_000_000_123)
    read_until_idle(real_kafka, flow.pipeline, topic, group=topic)
    [place] = flow.rows("dead_letters", "topic", "partition", "incarnation", "offset")
    with closing(KafkaAgain(settings.load(real_kafka.settings()))) as again:
        record = again.read(*place)
        real_kafka.delete_records(topic, {0: 4})
        assert again.read(*place) is None
    assert record is not None
    assert (record.key, record.value, record.headers) == (b"c-77", b"{broken", (("ce_id", b"e-1"),))
    assert record.timestamp is not None
    assert record.timestamp.isoformat() == "2025-10-09T08:53:20.123000+00:00"
