"""
Held messages: what waits for a convener, and what the conveners decide (use cases).

A hold keeps every rule that fired. Each convener is told once, with a reply address of their own: answering "approve",
"reject" or "discard" decides, as `cgbot held` does. Approving sends the errand through the sorter again. Rejecting
tells the author only if the address has proved itself (no backscatter, RFC 3834 section 2); the first decision wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, insert, select, update

from cgbot.context import Context
from cgbot.errand import Errand, Settled
from cgbot.errors import Conflict, NotFound
from cgbot.groups import audit
from cgbot.posts import errands
from cgbot.store.tables import arrivals, groups, holds
from cgbot.store.tables import errands as errand_rows

DECISIONS: Final = ("approve", "reject", "discard")
_STATES: Final = {"approve": "approved", "reject": "rejected", "discard": "discarded"}


@dataclass(frozen=True, slots=True)
class Hold:
    """One held message; `proven` says whether the author's address has proved itself."""

    id: int
    errand_id: int
    group_id: int
    group: str
    held_at: datetime
    reasons: tuple[str, ...]
    proven: bool
    author: str
    subject: str
    state: str
    decided_by: str
    decided_at: datetime | None
    note: str
    sha256: bytes


@dataclass(frozen=True, slots=True)
class NewHold:
    """What the sorter knows when it holds a message."""

    content_hash: bytes
    reasons: tuple[str, ...]
    proven: bool
    author: str
    subject: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a convener says about a held message, and with which words to the author."""

    word: str
    actor: str
    note: str = ""


def add(tx: Connection, context: Context, errand: Errand, new: NewHold) -> int:
    """Hold an errand's message; its id."""
    return int(
        tx.execute(
            insert(holds)
            .values(
                errand_id=errand.id,
                group_id=errand.group_id,
                held_at=context.now,
                content_hash=new.content_hash,
                reasons={"reasons": list(new.reasons), "proven": new.proven},
                author=new.author,
                subject=new.subject,
            )
            .returning(holds.c.id)
        ).scalar_one()
    )


def find_content(tx: Connection, group_id: int | None, content_hash: bytes) -> Hold | None:
    """The newest hold of this content, so that a retry through a front server is not held twice."""
    return _one(tx, (holds.c.group_id == group_id) & (holds.c.content_hash == content_hash))


def find(tx: Connection, hold_id: int) -> Hold | None:
    """One hold, None where there is none of this number."""
    return _one(tx, holds.c.id == hold_id)


def get(tx: Connection, hold_id: int) -> Hold:
    """One hold; NotFound names what there is."""
    found = find(tx, hold_id)
    if found is None:
        raise NotFound(f"there is no held message {hold_id}; `cgbot held list` shows what waits")
    return found


def waiting(tx: Connection, group_id: int | None = None) -> tuple[Hold, ...]:
    """What waits for a decision, oldest first, of one group or of all."""
    condition = holds.c.state == "waiting"
    if group_id is not None:
        condition &= holds.c.group_id == group_id
    return tuple(_hold(row) for row in tx.execute(_select().where(condition).order_by(holds.c.id)))


def decide(tx: Connection, context: Context, hold_id: int, decision: Decision) -> Hold:
    """
    Approve, reject or discard.

    Raises NotFound, and Conflict naming who was first when it has been decided already.
    """
    hold = get(tx, hold_id)
    changed = tx.execute(
        update(holds)
        .where(holds.c.id == hold_id, holds.c.state == "waiting")
        .values(state=_STATES[decision.word], decided_by=decision.actor, decided_at=context.now, note=decision.note)
    )
    if changed.rowcount == 0:
        raise Conflict(f"held message {hold_id} was {hold.state} by {hold.decided_by} already")
    if decision.word == "approve":
        errands.requeue(tx, hold.errand_id, f"approved:{decision.actor}", context.now)
    else:
        settled = Settled("discarded", f"{_STATES[decision.word]} by {decision.actor}")
        errands.settle(tx, hold.errand_id, settled, context.now)
    entry = audit.Entry(decision.actor, decision.word, f"held message {hold_id}", {"note": decision.note})
    audit.record(tx, context.now, hold.group_id, entry)
    return get(tx, hold_id)


def _one(tx: Connection, condition: ColumnElement[bool]) -> Hold | None:
    row = tx.execute(_select().where(condition).order_by(holds.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _hold(row)


def _select() -> Select[*tuple[Any, ...]]:
    return select(holds, groups.c.name.label("group"), arrivals.c.sha256).select_from(
        holds.join(errand_rows)
        .join(arrivals, errand_rows.c.arrival_id == arrivals.c.id)
        .join(groups, holds.c.group_id == groups.c.id)
    )


def _hold(row: Row[*tuple[Any, ...]]) -> Hold:
    return Hold(
        id=row.id,
        errand_id=row.errand_id,
        group_id=row.group_id,
        group=row.group,
        held_at=row.held_at,
        reasons=tuple(row.reasons["reasons"]),
        proven=bool(row.reasons["proven"]),
        author=row.author,
        subject=row.subject,
        state=row.state,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        note=row.note,
        sha256=row.sha256,
    )
