"""Every channel of the catalogue against the same contract: what it sends, and what it makes of each answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.sendgrid_server import SendGridServer
from tests.support.slack_server import SlackServer
from tests.support.smtp_server import SmtpServer
from tests.support.telling import ROOT, channels_of
from worker.model.notice import CHANNELS, AttemptOutcome, Kind
from worker.notify import channel as contract
from worker.notify import network, samples
from worker.notify.channel import Answer, Channel, Outgoing, Readable
from worker.notify.channels import CATALOGUE
from worker.notify.context import Said
from worker.notify.render import Templates

WORDS = {"slack": "slack", "sendgrid": "email", "smtp": "email"}  # provider -> its channel
SECRET = "canary-3f9c1b"
_FILES = {p.relative_to(ROOT / "templates").as_posix(): p.read_bytes() for p in (ROOT / "templates").glob("*/*.j2")}
TEMPLATES = Templates(_FILES)


@dataclass
class Provider:
    """One channel and the server behind it."""

    name: str
    channel: Channel
    server: Any
    address: str

    def message(self, said: Said = samples.SAID, kind: Kind = Kind.ALERT, **changes: Any) -> Outgoing:
        mail = self.channel.name == "email"
        view = samples.view(kind, said, by_mail=mail)
        made = Outgoing(
            key="k3y-of-delivery", address=self.address, kind=kind, subject=view.subject,
            lead=view.lead, sender=view.sender,
            parts=TEMPLATES.render(view, self.channel.parts).parts, at=samples.NOW,
        )  # fmt: skip
        return replace(made, **changes)

    def send(self, **changes: Any) -> Answer:
        return self.channel.send(self.message(**changes))


@contextmanager
def _provider(name: str, tmp_path: Path) -> Iterator[Provider]:
    with ExitStack() as stack:
        server: Any
        match name:
            case "slack":
                server = stack.enter_context(SlackServer(token=f"xoxb-{SECRET}"))
            case "sendgrid":
                server = stack.enter_context(SendGridServer(key=f"SG.{SECRET}"))
            case "smtp":
                server = stack.enter_context(SmtpServer(tmp_path))
        word = WORDS[name]
        yield Provider(
            name, channels_of(server.settings())[word], server, "U01ANA" if word == "slack" else "a@example.com"
        )


@pytest.fixture(params=list(WORDS))
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Provider]:
    with _provider(request.param, tmp_path) as made:
        yield made


@pytest.fixture(params=["slack", "sendgrid"])
def over_http(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Provider]:
    with _provider(request.param, tmp_path) as made:
        yield made


def test_every_channel_has_its_word_for_the_rules_and_is_held_to_this_contract() -> None:
    assert set(CATALOGUE) == set(CHANNELS) == set(WORDS.values())


def test_a_channel_renders_the_parts_that_are_told_to_everybody(provider: Provider) -> None:
    assert set(provider.channel.parts) == set(CHANNELS[provider.channel.name])


def test_a_message_is_accepted_and_carries_its_delivery(provider: Provider) -> None:
    answer = provider.send()
    assert answer.outcome is AttemptOutcome.ACCEPTED
    assert answer.ref
    assert provider.server.messages[0].delivery_id == "k3y-of-delivery"


@pytest.mark.parametrize("number", range(len(list(samples.hard()))))
def test_words_that_are_hard_to_show_are_taken(provider: Provider, number: int) -> None:
    answer = provider.send(said=list(samples.hard())[number])
    assert answer.outcome is AttemptOutcome.ACCEPTED


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.CUSTOMER])
def test_every_kind_of_notice_is_taken(provider: Provider, kind: Kind) -> None:
    assert provider.send(kind=kind).outcome is AttemptOutcome.ACCEPTED


def test_a_message_that_joins_a_thread_is_taken(provider: Provider) -> None:
    first = provider.send()
    second = provider.send(key="second", thread=first.ref, broadcast=True, reply_to="team@example.com")
    assert second.outcome is AttemptOutcome.ACCEPTED


def test_a_provider_that_is_not_there_means_later(provider: Provider) -> None:
    provider.server.stop()
    answer = provider.send()
    assert answer.outcome is AttemptOutcome.LATER
    assert answer.reason == "cannot_connect"


def test_a_line_that_is_cut_leaves_the_outcome_unknown(provider: Provider) -> None:
    provider.server.fail_next(cut_after_accept=True)
    assert provider.send().outcome is AttemptOutcome.UNKNOWN
    assert len(provider.server.messages) == 1


def test_no_secret_and_no_address_stands_in_an_answer(over_http: Provider) -> None:
    for fault in ({"status": 401}, {"status": 503}, {"html_200": True}, {"redirect": "http://127.0.0.1:9/"}):
        over_http.server.fail_next(**fault)
        answer = over_http.send()
        assert answer.outcome is not AttemptOutcome.ACCEPTED
        assert SECRET not in repr(answer)
        assert over_http.address not in repr(answer)
        assert "<" not in str(answer.reason)


FAULTS: list[tuple[dict[str, Any], dict[str, AttemptOutcome]]] = [
    ({"status": 503}, {"slack": AttemptOutcome.LATER, "sendgrid": AttemptOutcome.LATER}),
    ({"status": 500, "error": "internal_error"}, {"slack": AttemptOutcome.UNKNOWN, "sendgrid": AttemptOutcome.LATER}),
    ({"status": 504, "error": "fatal_error"}, {"slack": AttemptOutcome.UNKNOWN, "sendgrid": AttemptOutcome.UNKNOWN}),
    ({"retry_after": 7}, {"slack": AttemptOutcome.LATER, "sendgrid": AttemptOutcome.LATER}),
    (
        {"redirect": "http://127.0.0.1:9/"},
        {"slack": AttemptOutcome.CHANNEL_DOWN, "sendgrid": AttemptOutcome.CHANNEL_DOWN},
    ),
    ({"html_200": True}, {"slack": AttemptOutcome.UNKNOWN, "sendgrid": AttemptOutcome.LATER}),
    ({"cut_before_accept": True}, {"slack": AttemptOutcome.UNKNOWN, "sendgrid": AttemptOutcome.UNKNOWN}),
]


@pytest.mark.parametrize(("fault", "outcomes"), FAULTS, ids=[str(fault) for fault, _ in FAULTS])
def test_each_fault_means_one_outcome(
    over_http: Provider, fault: dict[str, Any], outcomes: dict[str, AttemptOutcome]
) -> None:
    over_http.server.fail_next(**fault)
    assert over_http.send().outcome is outcomes[over_http.name]


def test_a_wait_that_the_provider_asks_for_is_passed_on(over_http: Provider) -> None:
    over_http.server.fail_next(retry_after=7)
    answer = over_http.send()
    assert answer.retry_after is not None
    assert answer.retry_after.total_seconds() == 7
    assert answer.whole_channel


@pytest.fixture
def short_calls(monkeypatch: pytest.MonkeyPatch) -> float:
    """Calls of one second instead of twenty; the code is the same."""
    for module in ("slack", "sendgrid", "smtp"):
        monkeypatch.setattr(f"worker.notify.channels.{module}.MOST_SECONDS", 1.0)
    monkeypatch.setattr(network, "IDLE_SECONDS", 10.0)
    return 1.0


@contextmanager
def _dripping(first: bytes) -> Iterator[int]:
    """A server that says `first` and then one byte each tenth of a second, for ever; gives its port."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            peer, _ = listener.accept()
            with peer, suppress(OSError):
                peer.sendall(first)
                while not done.wait(0.1):
                    peer.sendall(b"x")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        done.set()
        thread.join(5)


