"""How fast waiting alerts go out to a provider that answers at once: one process, the default senders.

python -m bench.sending [--alerts 2000] [--store sqlite]
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta

from bench import load
from bench.provider import Provider, provider
from bench.stand import POSTGRESQL, SQLITE, Stores, cpu_seconds, slack_settings, stores
from tests.support import servers
from tests.support.process import Innerloop
from tests.support.waiting import until
from worker.clock import SystemClock
from worker.ingest.records import Batch, Record, Slice
from worker.pipeline import Pipeline
from worker.ruleset import compose
from worker.store.engine import open_store

_BATCH = 500


def measure(ready: Stores, store: str, alerts: int) -> None:
    """Open that many follow-ups, then start a sender and watch."""
    home, url = servers.short_temp_dir("bench-send"), ready.fresh(store)
    files = load.rule_files(10, receivers=alerts)
    load.write_rules(files, home)
    fill(url, files, alerts)
    innerloop = Innerloop(home)
    with provider() as slack:
        innerloop.settings = slack_settings(url, slack.url)
        try:
            watch(store, innerloop, slack, alerts)
        finally:
            innerloop.close()


def fill(url: str, files: dict[str, bytes], alerts: int) -> None:
    """Let the pipeline open the follow-ups; nobody sends meanwhile."""
    live = compose(files, reachable=lambda _: True, hash_key=b"bench").live
    assert live is not None
    store = open_store(url)
    pipeline = Pipeline(
        store, lambda: live, SystemClock(), alert_max_age=timedelta(days=7), seal=None, told=lambda: None
    )
    values, now = load.events(alerts, unhappy=1, agents=alerts), datetime.now(UTC)
    records = [
        Record(topic="bench", partition=0, offset=n, incarnation="b", timestamp=now, value=value)
        for n, value in enumerate(values)
    ]
    for first in range(0, alerts, _BATCH):
        part = tuple(records[first : first + _BATCH])
        end = first + len(part)
        piece = Slice(topic="bench", partition=0, incarnation="b", first=first, next=end, records=part)
        pipeline.process(Batch(slices=(piece,)))
    store.close()


def watch(store: str, innerloop: Innerloop, slack: Provider, alerts: int) -> None:
    """From the alert that is a tenth of the way to the last: starting up is not sending."""
    running = innerloop.start("run", "--only", "deliver", INNERLOOP_HTTP_LISTEN=f"127.0.0.1:{servers.free_port()}")
    warm = alerts // 10
    until(lambda: len(slack.arrived) >= warm, 120, what="the first alerts")
    cpu, already = cpu_seconds(running.pid), len(slack.arrived)
    until(lambda: len(slack.arrived) >= alerts, 300, what="all alerts")
    cost = (cpu_seconds(running.pid) - cpu) / (alerts - already)
    times = sorted(slack.arrived.values())
    pace = (alerts - already) / (times[-1] - times[already - 1])
    print(f"\n{store}: {pace:.0f} alerts/s to a quick provider, CPU {cost * 1000:.1f} ms per alert", flush=True)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--alerts", type=int, default=2000)
    parser.add_argument("--store", action="append", choices=(SQLITE, POSTGRESQL))
    asked = parser.parse_args(arguments)
    names = asked.store or [SQLITE, POSTGRESQL]
    with stores(names) as ready:
        for store in names:
            measure(ready, store, asked.alerts)


if __name__ == "__main__":
    main(sys.argv[1:])
