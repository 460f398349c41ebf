"""Two workers on the same records at the same instant, as after one of them was frozen and wakes up.

`python -m tests.support.collisions --rounds 10000` runs on a PostgreSQL of its own and says what it saw.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import func, select, text

from tests.support.clock import MovableClock
from tests.support.flow import live_set
from tests.support.postgres import start_private
from worker import metrics
from worker.errors import ConflictError, NotAllowed, NotFound, StoreUnavailable
from worker.followup.closing import CloseOut
from worker.followup.service import Service
from worker.ingest.records import Batch, Record, Slice
from worker.pipeline import Pipeline
from worker.ruleset import LiveSet
from worker.store.engine import Store, open_store
from worker.store.migrate import migrate
from worker.store.reconcile import reconcile
from worker.store.schema import follow_up_responses, follow_ups, ledger, partitions, responses, versions

_PARTITIONS = 2
_ENCODE = msgspec.json.Encoder()
_CLOSED = CloseOut(outcome="recovered", root_cause="billing", action="Fee credited.")
Deed = Callable[[], object]


@dataclass(slots=True)
class Collisions:
    """Each round has a topic, customers and responses of its own; the store stays."""

    store: Store
    seed: int
    live: LiveSet = field(default_factory=live_set)
    clock: MovableClock = field(default_factory=MovableClock)
    problems: list[str] = field(default_factory=list)

    def round(self, number: int) -> None:
        """Let two workers loose on the same records, and look at what they left behind."""
        dice = random.Random(f"{self.seed} {number}")
        topic = f"t-{self.seed}-{number}"
        logs = self._logs(dice, topic)
        together = threading.Barrier(2) if dice.random() < 0.6 else None
        plans = [self._plan(dice, logs) for _ in range(2)]
        length = max(map(len, plans))
        plans = [plan + [_nothing] * (length - len(plan)) for plan in plans]
        threads = [threading.Thread(target=self._run, args=(plan, together, number)) for plan in plans]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self._look(topic, logs)

    # Records

    def _logs(self, dice: random.Random, topic: str) -> list[list[Record]]:
        """What lies in each partition: versions of a few responses of fewer customers."""
        logs: list[list[Record]] = [[] for _ in range(_PARTITIONS)]
        names = [f"r-{topic}-{n}" for n in range(4)]
        for n in range(dice.randint(4, 12)):
            partition = dice.randrange(_PARTITIONS)
            value = self._event(dice, dice.choice(names), topic, n)
            logs[partition].append(
                Record(
                    topic=topic, partition=partition, offset=len(logs[partition]), incarnation="t1",
                    timestamp=self.clock.now() + timedelta(seconds=n), value=_ENCODE.encode(value),
                )
            )  # fmt: skip
        return logs

    def _event(self, dice: random.Random, named: str, topic: str, n: int) -> dict[str, Any]:
        customer = f"c-{topic}-{named[-1:] in '01'}"
        return {
            "id": named, "source": "ccaas", "metric": "nps", "score": dice.choice([0, 2, 5, 9]),
            "comment": dice.choice(["Number", "My solicitor says number"]) + f" {n}.",
            "status": dice.choice(["final", "final", "partial"]),
            "responded_at": (self.clock.now() - timedelta(minutes=5)).isoformat(),
            "updated_at": dice.choice([None, (self.clock.now() + timedelta(seconds=n)).isoformat()]),
            "customer": {"id": customer} if named[-1] != "3" else {}, "interaction": {"agent": "a-417"},
        }  # fmt: skip

    # Workers

    def _plan(self, dice: random.Random, logs: Sequence[Sequence[Record]]) -> list[Deed]:
        """Every record once, in batches of this worker's own, between other things that workers and people do."""
        pipeline = Pipeline(
            self.store, lambda: self.live, self.clock, alert_max_age=timedelta(days=7), seal=None, told=_nothing
        )
        at = [0] * len(logs)
        plan: list[Deed] = []
        while any(at[p] < len(log) for p, log in enumerate(logs)):
            slices = []
            for p in dice.sample(range(len(logs)), dice.randint(1, len(logs))):
                end = min(len(logs[p]), at[p] + dice.randint(1, 4))
                if end > at[p]:
                    slices.append(_slice(logs[p], at[p], end))
                    at[p] = end
            plan.append(lambda slices=tuple(slices): _until_written(pipeline, Batch(slices=slices)))  # type: ignore[misc]
            if dice.random() < 0.4:
                plan.append(self._other(dice, pipeline))
        return [*plan, pipeline.settle]

    def _other(self, dice: random.Random, pipeline: Pipeline) -> Deed:
        service = Service(self.store, lambda: self.live, self.clock)
        kind = dice.randrange(4)
        if kind == 0:
            return lambda: self.clock.advance(minutes=11)
        if kind == 1:
            return pipeline.settle
        if kind == 2:
            return lambda: self._move(lambda id_: service.acknowledge(id_, by="ana", via="cli"))
        return lambda: self._move(lambda id_: service.close(id_, _CLOSED, by="bo", via="cli"))

    def _move(self, act: Callable[[int], object]) -> None:
        with self.store.read() as conn:
            newest = conn.execute(select(func.max(follow_ups.c.id))).scalar()
        if newest:
            try:
                act(newest)
            except (NotAllowed, NotFound, ConflictError):
                return

    def _run(self, plan: Sequence[Deed], together: threading.Barrier | None, number: int) -> None:
        try:
            for deed in plan:
                if together:
                    together.wait(60)
                deed()
        except Exception as error:  # noqa: BLE001 - told with the round it happened in
            self.problems.append(f"round {number}: {type(error).__name__}: {error}")
            if together:
                together.abort()

    # What must hold

    def _look(self, topic: str, logs: Sequence[Sequence[Record]]) -> None:
        written = [record for log in logs for record in log]
        with self.store.read() as conn:
            sums = conn.execute(
                select(
                    func.sum(ledger.c.accepted), func.sum(ledger.c.updated), func.sum(ledger.c.stale),
                    func.sum(ledger.c.duplicate + ledger.c.dead + ledger.c.absent), func.count(ledger.c.gap_reason),
                ).where(ledger.c.topic == topic)
            ).one()  # fmt: skip
            heads = conn.execute(select(partitions.c.partition, partitions.c.next_offset).where(
                partitions.c.topic == topic
            )).all()  # fmt: skip
            stored = conn.execute(
                select(responses.c.id, responses.c.external_id, responses.c.version, responses.c.order_key)
                .where(responses.c.origin_topic == topic)
            ).all()  # fmt: skip
            kept = conn.execute(
                select(versions.c.response_id, versions.c.n, versions.c.origin_partition, versions.c.origin_offset)
                .where(versions.c.origin_topic == topic)
            ).all()  # fmt: skip
        accepted, updated, stale, others, gaps = (int(n or 0) for n in sums)
        names = {msgspec.json.decode(record.value or b"")["id"] for record in written}
        self._expect(topic, "a response each", (len(stored), accepted), (len(names), len(names)))
        self._expect(topic, "records in the ledger", accepted + updated + stale, len(written))
        self._expect(topic, "neither duplicates nor gaps", (others, gaps), (0, 0))
        self._expect(topic, "heads", dict(map(tuple, heads)), {p: len(log) for p, log in enumerate(logs) if log})
        self._expect(topic, "versions", len(kept), accepted + updated)
        self._expect(topic, "each record one version", len({(row[2], row[3]) for row in kept}), len(kept))
        numbers = Counter((row[0], n + 1) for row in stored for n in range(row[2]))
        self._expect(topic, "numbers of versions", Counter((row[0], row[1]) for row in kept), numbers)

    def check(self) -> None:
        """What must hold of the whole store: the account agrees, one live follow-up per key, no deadlock."""
        with self.store.read() as conn:
            account = reconcile(conn)
            doubled = conn.execute(
                select(follow_ups.c.response_id).group_by(follow_ups.c.response_id).having(func.count() > 1)
            ).all()
            live = follow_ups.c.state.in_(("open", "acknowledged", "contacted")) & follow_ups.c.dedupe_key.is_not(None)
            keys = conn.execute(
                select(follow_ups.c.dedupe_key).where(live).group_by(follow_ups.c.playbook, follow_ups.c.dedupe_key)
                .having(func.count() > 1)
            ).all()  # fmt: skip
            parts = conn.execute(select(func.count()).select_from(follow_up_responses)).scalar_one()
        self._expect("store", "account", account["problems"], [])
        self._expect("store", "follow-ups per response and per key", (doubled, keys), ([], []))
        self._expect("store", "responses in follow-ups", parts > 0, True)
        self._expect("store", "deadlocks", self.deadlocks(), 0)

    def deadlocks(self) -> int:
        """As PostgreSQL itself counts them; sessions tell it when they end."""
        self.store.close()
        with self.store.read() as conn:
            query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            return int(conn.execute(text(query)).scalar_one())

    def _expect(self, where: str, what: str, found: object, expected: object) -> None:
        if found != expected:
            self.problems.append(f"{where}: {what}: {found!r}, not {expected!r}")


