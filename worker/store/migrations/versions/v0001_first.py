# ruff: noqa: E501 - written by Alembic from the tables, never by hand
"""The first schema: every table, with the constraints that repeat the invariants."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import worker.store.types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBERED = ("responses", "follow_ups", "notices", "deliveries", "dead_letters", "clicks", "tokens", "audit", "absences")


def upgrade() -> None:
    _create_tables()
    _create_id_sources()


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead: a downgrade would drop what was promised to customers.")


def _create_id_sources() -> None:
    for name in NUMBERED:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(sa.text(f"CREATE SEQUENCE {name}_ids CACHE 1"))
        else:
            op.execute(sa.text("INSERT INTO ids (name, next) VALUES (:name, 1)").bindparams(name=name))


def _create_tables() -> None:
    op.create_table(
        "absences",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("delegate", sa.Text(), nullable=True),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("ended_at", worker.store.types.UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absences")),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("detail", worker.store.types.Document(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_table(
        "channels",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("next_send_at", worker.store.types.UtcTime(), nullable=True),
        sa.Column("open_until", worker.store.types.UtcTime(), nullable=True),
        sa.Column("refusals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("channel", "address", name=op.f("pk_channels")),
    )
    op.create_table(
        "clicks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("external_key", sa.Text(), nullable=False),
        sa.Column("payload", worker.store.types.Document(), nullable=False),
        sa.Column("at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("done_at", worker.store.types.UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clicks")),
        sa.UniqueConstraint("via", "external_key", name=op.f("uq_clicks_via_external_key")),
    )
    op.create_table(
        "customers",
        sa.Column("customer_key", sa.Text(), nullable=False),
        sa.Column("facts", worker.store.types.Document(), nullable=False),
        sa.Column("as_of", worker.store.types.UtcTime(), nullable=False),
        sa.Column("erased_at", worker.store.types.UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("customer_key", name=op.f("pk_customers")),
    )
    op.create_table(
        "duties",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("until", worker.store.types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_duties")),
    )
    op.create_table(
        "ids",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ids")),
    )
    op.create_table(
        "ledger",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("incarnation", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("from_offset", sa.BigInteger(), nullable=False),
        sa.Column("to_offset", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("updated", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("duplicate", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("stale", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("not_response", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("dead", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("absent", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("again", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("gap_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "gap_reason IS NOT NULL AND accepted + updated + duplicate + stale + not_response + dead + absent = 0 OR gap_reason IS NULL AND accepted + updated + duplicate + stale + not_response + dead + absent = to_offset - from_offset",
            name=op.f("ck_ledger_adds_up"),
        ),
        sa.CheckConstraint("to_offset >= from_offset", name=op.f("ck_ledger_forward")),
        sa.PrimaryKeyConstraint("topic", "partition", "incarnation", "day", "seq", name=op.f("pk_ledger")),
    )
    op.create_table(
        "partitions",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("incarnation", sa.Text(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("paused_reason", sa.Text(), nullable=True),
        sa.Column("accepted_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_partitions")),
    )
    op.create_table(
        "responses",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("customer_key", sa.Text(), nullable=True),
        sa.Column("responded_at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("survey", sa.Text(), nullable=True),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("score", sa.Text(), nullable=True),
        sa.Column("class", sa.Text(), nullable=True),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("verdict", worker.store.types.Document(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("settle_at", worker.store.types.UtcTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("order_key", sa.Text(), nullable=False),
        sa.Column("contact", worker.store.types.Document(), nullable=True),
        sa.Column("origin_topic", sa.Text(), nullable=False),
        sa.Column("origin_partition", sa.Integer(), nullable=False),
        sa.Column("origin_incarnation", sa.Text(), nullable=False),
        sa.Column("origin_offset", sa.BigInteger(), nullable=False),
        sa.Column("origin_how", sa.Text(), nullable=False),
        sa.Column("received_at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("erased_at", worker.store.types.UtcTime(), nullable=True),
        sa.CheckConstraint("(status = 'waiting') = (settle_at IS NOT NULL)", name=op.f("ck_responses_settles")),
        sa.CheckConstraint("class IN ('promoter', 'passive', 'detractor')", name=op.f("ck_responses_class")),
        sa.CheckConstraint("status IN ('waiting', 'decided')", name=op.f("ck_responses_status")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_responses_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_responses")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_responses_source_external_id")),
    )
    op.create_index("ix_responses_customer", "responses", ["customer_key", "responded_at"], unique=False)
    op.create_index(
        "ix_responses_origin",
        "responses",
        ["origin_topic", "origin_partition", "origin_incarnation", "origin_offset"],
        unique=False,
    )
    op.create_index(
        "ix_responses_settle",
        "responses",
        ["settle_at"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
        sqlite_where=sa.text("status = 'waiting'"),
    )
    op.create_table(
        "rule_sets",
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("files", worker.store.types.Document(), nullable=False),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("accepted_at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("verdict", worker.store.types.Document(), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_rule_sets")),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("scopes", worker.store.types.Document(), nullable=False),
        sa.Column("created_at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("revoked_at", worker.store.types.UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("hash", name=op.f("uq_tokens_hash")),
    )
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("roles", worker.store.types.Document(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=True),
        sa.Column("refused", worker.store.types.Document(), nullable=True),
        sa.Column("started_at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("seen_at", worker.store.types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_workers")),
    )
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("incarnation", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("excerpt", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("response_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("purge_at", worker.store.types.UtcTime(), nullable=False),
        sa.CheckConstraint("state IN ('open', 'replayed', 'discarded')", name=op.f("ck_dead_letters_state")),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_dead_letters_response_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
        sa.UniqueConstraint(
            "topic",
            "partition",
            "incarnation",
            "offset",
            name=op.f("uq_dead_letters_topic_partition_incarnation_offset"),
        ),
    )
    op.create_index("ix_dead_letters_at", "dead_letters", ["at"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("response_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("evaluator", sa.Integer(), nullable=False),
        sa.Column("now", worker.store.types.UtcTime(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("playbook", sa.Text(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("also", worker.store.types.Document(), nullable=False),
        sa.Column("observed", worker.store.types.Document(), nullable=False),
        sa.Column("facts", worker.store.types.Document(), nullable=False),
        sa.Column("skips", worker.store.types.Document(), nullable=False),
        sa.Column("rest", worker.store.types.Document(), nullable=False),
        sa.Column("too_old", sa.Boolean(), nullable=False),
        sa.CheckConstraint("outcome IN ('open', 'ignore')", name=op.f("ck_decisions_outcome")),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_decisions_response_id")),
        sa.PrimaryKeyConstraint("response_id", "version", name=op.f("pk_decisions")),
    )
    op.create_table(
        "follow_ups",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("response_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_key", sa.Text(), nullable=True),
        sa.Column("dedupe_key", sa.Text(), nullable=True),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("plan", worker.store.types.Document(), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("owner_via", sa.Text(), nullable=True),
        sa.Column("stands_in_for", sa.Text(), nullable=True),
        sa.Column("passed_on", worker.store.types.Document(), nullable=False),
        sa.Column("tags", worker.store.types.Document(), nullable=False),
        sa.Column("due_from", worker.store.types.UtcTime(), nullable=False),
        sa.Column("due_span", sa.Text(), nullable=False),
        sa.Column("due_calendar", sa.Text(), nullable=True),
        sa.Column("due_at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("next_step_at", worker.store.types.UtcTime(), nullable=True),
        sa.Column("opened_at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("acknowledged_at", worker.store.types.UtcTime(), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("contacted_at", worker.store.types.UtcTime(), nullable=True),
        sa.Column("contacted_by", sa.Text(), nullable=True),
        sa.Column("closed_at", worker.store.types.UtcTime(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("cancelled_at", worker.store.types.UtcTime(), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("snoozed_until", worker.store.types.UtcTime(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", worker.store.types.UtcTime(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("root_cause", sa.Text(), nullable=True),
        sa.Column("closing", worker.store.types.Document(), nullable=True),
        sa.CheckConstraint("(state = 'cancelled') = (cancelled_at IS NOT NULL)", name=op.f("ck_follow_ups_cancelled")),
        sa.CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_follow_ups_closed")),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome IN ('recovered', 'not_recovered', 'unreachable', 'no_contact')",
            name=op.f("ck_follow_ups_outcome"),
        ),
        sa.CheckConstraint(
            "snoozed_until IS NULL OR state IN ('open', 'acknowledged', 'contacted')",
            name=op.f("ck_follow_ups_snoozed"),
        ),
        sa.CheckConstraint(
            "state <> 'cancelled' OR cancel_reason IS NOT NULL", name=op.f("ck_follow_ups_cancelled_says_why")
        ),
        sa.CheckConstraint("state <> 'closed' OR outcome IS NOT NULL", name=op.f("ck_follow_ups_closed_says_how")),
        sa.CheckConstraint("state <> 'contacted' OR contacted_at IS NOT NULL", name=op.f("ck_follow_ups_contacted")),
        sa.CheckConstraint("state <> 'open' OR acknowledged_at IS NULL", name=op.f("ck_follow_ups_open")),
        sa.CheckConstraint(
            "state IN ('open', 'acknowledged', 'contacted', 'closed', 'cancelled')", name=op.f("ck_follow_ups_state")
        ),
        sa.CheckConstraint(
            "state NOT IN ('acknowledged', 'contacted') OR acknowledged_at IS NOT NULL",
            name=op.f("ck_follow_ups_acknowledged"),
        ),
        sa.CheckConstraint("contacted_at IS NULL OR acknowledged_at IS NOT NULL", name=op.f("ck_follow_ups_order")),
        sa.CheckConstraint("cycle >= 1 AND version >= 1", name=op.f("ck_follow_ups_counters")),
        sa.CheckConstraint("priority BETWEEN 1 AND 4", name=op.f("ck_follow_ups_priority")),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_follow_ups_response_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_ups")),
        sa.UniqueConstraint("response_id", name=op.f("uq_follow_ups_response_id")),
    )
    op.create_index("ix_follow_ups_customer", "follow_ups", ["customer_key"], unique=False)
    op.create_index("ix_follow_ups_dedupe", "follow_ups", ["dedupe_key", "playbook", "closed_at"], unique=False)
    op.create_index(
        "ix_follow_ups_owner",
        "follow_ups",
        ["owner", "due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('open', 'acknowledged', 'contacted')"),
        sqlite_where=sa.text("state IN ('open', 'acknowledged', 'contacted')"),
    )
    op.create_index(
        "uq_follow_ups_live",
        "follow_ups",
        ["playbook", "dedupe_key"],
        unique=True,
        postgresql_where=sa.text("state IN ('open', 'acknowledged', 'contacted')"),
        sqlite_where=sa.text("state IN ('open', 'acknowledged', 'contacted')"),
    )
    op.create_table(
        "versions",
        sa.Column("response_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("order_key", sa.Text(), nullable=False),
        sa.Column("content", worker.store.types.Document(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("origin_topic", sa.Text(), nullable=False),
        sa.Column("origin_partition", sa.Integer(), nullable=False),
        sa.Column("origin_incarnation", sa.Text(), nullable=False),
        sa.Column("origin_offset", sa.BigInteger(), nullable=False),
        sa.Column("origin_how", sa.Text(), nullable=False),
        sa.Column("received_at", worker.store.types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_versions_response_id")),
        sa.PrimaryKeyConstraint("response_id", "n", name=op.f("pk_versions")),
        sa.UniqueConstraint("response_id", "content_hash", name=op.f("uq_versions_response_id_content_hash")),
    )
    op.create_index(
        "ix_versions_origin",
        "versions",
        ["origin_topic", "origin_partition", "origin_incarnation", "origin_offset"],
        unique=False,
    )
    op.create_table(
        "follow_up_responses",
        sa.Column("response_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("follow_up_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("at", worker.store.types.UtcTime(), nullable=False),
        sa.CheckConstraint("how IN ('opened', 'added', 'reopened')", name=op.f("ck_follow_up_responses_how")),
        sa.ForeignKeyConstraint(["follow_up_id"], ["follow_ups.id"], name=op.f("fk_follow_up_responses_follow_up_id")),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_follow_up_responses_response_id")),
        sa.PrimaryKeyConstraint("response_id", name=op.f("pk_follow_up_responses")),
    )
    op.create_index("ix_follow_up_responses_follow_up", "follow_up_responses", ["follow_up_id"], unique=False)
    op.create_table(
        "history",
        sa.Column("follow_up_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("detail", worker.store.types.Document(), nullable=True),
        sa.ForeignKeyConstraint(["follow_up_id"], ["follow_ups.id"], name=op.f("fk_history_follow_up_id")),
        sa.PrimaryKeyConstraint("follow_up_id", "version", name=op.f("pk_history")),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("follow_up_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("response_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("channels", worker.store.types.Document(), nullable=False),
        sa.Column("next_channel_after", sa.Integer(), nullable=False),
        sa.Column("data", worker.store.types.Document(), nullable=True),
        sa.Column("created_at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("not_before", worker.store.types.UtcTime(), nullable=False),
        sa.Column("started_at", worker.store.types.UtcTime(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("ended_at", worker.store.types.UtcTime(), nullable=True),
        sa.CheckConstraint("(state = 'pending') = (ended_at IS NULL)", name=op.f("ck_notices_ends")),
        sa.CheckConstraint("state IN ('pending', 'delivered', 'failed', 'skipped')", name=op.f("ck_notices_state")),
        sa.CheckConstraint(
            "state NOT IN ('failed', 'skipped') OR reason IS NOT NULL", name=op.f("ck_notices_says_why")
        ),
        sa.ForeignKeyConstraint(["follow_up_id"], ["follow_ups.id"], name=op.f("fk_notices_follow_up_id")),
        sa.ForeignKeyConstraint(["response_id"], ["responses.id"], name=op.f("fk_notices_response_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("cause", "recipient", name=op.f("uq_notices_cause_recipient")),
    )
    op.create_index("ix_notices_follow_up", "notices", ["follow_up_id"], unique=False)
    op.create_index(
        "ix_notices_pending",
        "notices",
        ["not_before"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
        sqlite_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_notices_started",
        "notices",
        ["recipient", "started_at"],
        unique=False,
        postgresql_where=sa.text("started_at IS NOT NULL"),
        sqlite_where=sa.text("started_at IS NOT NULL"),
    )
    op.create_table(
        "pauses",
        sa.Column("follow_up_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("started_at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("ended_at", worker.store.types.UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["follow_up_id"], ["follow_ups.id"], name=op.f("fk_pauses_follow_up_id")),
        sa.PrimaryKeyConstraint("follow_up_id", "n", name=op.f("pk_pauses")),
    )
    op.create_table(
        "threads",
        sa.Column("follow_up_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("shown_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["follow_up_id"], ["follow_ups.id"], name=op.f("fk_threads_follow_up_id")),
        sa.PrimaryKeyConstraint("follow_up_id", "channel", "address", name=op.f("pk_threads")),
    )
    op.create_table(
        "timers",
        sa.Column("follow_up_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("fire_at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("done_at", worker.store.types.UtcTime(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'fired', 'void')", name=op.f("ck_timers_state")),
        sa.ForeignKeyConstraint(["follow_up_id"], ["follow_ups.id"], name=op.f("fk_timers_follow_up_id")),
        sa.PrimaryKeyConstraint("follow_up_id", "cycle", "step", "n", name=op.f("pk_timers")),
    )
    op.create_index(
        "ix_timers_due",
        "timers",
        ["fire_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
        sqlite_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("notice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", worker.store.types.UtcTime(), nullable=True),
        sa.Column("lease_until", worker.store.types.UtcTime(), nullable=True),
        sa.Column("lease_token", sa.Text(), nullable=True),
        sa.Column("first_failed_at", worker.store.types.UtcTime(), nullable=True),
        sa.Column("unknown", sa.Integer(), server_default="0", nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("delivered_at", worker.store.types.UtcTime(), nullable=True),
        sa.CheckConstraint("(state = 'pending') = (next_at IS NOT NULL)", name=op.f("ck_deliveries_next")),
        sa.CheckConstraint("state IN ('pending', 'delivered', 'failed', 'skipped')", name=op.f("ck_deliveries_state")),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name=op.f("fk_deliveries_notice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("key", name=op.f("uq_deliveries_key")),
        sa.UniqueConstraint("notice_id", "position", name=op.f("uq_deliveries_notice_id_position")),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
        sqlite_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "attempts",
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("started_at", worker.store.types.UtcTime(), nullable=False),
        sa.Column("ended_at", worker.store.types.UtcTime(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name=op.f("fk_attempts_delivery_id")),
        sa.PrimaryKeyConstraint("delivery_id", "n", name=op.f("pk_attempts")),
    )
