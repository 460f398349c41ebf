"""What is installed, and what travels in the wheel."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support.shared import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
BLOCKS = re.split(r"\n(?=[a-z0-9])", LOCK.strip())


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!;\s]", name, maxsplit=1)[0]).lower()


def test_every_dependency_is_locked() -> None:
    named = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["dependency-groups"]["dev"],
        *PROJECT["build-system"]["requires"],
    ]
    for extra in PROJECT["project"]["optional-dependencies"].values():
        named += extra
    locked = {normal(block) for block in BLOCKS}
    assert {normal(name) for name in named} - locked == set()


def test_everything_locked_has_one_version_and_hashes() -> None:
    loose = [block.splitlines()[0] for block in BLOCKS if "==" not in block or "--hash=sha256:" not in block]
    assert loose == []


def test_no_dependency_is_fetched_from_a_named_place() -> None:
    assert not re.search(r"https?://|file:|git\+|--(?:extra-)?index-url|--find-links", LOCK)


def test_the_wheel_carries_rules_templates_and_migrations(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the build backend comes with `make venv`")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(tmp_path),
        ".",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    shipped = {
        f"worker/_shipped/{path.relative_to(ROOT).as_posix()}"
        for folder in ("rules", "templates")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }
    assert shipped - names == set()
    assert "worker/store/migrations/script.py.mako" in names
    assert [name for name in names if name.startswith(("tests/", "bench/"))] == []
