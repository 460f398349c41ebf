"""The servers that stand for providers refuse what the real ones would, and fail as told."""

from __future__ import annotations

import http.client
import json
import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest

from tests.support.http_server import FakeServer
from tests.support.sendgrid_server import KEY, SendGridServer
from tests.support.slack_server import TOKEN, SlackServer
from tests.support.smtp_server import SmtpServer

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}


def call(server: FakeServer, path: str, body: Any, token: str) -> tuple[int, Any, Any]:
    url = f"{server.url}{path}"
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.loads(answer.read() or b"null"), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null"), error.headers


def slack_call(slack: SlackServer, method: str, token: str = TOKEN, **arguments: Any) -> Any:
    return call(slack, method, arguments, token)[1]


def test_a_posted_message_is_found_in_the_history_with_its_metadata(slack: SlackServer) -> None:
    metadata = {"event_type": "notice", "event_payload": {"delivery_id": "d-1"}}
    posted = slack_call(slack, "chat.postMessage", channel="#cx", text="hi", blocks=[SECTION], metadata=metadata)
    history = slack_call(slack, "conversations.history", channel=posted["channel"], include_all_metadata=True)
    assert [(one["ts"], one["metadata"]) for one in history["messages"]] == [(posted["ts"], metadata)]
    assert slack.to("#cx")[0].delivery_id == "d-1"


def test_a_user_is_written_to_in_a_conversation_that_can_be_updated(slack: SlackServer) -> None:
    posted = slack_call(slack, "chat.postMessage", channel="U123", text="old")
    assert slack_call(slack, "chat.update", channel="U123", ts=posted["ts"], text="new")["error"] == "channel_not_found"
    assert slack_call(slack, "chat.update", channel="D123", ts=posted["ts"], text="new")["ok"]
    assert (slack.messages[0].text, len(slack.messages[0].versions)) == ("new", 2)


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}, "less than 3001"),
        ({"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}, "less than 151"),
        ({"type": "section", "text": {"type": "mrkdwn", "text": ""}}, "more than 0"),
        ({"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}, "1 to 10 fields"),
        ({"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "x" * 76}}]}, "76"),
        ({"type": "poem"}, "unsupported"),
    ],
)
def test_blocks_over_their_limits_are_refused(slack: SlackServer, block: Any, words: str) -> None:
    answer = slack_call(slack, "chat.postMessage", channel="#cx", text="hi", blocks=[block])
    assert (answer["error"], slack.messages) == ("invalid_blocks", [])
    assert words in answer["response_metadata"]["messages"][0]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"token": "xoxb-wrong", "channel": "#cx", "text": "hi"}, "invalid_auth"),
        ({"channel": "nowhere", "text": "hi"}, "channel_not_found"),
        ({"channel": "#cx"}, "no_text"),
        ({"channel": "#cx", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "#cx", "text": "hi", "metadata": {"event_type": "x"}}, "invalid_metadata_format"),
        ({"channel": "#cx", "text": "hi", "blocks": [SECTION] * 51}, "invalid_blocks"),
        ({"channel": "#cx", "text": "hi", "thread_ts": "1.2"}, "thread_not_found"),
    ],
)
def test_slack_says_why_it_refuses(slack: SlackServer, arguments: dict[str, Any], error: str) -> None:
    assert slack_call(slack, "chat.postMessage", **arguments) == {"ok": False, "error": error} | (
        {"response_metadata": {"messages": ["no more than 50 items allowed [json-pointer:/blocks]"]}}
        if error == "invalid_blocks"
        else {}
    )


def test_a_channel_that_gets_too_much_is_rate_limited(slack: SlackServer) -> None:
    slack.per_second = 0.1
    assert slack_call(slack, "chat.postMessage", channel="#cx", text="one")["ok"]
    status, answer, headers = call(slack, "chat.postMessage", {"channel": "#cx", "text": "two"}, TOKEN)
    assert (status, answer["error"], headers["Retry-After"]) == (429, "ratelimited", "1")
    assert slack_call(slack, "chat.postMessage", channel="#other", text="three")["ok"]


def test_special_mentions_are_found_wherever_they_hide(slack: SlackServer) -> None:
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "look <!channel> and <@U99>"}}
    slack_call(slack, "chat.postMessage", channel="#cx", text="quiet", blocks=[block])
    assert slack.messages[0].pings == ["<!channel>", "<@U99>"]


def mail(**changes: Any) -> dict[str, Any]:
    return {
        "personalizations": [{"to": [{"email": "bo@example.com"}], "custom_args": {"delivery_id": "d-1"}}],
        "from": {"email": "alerts@example.com"},
        "subject": "Alert",
        "content": [{"type": "text/plain", "value": "a"}, {"type": "text/html", "value": "<p>a</p>"}],
    } | changes


def test_a_sound_mail_is_accepted_with_an_id(sendgrid: SendGridServer) -> None:
    status, _, headers = call(sendgrid, "/v3/mail/send", mail(), KEY)
    [message] = sendgrid.wait_for(1)
    assert (status, headers["X-Message-Id"]) == (202, message.message_id)
    assert (message.to, message.delivery_id, message.html) == (["bo@example.com"], "d-1", "<p>a</p>")


