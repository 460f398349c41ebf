"""Slack's own rules: errors, formatting, edits, and the names in its published description."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.shared import shared_dir
from tests.support.slack_server import SlackServer
from tests.support.telling import channels_of
from worker.model.notice import AttemptOutcome, Kind
from worker.notify import samples
from worker.notify.channel import Outgoing
from worker.notify.channels.slack import OUTCOMES, Slack

NEWER = {"metadata"}  # arguments that came after the description was archived
BLOCKS = json.dumps([{"type": "section", "text": {"type": "plain_text", "text": "words"}}])
MESSAGE = Outgoing(
    key="k3y", address="U01ANA", kind=Kind.ALERT, subject="s", lead="words", sender="innerloop",
    parts={"slack": BLOCKS}, at=samples.NOW,
)  # fmt: skip


@pytest.fixture
def channel(slack: SlackServer) -> Slack:
    made = channels_of(slack.settings())["slack"]
    assert isinstance(made, Slack)
    return made


@pytest.mark.parametrize("error", sorted(OUTCOMES))
def test_each_documented_error_has_its_outcome(channel: Slack, slack: SlackServer, error: str) -> None:
    slack.fail_next(error=error)
    assert channel.send(MESSAGE).outcome is OUTCOMES[error]


def test_an_error_nobody_has_written_down_is_refused_for_good(channel: Slack, slack: SlackServer) -> None:
    slack.fail_next(error="brand_new_error")
    answer = channel.send(MESSAGE)
    assert (answer.outcome, answer.reason) == (AttemptOutcome.REFUSED, "brand_new_error")


def test_the_table_knows_every_error_of_the_published_description() -> None:
    paths = json.loads((shared_dir() / "channel-specs" / "slack_web_openapi_v2.json").read_text())["paths"]
    for method in ("chat.postMessage", "chat.update"):
        schema = paths[f"/{method}"]["post"]["responses"]["default"]["schema"]
        assert set(schema["properties"]["error"]["enum"]) <= set(OUTCOMES)


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update", "conversations.history", "conversations.open"])
def test_every_argument_is_in_the_published_description(channel: Slack, slack: SlackServer, method: str) -> None:
    paths = json.loads((shared_dir() / "channel-specs" / "slack_web_openapi_v2.json").read_text())["paths"]
    operation = next(iter(paths[f"/{method}"].values()))
    known = {parameter["name"] for parameter in operation["parameters"]} | NEWER | {"include_all_metadata"}
    ref = channel.send(MESSAGE).ref
    channel.edit(ref or "", MESSAGE)
    channel._conversations.clear()
    channel.look(MESSAGE, samples.NOW)
    sent = [_arguments(request.headers, request.body) for request in slack.requests if request.path.endswith(method)]
    assert sent
    assert {name for arguments in sent for name in arguments} <= known


def test_an_edit_keeps_the_first_delivery_id(channel: Slack, slack: SlackServer) -> None:
    ref = channel.send(MESSAGE).ref
    changed = replace(MESSAGE, key="", parts={"slack": BLOCKS.replace("words", "new words")})
    assert channel.edit(ref or "", changed).outcome is AttemptOutcome.ACCEPTED
    assert slack.messages[0].delivery_id == "k3y"
    assert "new words" in slack.messages[0].all_text


def test_a_channel_by_name_is_read_back_too(channel: Slack, slack: SlackServer) -> None:
    to_channel = replace(MESSAGE, address="#billing-alerts")
    channel.send(to_channel)
    assert channel.look(to_channel, samples.NOW).outcome is AttemptOutcome.ACCEPTED


def test_many_messages_since_then_are_read_page_by_page(channel: Slack, slack: SlackServer) -> None:
    slack.pace = False  # type: ignore[attr-defined]
    channel.send(MESSAGE)
    for number in range(230):
        slack.messages.append(replace(slack.messages[0], ts=f"{float(slack.messages[0].ts) + number + 1:.6f}",
                                      payload={**slack.messages[0].payload, "metadata": {}}))  # fmt: skip
    assert channel.look(MESSAGE, samples.NOW).outcome is AttemptOutcome.ACCEPTED


def test_foreign_text_pings_nobody(channel: Slack, slack: SlackServer) -> None:
    from tests.contract.test_channels import TEMPLATES  # noqa: PLC0415 - the module beside this one is not importable while pytest collects

    for said in samples.hard():
        view = samples.view(Kind.ALERT, said, by_mail=False)
        channel.send(replace(MESSAGE, parts=TEMPLATES.render(view, ("slack",)).parts))
    assert all(not message.pings for message in slack.messages)


def _arguments(headers: Any, body: bytes) -> list[str]:
    if "json" in headers.get("content-type", ""):
        return list(json.loads(body))
    return [pair.partition("=")[0] for pair in body.decode().split("&")]
