"""
Records: what the operator looks at first: what came in, what goes out, what waits, what is next.

Reads only. The names of the fields are the contract of `cgbot status --json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Table, func, select

from cgbot.context import Context
from cgbot.groups import records
from cgbot.notices import ledger
from cgbot.notices.kinds import Kind
from cgbot.notices.ledger import Notice
from cgbot.outbox import relay_state
from cgbot.store import service
from cgbot.store.tables import arrivals, deliveries, errands, holds, members

ERRAND_STATES: Final = ("received", "sorted", "held", "discarded", "shelved")
DELIVERY_STATES: Final = ("queued", "leased", "sent", "deferred", "failed", "expired", "suppressed")
_OPEN_DELIVERIES: Final = ("queued", "leased", "deferred")
_AHEAD: Final = timedelta(days=31)
_NEXT: Final = 10


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """One group: who is in it, and how many posts wait for its conveners."""

    name: str
    acronym: str
    mode: str
    closed: bool
    members: int
    conveners: int
    held: int
    term_until: str
    term_over: bool


@dataclass(frozen=True, slots=True)
class Due:
    """One mail that the clock will send; `id` is None until it is written down."""

    id: int | None
    group: str
    kind: str
    about: str
    summary: str
    due: datetime
    audience: str
    state: str


@dataclass(frozen=True, slots=True)
class Status:
    """The whole picture at one moment; `oldest` holds the time of the oldest that is still open, by state."""

    domain: str
    now: datetime
    paused: str | None
    relay: str | None  # what is wrong with the next server, None when it answers
    groups: tuple[GroupStatus, ...]
    errands: dict[str, int]
    deliveries: dict[str, int]
    oldest: dict[str, datetime | None]
    notices: tuple[Due, ...]


def look(tx: Connection, context: Context, kinds: Sequence[Kind]) -> Status:
    """Gather it in one snapshot."""
    silence = relay_state.find(tx)
    ahead = ledger.preview(tx, context, kinds, context.now + _AHEAD)
    return Status(
        domain=context.settings.service.domain,
        now=context.now,
        paused=service.paused(tx),
        relay=silence.in_words() if silence else None,
        groups=tuple(_groups(tx, context)),
        errands=_count(tx, errands, ERRAND_STATES),
        deliveries=_count(tx, deliveries, DELIVERY_STATES),
        oldest=_oldest(tx),
        notices=due(tx, ahead[:_NEXT]),
    )


def due(tx: Connection, found: Sequence[Notice]) -> tuple[Due, ...]:
    """Notices as listings show them."""
    names = {one.id: one.name for one in records.list_groups(tx)}
    return tuple(
        Due(
            id=one.id or None,
            group=names[one.occurrence.group_id],
            kind=one.occurrence.kind,
            about=one.occurrence.about,
            summary=one.occurrence.summary,
            due=one.occurrence.due_at,
            audience=one.occurrence.audience,
            state=one.state,
        )
        for one in found
    )


def _groups(tx: Connection, context: Context) -> list[GroupStatus]:
    counted: dict[int, dict[str, int]] = {}
    roles = select(members.c.group_id, members.c.role, func.count().label("people")).where(members.c.state != "left")
    for row in tx.execute(roles.group_by(members.c.group_id, members.c.role)):
        counted.setdefault(row.group_id, {})[row.role] = row.people
    waiting = select(holds.c.group_id, func.count().label("posts")).where(holds.c.state == "waiting")
    held = {row.group_id: row.posts for row in tx.execute(waiting.group_by(holds.c.group_id))}
    return [_group(context, one, counted.get(one.id, {}), held.get(one.id, 0)) for one in records.list_groups(tx)]


def _group(context: Context, group: records.Group, roles: dict[str, int], held: int) -> GroupStatus:
    charter = context.charters.get(group.name)
    until = charter.term.until if charter else None
    return GroupStatus(
        name=group.name,
        acronym=charter.acronym if charter else "",
        mode=charter.mode if charter else "",
        closed=group.closed_at is not None,
        members=sum(roles.values()),
        conveners=roles.get("convener", 0) + roles.get("vice-convener", 0),
        held=held,
        term_until=until.isoformat() if until else "",
        term_over=until is not None and until < context.now.date(),
    )


def _count(tx: Connection, table: Table, states: Sequence[str]) -> dict[str, int]:
    rows: Any = tx.execute(select(table.c.state, func.count()).group_by(table.c.state)).all()
    found = {state: int(count) for state, count in rows}
    return {state: found.get(state, 0) for state in states}


def _oldest(tx: Connection) -> dict[str, datetime | None]:
    received = (
        select(func.min(arrivals.c.received_at)).join_from(arrivals, errands).where(errands.c.state == "received")
    )
    waiting = select(func.min(holds.c.held_at)).where(holds.c.state == "waiting")
    oldest: dict[str, datetime | None] = {
        "received": tx.execute(received).scalar_one(),
        "held": tx.execute(waiting).scalar_one(),
    }
    for state in _OPEN_DELIVERIES:
        first = select(func.min(deliveries.c.queued_at)).where(deliveries.c.state == state)
        oldest[state] = tx.execute(first).scalar_one()
    return oldest
