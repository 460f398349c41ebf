"""The message sandbox: a real mail client and Slack's own client on one side, a browser's requests on the other."""

from __future__ import annotations

import smtplib
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from worker.demo.sandbox.messages import Messages
from worker.demo.sandbox.server import Sandbox, serve
from worker.demo.sandbox.views import Answer, Surroundings
from worker.errors import ConfigError

NOW = datetime(2026, 11, 20, 16, 31, tzinfo=UTC)
WHY = Answer("Gold detractors go first.", [("Owner", "Cyd Obi")], [("key-customer", "fired", [])])
HEADER = {"type": "header", "text": {"type": "plain_text", "text": "NPS 2 from Ines Ferrer <b>"}}
HTML = "<html><head></head><body><p>Third call</p><script>alert(1)</script></body></html>"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    names = {"cyd@quillbay.example": "Cyd Obi", "U01CYD": "Cyd Obi"}
    around = Surroundings(
        zone=ZoneInfo("Europe/London"),
        now=lambda: NOW,
        name_of=lambda address: names.get(address, address),
        progress=lambda: (303, 412),
        why=lambda _kept: WHY,
        delay=lambda _kept: 0.084,
    )
    with serve(Messages(lambda: NOW), around) as running:
        yield running


@pytest.fixture
def slack(sandbox: Sandbox) -> WebClient:
    return WebClient("xoxb-test", base_url=sandbox.slack_api)


def send_mail(sandbox: Sandbox, *, html: str | None = HTML) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = "innerloop <innerloop@quillbay.example>", "cyd@quillbay.example"
    mail["Subject"], mail["Message-ID"] = "Reply by Mon 12:00: NPS 2", "<d-17@quillbay.example>"
    mail.set_content("Third call, as text")
    if html:
        mail.add_alternative(html, subtype="html")
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port) as client:
        client.send_message(mail)


def fetch(sandbox: Sandbox, path: str) -> tuple[int, str, dict[str, str]]:
    url = f"http://127.0.0.1:{sandbox.http_port}{path}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), dict(error.headers)


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in {"href", "src"} and value and value.startswith("/")]


def test_a_mail_is_kept_with_its_delivery_id_and_goes_nowhere(sandbox: Sandbox) -> None:
    send_mail(sandbox)
    (mail,) = sandbox.messages.all()
    assert (mail.to, mail.title, mail.delivery_id) == ("cyd@quillbay.example", "Reply by Mon 12:00: NPS 2", "d-17")


def test_a_slack_message_is_kept_edited_and_read_back_with_its_metadata(sandbox: Sandbox, slack: WebClient) -> None:
    metadata = {"event_type": "innerloop_notice", "event_payload": {"delivery_id": "d-18"}}
    sent = slack.chat_postMessage(channel="U01CYD", text="NPS 2", blocks=[HEADER], metadata=metadata)
    slack.chat_postMessage(channel=sent["channel"], thread_ts=sent["ts"], text="Cyd acknowledged this.")
    slack.chat_update(channel=sent["channel"], ts=sent["ts"], text="NPS 2, acknowledged")
    history = slack.conversations_history(channel=sent["channel"], include_all_metadata=True)["messages"]
    assert [(one["text"], one["metadata"]) for one in history] == [("NPS 2, acknowledged", metadata)]
    replies = slack.conversations_replies(channel=sent["channel"], ts=sent["ts"])["messages"]
    assert [one["text"] for one in replies] == ["NPS 2, acknowledged", "Cyd acknowledged this."]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"channel": "", "text": "x"}, "channel_not_found"),
        ({"channel": "#x"}, "no_text"),
        ({"channel": "#x", "text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"channel": "#x", "text": "x", "blocks": [{**HEADER, "text": {"text": "h" * 151}}]}, "invalid_blocks"),
    ],
)  # fmt: skip
def test_what_slack_refuses_is_refused(slack: WebClient, wrong: dict[str, object], code: str) -> None:
    with pytest.raises(SlackApiError) as refused:
        slack.api_call("chat.postMessage", json=wrong)
    assert refused.value.response["error"] == code


def test_without_a_token_nothing_is_posted(sandbox: Sandbox) -> None:
    with pytest.raises(SlackApiError, match="not_authed"):
        WebClient("", base_url=sandbox.slack_api).chat_postMessage(channel="#x", text="x")
    assert sandbox.messages.count() == 0


def test_every_link_on_every_page_leads_somewhere(sandbox: Sandbox, slack: WebClient) -> None:
    send_mail(sandbox)
    send_mail(sandbox, html=None)
    slack.chat_postMessage(channel="U01CYD", text="NPS 2", blocks=[HEADER])
    seen, waiting = set(), ["/", "/sandbox"]
    while waiting:
        path = waiting.pop().partition("#")[0]
        if path not in seen:
            seen.add(path)
            status, page, _ = fetch(sandbox, path)
            assert status == 200, path
            links = Links()
            links.feed(page)
            waiting += links.found
    assert {"/sandbox/1/mail.html?scheme=dark", "/sandbox/2/text", "/sandbox/3/why"} <= seen


def test_the_list_names_the_receivers_and_says_that_nothing_left_the_machine(sandbox: Sandbox) -> None:
    send_mail(sandbox)
    _, page, _ = fetch(sandbox, "/sandbox")
    assert "1 message, none left this machine. 303 of 412 answers read." in page
    assert "E-mail to <b>Cyd Obi</b>" in page


def test_a_page_may_run_nothing_and_load_nothing_from_elsewhere(sandbox: Sandbox, slack: WebClient) -> None:
    slack.chat_postMessage(channel="#x", text="x", blocks=[HEADER])
    _, page, headers = fetch(sandbox, "/sandbox/1")
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert "style=" not in page
    assert "<script" not in page
    assert "Ines Ferrer &lt;b&gt;" in page


def test_a_mail_is_shown_in_a_box_that_runs_no_script(sandbox: Sandbox) -> None:
    send_mail(sandbox)
    _, page, _ = fetch(sandbox, "/sandbox/1/mail")
    assert 'sandbox="allow-popups' in page
    assert "allow-scripts" not in page
    _, _, headers = fetch(sandbox, "/sandbox/1/mail.html")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "sandbox" in headers["content-security-policy"]


def test_why_shows_the_decision_and_its_rules(sandbox: Sandbox) -> None:
    send_mail(sandbox)
    _, page, _ = fetch(sandbox, "/sandbox/1/why")
    assert all(words in page for words in ("Gold detractors go first.", "Cyd Obi", "key-customer", "84 ms after"))


def test_a_message_that_is_not_there_is_said_to_be_missing(sandbox: Sandbox) -> None:
    status, page, _ = fetch(sandbox, "/sandbox/7")
    assert status == 404
    assert "No message 7 to show" in page
    assert fetch(sandbox, "/sandbox")[0] == 200


def test_a_taken_port_is_named(sandbox: Sandbox) -> None:
    around = Surroundings(ZoneInfo("UTC"), lambda: NOW, str, lambda: (0, 0), lambda _kept: None, lambda _kept: None)
    with pytest.raises(ConfigError, match=f"Port {sandbox.http_port}"), serve(
        Messages(lambda: NOW), around, port=sandbox.http_port
    ):  # fmt: skip
        pass
