"""Every shipped mapping of a survey tool, on payloads of ours and on those beside the checkout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.support.events import record_of
from tests.support.shared import ROOT, shared_dir
from worker.classify.scales import SCALES, classify_score
from worker.ingest.reader import Accepted, Dead, NotResponse, Reader
from worker.ingest.sources import check_source
from worker.model.response import Response
from worker.route.load import load

FILES = sorted((ROOT / "rules" / "sources").glob("*.yaml"))
MAPPINGS: dict[str, Any] = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in FILES}
SAMPLES = json.loads((Path(__file__).with_name("samples") / "sources.json").read_text(encoding="utf-8"))
CASES = [(name, sample) for name, samples in SAMPLES.items() for sample in samples]
READER = Reader(MAPPINGS, b"k" * 32)


def klass(response: Response) -> str | None:
    scale = SCALES.get(response.metric or "")
    return classify_score(response.score, scale) if scale else None


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_shipped_mapping_has_no_findings_and_a_sample(name: str) -> None:
    assert check_source(MAPPINGS[name]) == []
    assert SAMPLES[name]


def test_the_rule_loader_reads_them_to_the_same_effect() -> None:
    rules = ROOT / "rules"
    files = {path.relative_to(rules).as_posix(): path.read_bytes() for path in rules.rglob("*.yaml")}
    loaded = load(files, check_source=check_source)
    assert loaded.rule_set is not None
    other = Reader(loaded.rule_set.sources, b"k" * 32)
    for _, sample in CASES:
        record = record_of(sample["event"], sample.get("headers"))
        assert other.read(record) == READER.read(record)


@pytest.mark.parametrize(("name", "sample"), CASES)
def test_a_sample_of_ours(name: str, sample: Mapping[str, Any]) -> None:
    found, expected = READER.read(record_of(sample["event"], sample.get("headers"))), dict(sample["expect"])
    if "dead" in expected:
        assert isinstance(found, Dead)
        assert (found.reason, found.source) == (expected["dead"], MAPPINGS[name]["source"]), found.message
    elif "ignored" in expected:
        assert isinstance(found, NotResponse)
        assert found.why == f"{name}: {expected['ignored']}"
    else:
        assert isinstance(found, Accepted), found
        assert found.mapping == name
        assert {key: said(found)[key] for key in expected} == expected


def said(found: Accepted) -> dict[str, Any]:
    response = found.response
    return {
        "id": response.id, "metric": response.metric, "score": response.score, "class": klass(response),
        "comment": response.comment, "status": response.status, "language": response.language,
        "public": response.public, "callback": response.callback_requested, "customer": response.customer.key,
        "may_contact": response.customer.may_contact, "agent": response.interaction.agent,
        "responded_at": response.responded_at.isoformat().replace("+00:00", "Z"), "event_id": found.event_id,
        "vendor_class": found.vendor_class, "part": found.part, "ignored_values": list(found.ignored_values),
    }  # fmt: skip


def payloads() -> list[str]:
    """Names of the payloads beside the checkout; one that says why when there are none."""
    folder = ROOT.parent / "shared" / "payloads"
    return sorted(path.stem for path in folder.glob("*.json") if path.stem != "_expected") or ["absent"]


# The tool's own words for a scale or a score that ours says differently.
_METRICS = {"rating": "stars"}
_OWN_SCORES = {"zendesk_legacy", "freshdesk"}


@pytest.mark.parametrize("name", payloads())
def test_a_payload_as_the_tool_documents_it(name: str) -> None:
    folder = shared_dir() / "payloads"
    expected = json.loads((folder / "_expected.json").read_text(encoding="utf-8"))[name]
    found = READER.read(payload(folder / f"{name}.json"))
    if expected["state"] == "reference_only":
        assert isinstance(found, Dead)
        assert found.reason == "no_answers"
        return
    assert isinstance(found, Accepted), found
    wanted = {
        "metric": _METRICS.get(expected["metric"], expected["metric"]), "classification": expected["classification"],
        "score": found.response.score if name in _OWN_SCORES else expected["score"],
        "response_id": expected["response_id"] or found.response.id,
        "responded_at": datetime.fromisoformat(expected["responded_at"]),
        "state": "partial" if expected["state"] == "partial" else "final",
        **{key: expected[key] for key in ("comment", "customer_id", "customer_email", "customer_name", "agent")},
        **{key: expected[key] for key in ("interaction_id",)},
        "language": expected.get("language", found.response.language),
        "callback": expected.get("callback_requested", found.response.callback_requested),
        "translated": expected.get("translated_comment", found.response.comment_translated),
    }  # fmt: skip
    assert told(found.response) == wanted


def payload(path: Path) -> Any:
    raw = json.loads(path.read_text(encoding="utf-8"))
    if "_note" in raw:  # key, headers and value of a record
        return record_of(raw["value"], raw["headers"])
    return record_of(raw)


def told(response: Response) -> dict[str, Any]:
    customer, interaction = response.customer, response.interaction
    return {
        "metric": response.metric, "classification": klass(response), "score": response.score,
        "response_id": response.id, "responded_at": response.responded_at, "state": response.status,
        "comment": response.comment, "customer_id": customer.id, "customer_email": customer.email,
        "customer_name": customer.name, "agent": interaction.agent, "interaction_id": interaction.id,
        "language": response.language, "callback": response.callback_requested,
        "translated": response.comment_translated,
    }  # fmt: skip


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=True), st.text(max_size=6), st.lists(st.none()),
    st.sampled_from(["2026-01-01T00:00:00", "1e999999", "9" * 40, "0001-01-01T00:00:00+14:00"]),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=1),
)  # fmt: skip


def leaves(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value inside a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(found for key, inner in inside for found in leaves(inner, (*way, key)))]


@given(data=st.data(), case=st.sampled_from(CASES))
def test_no_event_breaks_a_mapping(data: st.DataObject, case: tuple[str, Any]) -> None:
    event = json.loads(json.dumps(case[1]["event"]))
    for _ in range(data.draw(st.integers(1, 3))):
        *parents, last = data.draw(st.sampled_from([way for way in leaves(event) if way]))
        inner = event
        for key in parents:
            inner = inner[key]
        inner[last] = data.draw(ODD)
    found = READER.read(record_of(event, case[1].get("headers")))
    assert isinstance(found, Accepted | Dead | NotResponse)


def test_two_deliveries_of_one_response_are_one_response() -> None:
    folder = shared_dir() / "payloads"
    names = ("cloudevents", "cloudevents_kafka_binary", "cloudevents_base64")
    found = [READER.read(payload(folder / f"{name}.json")) for name in names]
    assert all(isinstance(one, Accepted) for one in found)
    assert len({repr(one.response) for one in found if isinstance(one, Accepted)}) == 1


def test_the_created_event_comes_before_the_updated_one() -> None:
    folder = shared_dir() / "payloads"
    orders = []
    for name in ("delighted_created", "delighted", "formbricks_created", "formbricks"):
        found = READER.read(payload(folder / f"{name}.json"))
        assert isinstance(found, Accepted)
        orders.append(found.order or "")
    assert orders[0] < orders[1]
    assert orders[2] < orders[3]
