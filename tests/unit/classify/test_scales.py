from __future__ import annotations

from decimal import Decimal

import pytest

from worker.classify.scales import SCALES, Unclassifiable, classify_score, lowest_fifth, resolve
from worker.model.survey import Scale, Survey
from worker.model.verdict import Class

INVERTED = Scale(name="grades", low=1, high=6, detractor=4, promoter=2, higher_is_better=False)
HALVES = Scale(name="halves", low=0, high=5, detractor=2, promoter=Decimal("4.5"), whole=False)


@pytest.mark.parametrize(
    ("name", "detractors", "passives", "promoters"),
    [
        ("nps", range(7), (7, 8), (9, 10)),
        ("csat", (1, 2), (3,), (4, 5)),
        ("stars", (1, 2), (3,), (4, 5)),
        ("ces", (1, 2, 3), (4, 5), (6, 7)),
        ("thumbs", (0,), (), (1,)),
    ],
)
def test_every_score_of_a_known_scale_has_its_class(
    name: str, detractors: tuple[int, ...], passives: tuple[int, ...], promoters: tuple[int, ...]
) -> None:
    expected = {
        **dict.fromkeys(detractors, Class.DETRACTOR),
        **dict.fromkeys(passives, Class.PASSIVE),
        **dict.fromkeys(promoters, Class.PROMOTER),
    }
    scale = SCALES[name]
    assert {score: classify_score(score, scale) for score in range(int(scale.low), int(scale.high) + 1)} == expected


@pytest.mark.parametrize(("name", "score"), [("nps", -1), ("nps", 11), ("csat", 0), ("ces", 8), ("thumbs", 2)])
def test_a_score_beyond_its_scale_is_refused_with_the_way_out(name: str, score: int) -> None:
    with pytest.raises(Unclassifiable) as refused:
        classify_score(score, SCALES[name])
    assert refused.value.reason == "score_out_of_scale"
    for part in (str(score), name, str(SCALES[name].high), "rules/surveys.yaml"):
        assert part in str(refused.value)


def test_seven_point_nought_is_seven_and_seven_and_a_half_is_outside() -> None:
    assert classify_score(Decimal("7.0"), SCALES["nps"]) is Class.PASSIVE
    with pytest.raises(Unclassifiable, match=r"7\.5"):
        classify_score(Decimal("7.5"), SCALES["nps"])


def test_a_scale_with_halves_takes_halves() -> None:
    assert classify_score(Decimal("4.5"), HALVES) is Class.PROMOTER
    assert classify_score(Decimal("2.5"), HALVES) is Class.PASSIVE


def test_where_one_is_best_the_classes_turn_round() -> None:
    classes = [classify_score(score, INVERTED) for score in range(1, 7)]
    assert classes == [Class.PROMOTER] * 2 + [Class.PASSIVE] + [Class.DETRACTOR] * 3


def test_no_score_has_no_class() -> None:
    assert classify_score(None, SCALES["nps"]) is None
    assert not lowest_fifth(None, SCALES["nps"])


@pytest.mark.parametrize(
    ("scale", "lowest"),
    [
        (SCALES["nps"], [0, 1, 2]),
        (SCALES["csat"], [1]),
        (SCALES["ces"], [1, 2]),
        (SCALES["thumbs"], [0]),
        (INVERTED, [5, 6]),
    ],
)
def test_the_lowest_fifth_is_the_unhappy_end(scale: Scale, lowest: list[int]) -> None:
    scores = range(int(scale.low), int(scale.high) + 1)
    assert [score for score in scores if lowest_fifth(score, scale)] == lowest


def test_the_scale_comes_from_the_metric_else_from_the_survey() -> None:
    survey = Survey(id="s", metric="csat")
    assert resolve("NPS", None) is SCALES["nps"]
    assert resolve(None, survey) is SCALES["csat"]
    assert resolve("ces", survey) is SCALES["ces"]
    assert resolve(None, None) is None
    assert resolve("happiness", survey) is None


def test_a_survey_overrides_the_scale_of_its_own_metric_only() -> None:
    survey = Survey(id="s", metric="nps", scale=INVERTED)
    assert resolve("nps", survey) is INVERTED
    assert resolve(None, survey) is INVERTED
    assert resolve("csat", survey) is SCALES["csat"]
