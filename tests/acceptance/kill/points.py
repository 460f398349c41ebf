"""What harness and victim agree on. No import of `worker` here: the harness must not have any."""

from __future__ import annotations

MARK = "KILLPOINT"

POINTS = (
    "after_poll",  # records are here, nothing is written
    "in_transaction",  # written, not yet durable
    "before_commit",  # durable, Kafka does not know
    "after_claim",  # a delivery is claimed, nothing is sent
    "after_answer",  # the provider has it, we have not written that down
    "settling",  # inside the transaction that settles a waiting response
    "replaying",  # inside the transaction that reads a dead letter again
)

DELIVERING = ("after_claim", "after_answer")
