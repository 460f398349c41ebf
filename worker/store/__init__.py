"""The store: one schema on SQLite and PostgreSQL, and one module per aggregate."""
