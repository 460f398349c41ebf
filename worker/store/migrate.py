"""Bringing a store to the schema of this version, and checking that it is there."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from worker.errors import SchemaMismatch
from worker.store.engine import Store

_HERE = Path(__file__).parent / "migrations"
_LOCK = 0x696E6E65  # "inne": any number does, as long as nobody else uses it


def migrate(store: Store) -> tuple[str | None, str]:
    """Run what is missing, in one transaction. Gives the revisions before and after.

    Raises StoreUnavailable, and SchemaMismatch where the store was made by a later version.
    """
    with store.write() as conn:
        if store.dialect == "postgresql":
            conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        before = _revision(conn)
        _refuse_unknown(before)
        command.upgrade(_config(conn), "head")
        return before, head()


def check_schema(store: Store) -> None:
    """Raises SchemaMismatch saying what to do, or StoreUnavailable."""
    with store.read() as conn:
        found = _revision(conn)
    _refuse_unknown(found)
    if found != head():
        state = f"at {found}" if found else "empty"
        raise SchemaMismatch(f"The store is {state}, this version needs {head()}. Run: innerloop migrate")


def head() -> str:
    """The schema revision of this version."""
    revision = _scripts().get_current_head()
    assert revision is not None
    return revision


def _refuse_unknown(found: str | None) -> None:
    if found is not None and found not in {script.revision for script in _scripts().walk_revisions()}:
        raise SchemaMismatch(
            f"The store is at {found}, which this version does not know: a later innerloop made it. "
            "Install that version, or restore a backup."
        )


def _revision(conn: Connection) -> str | None:
    return MigrationContext.configure(conn).get_current_revision()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(None))


def _config(conn: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.attributes["connection"] = conn
    return config
