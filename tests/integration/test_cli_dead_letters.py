"""`innerloop dead-letters list | show | replay | accept`, on a store that an import filled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from tests.support.commands import Commands
from worker.clock import SystemClock
from worker.store.schema import dead_letters, partitions

SURVEYS = "format: 1\nsurveys:\n  kiosk: {name: At the door, metric: nps}\n"
CARD, MAIL = "4111 1111 1111 1111", "ines@private.example"


def answer(named: str, **more: Any) -> dict[str, Any]:
    at = (SystemClock().now() - timedelta(minutes=5)).isoformat()
    customer, agent = {"id": f"c-{named}"}, {"agent": "a-417"}
    return {"id": named, "score": 2, "responded_at": at, "customer": customer, "interaction": agent, **more}


@pytest.fixture
def dead(commands: Commands) -> Commands:
    """Three dead letters: of a survey nobody described, of a scale that ends at 10, and no JSON, with secrets."""
    broken = f'{{"id": "r-3", "comment": "My card is {CARD}, write to {MAIL}'
    wrong: list[dict[str, Any] | str] = [answer("r-1", survey="kiosk"), answer("r-2", metric="nps", score=11), broken]
    result = commands("import", commands.write("answers.jsonl", *wrong), "--source", "ccaas")
    assert result.stderr.strip().endswith("3 dead."), result.output
    return commands


def mend(commands: Commands) -> None:
    (commands.home / "rules" / "surveys.yaml").write_text(SURVEYS, encoding="utf-8")


def states(commands: Commands) -> list[tuple[str, str]]:
    return [(letter["reason"], letter["state"]) for letter in commands.json("dead-letters", "list")]


def test_the_list_shows_every_one_with_its_place_and_what_to_do(dead: Commands) -> None:
    listed = dead("dead-letters", "list")

    assert listed.exit_code == 0
    assert [reason for reason, _ in states(dead)] == ["unknown_scale", "score_out_of_scale", "not_json"]
    first = dead.json("dead-letters", "list")[0]
    assert (first["topic"], first["partition"], first["offset"], first["source"]) == ("import:ccaas", 0, 1, "ccaas")
    assert "metric" in first["message"]


def test_one_is_shown_without_what_the_customer_must_not_see_repeated(dead: Commands) -> None:
    shown = dead("dead-letters", "show", "D-3").stdout
    letter = dead.json("dead-letters", "show", "3")

    assert "[card]" in letter["excerpt"]
    assert not [secret for secret in (CARD, MAIL) if secret in shown + str(letter)]
    assert letter["sealed"] is True
    assert dead("dead-letters", "show", "99").exit_code == 1


def test_a_replay_by_reason_says_how_far_it_is_and_leaves_the_others(dead: Commands) -> None:
    mend(dead)

    result = dead("dead-letters", "replay", "--reason", "unknown_scale", "--by", "bo")

    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == ["1/1  1: accepted", "1 of 1 replayed."]
    assert states(dead) == [("unknown_scale", "replayed"), ("score_out_of_scale", "open"), ("not_json", "open")]
    assert dead.json("dead-letters", "show", "1")["response"] == {"source": "ccaas", "id": "r-1"}
    assert [one["response"]["id"] for one in dead.json("follow-ups", "list")] == ["r-1"]


def test_a_second_replay_opens_nothing_twice(dead: Commands) -> None:
    mend(dead)
    dead("dead-letters", "replay", "--all")

    again = dead("dead-letters", "replay", "--all")
    named = dead("dead-letters", "replay", "1")

    assert (again.exit_code, again.stderr.splitlines()[-1]) == (1, "0 of 2 replayed.")
    assert "replayed already" in named.stderr
    assert len(dead.json("follow-ups", "list")) == 1
    assert dead.json("reconcile")["ok"]


def test_a_replay_needs_to_know_which(dead: Commands) -> None:
    for arguments in ([], ["1", "--all"], ["--since", "yesterday"], ["x"]):
        result = dead("dead-letters", "replay", *arguments)
        assert (result.exit_code, result.stdout) == (2, ""), arguments
    assert {state for _, state in states(dead)} == {"open"}


def test_what_is_kept_in_kafka_alone_stays_open_while_kafka_is_away(
    dead: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dead.store.write() as conn:
        conn.execute(update(dead_letters).values(topic="answers", sealed=None))
    monkeypatch.setenv("INNERLOOP_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("INNERLOOP_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("INNERLOOP_KAFKA_SSL_CAFILE", str(dead.home / "absent.pem"))

    result = dead("dead-letters", "replay", "--all")

    assert result.exit_code == 2
    assert "INNERLOOP_KAFKA_SSL_CAFILE" in result.stderr
    assert {state for _, state in states(dead)} == {"open"}


def test_accepting_is_for_open_ones_and_all_or_none(dead: Commands) -> None:
    assert dead("dead-letters", "accept", "2", "99").exit_code == 1
    assert {state for _, state in states(dead)} == {"open"}

    assert dead("dead-letters", "accept", "2", "D-3", "--by", "bo", "--note", "theirs").exit_code == 0

    assert [state for _, state in states(dead)] == ["open", "discarded", "discarded"]
    assert dead("dead-letters", "accept", "2").exit_code == 1


def test_a_resting_partition_goes_on_up_to_an_offset_beyond_its_head(dead: Commands) -> None:
    with dead.store.write() as conn:
        conn.execute(partitions.insert().values(
            topic="answers", partition=1, incarnation="t1", next_offset=50, paused_reason="50 in a row"
        ))  # fmt: skip
    for wrong in (["--partition", "answers:1"], ["--partition", "answers", "--until", "60"], ["--until", "60"]):
        assert dead("dead-letters", "accept", *wrong).exit_code == 2
    assert "beyond" in dead("dead-letters", "accept", "--partition", "answers:1", "--until", "50").stderr

    result = dead("dead-letters", "accept", "--partition", "answers:1", "--until", "60", "--by", "bo")

    assert result.exit_code == 0
    assert "answers:1 goes on from 50" in result.stderr
    with dead.store.read() as conn:
        row = conn.execute(partitions.select().where(partitions.c.topic == "answers")).one()
    assert (row.paused_reason, row.accepted_until) == (None, 60)
