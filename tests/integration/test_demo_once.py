"""The whole demo, as a newcomer runs it: one command, a table at the end, and nothing left behind."""

from __future__ import annotations

import re
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.support.process import Done, Innerloop
from tests.support.waiting import until

# 60 s after set-up is the promise; a machine that runs other tests as well needs more, and the worker must start twice.
SLOWEST = 120.0


def started_from(place: Path) -> list[str]:
    """Command lines of living processes that name this directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:  # it has just ended
            continue
        if str(place) in words:
            found.append(words)
    return found


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, float, Path]:
    home = tmp_path_factory.mktemp("demo")
    began = time.monotonic()
    done = Innerloop(home)("demo", "--once", timeout=SLOWEST + 60, TMPDIR=str(home))
    return done, time.monotonic() - began, home


@pytest.mark.timeout(200)
def test_it_ends_well_and_in_time(once: tuple[Done, float, Path]) -> None:
    done, seconds, _ = once
    assert done.code == 0, done.out + done.err
    assert seconds < SLOWEST


@pytest.mark.timeout(200)
def test_the_table_counts_in_whole_numbers(once: tuple[Done, float, Path]) -> None:
    out = once[0].out
    counts = {name: int(n) for name, n in re.findall(r"(promoter|passive|detractor|dead letters)\s+(\d+)", out)}
    assert sum(counts.values()) == 406
    assert counts["dead letters"] == 1
    assert re.search(r"^cyd\s+\d+\s+\d+\s+\d+", out, re.MULTILINE)
    assert re.search(r"^slack\s+\d+\s+0", out, re.MULTILINE)
    assert re.search(r"^email\s+\d+\s+0", out, re.MULTILINE)
    assert "read 412 = 405 accepted + 5 updated + 1 duplicate + 1 dead" in out


@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    "sentence",
    [
        "One alert about Ines Ferrer, to Cyd: Ana is away.",
        "Oskar Lind is a silent detractor",
        "Farah Aziz goes to Hana, urgent.",
        "Piet Jansen's alert came by mail",
        "A dead letter, with its reason: The value is not JSON",
        "Leo Brandt's second answer joins the same follow-up",
        "Rita hears about the praise.",
        "The totals agree",
        "João Pinto's Portuguese comment",
        "Clocks that count business time stand until Mon 09:00.",
        "He asked not to be contacted; Cyd fixed the bill.",
    ],
)
def test_the_story_is_told_to_its_end(once: tuple[Done, float, Path], sentence: str) -> None:
    assert sentence in once[0].out


@pytest.mark.timeout(200)
def test_nothing_it_started_is_alive_and_nothing_is_left_on_the_disk(once: tuple[Done, float, Path]) -> None:
    home = once[2]
    assert not list(home.iterdir())
    if sys.platform == "linux":
        assert started_from(home) == []


@pytest.mark.timeout(120)
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_demo_that_is_killed_takes_its_worker_along(innerloop: Innerloop, tmp_path: Path) -> None:
    running = innerloop.start("demo", "--once", TMPDIR=str(tmp_path))
    until(lambda: [line for line in started_from(tmp_path) if "worker.demo" in line], 60, what="the worker's process")
    running.signal(signal.SIGKILL)
    until(lambda: not started_from(tmp_path), 40, what="the worker to end as well")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("number", "ignored"), [(signal.SIGINT, ""), (signal.SIGINT, "INT"), (signal.SIGTERM, "TERM")])
def test_a_signal_ends_it_cleanly(innerloop: Innerloop, tmp_path: Path, number: signal.Signals, ignored: str) -> None:
    # Given: a demo under way, also one whose parent ignores signals, as a script's background jobs do
    running = innerloop.start("demo", ignoring=ignored, TMPDIR=str(tmp_path))
    running.wait_for_line(r"Ines Ferrer", 150)
    # When
    running.signal(number)
    # Then: the end state is printed, and nothing is left
    assert running.wait(60) == 0
    assert re.search(r"^read \d+ = ", running.output, re.MULTILINE)
    assert not list(tmp_path.glob("innerloop-demo-*"))
    assert started_from(tmp_path) == []


@pytest.mark.timeout(120)
def test_a_signal_before_it_has_begun_ends_it_too(innerloop: Innerloop, tmp_path: Path) -> None:
    running = innerloop.start("demo", TMPDIR=str(tmp_path))
    running.wait_for_line(r"Ask it yourself", 60)
    running.signal(signal.SIGINT)
    assert running.wait(60) == 0
    assert not list(tmp_path.glob("innerloop-demo-*"))
