"""Logs of a whole run: one JSON object a line, one id from the record to the delivery, nobody's name or words."""

from __future__ import annotations

import json
from typing import Any

import pytest
import structlog

from tests.support.flow import RULES
from tests.support.kafka.cluster import Kafka
from tests.support.process import Innerloop
from tests.support.smtp_server import SmtpServer
from worker.clock import SystemClock
from worker.pipeline.telling import A_LINE_EACH, log_joined

PERSONAL = ("Ines Ferrer", "ines@example.com", "0171 5550123", "invoice", "Ana Keller", "ana@example.com", "hush")


@pytest.fixture
def lines(innerloop: Innerloop, kafka: Kafka, smtp: SmtpServer) -> list[dict[str, Any]]:
    """What a worker logs that reads an unhappy answer and a broken one."""
    topic = kafka.create_topic()
    (innerloop.cwd / "rules").mkdir()
    for name, text in RULES.items():
        (innerloop.cwd / "rules" / name).write_text(text, encoding="utf-8")
    innerloop.settings |= kafka.settings() | {"INNERLOOP_KAFKA_TOPICS": topic, "INNERLOOP_KAFKA_GROUP_ID": topic}
    innerloop.settings |= {"INNERLOOP_SMTP_URL": smtp.url, "INNERLOOP_EMAIL_FROM": "innerloop <loop@example.com>"}
    innerloop.settings |= {"INNERLOOP_SECRET_KEYS": "hush" * 10, "INNERLOOP_LOG_LEVEL": "debug"}
    answer = {
        "id": "r-1", "metric": "nps", "score": 2, "responded_at": SystemClock().now().isoformat(),
        "comment": "Third call about the same invoice, ring 0171 5550123.", "interaction": {"agent": "a-417"},
        "customer": {"id": "c-77", "name": "Ines Ferrer", "email": "ines@example.com"},
    }  # fmt: skip
    kafka.produce(topic, answer, {**answer, "id": "r-2", "score": "Ines Ferrer"})
    assert innerloop("migrate").code == 0
    done = innerloop("run", "--until-idle")
    assert (done.code, len(smtp.to("ana@example.com"))) == (0, 1), done.err
    return [json.loads(line) for line in done.err.splitlines()]


@pytest.mark.kafka
def test_one_id_leads_from_the_record_to_its_delivery_and_nothing_personal_is_said(lines: list[dict[str, Any]]) -> None:
    (joined,) = [line for line in lines if line["event"] == "response to follow up"]
    (attempt,) = [line for line in lines if line["event"] == "delivery attempt"]

    assert joined["record"].endswith(":0:0")
    assert (attempt["response"], attempt["follow_up"]) == (joined["response"], joined["follow_up"])
    assert (attempt["outcome"], attempt["level"]) == ("accepted", "info")
    assert [word for word in PERSONAL if word in json.dumps(lines)] == []


def test_a_backlog_is_one_line_at_info_and_the_rest_at_debug() -> None:
    joined = [(n, n, "opened", SystemClock().now()) for n in range(A_LINE_EACH + 1)]
    with structlog.testing.capture_logs() as few:
        log_joined([], joined[1:])
    with structlog.testing.capture_logs() as many:
        log_joined([], joined)
    assert {line["log_level"] for line in few} == {"info"}
    (told,) = [line for line in many if line["log_level"] == "info"]
    assert (told["event"], told["count"], told["opened"]) == ("many responses to follow up", 21, 21)
    assert len([line for line in many if line["log_level"] == "debug"]) == 21
