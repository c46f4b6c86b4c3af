"""
Records: the audit trail: who did what, when, to what; append-only.

Every use case that a person set off writes one entry in its own transaction, so that the trail and the change stand or
fall together. `actor` is an address, or "operator" for a command, or "clock".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, insert, select

from cgbot.store.tables import audit


@dataclass(frozen=True, slots=True)
class Entry:
    """One act; `detail` holds only what JSON can."""

    actor: str
    action: str
    subject: str
    detail: Mapping[str, object] = field(default_factory=dict)


def record(tx: Connection, now: datetime, group_id: int | None, entry: Entry) -> None:
    """Append an entry; `group_id` is None for what concerns the whole service."""
    tx.execute(
        insert(audit).values(
            at=now,
            actor=entry.actor,
            action=entry.action,
            group_id=group_id,
            subject=entry.subject,
            detail=dict(entry.detail),
        )
    )


def find(tx: Connection, group_id: int, action: str, subject: str) -> tuple[tuple[datetime, Mapping[str, object]], ...]:
    """The entries of one action on one subject, oldest first, each with its time and detail."""
    rows = tx.execute(
        select(audit.c.at, audit.c.detail)
        .where(audit.c.group_id == group_id, audit.c.action == action, audit.c.subject == subject)
        .order_by(audit.c.id)
    )
    return tuple((row.at, row.detail) for row in rows)


def last_actor(tx: Connection, group_id: int, action: str, subject: str) -> str:
    """Who did it to the subject the last time, "" for nobody."""
    wanted = (audit.c.group_id == group_id) & (audit.c.action == action) & (audit.c.subject == subject)
    return tx.execute(select(audit.c.actor).where(wanted).order_by(audit.c.id.desc()).limit(1)).scalar() or ""


@dataclass(frozen=True, slots=True)
class Act:
    """An entry as it is read back."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, object]


def newest(tx: Connection, group_id: int, actions: Collection[str], limit: int) -> tuple[Act, ...]:
    """The newest entries of these actions in a group, the newest first."""
    columns = (audit.c[name] for name in ("at", "actor", "action", "subject", "detail"))
    rows = tx.execute(
        select(*columns)
        .where(audit.c.group_id == group_id, audit.c.action.in_(actions))
        .order_by(audit.c.id.desc())
        .limit(limit)
    )
    return tuple(Act(**row._mapping) for row in rows)
