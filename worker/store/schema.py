"""All tables. Constraints repeat the invariants, so that no code path can break them.

Ids are integers handed out before the insert (store.ids) and shown to people as they are.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger, Boolean, CheckConstraint, Column, Date, Float, ForeignKey, Index, Integer, LargeBinary, MetaData,
    Table, Text, UniqueConstraint, text,
)  # fmt: skip

from worker.store.types import Document, UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

LIVE = "state IN ('open', 'acknowledged', 'contacted')"
PENDING = "state = 'pending'"


def _where(condition: str) -> dict[str, object]:
    """A partial index on both engines."""
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


def _id() -> Column[int]:
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)


def _origin() -> list[Column[object]]:
    return [
        Column("origin_topic", Text, nullable=False),
        Column("origin_partition", Integer, nullable=False),
        Column("origin_incarnation", Text, nullable=False),
        Column("origin_offset", BigInteger, nullable=False),
        Column("origin_how", Text, nullable=False),
    ]


# Reading -------------------------------------------------------------------------------------------------------

partitions = Table(
    "partitions",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("incarnation", Text, nullable=False),  # topic id: a re-created topic starts at offset 0 again
    Column("next_offset", BigInteger, nullable=False),  # the ledger's head
    Column("paused_reason", Text),
    Column("accepted_until", BigInteger),  # a storm that ops accepted: unreadable records up to here are dead letters
)

ledger = Table(
    "ledger",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("incarnation", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("from_offset", BigInteger, nullable=False),
    Column("to_offset", BigInteger, nullable=False),
    *[
        Column(name, BigInteger, nullable=False, server_default="0")
        for name in ("accepted", "updated", "duplicate", "stale", "not_response", "dead", "absent", "again")
    ],
    Column("gap_reason", Text),
    CheckConstraint("to_offset >= from_offset", name="forward"),
    CheckConstraint(
        "gap_reason IS NOT NULL AND accepted + updated + duplicate + stale + not_response + dead + absent = 0 OR "
        "gap_reason IS NULL AND accepted + updated + duplicate + stale + not_response + dead + absent "
        "= to_offset - from_offset",
        name="adds_up",
    ),
)

responses = Table(
    "responses",
    metadata,
    _id(),
    Column("source", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("customer_key", Text),
    Column("responded_at", UtcTime, nullable=False),
    Column("survey", Text),
    Column("metric", Text, nullable=False),
    Column("score", Text),  # decimal text: every digit is kept
    Column("class", Text),
    Column("test", Boolean, nullable=False),
    Column("verdict", Document, nullable=False),
    Column("status", Text, nullable=False),  # waiting (for its other half), decided
    Column("settle_at", UtcTime),
    Column("version", Integer, nullable=False),
    Column("order_key", Text, nullable=False),  # of the current version
    Column("contact", Document),  # the only place of phone and address found in a comment
    *_origin(),
    Column("received_at", UtcTime, nullable=False),
    Column("erased_at", UtcTime),
    UniqueConstraint("source", "external_id"),
    CheckConstraint("status IN ('waiting', 'decided')", name="status"),
    CheckConstraint("(status = 'waiting') = (settle_at IS NOT NULL)", name="settles"),
    CheckConstraint("class IN ('promoter', 'passive', 'detractor')", name="class"),
    CheckConstraint("version >= 1", name="version"),
    Index("ix_responses_customer", "customer_key", "responded_at"),
    Index("ix_responses_settle", "settle_at", **_where("status = 'waiting'")),  # type: ignore[arg-type]
    Index("ix_responses_origin", "origin_topic", "origin_partition", "origin_incarnation", "origin_offset"),
)

versions = Table(
    "versions",
    metadata,
    Column("response_id", ForeignKey("responses.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("order_key", Text, nullable=False),
    Column("content", Document, nullable=False),  # redacted, without contact data
    Column("content_hash", Text, nullable=False),
    *_origin(),
    Column("received_at", UtcTime, nullable=False),
    UniqueConstraint("response_id", "content_hash"),
    Index("ix_versions_origin", "origin_topic", "origin_partition", "origin_incarnation", "origin_offset"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    _id(),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("incarnation", Text, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("source", Text),
    Column("stage", Text, nullable=False),  # decode, read, store
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("excerpt", Text),  # redacted
    Column("sealed", LargeBinary),  # the record as it came, encrypted; purged after 30 days
    Column("at", UtcTime, nullable=False),
    Column("state", Text, nullable=False, server_default="open"),
    Column("response_id", ForeignKey("responses.id")),
    Column("purge_at", UtcTime, nullable=False),
    UniqueConstraint("topic", "partition", "incarnation", "offset"),
    CheckConstraint("state IN ('open', 'replayed', 'discarded')", name="state"),
    Index("ix_dead_letters_at", "at"),
)

customers = Table(
    "customers",
    metadata,
    Column("customer_key", Text, primary_key=True),
    Column("facts", Document, nullable=False),
    Column("as_of", UtcTime, nullable=False),
    Column("erased_at", UtcTime),
)

# Deciding ------------------------------------------------------------------------------------------------------

rule_sets = Table(
    "rule_sets",
    metadata,
    Column("revision", Text, primary_key=True),
    Column("files", Document, nullable=False),  # path -> text, of rules/ and templates/
    Column("author", Text),
    Column("accepted_at", UtcTime, nullable=False),
    Column("verdict", Document, nullable=False),  # counts and warnings of the check that accepted it
)

decisions = Table(
    "decisions",
    metadata,
    Column("response_id", ForeignKey("responses.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("revision", Text, nullable=False),
    Column("evaluator", Integer, nullable=False),
    Column("now", UtcTime, nullable=False),
    Column("rule", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("reason", Text),
    Column("playbook", Text),
    Column("priority", Text),
    Column("owner", Text),
    Column("also", Document, nullable=False),
    Column("observed", Document, nullable=False),
    Column("facts", Document, nullable=False),  # what was not in the response
    Column("skips", Document, nullable=False),
    Column("rest", Document, nullable=False),  # copies, tags, due_at, owner_via, stands_in_for, calendar
    Column("too_old", Boolean, nullable=False),
    CheckConstraint("outcome IN ('open', 'ignore')", name="outcome"),
)

# Following up --------------------------------------------------------------------------------------------------

follow_ups = Table(
    "follow_ups",
    metadata,
    _id(),
    Column("response_id", ForeignKey("responses.id"), nullable=False, unique=True),  # the one that opened it
    Column("customer_key", Text),
    Column("dedupe_key", Text),  # kind:value; unknown never merges
    Column("revision", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("playbook", Text, nullable=False),
    Column("plan", Document, nullable=False),  # the playbook with its overrides, frozen
    Column("test", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("cycle", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("owner", Text),  # a person's id or team:ID
    Column("owner_via", Text),
    Column("stands_in_for", Text),
    Column("passed_on", Document, nullable=False),  # who said "not mine", so that it never goes back
    Column("tags", Document, nullable=False),
    Column("due_from", UtcTime, nullable=False),
    Column("due_span", Text, nullable=False),
    Column("due_calendar", Text),
    Column("due_at", UtcTime, nullable=False),
    Column("next_step_at", UtcTime),
    Column("opened_at", UtcTime, nullable=False),
    Column("acknowledged_at", UtcTime),
    Column("acknowledged_by", Text),
    Column("contacted_at", UtcTime),
    Column("contacted_by", Text),
    Column("closed_at", UtcTime),
    Column("closed_by", Text),
    Column("cancelled_at", UtcTime),
    Column("cancel_reason", Text),
    Column("snoozed_until", UtcTime),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("next_try_at", UtcTime),
    Column("outcome", Text),
    Column("root_cause", Text),
    Column("closing", Document),  # action, where it arose, worth alerting, note
    CheckConstraint("state IN ('open', 'acknowledged', 'contacted', 'closed', 'cancelled')", name="state"),
    CheckConstraint("priority BETWEEN 1 AND 4", name="priority"),
    CheckConstraint("cycle >= 1 AND version >= 1", name="counters"),
    CheckConstraint("state NOT IN ('acknowledged', 'contacted') OR acknowledged_at IS NOT NULL", name="acknowledged"),
    CheckConstraint("state <> 'contacted' OR contacted_at IS NOT NULL", name="contacted"),
    CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
    CheckConstraint("state <> 'closed' OR outcome IS NOT NULL", name="closed_says_how"),
    CheckConstraint("state <> 'open' OR acknowledged_at IS NULL", name="open"),
    CheckConstraint("contacted_at IS NULL OR acknowledged_at IS NOT NULL", name="order"),
    CheckConstraint("(state = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled"),
    CheckConstraint("state <> 'cancelled' OR cancel_reason IS NOT NULL", name="cancelled_says_why"),
    CheckConstraint(f"snoozed_until IS NULL OR {LIVE}", name="snoozed"),
    CheckConstraint(
        "outcome IS NULL OR outcome IN ('recovered', 'not_recovered', 'unreachable', 'no_contact')", name="outcome"
    ),
    Index("uq_follow_ups_live", "playbook", "dedupe_key", unique=True, **_where(LIVE)),  # type: ignore[arg-type]
    Index("ix_follow_ups_owner", "owner", "due_at", **_where(LIVE)),  # type: ignore[arg-type]
    Index("ix_follow_ups_customer", "customer_key"),
    Index("ix_follow_ups_dedupe", "dedupe_key", "playbook", "closed_at"),
)

follow_up_responses = Table(
    "follow_up_responses",
    metadata,
    Column("response_id", ForeignKey("responses.id"), primary_key=True),
    Column("follow_up_id", ForeignKey("follow_ups.id"), nullable=False),
    Column("how", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    CheckConstraint("how IN ('opened', 'added', 'reopened')", name="how"),
    Index("ix_follow_up_responses_follow_up", "follow_up_id"),
)

history = Table(
    "history",
    metadata,
    Column("follow_up_id", ForeignKey("follow_ups.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("what", Text, nullable=False),
    Column("by", Text, nullable=False),  # a person's id, or rules, timer, directory
    Column("via", Text, nullable=False),  # kafka, slack, link, page, api, cli, timer
    Column("note", Text),
    Column("detail", Document),
)

timers = Table(
    "timers",
    metadata,
    Column("follow_up_id", ForeignKey("follow_ups.id"), primary_key=True),
    Column("cycle", Integer, primary_key=True),
    Column("step", Text, primary_key=True),  # remind, due_soon, escalate.0, snooze, try, stale
    Column("n", Integer, primary_key=True),
    Column("fire_at", UtcTime, nullable=False),
    Column("state", Text, nullable=False),
    Column("done_at", UtcTime),
    Column("reason", Text),
    CheckConstraint("state IN ('pending', 'fired', 'void')", name="state"),
    Index("ix_timers_due", "fire_at", **_where(PENDING)),  # type: ignore[arg-type]
)

pauses = Table(
    "pauses",
    metadata,
    Column("follow_up_id", ForeignKey("follow_ups.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("reason", Text, nullable=False),  # snoozed, waiting for the customer
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
)

absences = Table(
    "absences",
    metadata,
    _id(),
    Column("person", Text, nullable=False),
    Column("since", Date, nullable=False),
    Column("until", Date, nullable=False),
    Column("delegate", Text),
    Column("entered_by", Text, nullable=False),
    Column("entered_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
)

# Telling -------------------------------------------------------------------------------------------------------

notices = Table(
    "notices",
    metadata,
    _id(),
    Column("cause", Text, nullable=False),  # follow-up/cycle/step, follow-up/response/ID, ops/kind/episode, ...
    Column("recipient", Text, nullable=False),  # a person's id, team:ID, or ops
    Column("follow_up_id", ForeignKey("follow_ups.id")),
    Column("response_id", ForeignKey("responses.id")),
    Column("kind", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("channels", Document, nullable=False),  # in order: slack, email
    Column("next_channel_after", Integer, nullable=False),  # seconds
    Column("data", Document),  # what the template needs and no table holds
    Column("created_at", UtcTime, nullable=False),
    Column("not_before", UtcTime, nullable=False),
    Column("started_at", UtcTime),  # when its first delivery was planned
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("ended_at", UtcTime),
    UniqueConstraint("cause", "recipient"),
    CheckConstraint("state IN ('pending', 'delivered', 'failed', 'skipped')", name="state"),
    CheckConstraint("(state = 'pending') = (ended_at IS NULL)", name="ends"),
    CheckConstraint("state NOT IN ('failed', 'skipped') OR reason IS NOT NULL", name="says_why"),
    Index("ix_notices_pending", "not_before", **_where(PENDING)),  # type: ignore[arg-type]
    Index("ix_notices_follow_up", "follow_up_id"),
    Index("ix_notices_started", "recipient", "started_at", **_where("started_at IS NOT NULL")),  # type: ignore[arg-type]
)

deliveries = Table(
    "deliveries",
    metadata,
    _id(),
    Column("key", Text, nullable=False, unique=True),  # the id that the message carries; the same in every attempt
    Column("notice_id", ForeignKey("notices.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", UtcTime),
    Column("lease_until", UtcTime),
    Column("lease_token", Text),
    Column("first_failed_at", UtcTime),
    Column("unknown", Integer, nullable=False, server_default="0"),  # attempts that ended without an answer
    Column("provider_id", Text),
    Column("reason", Text),
    Column("delivered_at", UtcTime),
    UniqueConstraint("notice_id", "position"),
    CheckConstraint("state IN ('pending', 'delivered', 'failed', 'skipped')", name="state"),
    CheckConstraint("(state = 'pending') = (next_at IS NOT NULL)", name="next"),
    Index("ix_deliveries_due", "next_at", **_where(PENDING)),  # type: ignore[arg-type]
)

attempts = Table(
    "attempts",
    metadata,
    Column("delivery_id", ForeignKey("deliveries.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("outcome", Text),
    Column("reason", Text),
    Column("seconds", Float),
)

threads = Table(
    "threads",
    metadata,
    Column("follow_up_id", ForeignKey("follow_ups.id"), primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("provider_ref", Text, nullable=False),  # Slack: channel/ts; mail: the first Message-ID
    Column("subject", Text),
    Column("shown_version", Integer, nullable=False),
)

channels = Table(
    "channels",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("address", Text, primary_key=True),  # empty for the channel as a whole
    Column("next_send_at", UtcTime),
    Column("open_until", UtcTime),
    Column("refusals", Integer, nullable=False, server_default="0"),
    Column("reason", Text),
)

# Serving and running -------------------------------------------------------------------------------------------

clicks = Table(
    "clicks",
    metadata,
    _id(),
    Column("via", Text, nullable=False),
    Column("external_key", Text, nullable=False),
    Column("payload", Document, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("done_at", UtcTime),
    UniqueConstraint("via", "external_key"),
)

tokens = Table(
    "tokens",
    metadata,
    _id(),
    Column("hash", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("person", Text),
    Column("scopes", Document, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
)

audit = Table(
    "audit",
    metadata,
    _id(),
    Column("at", UtcTime, nullable=False),
    Column("what", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("detail", Document),
)

duties = Table(
    "duties",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("until", UtcTime, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("name", Text, primary_key=True),  # host and process
    Column("roles", Document, nullable=False),
    Column("revision", Text),
    Column("refused", Document),  # findings of the newest set, while it is refused
    Column("started_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
)

ids = Table(
    "ids",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next", BigInteger, nullable=False),
)
