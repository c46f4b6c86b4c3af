"""
"Insert unless it is there" (records).

The one statement that SQLite and PostgreSQL share but SQLAlchemy keeps by dialect.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(tx: Connection, table: Table) -> Any:
    """An INSERT … ON CONFLICT DO NOTHING for this connection's database; any unique key counts."""
    return _statement(tx.dialect.name, table)


@cache
def _statement(dialect: str, table: Table) -> Any:
    """Building a statement anew costs more than running it."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table).on_conflict_do_nothing()
