"""
Records: who was invited to join a group, by whom, and what became of it.

One row for each group and address: sent, then accepted, declined or expired after three weeks. Inviting somebody again
begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from cgbot.context import Context
from cgbot.groups import audit
from cgbot.groups.audit import Entry
from cgbot.mail import address as addresses
from cgbot.store.tables import invites

LIFETIME: Final = timedelta(days=21)
REMIND_AFTER: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Invite:
    """One invitation; `state` is sent, accepted, declined or expired."""

    id: int
    group_id: int
    address: str
    key: str
    name: str
    invited_by: str
    invited_at: datetime
    reminded_at: datetime | None
    state: str
    answered_at: datetime | None


def put(tx: Connection, context: Context, group_id: int, address: str, actor: str) -> Invite:
    """Invite an address, or invite it again."""
    key = addresses.fold(address)
    values = {"address": address, "invited_by": actor, "invited_at": context.now, "reminded_at": None,
              "state": "sent", "answered_at": None}  # fmt: skip
    known = find(tx, group_id, address)
    if known:
        tx.execute(update(invites).where(invites.c.id == known.id).values(**values))
    else:
        tx.execute(insert(invites).values(group_id=group_id, key=key, **values))
    audit.record(tx, context.now, group_id, Entry(actor, "invited", address))
    found = find(tx, group_id, address)
    assert found is not None  # noqa: S101 - written above, in this transaction
    return found


def find(tx: Connection, group_id: int, address: str) -> Invite | None:
    """The invitation of this address, in any state."""
    return next(iter(_some(tx, (invites.c.group_id == group_id) & (invites.c.key == addresses.fold(address)))), None)


def get(tx: Connection, invite_id: int) -> Invite | None:
    """The invitation with this id."""
    return next(iter(_some(tx, invites.c.id == invite_id)), None)


def is_open(invite: Invite | None, now: datetime) -> bool:
    """Say whether it can still be accepted."""
    return invite is not None and invite.state == "sent" and now < invite.invited_at + LIFETIME


def of_group(tx: Connection, group_id: int) -> tuple[Invite, ...]:
    """Every invitation of a group, the newest first."""
    return tuple(reversed(_some(tx, invites.c.group_id == group_id)))


def sent_since(tx: Connection, group_id: int, since: datetime) -> int:
    """How many were invited since."""
    which = (invites.c.group_id == group_id) & (invites.c.invited_at > since)
    return int(tx.execute(select(func.count()).select_from(invites).where(which)).scalar_one())


def unreminded(tx: Connection, until: datetime, now: datetime) -> tuple[Invite, ...]:
    """Those that wait for an answer and are to be reminded of it by then, and were not."""
    asked = invites.c.invited_at.between(now - LIFETIME, until - REMIND_AFTER)
    return _some(tx, (invites.c.state == "sent") & asked & invites.c.reminded_at.is_(None))


def remind(tx: Connection, context: Context, invite_id: int) -> None:
    """Note that a reminder went out."""
    tx.execute(update(invites).where(invites.c.id == invite_id).values(reminded_at=context.now))


def answer(tx: Connection, context: Context, invite: Invite, state: str) -> bool:
    """Note the answer, accepted or declined; False where there is one already."""
    waits = (invites.c.id == invite.id) & (invites.c.state == "sent")
    done = tx.execute(update(invites).where(waits).values(state=state, answered_at=context.now))
    if done.rowcount == 1:
        audit.record(tx, context.now, invite.group_id, Entry(invite.address, f"invitation {state}", invite.address))
    return done.rowcount == 1


def expire(tx: Connection, now: datetime) -> int:
    """Let those go that nobody has answered for three weeks; how many."""
    old = (invites.c.state == "sent") & (invites.c.invited_at <= now - LIFETIME)
    return tx.execute(update(invites).where(old).values(state="expired")).rowcount


def _some(tx: Connection, which: ColumnElement[bool]) -> tuple[Invite, ...]:
    rows: Any = tx.execute(select(invites).where(which).order_by(invites.c.invited_at, invites.c.id))
    return tuple(Invite(**row._mapping) for row in rows)
