"""The partitions this member was given, and in what state each of them is.

The client calls the listener from its own thread, but only while the loop sits in `poll()`: no lock is needed. It does
local things only. New partitions are paused and wait to be placed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition


@dataclass(slots=True)
class Trouble:
    """A batch that cannot be decoded; times in seconds of the monotonic clock."""

    offset: int
    since: float
    look_again: float


@dataclass(slots=True, eq=False)
class Reading:
    """A placed partition. `position` is where the next batch begins: everything before it is stored."""

    at: TopicPartition
    incarnation: str
    position: int
    read_until: datetime | None = None  # every record with an earlier timestamp of Kafka's is read, about
    trouble: Trouble | None = None


class Holdings(ConsumerRebalanceListener):  # type: ignore[misc]  # the client is untyped
    """What is ours now. `new` waits to be placed; `unreadable` and `resting` are placed but paused."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._consumer = consumer
        self.new: set[TopicPartition] = set()
        self.placed: dict[TopicPartition, Reading] = {}
        self.unreadable: set[TopicPartition] = set()
        self.resting: dict[TopicPartition, str] = {}  # why

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        for at in assigned:
            self.put_back(at)

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        for at in revoked:
            self.forget(at)

    def on_partitions_lost(self, lost: Collection[TopicPartition]) -> None:
        self.on_partitions_revoked(lost)

    def forget(self, at: TopicPartition) -> None:
        self.new.discard(at)
        self.placed.pop(at, None)
        self.unreadable.discard(at)
        self.resting.pop(at, None)

    def put_back(self, at: TopicPartition) -> None:
        """To be placed, as if it were new: nothing of it is read before."""
        self.forget(at)
        self._consumer.pause(at)
        # Any position will do. Without one the client asks for the committed offset, and raises where there is none.
        self._consumer.seek(at, 0)
        self.new.add(at)

    def flowing(self) -> list[TopicPartition]:
        """What should be read now."""
        return [at for at in self.placed if at not in self.unreadable and at not in self.resting]

    def owns(self, reading: Reading) -> bool:
        """Whether it is still the same stay: not lost, and not lost and given back."""
        return self.placed.get(reading.at) is reading
