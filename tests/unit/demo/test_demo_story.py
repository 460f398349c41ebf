from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
import yaml

from tests.support.shared import ROOT
from worker.demo.story import beats
from worker.demo.stream import afternoon
from worker.demo.times import START


def events() -> list[dict[str, Any]]:
    records = [*afternoon(START), *(record for beat in beats() for record in beat.records)]
    return [msgspec.json.decode(record.value) for record in records if record.value.endswith(b"}")]


def test_the_count_is_the_one_that_is_promised() -> None:
    # read 412 = 405 accepted + 5 updated + 1 duplicate + 1 dead
    answers = events()
    versions = {json.dumps(answer, sort_keys=True) for answer in answers}
    identities = {answer["id"] for answer in answers}
    assert (len(answers) + 1, len(identities), len(versions) - len(identities)) == (412, 405, 5)
    assert len(answers) - len(versions) == 1


def test_every_run_plays_the_same_afternoon() -> None:
    assert afternoon(START) == afternoon(START)


def test_several_surveys_cities_languages_and_moods_are_heard() -> None:
    answers = events()
    assert {answer["survey"] for answer in answers} == {"post-call", "after-chat", "effort", "shop", "help-page"}
    assert {answer["interaction"]["unit"] for answer in answers} == {"leeds", "lisbon"}
    assert {answer["language"] for answer in answers} >= {"en", "pt", "es", "de", "fr"}
    assert len({answer["score"] for answer in answers if answer["metric"] == "nps"}) == 11


def test_no_two_customers_share_a_name_and_no_words_are_said_twice() -> None:
    people = {answer["customer"]["id"]: answer["customer"]["name"] for answer in events()}
    assert len(set(people.values())) == len(people)
    said = Counter({answer["id"]: answer["comment"] for answer in events() if answer.get("comment")}.values())
    assert not [words for words, count in said.items() if count > 1]


def test_nobody_real_could_be_written_to_or_called() -> None:
    for answer in events():
        customer = answer["customer"]
        assert customer["email"].endswith("@example.com")
        assert customer["phone"] is None or customer["phone"].startswith(("+44 7700 900", "+44 113 496 0"))


def test_beats_come_in_order_and_say_only_what_is_played() -> None:
    times = [beat.at for beat in beats()]
    assert times == sorted(times)
    assert all(beat.says or beat.shows for beat in beats())


def test_everybody_the_stream_names_is_in_the_shipped_directory() -> None:
    shipped = yaml.safe_load((ROOT / "rules" / "directory.yaml").read_text("utf-8"))
    met = [answer["interaction"] for answer in events()]
    for field, known in (("agent", "people"), ("team", "teams"), ("unit", "units")):
        assert {one[field] for one in met if one[field]} <= set(shipped[known])
