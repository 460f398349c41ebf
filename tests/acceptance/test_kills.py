"""A few kills in every run of the suite; `make kill-test` does many."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.kill.harness import Killer
from tests.acceptance.kill.stage import Stage
from tests.acceptance.kill.story import Story
from tests.support.kafka.cluster import Kafka
from tests.support.slack_server import SlackServer
from tests.support.smtp_server import SmtpServer


@pytest.mark.kill
@pytest.mark.timeout(600)
def test_nothing_is_lost_and_nothing_doubled_when_workers_are_killed(
    real_kafka: Kafka, empty_store_url: str, tmp_path: Path, slack: SlackServer, smtp: SmtpServer
) -> None:
    stage = Stage(real_kafka, empty_store_url, tmp_path, slack, smtp, Story(seed=20261120))
    try:
        assert Killer(stage, seed=20261120).run(kills=3) == []
    finally:
        stage.program.close()
