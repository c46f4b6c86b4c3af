"""
What the service knows of itself: the epoch of `serve`, whether sending is paused (records).

An epoch is one run of `serve`; a lease of an earlier epoch on an embedded database belongs to a dead process.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from cgbot.store.tables import service
from cgbot.store.upsert import insert_new

_EPOCH = "epoch"
_STARTED = "started"
_PAUSED = "paused"


def get(tx: Connection, key: str) -> str | None:
    """The value of a key, None when it was never set."""
    value = tx.execute(select(service.c.value).where(service.c.key == key)).scalar_one_or_none()
    return None if value is None else str(value)


def put(tx: Connection, key: str, value: str) -> None:
    """Set a key."""
    tx.execute(insert_new(tx, service).values(key=key, value=value))
    tx.execute(update(service).where(service.c.key == key).values(value=value))


def begin_epoch(tx: Connection, now: datetime) -> int:
    """Count a new run of `serve`; its number."""
    epoch = int(get(tx, _EPOCH) or 0) + 1
    put(tx, _EPOCH, str(epoch))
    put(tx, _STARTED, now.isoformat())
    return epoch


def pause(tx: Connection, reason: str) -> None:
    """Send nothing until `resume`; what comes in is still taken."""
    put(tx, _PAUSED, reason)


def resume(tx: Connection) -> bool:
    """Send again; False when nothing was paused."""
    return tx.execute(delete(service).where(service.c.key == _PAUSED)).rowcount > 0


def paused(tx: Connection) -> str | None:
    """The reason for which nothing is sent, None in normal times."""
    return get(tx, _PAUSED)
