"""A store with rows in it: each factory states only what matters to the test, the rest has sensible values.

`offset` counts up by itself, so every row has its own place in the topic.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import delete, insert

from tests.support.clock import FRIDAY
from worker.store import schema
from worker.store.engine import Store

TOPIC = "feedback.responses"
TOPIC_ID = "9mTnXqG5Q0a"


class Rows:
    """Writes rows into `store`."""

    def __init__(self, store: Store, now: datetime = FRIDAY) -> None:
        self.store = store
        self.now = now
        self._offsets = count()

    def put(self, table: str, **values: Any) -> None:
        with self.store.write() as conn:
            conn.execute(insert(schema.metadata.tables[table]).values(**values))

    def put_out(self, table: str) -> None:
        """Take every row of `table` away, as an accident would."""
        with self.store.write() as conn:
            conn.execute(delete(schema.metadata.tables[table]))

    def origin(self, how: str = "kafka") -> dict[str, Any]:
        return {
            "origin_topic": TOPIC,
            "origin_partition": 0,
            "origin_incarnation": TOPIC_ID,
            "origin_offset": next(self._offsets),
            "origin_how": how,
        }

    def response(
        self,
        number: int,
        *,
        ident: str | None = None,
        source: str = "ccaas",
        score: int | None = 2,
        klass: str | None = "detractor",
        customer: str | None = "c-77",
        content: Mapping[str, Any] | None = None,
        how: str = "kafka",
        version: int = 1,
        decided: bool = True,
    ) -> None:
        """A response with its versions and, if `decided`, a decision."""
        ident = ident or f"r-{number}"
        event = {
            "id": ident, "source": source, "responded_at": self.now, "metric": "nps", "score": score,
            "comment": "Third call about the same invoice.",
            "customer": {"id": customer, "key": f"crm/{customer}", "name": "Ines Ferrer"} if customer else {},
            **(content or {}),
        }  # fmt: skip
        origin = self.origin(how)
        self.put(
            "responses", id=number, source=source, external_id=ident,
            customer_key=f"crm/{customer}" if customer else None, responded_at=self.now, survey=None, metric="nps",
            score=None if score is None else str(score), test=False, verdict=verdict(score, klass),
            status="decided" if decided else "waiting", received_at=self.now, version=version, order_key="0",
            settle_at=None if decided else self.now + timedelta(minutes=10), **{"class": klass}, **origin,
        )  # fmt: skip
        for n in range(1, version + 1):
            place = origin if n == 1 else self.origin(how)
            self.put("versions", response_id=number, n=n, order_key=str(n), content=event, content_hash=f"{number}.{n}",
                     received_at=self.now, **place)  # fmt: skip
        if decided:
            self.decision(number)

    def decision(self, response: int, **values: Any) -> None:
        defaults = {
            "version": 1, "revision": "4f2a91c00000", "evaluator": 1, "now": self.now, "rule": "any-detractor",
            "outcome": "open", "playbook": "recover", "priority": "normal", "owner": "ana", "also": [], "observed": [],
            "facts": {"history.detractors_90d": 0}, "too_old": False,
            "skips": [{"candidate": "account_manager", "person": None, "reason": "unknown"}],
            "rest": {"due_at": self.now + timedelta(days=3), "copies": ["team:product"], "tags": ["app-feedback"]},
        }  # fmt: skip
        self.put("decisions", response_id=response, **{**defaults, **values})

    def follow_up(self, number: int, *, response: int, state: str = "open", timer: bool = True, **values: Any) -> None:
        """A follow-up with its opening response, first history row, timer and alert."""
        at, stamps = self.now, {}
        if state in {"acknowledged", "contacted", "closed"}:
            stamps = {"acknowledged_at": at, "acknowledged_by": "ana"}
        if state == "closed":
            stamps |= {"closed_at": at, "closed_by": "ana", "outcome": "recovered", "root_cause": "billing"}
        live = state in {"open", "acknowledged", "contacted"}
        defaults = {
            "customer_key": "crm/c-77", "dedupe_key": f"customer:crm/{number}", "revision": "4f2a91c00000",
            "rule": "any-detractor", "playbook": "recover", "plan": {}, "test": False, "priority": 2, "cycle": 1,
            "version": 1, "owner": "ana", "passed_on": [], "tags": [], "due_from": at, "due_span": "1 business day",
            "due_at": at + timedelta(days=3), "opened_at": at,
            "next_step_at": at + timedelta(hours=2) if live else None,
        }  # fmt: skip
        self.put("follow_ups", id=number, response_id=response, state=state, **{**defaults, **stamps, **values})
        self.put("follow_up_responses", response_id=response, follow_up_id=number, how="opened", at=at)
        self.put("history", follow_up_id=number, version=1, at=at, what="opened", by="rules", via="kafka", note=None)
        if timer and live:
            self.put("timers", follow_up_id=number, cycle=1, step="escalate.0", n=0, fire_at=at, state="pending")

    def notice(
        self,
        number: int,
        *,
        follow_up: int | None = None,
        state: str = "pending",
        recipient: str = "ana",
        started: bool = False,
        **values: Any,
    ) -> None:
        defaults = {
            "cause": f"follow-up/{follow_up}/1/alert/{number}", "kind": "alert", "priority": 2,
            "channels": ["slack", "email"], "next_channel_after": 600, "created_at": self.now, "not_before": self.now,
            "started_at": self.now if started or state != "pending" else None,
            "ended_at": None if state == "pending" else self.now,
            "reason": "no channel left" if state in {"failed", "skipped"} else None,
        }  # fmt: skip
        about = {"follow_up_id": follow_up, "recipient": recipient, "state": state}
        self.put("notices", id=number, **about, **{**defaults, **values})

    def delivery(self, number: int, *, notice: int, state: str = "pending", position: int = 0, **values: Any) -> None:
        defaults = {
            "key": f"d-{number}", "channel": "slack", "address": "U01ANA", "attempts": 1,
            "next_at": self.now if state == "pending" else None,
            "delivered_at": self.now if state == "delivered" else None,
        }  # fmt: skip
        self.put("deliveries", id=number, notice_id=notice, position=position, state=state, **{**defaults, **values})

    def dead_letter(self, number: int, **values: Any) -> None:
        defaults = {
            "topic": TOPIC, "partition": 0, "incarnation": TOPIC_ID, "offset": next(self._offsets), "source": "ccaas",
            "stage": "read", "reason": "missing_field", "message": "The event has no responded_at.",
            "excerpt": '{"id": "r-9"}', "at": self.now, "state": "open", "purge_at": self.now + timedelta(days=30),
        }  # fmt: skip
        self.put("dead_letters", id=number, **{**defaults, **values})

    def ledger(
        self, from_: int, to: int, *, seq: int = 0, gap: str | None = None, head: bool = False, **counts: int
    ) -> None:
        """A row of the ledger; with `head` the partition's row too, standing at `to`."""
        place = {"topic": TOPIC, "partition": 0, "incarnation": TOPIC_ID}
        range_ = {"day": self.now.date(), "seq": seq, "from_offset": from_, "to_offset": to, "gap_reason": gap}
        self.put("ledger", **place, **range_, **counts)
        if head:
            self.put("partitions", next_offset=to, **place)


def verdict(score: int | None, klass: str | None) -> dict[str, Any]:
    return {
        "metric": "nps", "score": score, "klass": klass, "scale_low": 0, "scale_high": 10, "sentiment": "negative",
        "themes": ["billing"], "severity": [],
    }  # fmt: skip
