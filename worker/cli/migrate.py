"""`innerloop migrate`: bring the store's schema up to this version."""

from __future__ import annotations

import click

from worker.cli import opening, output


@click.command(name="migrate")
def command() -> None:
    """Bring the store's schema up to this version. Safe to run twice, and from several places at once."""
    from worker.store.engine import open_store
    from worker.store.migrate import migrate

    store = open_store(opening.settings().store_url.get_secret_value())
    try:
        before, after = migrate(store)
    finally:
        store.close()
    output.say(f"The store is at {after} already." if before == after else f"The store is at {after} now.")
