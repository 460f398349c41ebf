"""Blocks of documents, run by a shell as somebody at a terminal would."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.process import PROGRAM


def run_block(text: str, home: Path, env: Mapping[str, str]) -> str:
    """What it prints. `innerloop` and `python` are found where a shell looks for them."""
    tools = home / "bin"
    tools.mkdir(exist_ok=True)
    (tools / "innerloop").write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n', encoding="utf-8")
    (tools / "innerloop").chmod(0o755)
    path = f"{tools}:{Path(sys.executable).parent}:{env.get('PATH', os.defpath)}"
    command = ["bash", "-euo", "pipefail", "-c", text]
    done = subprocess.run(command, cwd=home, env={**env, "PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout
