"""Each column that can hold words is known to hold a person, or not: no new one escapes erasure unnoticed."""

from __future__ import annotations

from sqlalchemy import LargeBinary, Text

from tests.support.forgetting import PERSONAL
from worker.store.schema import metadata
from worker.store.types import Document

# Hold more about a customer than ids of ours in some stories only. Erased or pruned as well, as their tests tell.
SOMETIMES = {
    "responses": "verdict", "dead_letters": "message", "customers": "customer_key facts", "follow_ups": "cancel_reason",
    "history": "detail", "notices": "data", "threads": "subject", "deliveries": "address", "clicks": "payload",
}  # fmt: skip
# Ids, words from lists, codes of providers, people at work, and the rules.
NEVER = {
    "absences": "person delegate entered_by",
    "attempts": "outcome reason",
    "audit": "what by via detail",
    "channels": "channel address reason",
    "clicks": "via external_key",
    "dead_letters": "topic incarnation source stage reason state",
    "decisions": "revision rule outcome reason playbook priority owner also observed facts skips rest",
    "deliveries": "key channel state lease_token provider_id reason",
    "duties": "name holder",
    "follow_up_responses": "how",
    "follow_ups": "revision rule playbook plan state owner owner_via stands_in_for passed_on tags due_span "
    "due_calendar acknowledged_by contacted_by closed_by outcome root_cause",
    "history": "what by via",
    "ids": "name",
    "ledger": "topic incarnation gap_reason",
    "notices": "cause recipient kind channels state reason",
    "partitions": "topic incarnation paused_reason",
    "pauses": "reason",
    "responses": "source external_id survey metric score class status order_key origin_topic "
    "origin_incarnation origin_how",
    "rule_sets": "revision files author verdict",
    "threads": "channel address provider_ref",
    "timers": "step state reason",
    "tokens": "hash name person scopes",
    "versions": "order_key content_hash origin_topic origin_incarnation origin_how",
    "workers": "name roles revision refused",
}


def named(tables: dict[str, str]) -> set[str]:
    return {f"{table}.{column}" for table, columns in tables.items() for column in columns.split()}


def test_every_column_with_words_is_known_to_hold_a_person_or_not() -> None:
    columns = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Text | Document | LargeBinary)
    }
    # May a customer be in a new one? Let erasure, export and pruning see it, and the story of test_erasure fill it.
    assert columns == PERSONAL | named(SOMETIMES) | named(NEVER)


def test_no_column_is_said_to_be_both() -> None:
    assert not named(NEVER) & (PERSONAL | named(SOMETIMES))