@pytest.mark.parametrize(
    "changes",
    [
        {"personalizations": []},
        {"personalizations": [{"to": []}]},
        {"personalizations": [{"to": [{"email": "a@example.com"}], "cc": [{"email": "A@example.com"}]}]},
        {"personalizations": [{"to": [{"email": "a@example.com"}], "custom_args": {"x": "y" * 10_000}}]},
        {"personalizations": [{"to": [{"email": "not an address"}]}]},
        {"content": [{"type": "text/html", "value": "<p>"}, {"type": "text/plain", "value": "a"}]},
        {"content": [{"type": "text/plain", "value": ""}]},
        {"headers": {"Subject": "mine"}},
        {"headers": {"X-Mine": "a\r\nBcc: everybody@example.com"}},
        {"subject": ""},
        {"from": {}},
    ],
)
def test_sendgrid_refuses_a_mail_that_is_wrong(sendgrid: SendGridServer, changes: dict[str, Any]) -> None:
    status, answer, _ = call(sendgrid, "/v3/mail/send", mail(**changes), KEY)
    assert (status, sendgrid.messages) == (400, [])
    assert answer["errors"][0]["message"]


def test_sendgrid_knows_its_key(sendgrid: SendGridServer) -> None:
    assert call(sendgrid, "/v3/mail/send", mail(), "SG.other")[0] == 401


def test_a_provider_fails_as_told_and_then_works_again(sendgrid: SendGridServer) -> None:
    sendgrid.fail_next(status=503, retry_after=7)
    status, _, headers = call(sendgrid, "/v3/mail/send", mail(), KEY)
    assert (status, headers["Retry-After"]) == (503, "7")
    sendgrid.fail_next(html_200=True)
    with pytest.raises(json.JSONDecodeError):
        call(sendgrid, "/v3/mail/send", mail(), KEY)
    assert call(sendgrid, "/v3/mail/send", mail(), KEY)[0] == 202
    assert (len(sendgrid.requests), len(sendgrid.messages)) == (3, 1)


def test_an_answer_may_be_lost_after_the_work_was_done(sendgrid: SendGridServer) -> None:
    sendgrid.fail_next(cut_after_accept=True)
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        call(sendgrid, "/v3/mail/send", mail(), KEY)
    sendgrid.wait_for(1)


def test_nobody_answers_while_a_server_is_stopped(slack: SlackServer) -> None:
    slack.stop()
    with pytest.raises(urllib.error.URLError):
        slack_call(slack, "auth.test")
    slack.start()
    assert slack_call(slack, "auth.test")["ok"]


def letter(to: str = "bo@example.com") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "alerts@example.com", to, "Alert"
    message["Date"], message["Message-ID"] = "Fri, 20 Nov 2026 15:00:00 +0000", "<d-1@example.com>"
    message.set_content("text")
    message.add_alternative("<p>html</p>", subtype="html")
    return message


def test_a_mail_comes_in_over_smtp(smtp: SmtpServer) -> None:
    with smtplib.SMTP("127.0.0.1", smtp.port, timeout=5) as client:
        client.send_message(letter())
    [mail] = smtp.wait_for(1)
    assert (mail.to, mail.delivery_id, mail.text.strip(), mail.html.strip()) == (
        ("bo@example.com",), "d-1", "text", "<p>html</p>",
    )  # fmt: skip


def test_starttls_and_signing_in_are_required(smtp_server: Callable[..., SmtpServer]) -> None:
    server = smtp_server(starttls=True, auth=("worker", "secret"))
    assert server.authority
    with smtplib.SMTP("127.0.0.1", server.port, timeout=5) as client:
        with pytest.raises(smtplib.SMTPException):
            client.send_message(letter())
        client.starttls(context=ssl.create_default_context(cafile=str(server.authority.cert)))
        client.login("worker", "secret")
        client.send_message(letter())
    [mail] = server.wait_for(1)
    assert (mail.tls, mail.user) == (True, "worker")


def test_tls_from_the_first_byte(smtp_server: Callable[..., SmtpServer]) -> None:
    server = smtp_server(tls=True)
    assert server.authority
    context = ssl.create_default_context(cafile=str(server.authority.cert))
    with smtplib.SMTP_SSL("127.0.0.1", server.port, timeout=5, context=context) as client:
        client.send_message(letter())
    assert server.wait_for(1)[0].tls


@pytest.mark.parametrize(("stage", "code"), [("mail", 451), ("rcpt", 550), ("data", 452)])
def test_smtp_fails_as_told(smtp: SmtpServer, stage: str, code: int) -> None:
    smtp.fail_next(code=code, stage=stage)
    with smtplib.SMTP("127.0.0.1", smtp.port, timeout=5) as client:
        with pytest.raises((smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused)):
            client.send_message(letter())
        client.send_message(letter())
    assert len(smtp.messages) == 1


def test_a_mail_may_be_taken_without_an_answer(smtp: SmtpServer) -> None:
    smtp.fail_next(cut_after_accept=True)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):  # noqa: SIM117  the connection is the point
        with smtplib.SMTP("127.0.0.1", smtp.port, timeout=5) as client:
            client.send_message(letter())
    smtp.wait_for(1)


def test_a_mail_without_a_message_id_is_refused(smtp: SmtpServer) -> None:
    broken = letter()
    del broken["Message-ID"]
    with smtplib.SMTP("127.0.0.1", smtp.port, timeout=5) as client, pytest.raises(smtplib.SMTPDataError):
        client.send_message(broken)
