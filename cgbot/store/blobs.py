"""
Large values of SQLite without copies (records): written and read through its incremental I/O.

A bound value of 25 MB costs 75 MB: SQLite copies it, builds the row in memory, and the statement that is kept for the
next time keeps the copy. A place of zeros that is filled afterwards, in the same transaction, costs nothing of that,
where the column is the last of its table. PostgreSQL takes values as they are.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from sqlalchemy import Column, Connection, func

LARGE: Final = 1 << 20
_STEP: Final = 1 << 20


def place(tx: Connection, value: bytes) -> Any:
    """What to insert for a value: itself, or the place that `fill` fills."""
    return func.zeroblob(len(value)) if is_large(tx, len(value)) else value


def is_large(tx: Connection, size: int) -> bool:
    """Whether `place` gives a place for a value of this size."""
    return size > LARGE and tx.dialect.name == "sqlite"


def fill(tx: Connection, column: Column[bytes], rowid: int, value: bytes) -> None:
    """Write a large value into its place."""
    with _driver(tx).blobopen(column.table.name, column.name, rowid) as place:
        for at in range(0, len(value), _STEP):
            place.write(memoryview(value)[at : at + _STEP])


def read(tx: Connection, column: Column[bytes], rowid: int) -> bytes:
    """Read a large value; SQLite only."""
    with _driver(tx).blobopen(column.table.name, column.name, rowid, readonly=True) as place:
        return place.read()


def _driver(tx: Connection) -> sqlite3.Connection:
    driver: sqlite3.Connection = tx.connection.driver_connection  # type: ignore[assignment]  # SQLite's own
    return driver
