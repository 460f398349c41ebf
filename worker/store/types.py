"""How times and documents are bound, for SQLAlchemy Core and for the raw drivers alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Text, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from worker.clock import utc_text

_JSON = msgspec.json.Encoder(decimal_format="number")


def encode_document(value: Any) -> str:
    """JSON text of a document. Decimals stay numbers, with all their digits."""
    return _JSON.encode(value).decode()


def decode_document(text: str | bytes) -> Any:
    return msgspec.json.decode(text)


def time_text(at: datetime) -> str:
    """Fixed-width UTC text. Raises ValueError for a naive datetime."""
    return utc_text(at) + "Z"


def parse_time_text(text: str) -> datetime:
    return datetime.fromisoformat(text)


class UtcTime(TypeDecorator[datetime]):
    """timestamptz on PostgreSQL, fixed-width UTC text on SQLite. Naive datetimes are refused."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(TIMESTAMP(timezone=True) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return value if dialect.name == "postgresql" else time_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else parse_time_text(value)


class Document(TypeDecorator[Any]):
    """jsonb on PostgreSQL, text on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(JSONB())
        return dialect.type_descriptor(Text())

    def bind_processor(self, dialect: Dialect) -> Any:
        return lambda value: None if value is None else encode_document(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        # psycopg hands jsonb over decoded; SQLite hands over text.
        return lambda value: decode_document(value) if isinstance(value, str | bytes) else value
