"""Where the time of an event goes: each stage of the pipeline called by itself, over the same events.

What Kafka's client takes is not among them; `bench.throughput` shows it as the job less these.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from bench import load
from worker.classify.redact import redact_response
from worker.clock import SystemClock
from worker.ingest.records import Accepted, Batch, Record, Slice
from worker.model.decision import Facts
from worker.pipeline import Pipeline, understand
from worker.ruleset import LiveSet, compose
from worker.store.engine import open_store

_BATCH = 1000
_BATCHES = 10
T = TypeVar("T")


def print_stages(store: str, url: str, unhappy: float, rules: int = 10) -> None:
    """CPU µs per event by stage; what is left of the whole after reading, redacting, classifying, deciding: writing."""
    live, records = live_set(rules), _records(unhappy)
    accepted = [one for record in records if isinstance(one := live.reader.read(record), Accepted)]
    clean = [redact_response(one.response)[0] for one in accepted]
    judged = [(one, live.classifier.classify(one)) for one in clean]
    now = datetime.now(UTC)
    gc.collect()
    gc.freeze()
    costs = {
        "read": _cost(lambda: [live.reader.read(record) for record in records]),
        "redact": _cost(lambda: [redact_response(one.response) for one in accepted]),
        "classify": _cost(lambda: [live.classifier.classify(one) for one in clean]),
        "prepare rows": _cost(lambda: understand(records, live)),
        "decide": _cost(
            lambda: [live.decider.decide(one, verdict, Facts(), now, lambda _: True) for one, verdict in judged]
        ),
    }
    costs["prepare rows"] -= costs["read"] + costs["redact"] + costs["classify"]
    whole = _whole(url, live, records)
    costs["join, write, commit"] = whole - sum(costs.values())
    parts = "  ".join(f"{name} {cost:.1f}" for name, cost in costs.items())
    print(f"\n{store}, {rules} rules, CPU µs per event by stage, Kafka left out: {whole:.1f}\n  {parts}")


def live_set(rules: int) -> LiveSet:
    verdict = compose(load.rule_files(rules), reachable=lambda _: True, hash_key=b"bench")
    if verdict.live is None:
        raise SystemExit(str(verdict.findings[:3]))
    return verdict.live


def _records(unhappy: float) -> list[Record]:
    values, now = load.events(_BATCH * _BATCHES, unhappy=unhappy), datetime.now(UTC)
    return [
        Record(topic="bench", partition=0, offset=n, incarnation="b", timestamp=now, value=value)
        for n, value in enumerate(values)
    ]


def _cost(work: Callable[[], T]) -> float:
    """The least of three rounds: other programs on the machine slow a round down, never speed it up."""
    return min(_seconds(work) for _ in range(3)) / (_BATCH * _BATCHES) * 1e6


def _seconds(work: Callable[[], T]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _whole(url: str, live: LiveSet, records: list[Record]) -> float:
    """All batches through the pipeline: the median batch."""
    store = open_store(url)
    pipeline = Pipeline(
        store, lambda: live, SystemClock(), alert_max_age=timedelta(days=7), seal=None, told=lambda: None
    )
    times = sorted(_seconds(lambda first=n: pipeline.process(_batch(records, first))) for n in _starts())  # type: ignore[misc]
    store.close()
    return times[len(times) // 2] / _BATCH * 1e6


def _starts() -> range:
    return range(0, _BATCH * _BATCHES, _BATCH)


def _batch(records: list[Record], first: int) -> Batch:
    part = tuple(records[first : first + _BATCH])
    end = first + len(part)
    return Batch(slices=(Slice(topic="bench", partition=0, incarnation="b", first=first, next=end, records=part),))
