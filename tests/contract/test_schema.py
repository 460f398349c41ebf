"""The migrations lead to exactly the tables that the program works with, on both engines."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from worker.store.engine import Store
from worker.store.schema import metadata


def test_a_migrated_store_has_the_tables_and_columns_of_the_schema(fresh_store: Store) -> None:
    with fresh_store.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": False})
        differences = compare_metadata(context, metadata)
    assert differences == []
