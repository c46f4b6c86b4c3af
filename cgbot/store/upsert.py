"""
"Insert unless it is there" (records).

The one statement that SQLite and PostgreSQL share but SQLAlchemy keeps by dialect.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(tx: Connection, table: Table) -> Any:
    """An INSERT … ON CONFLICT DO NOTHING for this connection's database; any unique key counts."""
    dialect = postgresql if tx.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()
