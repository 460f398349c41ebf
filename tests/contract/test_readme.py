"""The README is read first: what it shows must be so."""

from __future__ import annotations

import re

import yaml

from tests.support.shared import ROOT
from worker.cli.main import COMMANDS
from worker.settings import PREFIX, Settings

README = (ROOT / "README.md").read_text("utf-8")


def test_the_rule_it_reads_aloud_is_one_that_ships() -> None:
    (shown,) = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)[0])
    shipped = yaml.safe_load((ROOT / "rules" / "routing.yaml").read_text("utf-8"))["rules"]
    assert shown in shipped


def test_every_command_and_setting_it_names_exists() -> None:
    assert set(re.findall(r"innerloop ([a-z][a-z-]+)\b(?! and| or)", README)) & set(COMMANDS) >= {"run", "migrate"}
    named = set(re.findall(rf"{PREFIX}([A-Z_]+)", README))
    assert {name.lower() for name in named} <= set(Settings.model_fields)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(re.findall(r"make ([a-z]+)(?: |`|$)", README)) <= set(targets)


def test_every_place_it_points_to_is_there() -> None:
    places = re.findall(r"\]\(([^)]+)\)", README) + re.findall(r"^- `([^`]+)`:", README, re.MULTILINE)
    assert places
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_pointing_it_at_a_real_kafka_takes_ten_lines() -> None:
    section = README.split("## Point it at your Kafka")[1].split("## ")[0]
    assert len([line for line in section.splitlines() if line.startswith("    ")]) <= 10
