"""Kafka's jars, fetched once by Maven into the cache."""

from __future__ import annotations

import functools
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from tests.support.servers import cache_dir, locked

_POM = Path(__file__).with_name("pom.xml")
_LEAST_JAVA = 17
_FETCH_SECONDS = 300


class NoKafka(Exception):
    """Apache Kafka cannot run here; the message says what is missing."""


@functools.cache
def why_not() -> str | None:
    """What is missing on this machine to run Apache Kafka, or None."""
    lacking = [name for name in ("java", "mvn") if not shutil.which(name)]
    if lacking:
        return f"{' and '.join(lacking)} not found"
    text = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', text)
    if version is None or int(version[1]) < _LEAST_JAVA:
        return f"java is older than {_LEAST_JAVA}"
    return None


def classpath() -> str:
    """For `java -cp`. Downloads on first use; raises NoKafka with the reason."""
    if (reason := why_not()) is not None:
        raise NoKafka(reason)
    # The directory is named after the POM's content: another version gets another directory.
    digest = hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]
    jars = cache_dir() / f"kafka-{digest}"
    with locked(cache_dir() / "kafka.lock"):
        if not jars.exists():
            _fetch(jars)
    return f"{jars}/*"


def _fetch(jars: Path) -> None:
    half = jars.with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    command = [
        "mvn", "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", "-DincludeScope=runtime",
        f"-DoutputDirectory={half}",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_FETCH_SECONDS)
    except subprocess.TimeoutExpired:
        raise NoKafka(f"mvn did not fetch Kafka's jars within {_FETCH_SECONDS} s") from None
    if done.returncode:
        raise NoKafka(f"mvn could not fetch Kafka's jars: {(done.stdout + done.stderr).strip()[:300]}")
    half.rename(jars)
