"""A store that cannot be opened as it is: what is wrong, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.postgres import Postgres
from worker.errors import ConfigError, StoreUnavailable
from worker.store.engine import open_store


def test_a_folder_that_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/nowhere/innerloop.db")
    with pytest.raises(StoreUnavailable, match="the folder of INNERLOOP_STORE_URL has to be there and writable"):
        store.ping()
    store.close()


def test_a_database_that_cannot_hold_every_word_is_refused(postgres: Postgres) -> None:
    url = postgres.create_database(more="ENCODING 'SQL_ASCII' LOCALE 'C'")
    store = open_store(url)
    with pytest.raises(ConfigError, match=r"encoded in SQL_ASCII.*createdb --encoding UTF8"):
        store.ping()
    store.close()
    postgres.drop_database(url)
