"""SMTP's own rules: encryption, signing in, reply codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from tests.support.smtp_server import SmtpServer
from tests.support.telling import channels_of
from worker.errors import ConfigError
from worker.model.notice import AttemptOutcome, Kind
from worker.notify import samples
from worker.notify.channel import Answer, Outgoing
from worker.notify.channels.smtp import Server

MESSAGE = Outgoing(
    key="k3y", address="ana@example.com", kind=Kind.ALERT, subject="Reply by Mon 12:00: Grüße [F-1]", lead="",
    sender="innerloop", parts={"email.txt": ".dot\n\nFrom here\n", "email.html": "<p>.dot</p>"}, at=samples.NOW,
)  # fmt: skip
Make = Callable[..., SmtpServer]


def _send(server: SmtpServer, message: Outgoing = MESSAGE) -> Answer:
    return channels_of(server.settings())["email"].send(message)


def test_starttls_with_a_trusted_certificate(smtp_server: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    server = smtp_server(starttls=True)
    assert server.authority
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority.cert))
    assert _send(server).outcome is AttemptOutcome.ACCEPTED


def test_a_certificate_nobody_vouches_for_stops_the_channel(smtp_server: Make) -> None:
    answer = _send(smtp_server(starttls=True))
    assert (answer.outcome, answer.reason) == (AttemptOutcome.CHANNEL_DOWN, "certificate_not_trusted")


def test_tls_from_the_first_byte(smtp_server: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    server = smtp_server(tls=True)
    assert server.authority
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority.cert))
    assert _send(server).outcome is AttemptOutcome.ACCEPTED


def test_a_server_without_starttls_is_refused(smtp: SmtpServer) -> None:
    env = {**smtp.settings(), "INNERLOOP_SMTP_URL": f"smtp://127.0.0.1:{smtp.port}"}
    answer = channels_of(env)["email"].send(MESSAGE)
    assert (answer.outcome, answer.reason) == (AttemptOutcome.CHANNEL_DOWN, "no_starttls")


def test_a_wrong_password_stops_the_channel(smtp_server: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SmtpServer, "_authenticate", lambda *_: AuthResult(success=False, handled=False))
    server = smtp_server(starttls=True, auth=("ana", "right"))
    assert server.authority
    monkeypatch.setenv("SSL_CERT_FILE", str(server.authority.cert))
    env = {**server.settings(), "INNERLOOP_SMTP_URL": server.url.replace("right", "wr0ng-canary")}
    answer = channels_of(env)["email"].send(MESSAGE)
    assert answer.outcome is AttemptOutcome.CHANNEL_DOWN
    assert "canary" not in repr(answer)


CODES: list[tuple[dict[str, Any], AttemptOutcome]] = [
    ({"code": 550, "stage": "rcpt"}, AttemptOutcome.REFUSED),  # no such mailbox
    ({"code": 451, "stage": "rcpt"}, AttemptOutcome.LATER),  # greylisted
    ({"code": 550, "stage": "mail"}, AttemptOutcome.CHANNEL_DOWN),  # our sender
    ({"code": 421, "stage": "mail"}, AttemptOutcome.LATER),  # closing down
    ({"code": 552, "stage": "data"}, AttemptOutcome.REFUSED),  # too large
    ({"code": 452, "stage": "data"}, AttemptOutcome.LATER),  # no space now
]


@pytest.mark.parametrize(("fault", "outcome"), CODES, ids=[str(fault) for fault, _ in CODES])
def test_a_reply_code_means_one_outcome(smtp: SmtpServer, fault: dict[str, Any], outcome: AttemptOutcome) -> None:
    smtp.fail_next(**fault)
    assert _send(smtp).outcome is outcome


def test_the_mail_arrives_as_it_was_written(smtp: SmtpServer) -> None:
    _send(smtp, replace(MESSAGE, thread="<first@example.com>", reply_to="team@example.com"))
    mail = smtp.messages[0].message
    assert mail["Subject"] == MESSAGE.subject
    assert mail["Auto-Submitted"] == "auto-generated"
    assert (mail["References"], mail["Reply-To"]) == ("<first@example.com>", "team@example.com")
    assert smtp.messages[0].text.split() == [".dot", "From", "here"]
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_a_long_delivery_id_is_not_encoded(smtp: SmtpServer) -> None:
    env = {**smtp.settings(), "INNERLOOP_EMAIL_FROM": f"innerloop <a@{'very-' * 10}long.example.com>"}
    channels_of(env)["email"].send(MESSAGE)
    assert smtp.messages[0].message_id.startswith("<k3y@very-")


@pytest.mark.parametrize("address", ["no-at", "a@b\r\nBcc: c@d", "a b@example.com", "jürgen@example.com", ""])
def test_an_address_that_is_none_is_refused(smtp: SmtpServer, address: str) -> None:
    answer = _send(smtp, replace(MESSAGE, address=address))
    assert (answer.outcome, answer.reason) == (AttemptOutcome.REFUSED, "bad_address")


def test_a_url_that_cannot_be_read_does_not_show_its_password() -> None:
    with pytest.raises(ConfigError) as caught:
        Server.of("http://ana:canary@host")
    assert "canary" not in str(caught.value)
