"""Alembic migrations, run by `innerloop migrate`."""
