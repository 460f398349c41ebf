"""How long a detractor's alert takes, from producing the event to the provider's request; and what idling costs.

python -m bench.latency [--rate 20] [--rate 200] [--seconds 15] [--store sqlite]

`innerloop run` in all its roles, a real Kafka, and a Slack that answers at once. Events come one by one at an even
rate; every receiver is a person of their own, so that nobody's one message a second is in the way. Where alerts come
faster than the machine lets them out, the figure is the length of the queue, and says so.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench import load
from bench.provider import Provider, provider
from bench.stand import POSTGRESQL, SQLITE, Stores, cpu_seconds, kafka, slack_settings, stores
from tests.support import servers
from tests.support.kafka.cluster import Kafka
from tests.support.process import Innerloop, RunningWorker
from tests.support.waiting import until

_CALM = 200.0  # happy events a second
_APART = 10**6  # customers of one feed are counted from here, those of the next from twice this


@contextmanager
def worker(cluster: Kafka, topic: str, url: str, slack: Provider, receivers: int) -> Iterator[RunningWorker]:
    """`innerloop run` in all its roles, ready."""
    home = servers.short_temp_dir("bench-run")
    load.write_rules(load.rule_files(10, receivers=receivers), home)
    innerloop = Innerloop(home)
    innerloop.settings = {
        **cluster.settings(),
        **slack_settings(url, slack.url),
        "INNERLOOP_KAFKA_TOPICS": topic,
    }
    try:
        yield innerloop.run()
    finally:
        innerloop.close()


def feed(cluster: Kafka, topic: str, values: list[bytes], rate: float, first: int) -> dict[int, float]:
    """One event after the other at an even rate; when each was produced, by number."""
    producer = cluster.producer(linger_ms=0)
    sent: dict[int, float] = {}
    began = time.monotonic()
    for n, value in enumerate(values):
        wait = began + n / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        sent[first + n] = time.monotonic()
        producer.produce(topic, value)
        producer.poll(0)
    producer.flush(20)
    return sent


def busy(running: RunningWorker, seconds: float) -> float:
    """Share of a core that the worker uses while nothing is sent."""
    before, began = cpu_seconds(running.process.pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(running.process.pid) - before) / (time.monotonic() - began)


def measure(
    cluster: Kafka, ready: Stores, store: str, rates: Sequence[float], seconds: float, idle_seconds: float
) -> None:
    topic, most = cluster.create_topic(), int(max(rates) * seconds)
    with provider() as slack, worker(cluster, topic, ready.fresh(store), slack, receivers=most) as running:
        feed(cluster, topic, load.events(100, unhappy=1, agents=most), 50, 0)
        until(lambda: len(slack.arrived) >= 100, 60, what="the first alerts")
        time.sleep(2)
        print(f"\n{store}: idle {busy(running, idle_seconds):.1%} of a core", flush=True)
        happy = load.events(int(_CALM * seconds), unhappy=0, first=_APART)
        calm = during(running, cluster, topic, happy, _CALM, _APART)[0]
        print(f"{store}: {_CALM:g} events/s without a detractor {calm:.1%} of a core", flush=True)
        for n, rate in enumerate(rates, start=2):
            unhappy = load.events(int(rate * seconds), unhappy=1, first=n * _APART, agents=most)
            share, sent = during(running, cluster, topic, unhappy, rate, n * _APART)
            until(lambda sent=sent: slack.arrived.keys() >= sent.keys(), 300, what="all alerts")  # type: ignore[misc]
            print_times(store, rate, share, [slack.arrived[number] - at for number, at in sent.items()])


def during(
    running: RunningWorker, cluster: Kafka, topic: str, values: list[bytes], rate: float, first: int
) -> tuple[float, dict[int, float]]:
    """Share of a core while these are fed, and when each was."""
    before, began = cpu_seconds(running.process.pid), time.monotonic()
    sent = feed(cluster, topic, values, rate, first)
    return (cpu_seconds(running.process.pid) - before) / (time.monotonic() - began), sent


def print_times(store: str, rate: float, share: float, times: list[float]) -> None:
    ordered = sorted(times)
    p50, p99 = (ordered[int(len(ordered) * part)] * 1000 for part in (0.5, 0.99))
    print(
        f"{store}: {rate:g} detractors/s {share:.1%} of a core; from produce to the provider's request "
        f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, slowest {ordered[-1] * 1000:.0f} ms, {len(ordered):,} alerts",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, action="append", help="detractors a second")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--store", action="append", choices=(SQLITE, POSTGRESQL))
    asked = parser.parse_args(arguments)
    names = asked.store or [SQLITE, POSTGRESQL]
    with kafka() as cluster, stores(names) as ready:
        for store in names:
            measure(cluster, ready, store, asked.rate or [20, 200], asked.seconds, asked.seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
