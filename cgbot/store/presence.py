"""
Which runs of `serve` live (records): on PostgreSQL each holds a session-level advisory lock on its epoch.

The lock ends with the session, and the session with the process, however that ends: kill -9, a lost machine. So a lease
of an epoch whose lock nobody holds belongs to nobody and can be freed at once. The connection that holds the lock is
the run's own and does nothing else; it must reach the server itself, since a pooler that shares sessions between
clients (PgBouncer in transaction mode) would give the lock to somebody else. An embedded database has one run.
"""

from __future__ import annotations

import contextlib
import threading
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

_CLASS: Final = 0x6367_626F  # "cgbo": the first half of the lock's key, the epoch is the second
_HOLD: Final = text("SELECT pg_try_advisory_lock(:class, :epoch)")
_LET_GO: Final = text("SELECT pg_advisory_unlock(:class, :epoch)")
_LIVING: Final = text(
    "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
    " AND classid::bigint = :class AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
# The session of a machine that is gone without a word ends after half a minute.
_SERVER_KEEPALIVE: Final = "-c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"


class Presence:
    """Shows others that this epoch lives, from `show` to `end`; the calls block and belong into a thread."""

    def __init__(self, url: str, epoch: int) -> None:
        self._epoch = epoch
        self._engine = _engine(url) if make_url(url).get_backend_name() == "postgresql" else None
        self._connection: Connection | None = None
        self._one_at_a_time = threading.RLock()  # the program may end while a thread still asks

    def show(self) -> bool:
        """
        Take the lock, or see that it is still held.

        False when it is not: the database cannot be asked, or it has not noticed yet that our last session is gone.
        """
        if self._engine is None:
            return True
        with self._one_at_a_time:
            return self._show(self._engine)

    def _show(self, engine: Engine) -> bool:
        try:
            if self._connection is not None:
                self._connection.execute(text("SELECT 1"))
                return True
            self._connection = engine.connect()
            held = bool(self._connection.execute(_HOLD, {"class": _CLASS, "epoch": self._epoch}).scalar_one())
        except DBAPIError:
            held = False
        if not held:
            self.end()
        return held

    def end(self) -> None:
        """Let the lock go."""
        with self._one_at_a_time:
            if self._connection is not None:
                # Else it is held until the server has noticed that we are gone; a lost session cannot say so.
                with contextlib.suppress(SQLAlchemyError):
                    self._connection.execute(_LET_GO, {"class": _CLASS, "epoch": self._epoch})
                self._connection.invalidate()
                self._connection.close()
                self._connection = None


def _engine(url: str) -> Engine:
    full = make_url(url).set(drivername="postgresql+psycopg")
    arguments: dict[str, Any] = {"options": f"{full.query.get('options', '')} {_SERVER_KEEPALIVE}".strip()}
    return create_engine(full, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=arguments)


def living(tx: Connection) -> frozenset[int]:
    """
    The epochs whose lock is held.

    Ask before anything else in a transaction: what it then sees of leases was taken under locks that were held.
    """
    return frozenset(tx.execute(_LIVING, {"class": _CLASS}).scalars())


def left_behind(tx: Connection, epoch: Column[int], mine: int) -> ColumnElement[bool]:
    """The rows whose epoch is that of a run which is gone; ask before anything else in a transaction."""
    others = epoch.is_not(None) & (epoch != mine)
    return others if tx.dialect.name == "sqlite" else others & epoch.not_in(sorted(living(tx)))