DRIPS = {
    "slack": (
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        "INNERLOOP_SLACK_BASE_URL",
        "http://127.0.0.1:{}/api/",
        AttemptOutcome.UNKNOWN,
    ),
    "sendgrid": (b"HTTP/1.1 202 ", "INNERLOOP_SENDGRID_HOST", "http://127.0.0.1:{}", AttemptOutcome.UNKNOWN),
    "smtp": (b"220-", "INNERLOOP_SMTP_URL", "smtp://127.0.0.1:{}?starttls=false", AttemptOutcome.LATER),
}


def test_a_server_that_drips_does_not_hold_the_sender(provider: Provider, short_calls: float) -> None:
    assert contract.MOST_SECONDS == 20
    first, setting, url, expected = DRIPS[provider.name]
    with _dripping(first) as port:
        slow = channels_of({**provider.server.settings(), setting: url.format(port)})[provider.channel.name]
        started = time.monotonic()
        answer = slow.send(provider.message())
        assert time.monotonic() - started < short_calls + 2
    assert (answer.outcome, answer.reason) == (expected, "timeout")


def test_a_server_that_hangs_does_not_hold_the_sender(provider: Provider, short_calls: float) -> None:
    provider.server.fail_next(hang=6)
    started = time.monotonic()
    answer = provider.send()
    assert time.monotonic() - started < short_calls + 2
    assert answer.outcome in {AttemptOutcome.UNKNOWN, AttemptOutcome.LATER}


def test_what_was_lost_is_found_by_channels_that_can_be_read(provider: Provider) -> None:
    if not isinstance(provider.channel, Readable):
        pytest.skip("cannot be read back")
    provider.server.fail_next(cut_after_accept=True)
    message = provider.message(at=samples.NOW)
    provider.channel.send(message)
    assert provider.channel.look(message, samples.NOW).outcome is AttemptOutcome.ACCEPTED
    other = provider.channel.look(replace(message, key="another"), samples.NOW)
    assert other.reason == "not_there"
