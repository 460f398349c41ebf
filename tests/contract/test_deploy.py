"""Dockerfile, compose file, systemd unit and lock files hold together, also where their tools are not at hand."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.shared import ROOT
from worker.settings import PREFIX, SECRETS, Settings, load

DEPLOY = ROOT / "deploy"
ROLES = {"consume", "deliver", "schedule", "serve"}
KNOWN = {PREFIX + name.upper() for name in Settings.model_fields}
KNOWN |= {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS} | {PREFIX + "CONFIG"}


@cache
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def workers() -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose()["services"].items() if service["image"] == "innerloop"}


def pins(lock: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Package to version and hashes. Without the comments that say who wants it."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for block in re.split(r"\n(?=[a-z0-9])", lock.read_text(encoding="utf-8").strip()):
        name, _, rest = block.partition("==")
        found[name] = (re.split(r"[ \\\n]", rest, maxsplit=1)[0], frozenset(re.findall(r"sha256:[0-9a-f]{64}", block)))
    return found


def directives() -> list[tuple[str, str]]:
    lines = (DEPLOY / "systemd" / "innerloop.service").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return [(key, value) for key, _, value in pairs]


# Container -------------------------------------------------------------------------------------------------------


def test_the_image_runs_as_nobody_in_particular_and_installs_only_what_is_hashed() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    final = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert "pip install" not in final
    for command in re.findall(r"pip\S* (?:--python \S+ )?install[^&\n]*", text):
        assert "--require-hashes" in command or "--no-deps dist/*.whl" in command, command
    assert 'ENTRYPOINT ["innerloop"]' in final


def test_everything_the_image_copies_exists_and_is_let_through_to_the_builder() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    allowed = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    copied = [name for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE) for name in line.split()[:-1]]
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in allowed or (name.endswith(".lock") and "!deploy/*.lock" in allowed), name


def test_the_image_installs_the_versions_that_were_tested() -> None:
    ours, tested = pins(DEPLOY / "requirements.lock"), pins(ROOT / "requirements.lock")
    assert {name: pin for name, pin in ours.items() if tested.get(name) != pin} == {}
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    names = {re.split(r"[\[<>=!;]", name, maxsplit=1)[0].lower() for name in wanted}
    assert names <= set(ours), "run `make lock`"
    assert all(hashes for _, hashes in {**ours, **pins(DEPLOY / "build.lock")}.values())


def test_no_tool_of_ours_travels_in_the_image() -> None:
    assert {"pytest", "mypy", "ruff", "mkdocs", "uv"} & set(pins(DEPLOY / "requirements.lock")) == set()


# Compose ---------------------------------------------------------------------------------------------------------


def test_each_role_is_a_service_of_its_own() -> None:
    started = {name: service["command"] for name, service in workers().items()}
    assert started == {"migrate": ["migrate"]} | {role: ["run", "--only", role] for role in ROLES}


def test_the_worker_services_are_read_only_and_without_rights() -> None:
    for name, service in workers().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["depends_on"], name


def test_the_settings_of_the_compose_file_are_settings(tmp_path: Path) -> None:
    for name, service in workers().items():
        assert set(service["environment"]) <= KNOWN, name
    (tmp_path / "empty.toml").touch()
    settings = load(workers()["consume"]["environment"] | {"INNERLOOP_CONFIG": str(tmp_path / "empty.toml")})
    assert settings.kafka_bootstrap_servers == ("kafka:9092",)


def test_what_a_service_waits_for_exists_and_can_be_waited_for() -> None:
    services = compose()["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in services, f"{name} waits for {other}"
            if how["condition"] == "service_healthy":
                assert "healthcheck" in services[other], f"{other} never says that it is healthy"


def test_what_the_compose_file_mounts_exists() -> None:
    for service in compose()["services"].values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source in compose()["volumes"] or (DEPLOY / source).exists(), source


def test_nothing_of_the_compose_file_is_open_to_the_network() -> None:
    ports = [port for service in compose()["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_docker_itself_accepts_the_compose_file() -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no docker compose here; its reader's rules are checked above")
    command = [docker, "compose", "--file", str(DEPLOY / "compose.yaml"), "--profile", "sample", "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_sample_holds_answers_and_one_mistake() -> None:
    lines = (DEPLOY / "sample" / "responses.jsonl").read_text(encoding="utf-8").splitlines()
    answers = [json.loads(line) for line in lines if line.startswith("{")]
    assert len(lines) == len(answers) + 1
    assert {answer["responded_at"] for answer in answers} == {"@NOW@"}


# systemd ---------------------------------------------------------------------------------------------------------


def test_the_unit_runs_the_commands_there_are_with_settings_there_are() -> None:
    pairs = directives()
    starts = [value for key, value in pairs if key in {"ExecStart", "ExecStartPre"}]
    assert [value.split("bin/innerloop ")[1] for value in starts] == ["migrate", "run"]
    assert {value.split("=")[0] for key, value in pairs if key == "Environment"} <= KNOWN


def test_the_unit_gives_a_worker_the_time_it_needs_to_stop() -> None:
    settings = dict(directives())
    assert int(settings["TimeoutStopSec"]) > 20
    assert settings["KillSignal"] == "SIGTERM"
    assert settings["Restart"] == "always", "an outage at boot must not leave it stopped"


def test_systemd_accepts_the_unit_and_finds_it_hardened(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("no systemd here")
    unit = tmp_path / "innerloop.service"
    text = (DEPLOY / "systemd" / "innerloop.service").read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/innerloop/bin/innerloop", "/bin/true"), encoding="utf-8")
    verified = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, check=False)
    ours = [line for line in verified.stderr.splitlines() if "innerloop" in line]  # it speaks of other units, too
    assert (verified.returncode, ours) == (0, [])
    level = [analyze, "security", "--offline=true", "--threshold=20", str(unit)]  # of 100: 2.0 as it is shown
    assert subprocess.run(level, capture_output=True, check=False).returncode == 0
