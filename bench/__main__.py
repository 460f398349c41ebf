"""Everything in one run: throughput beside plain loops, matching, sending, latency, idling.

python -m bench [--quick] [--store sqlite] [--store postgresql] [--unhappy 0.2]

`--quick` ends in about a minute on a machine with nothing else to do and says roughly the same; the whole takes about
ten. Everything of one run stands on one Kafka and the same stores, so its figures may be compared with each other.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

from bench import latency, rules, sending, throughput
from bench.stand import POSTGRESQL, SQLITE, Stores, kafka, stores
from tests.support.kafka.cluster import Kafka
from worker import log


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is measured. `rates` are detractors a second, `seconds` how long each is kept up."""

    events: int
    rounds: int
    alerts: int
    rates: tuple[float, ...]
    seconds: float
    idle_seconds: float


FULL = Amount(events=10_000, rounds=3, alerts=1000, rates=(20, 200), seconds=10, idle_seconds=10)
QUICK = Amount(events=4000, rounds=1, alerts=400, rates=(200,), seconds=3, idle_seconds=5)


def measure(cluster: Kafka, ready: Stores, names: list[str], amount: Amount, unhappy: float) -> None:
    throughput.compare(cluster, ready, names, events=amount.events, rounds=amount.rounds, unhappy=unhappy)
    rules.compare()
    for store in names:
        sending.measure(ready, store, amount.alerts)
        latency.measure(cluster, ready, store, amount.rates, amount.seconds, amount.idle_seconds)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="about a minute instead of ten")
    parser.add_argument("--unhappy", type=float, default=0.2, help="share of detractors among the events")
    parser.add_argument("--store", action="append", choices=(SQLITE, POSTGRESQL))
    asked = parser.parse_args(arguments)
    log.configure("error", "json")  # what is measured in this process would narrate between the figures
    names = asked.store or [SQLITE, POSTGRESQL]
    with kafka() as cluster, stores(names) as ready:
        measure(cluster, ready, names, QUICK if asked.quick else FULL, asked.unhappy)


if __name__ == "__main__":
    main(sys.argv[1:])
