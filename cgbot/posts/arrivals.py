"""
Arrivals and their errands, written in batches (records).

The hot path of the whole program, so the statements are compiled from the tables once and handed to SQLite's driver
as they are: preparing Core's constructs anew costs more than the commit itself. PostgreSQL gets the same through
Core, which returns the ids that its sequences gave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, insert
from sqlalchemy.dialects import sqlite

from cgbot.store import blobs, raw
from cgbot.store.tables import arrivals, errands, raw_messages

Row = tuple[Any, ...]

_RAW = ("sha256", "size", "codec", "body")
_ARRIVAL = ("sha256", "mail_from", "received_at", "protocol", "peer", "helo", "tls", "trace")
_ERRAND = ("arrival_id", "group_id", "recipient", "purpose", "detail", "state", "gate", "attempts", "due_at", "reason")

_ADD_ARRIVAL = insert(arrivals).returning(arrivals.c.id, sort_by_parameter_order=True)
_ADD_ERRAND = insert(errands)


@dataclass(frozen=True, slots=True)
class Addressed:
    """One recipient: what the errand is to do; `gate` is "" or `hold:rule` or `discard:rule`."""

    recipient: str
    group_id: int | None
    purpose: str
    detail: str = ""
    gate: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One accepted transaction; `mail_from` is "" for the null path, `trace` our own Received line."""

    raw: bytes
    mail_from: str
    received_at: datetime
    protocol: str
    peer: str
    helo: str
    tls: bool
    trace: bytes
    recipients: tuple[Addressed, ...]


Batch = Sequence[tuple[Arrival, raw.Prepared]]


def add_arrivals(tx: Connection, batch: Batch) -> list[int]:
    """Store messages, arrivals and errands; the arrivals' ids in the batch's order."""
    if tx.dialect.name == "sqlite":
        return _add_to_sqlite(tx, batch)
    raw.put(tx, [prepared for _, prepared in batch])
    rows = [dict(zip(_ARRIVAL, _arrival_row(*pair), strict=True)) for pair in batch]
    ids = list(tx.execute(_ADD_ARRIVAL, rows).scalars())
    errand_rows = [dict(zip(_ERRAND, row, strict=True)) for row in _errand_rows(ids, batch)]
    if errand_rows:
        tx.execute(_ADD_ERRAND, errand_rows)
    return ids


def _add_to_sqlite(tx: Connection, batch: Batch) -> list[int]:
    """SQLite has one writer and gives each row the next id, so the last one tells them all."""
    usual = [prepared for _, prepared in batch if not blobs.is_large(tx, len(prepared.body))]
    _bulk(raw_messages, _RAW, "OR IGNORE").execute(tx, [(p.sha256, p.size, p.codec, p.body) for p in usual])
    raw.put(tx, [prepared for _, prepared in batch if blobs.is_large(tx, len(prepared.body))])
    last = _bulk(arrivals, _ARRIVAL).execute(tx, [_arrival_row(*pair) for pair in batch])
    ids = list(range(last + 1 - len(batch), last + 1))
    _bulk(errands, _ERRAND).execute(tx, _errand_rows(ids, batch))
    return ids


def _arrival_row(arrival: Arrival, prepared: raw.Prepared) -> Row:
    return (
        prepared.sha256,
        arrival.mail_from,
        arrival.received_at,
        arrival.protocol,
        arrival.peer,
        arrival.helo,
        arrival.tls,
        arrival.trace,
    )


def _errand_rows(ids: Sequence[int], batch: Batch) -> list[Row]:
    return [
        (number, a.group_id, a.recipient, a.purpose, a.detail, "received", a.gate, 0, arrival.received_at, "")
        for number, (arrival, _) in zip(ids, batch, strict=True)
        for a in arrival.recipients
    ]


# ----------------------------------------------------------------------------------------- statements for the driver


# Rows a statement. The driver lets the other threads run at each step of a statement, and waits for its turn after
# it: many rows in one step are what keeps a commit short while the event loop is busy.
_ROWS = 16


@dataclass(frozen=True, slots=True)
class _Bulk:
    """An INSERT for SQLite's driver, and how the values of some columns are bound (the others as they are)."""

    head: str
    placeholders: str
    binders: tuple[tuple[int, Callable[[Any], Any]], ...]

    def execute(self, tx: Connection, rows: Sequence[Row]) -> int:
        """Insert the rows; the id of the last one."""
        last = 0
        for start in range(0, len(rows), _ROWS):
            chunk = rows[start : start + _ROWS]
            sql = f"{self.head} VALUES {', '.join([self.placeholders] * len(chunk))}"
            last = tx.exec_driver_sql(sql, tuple(value for row in chunk for value in self._bound(row))).lastrowid or 0
        return last

    def _bound(self, row: Row) -> Iterable[Any]:
        if not self.binders:
            return row
        values = list(row)
        for index, bind in self.binders:
            values[index] = bind(values[index])
        return values


@cache
def _bulk(table: Table, columns: tuple[str, ...], prefix: str = "") -> _Bulk:
    dialect = sqlite.dialect(paramstyle="qmark")
    statement = insert(table).prefix_with(prefix) if prefix else insert(table)
    compiled = statement.compile(dialect=dialect, column_keys=columns)
    if tuple(compiled.positiontup or ()) != columns:
        raise AssertionError(f"the columns of {table.name} are named in the table's order")
    head, _, placeholders = str(compiled).partition(" VALUES ")
    binders = {i: table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for i, name in enumerate(columns)}
    return _Bulk(head, placeholders, tuple((index, bind) for index, bind in binders.items() if bind is not None))
