"""What an event costs: decoding only, one durable row for each, and the whole job, taking turns on one Kafka.

python -m bench.throughput [--events 20000] [--rounds 3] [--unhappy 0.2] [--store sqlite] [--store postgresql]

Everybody reads the same topic from its start, a thousand records a poll, in a process of its own. Compare the columns
of one run with each other, never with another run's: the machine decides about the microseconds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import load
from bench.stages import print_stages
from bench.stand import POSTGRESQL, SQLITE, Stores, kafka, produce, stores
from tests.support import servers
from tests.support.kafka.cluster import Kafka
from worker import log

LENGTHS = (10, 1000)
DECODE, ROWS = "decode only", "one row each"
Cost = dict[str, float]


def whole(rules: int) -> str:
    return f"whole job, {rules:,} rules"


@dataclass(frozen=True, slots=True)
class Track:
    """Where everybody runs."""

    cluster: Kafka
    stores: Stores
    topic: str
    events: int
    rules: Path  # a directory for each length

    def run(self, kind: str, *more: str) -> Cost:
        command = [sys.executable, "-m", "bench.contender", kind, self.cluster.bootstrap, self.topic, str(self.events)]
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=600, check=False)
        if done.returncode or not done.stdout:
            raise SystemExit(f"{kind} failed:\n{done.stderr[-3000:]}")
        found: Cost = json.loads(done.stdout.splitlines()[0])
        return found

    def round(self, store: str) -> dict[str, Cost]:
        """Everybody once."""
        costs = {DECODE: self.run("decode"), ROWS: self.run("rows", self.stores.fresh(store))}
        for length in LENGTHS:
            costs[whole(length)] = self.run("job", self.stores.fresh(store), str(self.rules / str(length)))
        return costs


def measure(track: Track, names: list[str], rounds: int) -> None:
    found: dict[str, list[dict[str, Cost]]] = defaultdict(list)
    for _ in range(rounds):
        for store in names:
            found[store].append(track.round(store))
    for store, costs in found.items():
        print_table(store, costs)


def print_table(store: str, rounds: list[dict[str, Cost]]) -> None:
    """The median of each column; ratios are taken within a round, then their median."""
    print(f"\n{store:26} events/s   CPU µs/event   to one row each   peak MB", flush=True)
    for name in rounds[0]:
        speed, cpu, peak = (median(one[name][key] for one in rounds) for key in ("per_second", "cpu_us", "peak_mb"))
        ratio = median(one[name]["cpu_us"] / one[ROWS]["cpu_us"] for one in rounds)
        print(f"{name:26} {speed:8,.0f}   {cpu:12.1f}   {ratio:15.2f}   {peak:7.0f}")


def compare(cluster: Kafka, ready: Stores, names: list[str], *, events: int, rounds: int, unhappy: float) -> None:
    """Everybody in turns, then what each stage of the whole job takes."""
    print(f"{events:,} events, {unhappy:.0%} detractors, 40% with a comment; median of {rounds} rounds")
    rules = servers.short_temp_dir("bench-rules")
    for length in LENGTHS:
        load.write_rules(load.rule_files(length), rules / str(length))
    topic = cluster.create_topic("bench.responses")
    produce(cluster, topic, load.events(events, unhappy=unhappy))
    measure(Track(cluster, ready, topic, events, rules), names, rounds)
    for store in names:
        print_stages(store, ready.fresh(store), unhappy)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--unhappy", type=float, default=0.2, help="share of detractors")
    parser.add_argument("--store", action="append", choices=(SQLITE, POSTGRESQL))
    asked = parser.parse_args(arguments)
    log.configure("error", "json")  # the stages run in this process and would narrate between the figures
    names = asked.store or [SQLITE, POSTGRESQL]
    with kafka() as cluster, stores(names) as ready:
        compare(cluster, ready, names, events=asked.events, rounds=asked.rounds, unhappy=asked.unhappy)


if __name__ == "__main__":
    main()
