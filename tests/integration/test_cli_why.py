"""`why --customer`: one sentence first, for everything that can have become of an answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.commands import Commands
from worker.clock import SystemClock
from worker.store.schema import deliveries, notices

CLOSING = ("--root-cause", "billing.amount", "--action", "Corrected the bill", "--outcome", "recovered")


def event(score: int | None = 2, days_ago: int = 0, **more: Any) -> dict[str, Any]:
    at = SystemClock().now() - timedelta(days=days_ago, minutes=5)
    return {
        "id": "r-1", "metric": "nps", "score": score, "responded_at": at.isoformat(),
        "customer": {"id": "c-77", **more.pop("customer", {})}, "interaction": {"agent": "a-417"}, **more,
    }  # fmt: skip


def why(commands: Commands, *events: dict[str, Any] | str, code: int = 0) -> tuple[str, str]:
    if events:
        commands("import", commands.write("answers.jsonl", *events), "--source", "ccaas")
    said = commands.json("why", "--customer", "c-77", code=code)
    assert commands("why", "--customer", "c-77").stdout.replace("\n", " ").startswith(said["answer"][:40])
    return said["reason"], said["answer"]


def delivered(commands: Commands, state: str = "delivered", reason: str | None = None) -> None:
    """As if the senders had been at work."""
    now = SystemClock().now()
    with commands.store.write() as conn:
        conn.execute(notices.update().values(state=state, reason=reason, ended_at=now, started_at=now))
        number = conn.execute(notices.select()).first()
        sent = {"id": 1, "key": "k", "notice_id": number.id if number else 0, "position": 0, "channel": "email"}
        conn.execute(
            deliveries.insert().values(
                **sent, address="a@example.com", state=state, delivered_at=now if state == "delivered" else None
            )
        )


def test_nothing_was_ever_received(commands: Commands) -> None:
    reason, answer = why(commands, code=1)
    assert (reason, answer[:45]) == ("never_received", "Nothing from c-77 was ever received: no answe")


def test_an_answer_that_could_not_be_read_is_found_by_its_customer(commands: Commands) -> None:
    other = event(customer={"id": "c-771"}, metric="nsp")
    reason, answer = why(commands, other, event(metric="nsp"))
    assert reason == "dead_letter"
    assert "What c-77 answered could not be read: dead letter 2 of" in answer
    assert "unknown_scale" in answer


def test_a_rule_decided_to_do_nothing(commands: Commands) -> None:
    said = 'Rule "rest" decided to do nothing: not a detractor.'
    assert why(commands, event(score=10)) == ("rule", said)


@pytest.mark.parametrize(
    ("key", "reason", "words"),
    [
        ("rollout: 0%", "rollout", "but it is rolled out to 0 % of customers and not to this one; so rule"),
        ("mode: observe", "rule", 'Rule "early" would have opened recover, but it only observes; so rule "rest"'),
    ],
)
def test_a_rule_that_does_not_decide_yet_is_named(commands: Commands, key: str, reason: str, words: str) -> None:
    path = commands.home / "rules" / "routing.yaml"
    early = f"rules:\n  - {{id: early, {key}, when: {{response.score: 10}}, then: {{open: recover}}}}\n"
    path.write_text(path.read_text(encoding="utf-8").replace("rules:\n", early), encoding="utf-8")
    found, answer = why(commands, event(score=10))
    assert found == reason
    assert words in answer


def test_it_was_too_old_to_alert(commands: Commands) -> None:
    reason, answer = why(commands, event(days_ago=30))
    assert reason == "too_old"
    assert answer.endswith("Run: innerloop responses open ccaas/r-1 --by PERSON")


def test_it_waits_for_its_other_half(commands: Commands) -> None:
    assert why(commands, event(score=5, status="partial"))[0] == "waiting"


def test_nobody_was_told_yet_or_could_be(commands: Commands) -> None:
    assert why(commands, event()) == (
        "undelivered",
        "F-1 is open for ana, and no message about it has been delivered yet; see: innerloop follow-ups show F-1",
    )
    delivered(commands, "failed", "mailbox_unknown")
    assert "every way to tell them failed (mailbox_unknown)" in why(commands)[1]


def test_nobody_acted_then_somebody_did(commands: Commands) -> None:
    assert why(commands, event())[0] == "undelivered"
    delivered(commands)
    reason, answer = why(commands)
    assert (reason, answer.startswith("ana was told of F-1 on ")) == ("nobody_acted", True)
    assert "nobody has acted on it yet; it is due" in answer
    commands("follow-ups", "acknowledge", "1", "--by", "ana")
    assert why(commands)[1].startswith("ana took F-1 on ")
    commands("follow-ups", "contact", "1", "--by", "ana")
    assert why(commands)[1].startswith("ana contacted them on ")
    assert commands("follow-ups", "close", "1", "--by", "bo", *CLOSING).exit_code == 0
    reason, answer = why(commands)
    assert (reason, "recovered, billing.amount" in answer) == ("closed", True)


def test_who_may_not_be_contacted_is_not_called_and_somebody_works_on_it(commands: Commands) -> None:
    reason, answer = why(commands, event(customer={"may_contact": False}))
    assert reason == "no_consent"
    assert answer.startswith("They may not be contacted; ana has F-1 to work on without a call, due ")
