"""How well and how fast comments are read, on public data with labels that nobody here gave.

    python bench/text.py [DATA]          (or: make bench-text ARGS=DATA)

Reads the shipped lexicons and whatever labelled data lies in the directory DATA: by default shared/data beside the
checkout.
Prints figures as they are; writes nothing.
Precision: of those the classifier labelled, how many the people labelled so. Recall: of those the people labelled,
how many it found. Coverage: of all, on how many it did not abstain.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that the script runs from anywhere, installed or not

from worker.classify.classifier import Classifier  # noqa: E402
from worker.classify.found import Tag  # noqa: E402
from worker.classify.redact import redact, redact_response  # noqa: E402
from worker.model.response import Response  # noqa: E402
from worker.model.survey import Polarity, Survey  # noqa: E402
from worker.model.verdict import Class, Sentiment, Verdict  # noqa: E402
from worker.route.load import load  # noqa: E402

DATA = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data"
TAGS = {"CREDIT_CARD": Tag.CARD, "IBAN": Tag.IBAN, "EMAIL": Tag.EMAIL, "PHONE": Tag.PHONE}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SURVEYS = {one.value: Survey(id=one.value, metric="nps", polarity=one) for one in Polarity}


@dataclass(frozen=True)
class Wanted:
    """A theme of ours, and the labels of the data that come nearest. Coarse on purpose: their taxonomies are not ours.

    `mood`: of a label that takes praise and blame together, only the part that people found to be of this mood.
    """

    theme: str
    labels: frozenset[str]
    mood: str | None = None


MANNER, TIMELY = "Staff manner & personal attributes", "Timeliness of care"
GRATITUDE = "Positive experience & gratitude"
NHS_THEMES = (
    Wanted("waiting", frozenset({TIMELY})),
    Wanted("waiting", frozenset({TIMELY}), "negative"),
    Wanted("conduct", frozenset({MANNER})),
    Wanted("conduct", frozenset({MANNER}), "negative"),
    Wanted("praise", frozenset({GRATITUDE})),
    Wanted("praise", frozenset({GRATITUDE, MANNER}), "positive"),
    Wanted(
        "information",
        frozenset(
            {
                "Being kept informed, clarity & consistency of information",
                "Information directly from staff during care",
                "Information provision & guidance",
            }
        ),
    ),
)
EARLIER_THEMES = (
    Wanted("conduct", frozenset({"Attitude Of Staff"}), "negative"),
    Wanted("praise", frozenset({"Attitude Of Staff"}), "positive"),
)
AIRLINE_THEMES = (
    Wanted("waiting", frozenset({"Late Flight", "longlines"})),
    Wanted("conduct", frozenset({"Flight Attendant Complaints", "Customer Service Issue"})),
    Wanted("conduct", frozenset({"Flight Attendant Complaints"})),
    Wanted("delivery", frozenset({"Lost Luggage", "Damaged Luggage"})),
)


@dataclass(frozen=True)
class Row:
    """A comment with what people said of it. `mood` is None where they said nothing."""

    comment: str
    mood: str | None = None
    labels: frozenset[str] = frozenset()
    score: int | None = None
    polarity: Polarity = Polarity.OPEN


def rows_of(name: str) -> list[dict[str, str]]:
    path = DATA / f"{name}.dev.csv.gz"
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def mood_of_score(score: str, unhappy: int, happy: int) -> str | None:
    if not score:
        return None
    number = int(score)
    return "negative" if number <= unhappy else "positive" if number >= happy else None


def broadband() -> list[Row]:
    return [
        Row(
            row["comment"],
            mood_of_score(row["nps_score"], 4, 9),
            score=int(row["nps_score"]) if row["nps_score"] else None,
        )
        for row in rows_of("broadband_nps")
    ]


def nhs() -> list[Row]:
    moods = {"1.0": "positive", "2.0": "positive", "4.0": "negative", "5.0": "negative"}
    asks = {"How could we improve?": Polarity.IMPROVE, "What could we do better?": Polarity.IMPROVE}
    asks["What was good?"] = Polarity.PRAISE
    return [
        Row(
            row["comment"],
            moods.get(row["sentiment"]),
            frozenset(row["themes"].split("|")),
            polarity=asks.get(row["question"], Polarity.OPEN),
        )
        for row in rows_of("nhs_fft")
        if row["themes"] != "Labelling not possible"
    ]


def earlier() -> list[Row]:
    """An earlier labelling of hospitals: one label a comment, and how bad it was, from -4 to 4."""
    return [
        Row(
            row["comment"],
            "negative" if row["criticality"].startswith("-") else "positive" if row["criticality"] > "0" else None,
            frozenset({row["subcategory"]}),
        )
        for row in rows_of("nhs_phase1")
        if row["criticality"]
    ]


def airline() -> list[Row]:
    return [
        Row(
            row["text"],
            row["airline_sentiment"] if row["airline_sentiment"] != "neutral" else None,
            frozenset(filter(None, [row["negativereason"]])),
        )
        for row in rows_of("airline")
    ]


def starred(name: str, score: str) -> list[Row]:
    return [Row(row["comment"], mood_of_score(row[score], 2, 5)) for row in rows_of(name)]


def response(row: Row, language: str | None) -> Response:
    return Response(
        id="1", source="bench", responded_at=NOW, survey=row.polarity.value, metric="nps", score=row.score,
        comment=row.comment, language=language,
    )  # fmt: skip


def verdicts(classifier: Classifier, rows: Sequence[Row], language: str | None) -> list[Verdict]:
    return [classifier.classify(response(row, language)) for row in rows]


def share(part: int, whole: int) -> str:
    return f"{part / whole:6.1%}" if whole else "     –"


def print_moods(name: str, rows: Sequence[Row], found: Sequence[Verdict]) -> None:
    pairs = [
        (row.mood, verdict.sentiment)
        for row, verdict in zip(rows, found, strict=True)
        if row.mood and row.comment.strip()
    ]
    said = [(mood, felt) for mood, felt in pairs if felt in (Sentiment.NEGATIVE, Sentiment.POSITIVE)]
    right = sum(mood == felt for mood, felt in said)
    print(f"{name:16} {len(pairs):6} {share(len(said), len(pairs))}  {share(right, len(said))}", end="")
    for mood in ("negative", "positive"):
        hits = sum(want == got == mood for want, got in pairs)
        precise = share(hits, sum(got == mood for _, got in pairs))
        print(f"   {precise} {share(hits, sum(want == mood for want, _ in pairs))}", end="")
    print()


def print_themes(name: str, themes: Iterable[Wanted], rows: Sequence[Row], found: Sequence[Verdict]) -> None:
    for one in themes:
        pairs = [
            (bool(row.labels & one.labels) and one.mood in (None, row.mood), one.theme in verdict.themes)
            for row, verdict in zip(rows, found, strict=True)
            if row.mood or not one.mood
        ]
        hits = sum(want and got for want, got in pairs)
        precise, recalled = sum(got for _, got in pairs), sum(want for want, _ in pairs)
        of = one.mood or "all"
        print(f"{name:16} {one.theme:12} {of:8} {recalled:6}  {share(hits, precise)}  {share(hits, recalled)}")


def print_silent(name: str, found: Sequence[Verdict]) -> None:
    happy = [one for one in found if one.klass in (Class.PROMOTER, Class.PASSIVE) and one.text_read is not None]
    counts = Counter(one.klass for one in happy if one.silent)
    print(f"{name:16} {len(happy):6} happy scores with words, ", end="")
    print(f"{share(counts.total(), len(happy))} silent detractors ", end="")
    print(f"({counts[Class.PASSIVE]} passives, {counts[Class.PROMOTER]} promoters)")


def print_read(name: str, found: Sequence[Verdict]) -> None:
    with_words = [one for one in found if one.text_read is not None]
    themed, severe = sum(bool(one.themes) for one in with_words), sum(bool(one.severity) for one in with_words)
    print(f"{name:16} {len(with_words):6} {share(themed, len(with_words))}  {share(severe, len(with_words))}", end="")
    print(f"  {share(sum(one.text_read is False for one in with_words), len(with_words))}")


def print_told(name: str, language: str, found: Sequence[Verdict]) -> None:
    told = Counter(str(one.language) for one in found if one.text_read is not None)
    others = ", ".join(f"{code} {count}" for code, count in told.most_common() if code != language)
    print(f"{name:16} {told.total():6} {share(told[language], told.total())} {language}; {others}")


def print_speed(what: str, work: Callable[[Response], object], responses: Iterable[Response]) -> None:
    """The best of five runs, in processor time: other programs on the machine slow a run down, never speed it up."""
    responses = list(responses)
    best = min(_seconds(work, responses) for _ in range(5))
    print(f"{what:44} {best / len(responses) * 1e6:7.1f} µs  {len(responses) / best:10,.0f} a second")


def _seconds(work: Callable[[Response], object], responses: Sequence[Response]) -> float:
    start = time.process_time()
    for one in responses:
        work(one)
    return time.process_time() - start


def shipped_classifier() -> Classifier:
    rules = ROOT / "rules"
    files = {str(path.relative_to(rules)): path.read_bytes() for path in rules.rglob("*.yaml")}
    loaded = load(files)
    if loaded.rule_set is None:
        sys.exit("\n".join(str(finding) for finding in loaded.findings))
    return Classifier(loaded.rule_set.themes, loaded.rule_set.severity, SURVEYS)


def main() -> None:
    if not any(DATA.glob("*.csv.gz")):
        print(f"No labelled data in {DATA}: speed alone, on a few comments of our own.\n")
    classifier = shipped_classifier()
    sources = {
        "broadband": (broadband(), "en"),
        "nhs": (nhs(), "en"),
        "earlier": (earlier(), "en"),
        "airline": (airline(), "en"),
        "clothing": (starred("clothing_stars", "stars"), "en"),
        "hotel": (starred("hotel_stars", "stars"), "en"),
        "olist": (starred("olist_csat_pt", "csat_score"), "pt"),
    }
    found = {name: verdicts(classifier, rows, language) for name, (rows, language) in sources.items() if rows}
    print("sentiment          rows  coverage   right   negative: prec., recall   positive: prec., recall")
    for name, found_here in found.items():
        print_moods(name, sources[name][0], found_here)
    print("\nthemes           theme        of         rows  precision  recall")
    for name, themes in (("nhs", NHS_THEMES), ("earlier", EARLIER_THEMES), ("airline", AIRLINE_THEMES)):
        if name in found:
            print_themes(name, themes, sources[name][0], found[name])
    print("\nread               rows   themed   severe   not read")
    for name, found_here in found.items():
        print_read(name, found_here)
    if "broadband" in found:
        print()
        print_silent("broadband", found["broadband"])
    print("\nlanguage told from the words")
    for name, (rows, language) in sources.items():
        print_told(name, language, verdicts(classifier, rows, None))
    print_numbers()
    print_speeds(classifier, sources["broadband"][0] or SAMPLE)


def print_numbers() -> None:
    """Personal numbers in the published cases: found where they are, left alone where they are not."""
    path = DATA.parent / "vectors" / "pii_cases.jsonl"
    if not path.exists():
        return
    right: dict[str, Counter[str]] = {}
    for case in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        kind, wanted = case["checks"], len(case["entities"])
        ok = redact(case["text"]).tags.count(TAGS.get(kind, Tag.ID)) == wanted
        side = "found" if wanted else "left"
        right.setdefault(kind, Counter()).update({side: ok, f"{side} of": 1})
    print("\npersonal numbers     found       left alone      (IP addresses are no persons: not looked for)")
    for kind, counts in sorted(right.items()):
        print(f"{kind:16} {counts['found']:5} of {counts['found of']:3} {counts['left']:9} of {counts['left of']:3}")


SAMPLE = [
    Row("The engineer never came and nobody rang me back."),
    Row("Charged twice this month and I still wait for the refund, very disappointed with the service."),
    Row("Great service, quick and friendly, thank you!"),
]


def print_speeds(classifier: Classifier, rows: Sequence[Row]) -> None:
    commented = [row for row in rows if row.comment.strip()]
    length = median(len(row.comment) for row in commented)
    print(f"\nspeed, one core, {len(commented)} comments, half of them over {length:.0f} characters")
    english = [response(row, "en") for row in commented]
    print_speed("classify, language given", classifier.classify, english)
    print_speed(
        "classify, language told from the words", classifier.classify, [response(row, None) for row in commented]
    )
    print_speed("classify without comment", classifier.classify, [response(Row("", score=2), "en")] * 5000)
    print_speed("redact a comment", lambda one: redact(one.comment or ""), english)
    print_speed("redact a response", redact_response, english)


if __name__ == "__main__":
    main()
