"""
Errands in the database: claiming them, ending them, shelving what fails (records).

A claim commits the attempt before anything is tried, so a message that kills the process is counted too. An errand
that was tried before is claimed alone, so that one message that kills the process takes no other one with it. After
three attempts it is shelved with its reason and waits for the operator; the next one flows. The claims of a run of
`serve` that is gone are free at once; a run that lives but stands still loses them after five minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final

from sqlalchemy import Connection, bindparam, func, select, update

from cgbot.errand import Settled
from cgbot.errors import NotFound
from cgbot.store import presence
from cgbot.store.tables import arrivals, errands, groups, raw_messages

MAX_ATTEMPTS: Final = 3
# A claimed errand is free again after this time: its process lives but stands still.
LEASE: Final = timedelta(minutes=5)
# Built once, since every errand runs it.
_SETTLE: Final = (
    update(errands)
    .where(errands.c.id == bindparam("errand"))
    .values(state=bindparam("as"), reason=bindparam("why"), done_at=bindparam("when"))
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """An errand that this process works on now; the message is still only a hash."""

    id: int
    arrival_id: int
    group_id: int | None
    group: str
    recipient: str
    purpose: str
    detail: str
    gate: str
    attempts: int
    mail_from: str
    received_at: datetime
    protocol: str
    peer: str
    sha256: bytes
    size: int


def claim(tx: Connection, now: datetime, limit: int, epoch: int | None = None) -> tuple[Claimed, ...]:
    """Take up to `limit` errands that are due for the run `epoch`, oldest first, and count the attempt."""
    due = (
        select(errands.c.id, errands.c.attempts)
        .where(errands.c.state == "received", errands.c.due_at <= now)
        .order_by(errands.c.due_at, errands.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = tx.execute(due).all()
    ids = [row.id for row in takewhile(lambda row: not row.attempts, rows)] or [row.id for row in rows[:1]]
    if not ids:
        return ()
    tx.execute(
        update(errands)
        .where(errands.c.id.in_(ids))
        .values(attempts=errands.c.attempts + 1, due_at=now + LEASE, epoch=epoch)
        .execution_options(synchronize_session=False)
    )
    return _claimed(tx, ids)


def _claimed(tx: Connection, ids: object) -> tuple[Claimed, ...]:
    rows = tx.execute(
        select(
            errands.c.id,
            errands.c.arrival_id,
            errands.c.group_id,
            func.coalesce(groups.c.name, "").label("group"),
            errands.c.recipient,
            errands.c.purpose,
            errands.c.detail,
            errands.c.gate,
            errands.c.attempts,
            arrivals.c.mail_from,
            arrivals.c.received_at,
            arrivals.c.protocol,
            arrivals.c.peer,
            arrivals.c.sha256,
            raw_messages.c.size,
        )
        .select_from(errands.join(arrivals).join(raw_messages).outerjoin(groups))
        .where(errands.c.id.in_(ids))  # type: ignore[arg-type]  # a sequence of ids
        .order_by(errands.c.id)
    )
    return tuple(Claimed(**row._mapping) for row in rows)


def settle(tx: Connection, errand_id: int, settled: Settled, now: datetime) -> None:
    """End an errand."""
    settle_all(tx, [(errand_id, settled)], now)


def settle_all(tx: Connection, ended: Sequence[tuple[int, Settled]], now: datetime) -> None:
    """End these errands."""
    if ended:
        tx.execute(_SETTLE, [{"errand": n, "as": how.state, "why": how.reason, "when": now} for n, how in ended])


def shelve(tx: Connection, errand_id: int, reason: str, now: datetime) -> None:
    """Lay an errand aside that has failed too often; `cgbot held list --shelved` shows it."""
    tx.execute(
        update(errands)
        .where(errands.c.id == errand_id, errands.c.state == "received")
        .values(state="shelved", reason=reason, done_at=now)
    )


def postpone(tx: Connection, errand_id: int, reason: str, due_at: datetime) -> None:
    """Try again at `due_at`; the attempt has been counted."""
    tx.execute(update(errands).where(errands.c.id == errand_id).values(reason=reason, due_at=due_at, epoch=None))


def give_back(tx: Connection, errand_id: int, due_at: datetime) -> None:
    """Try again at `due_at` without counting the attempt: the fault was ours, not the message's."""
    back = {"attempts": errands.c.attempts - 1, "due_at": due_at, "epoch": None}
    tx.execute(update(errands).where(errands.c.id == errand_id).values(back))


def requeue(tx: Connection, errand_id: int, gate: str, now: datetime) -> None:
    """Send an errand through the sorter again, with a word for the rules (`approved:WHO`)."""
    tx.execute(
        update(errands)
        .where(errands.c.id == errand_id)
        .values(state="received", gate=gate, attempts=0, due_at=now, epoch=None, done_at=None, reason="")
    )


def release_leases(tx: Connection, now: datetime) -> None:
    """At the start of the only `serve` on this database: nobody else works on anything, and nothing is put off."""
    later = (errands.c.state == "received") & (errands.c.due_at > now)
    tx.execute(update(errands).where(later).values(due_at=now, epoch=None))


def release_dead(tx: Connection, epoch: int, now: datetime) -> int:
    """Free what runs other than `epoch` that are gone had claimed; how many."""
    dead = presence.left_behind(tx, errands.c.epoch, epoch)
    freed = update(errands).where(errands.c.state == "received", dead).values(due_at=now, epoch=None)
    return tx.execute(freed).rowcount


@dataclass(frozen=True, slots=True)
class Shelved:
    """An errand that was laid aside."""

    id: int
    recipient: str
    mail_from: str
    received_at: datetime
    attempts: int
    reason: str


def shelved(tx: Connection) -> tuple[Shelved, ...]:
    """What was laid aside, oldest first."""
    rows = tx.execute(
        select(
            errands.c.id,
            errands.c.recipient,
            arrivals.c.mail_from,
            arrivals.c.received_at,
            errands.c.attempts,
            errands.c.reason,
        )
        .select_from(errands.join(arrivals))
        .where(errands.c.state == "shelved")
        .order_by(errands.c.id)
    )
    return tuple(Shelved(**row._mapping) for row in rows)


def retry_shelved(tx: Connection, errand_id: int, now: datetime) -> None:
    """Send a shelved errand through the sorter again; raises NotFound when there is none of this number."""
    state = tx.execute(select(errands.c.state).where(errands.c.id == errand_id)).scalar_one_or_none()
    if state != "shelved":
        raise NotFound(f"no shelved message {errand_id}; `cgbot held list --shelved` shows them")
    requeue(tx, errand_id, "", now)
