"""
Column types that mean the same on SQLite and PostgreSQL.

Every time is an aware datetime in UTC: a naive one is refused when it is written, and what is read is aware again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import BigInteger, DateTime, Integer
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

# SQLite only numbers rows by itself in a column that is exactly INTEGER.
BigId = BigInteger().with_variant(Integer(), "sqlite")


_LENGTH: Final = len("2027-05-03 08:00:00.000000")


class UtcTime(TypeDecorator[datetime]):
    """An instant; stored as timestamptz on PostgreSQL and as sortable text in UTC on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """Refuse a naive datetime with ValueError."""
        return None if value is None else _in_utc(value)

    def bind_processor(self, dialect: Dialect) -> Any:
        """On SQLite one step to the text, where SQLAlchemy takes three: every recipient of a post has six times."""
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Give the time back in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError(f"a time without a zone cannot be stored: {value!r}")
    return value.astimezone(UTC)


def _as_text(value: datetime | None) -> str | None:
    """As SQLAlchemy's own type writes it, so that it can be read and compared: 2027-05-03 08:00:00.000000."""
    return None if value is None else _in_utc(value).isoformat(" ", "microseconds")[:_LENGTH]
