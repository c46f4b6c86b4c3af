"""
Records: who has asked to join a group whose conveners decide about it, from an address that has answered.

A request waits until it is approved or rejected; the first decision counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from cgbot.context import Context
from cgbot.errors import Conflict
from cgbot.groups import audit
from cgbot.groups.asking import Asker
from cgbot.groups.audit import Entry
from cgbot.mail import address as addresses
from cgbot.store.tables import join_requests


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """One request; `state` is waiting, approved or rejected."""

    id: int
    group_id: int
    address: str
    key: str
    name: str
    language: str
    asked_at: datetime
    state: str
    decided_by: str
    decided_at: datetime | None


def add(tx: Connection, context: Context, asker: Asker) -> JoinRequest | None:
    """Let a request wait; None where one of this address waits already."""
    if find_waiting(tx, asker.group_id, asker.address):
        return None
    values = {"group_id": asker.group_id, "address": asker.address, "key": addresses.fold(asker.address),
              "name": asker.name, "language": asker.language, "asked_at": context.now}  # fmt: skip
    number = tx.execute(insert(join_requests).values(**values).returning(join_requests.c.id)).scalar_one()
    audit.record(tx, context.now, asker.group_id, Entry(asker.address, "asked to join", asker.address))
    return get(tx, int(number))


def get(tx: Connection, number: int) -> JoinRequest | None:
    """The request with this id."""
    return next(iter(_some(tx, join_requests.c.id == number)), None)


def find_waiting(tx: Connection, group_id: int, address: str) -> JoinRequest | None:
    """The request of this address that waits."""
    mine = join_requests.c.key == addresses.fold(address)
    return next(iter(_some(tx, (join_requests.c.group_id == group_id) & mine & _WAITING)), None)


def waiting(tx: Connection, group_id: int) -> tuple[JoinRequest, ...]:
    """What waits in a group, oldest first."""
    return _some(tx, (join_requests.c.group_id == group_id) & _WAITING)


def asked_since(tx: Connection, group_id: int, since: datetime) -> int:
    """How many have asked since, whatever became of it."""
    which = (join_requests.c.group_id == group_id) & (join_requests.c.asked_at > since)
    return int(tx.execute(select(func.count()).select_from(join_requests).where(which)).scalar_one())


def decide(tx: Connection, context: Context, request: JoinRequest, state: str, actor: str) -> None:
    """Approve or reject. Raises Conflict naming who was first."""
    values = {"state": state, "decided_by": actor, "decided_at": context.now}
    done = tx.execute(update(join_requests).where(join_requests.c.id == request.id, _WAITING).values(**values))
    if done.rowcount != 1:
        known = get(tx, request.id) or request
        raise Conflict(f"the request of {known.address} was {known.state} by {known.decided_by} already")
    entry = Entry(actor, f"request to join {state}", request.address)
    audit.record(tx, context.now, request.group_id, entry)


_WAITING = join_requests.c.state == "waiting"


def _some(tx: Connection, which: ColumnElement[bool]) -> tuple[JoinRequest, ...]:
    rows: Any = tx.execute(select(join_requests).where(which).order_by(join_requests.c.id))
    return tuple(JoinRequest(**row._mapping) for row in rows)