def _slice(log: Sequence[Record], first: int, end: int) -> Slice:
    one = log[first]
    return Slice(
        topic=one.topic, partition=one.partition, incarnation=one.incarnation, first=first, next=end,
        records=tuple(log[first:end]),
    )  # fmt: skip


def _until_written(pipeline: Pipeline, batch: Batch) -> None:
    """As the reading loop does it: what the store could not take is held and tried again."""
    for _ in range(20):
        try:
            pipeline.process(batch)
        except StoreUnavailable:
            continue
        return
    raise StoreUnavailable("twenty times in a row")


def _nothing() -> None:
    """A worker that has nothing to do."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    wanted = parser.parse_args()
    server = start_private(os.getpid())
    try:
        url = server.create_database()
        store = open_store(url)
        migrate(store)
        collisions = Collisions(store, wanted.seed)
        for number in range(wanted.rounds):
            collisions.round(number)
            if number % 500 == 499:
                _say(f"{number + 1} of {wanted.rounds}, {len(collisions.problems)} problems")
        collisions.check()
        store.close()
    finally:
        server.destroy()
    again = metrics.REGISTRY.get_sample_value("innerloop_store_clashes_total")
    _say(*collisions.problems[:20])
    _say(f"seed {wanted.seed}: {wanted.rounds} rounds, {again} transactions again, {len(collisions.problems)} problems")
    return 1 if collisions.problems else 0


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
