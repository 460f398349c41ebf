"""The site of the documentation can be made, and no link in it leads nowhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.process import environment
from tests.support.shared import ROOT


def test_the_site_is_made_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="comes with `make venv`")
    env = environment({"NO_MKDOCS_2_WARNING": "1"})
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "first-alert" / "index.html").exists()
    assert not list((tmp_path / "site").rglob("*.py"))
