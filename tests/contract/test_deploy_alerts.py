"""Alerts, dashboard and runbooks speak of metrics and pages that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_fd_to_metric_families

from tests.support.shared import ROOT
from worker.cli import drill
from worker.clock import SystemClock
from worker.metrics import REGISTRY
from worker.store.engine import open_store

PROMETHEUS = ROOT / "deploy" / "prometheus"
RUNBOOKS = ROOT / "docs" / "platform" / "runbooks"
FOREIGN = {"up": {"job"}, "kube_pod_status_ready": {"condition", "namespace", "pod"}}
FROM_SCRAPING = {"job", "namespace", "instance", "pod", "le"}
METRIC = re.compile(r"\b(innerloop_[a-z_]+|up(?=\{)|kube_[a-z_]+)(?:\{([^}]*)\})?")
SECTIONS = ["## What it means", "## Who notices", "## Look", "## Do"]


@cache
def alerts() -> list[dict[str, Any]]:
    loaded = yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text(encoding="utf-8"))
    return [rule for group in loaded["groups"] for rule in group["rules"]]


@cache
def samples() -> dict[str, set[str]]:
    """Every name that /metrics may hold, with its labels."""
    return dict(_names(REGISTRY))


def _names(registry: CollectorRegistry) -> Iterator[tuple[str, set[str]]]:
    for metric, names in registry._collector_to_names.items():
        for name in names:
            yield name, set(getattr(metric, "_labelnames", ()))


def drill_names(home: Path) -> dict[str, set[str]]:
    """What `innerloop drill --metrics-file` writes."""
    store = open_store(f"sqlite:///{home / 'drill.db'}")
    try:
        drill._write_metrics(home / "drill.prom", drill.Drill(store, SystemClock(), within=1))
    finally:
        store.close()
    with (home / "drill.prom").open(encoding="utf-8") as file:
        return {family.name: set() for family in text_fd_to_metric_families(file)}


def queries() -> list[str]:
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "innerloop.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    asked += [note["expr"] for note in dashboard["annotations"]["list"]]
    return asked + [alert["expr"] for alert in alerts()]


def test_alerts_and_dashboard_ask_for_metrics_and_labels_that_exist(tmp_path: Path) -> None:
    known = samples() | drill_names(tmp_path) | FOREIGN
    for query in queries():
        used = METRIC.findall(query)
        assert used, query
        for name, matchers in used:
            assert name in known, f"{name} in {query}"
            labels = set(re.findall(r"(\w+)\s*(?:=~|!=|=)", matchers))
            assert labels <= known[name] | FROM_SCRAPING, f"{name}{{{matchers}}}"


def test_what_is_grouped_by_and_said_is_a_label(tmp_path: Path) -> None:
    known = samples() | drill_names(tmp_path) | FOREIGN
    for alert in alerts():
        there = set().union(*(known[name] for name, _ in METRIC.findall(alert["expr"]))) | FROM_SCRAPING
        grouped = {name for names in re.findall(r"by \(([^)]*)\)", alert["expr"]) for name in names.split(", ")}
        said = set(re.findall(r"\$labels\.(\w+)", str(alert["annotations"])))
        assert grouped | said <= there, alert["alert"]
        assert not grouped or said <= grouped, alert["alert"]


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_an_alert_says_what_is_wrong_for_whom_and_where_to_read_on(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"page", "ticket", "none"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook"}
    runbook = ROOT / alert["annotations"]["runbook"]
    text = runbook.read_text(encoding="utf-8")
    assert f"`{alert['alert']}`" in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == SECTIONS


def test_every_runbook_belongs_to_an_alert() -> None:
    linked = {Path(alert["annotations"]["runbook"]).name for alert in alerts()}
    assert {path.name for path in RUNBOOKS.glob("*.md")} == linked | {"index.md"}


def test_every_alert_is_fired_on_purpose() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yaml").read_text(encoding="utf-8"))["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert fired == {alert["alert"] for alert in alerts()}


def test_prometheus_accepts_the_alerts_and_they_fire_as_they_should() -> None:
    promtool = shutil.which("promtool")
    if not promtool:
        pytest.skip("no promtool here; names and labels are checked above")
    for verb, name in (("check", "alerts.yaml"), ("test", "alerts_test.yaml")):
        done = subprocess.run(
            [promtool, verb, "rules", name], cwd=PROMETHEUS, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_panels_have_names_and_do_not_overlap() -> None:
    panels = json.loads((ROOT / "deploy" / "grafana" / "innerloop.json").read_text(encoding="utf-8"))["panels"]
    squares = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(squares) == len(set(squares))
    assert max(x for x, _ in squares) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["title"] for panel in panels)
