"""How long a detractor's alert takes, from producing the event to the provider's request; and what idling costs.

python -m bench.latency [--rate 200] [--seconds 20] [--store sqlite]

`innerloop run` in all its roles, a real Kafka, and a Slack that answers at once. Events come one by one at an even
rate; every receiver is a person of their own, so that nobody's one message a second is in the way.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote_plus

from bench import load
from bench.stand import POSTGRESQL, SQLITE, Stores, cpu_seconds, kafka, stores
from tests.support import servers
from tests.support.kafka.cluster import Kafka
from tests.support.process import Innerloop, RunningWorker
from tests.support.waiting import until

_WHO = re.compile(r"Customer (\d+)\b")
_IDLE_SECONDS = 15.0


class Provider:
    """Takes chat.postMessage, answers at once, and remembers when a request about which customer had arrived."""

    def __init__(self) -> None:
        self.arrived: dict[int, float] = {}
        self.port = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._count = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/"

    def start(self) -> None:
        threading.Thread(target=self._serve, daemon=True).start()
        self._ready.wait(5)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._answer, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = re.search(r"content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        self._take(body, time.monotonic())
        self._count += 1
        answer = b'{"ok": true, "channel": "D%d", "ts": "1.%06d"}' % (self._count, self._count)
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b"
            % (len(answer), answer)
        )
        await writer.drain()
        writer.close()

    def _take(self, body: bytes, at: float) -> None:
        text = body.decode("utf-8", "replace")
        found = _WHO.search(text) or _WHO.search(unquote_plus(text))
        if found:
            self.arrived.setdefault(int(found[1]), at)


@contextmanager
def worker(cluster: Kafka, topic: str, url: str, provider: Provider, receivers: int) -> Iterator[RunningWorker]:
    """`innerloop run`, ready."""
    home = servers.short_temp_dir("bench-run")
    load.write_rules(load.rule_files(10, receivers=receivers), home)
    innerloop = Innerloop(home)
    innerloop.settings = {
        **cluster.settings(),
        "INNERLOOP_STORE_URL": url,
        "INNERLOOP_KAFKA_TOPICS": topic,
        "INNERLOOP_SLACK_BOT_TOKEN": "xoxb-1-bench",
        "INNERLOOP_SLACK_BASE_URL": provider.url,
        "INNERLOOP_SECRET_KEYS": "k" * 32,
        "INNERLOOP_LOG_LEVEL": "error",
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


def busy(running: RunningWorker) -> float:
    """Share of a core that the worker uses while nothing is sent."""
    before, began = cpu_seconds(running.process.pid), time.monotonic()
    time.sleep(_IDLE_SECONDS)
    return (cpu_seconds(running.process.pid) - before) / (time.monotonic() - began)


def measure(cluster: Kafka, ready: Stores, store: str, rate: float, seconds: float) -> None:
    provider = Provider()
    provider.start()
    topic = cluster.create_topic()
    alerts = int(rate * seconds)
    with worker(cluster, topic, ready.fresh(store), provider, receivers=alerts) as running:
        feed(cluster, topic, load.events(100, unhappy=1, agents=alerts), 50, 0)
        until(lambda: len(provider.arrived) >= 90, 60, what="the first alerts")
        time.sleep(2)
        print(f"\n{store}: idle {busy(running):.1%} of a core")
        happy = load.events(alerts, unhappy=0, first=10**6)
        calm = during(running, cluster, topic, happy, rate, 10**6)[0]
        print(f"{store}: {rate:g} events/s without a detractor {calm:.1%}")
        unhappy = load.events(alerts, unhappy=1, first=1000, agents=alerts)
        share, sent = during(running, cluster, topic, unhappy, rate, 1000)
        until(lambda: provider.arrived.keys() >= sent.keys(), 120, what="all alerts")
        print_times(store, rate, share, [provider.arrived[n] - at for n, at in sent.items()])
    provider.stop()


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
        f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, slowest {ordered[-1] * 1000:.0f} ms, {len(ordered):,} alerts"
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--store", action="append", choices=(SQLITE, POSTGRESQL))
    asked = parser.parse_args(arguments)
    names = asked.store or [SQLITE, POSTGRESQL]
    with kafka() as cluster, stores(names) as ready:
        for store in names:
            measure(cluster, ready, store, asked.rate, asked.seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
