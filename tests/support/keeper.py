"""Runs one server and ends it when its owner is gone: `python keeper.py SPEC.json`.

A test run that is killed must not leave a broker or a database behind, and a server that several pytest-xdist
workers share belongs to none of them. So each server has a keeper. It writes the server's pid, waits for its end,
and looks five times a second whether the owner still lives. It runs as a bare script: it must start quickly.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_LOOK = 0.2  # seconds between looks
_PATIENCE = 5.0  # seconds for a clean end after the signal to stop


def main(spec: dict[str, Any]) -> int:
    identity = {"user": spec["user"], "group": spec["group"], "extra_groups": []} if spec.get("user") else {}
    with Path(spec["log"]).open("ab") as log:
        server = subprocess.Popen(
            spec["command"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=spec["env"],
            cwd=spec["cwd"],
            start_new_session=True,  # Ctrl-C is for pytest, which still needs its servers while it ends
            **identity,
        )
    _write_pid(Path(spec["pidfile"]), server.pid)
    while server.poll() is None:
        if not _lives(spec["owner"]):
            _end(server, spec["stop_signal"])
            for path in spec["remove"]:
                shutil.rmtree(path, ignore_errors=True)
            return 0
        time.sleep(_LOOK)
    return server.returncode


def _write_pid(path: Path, pid: int) -> None:
    half = path.with_suffix(".half")
    half.write_text(str(pid))
    half.replace(path)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end(server: subprocess.Popen[bytes], stop_signal: int) -> None:
    server.send_signal(stop_signal)
    try:
        server.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


if __name__ == "__main__":
    raise SystemExit(main(json.loads(Path(sys.argv[1]).read_text())))
