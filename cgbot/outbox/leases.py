"""
Leases (records): a claim gives copies to one run of `serve`, an outcome, a return or the run's death ends them.

A lease is either only taken, or begun: from `begin` on the copy may be on the wire. So a run that dies leaves each
lease in one of two states: what had not begun is queued as if nothing had been, what had begun is in doubt, counted and
sent again, and after three such losses it has failed, since it may have arrived as often. A copy that was replaced in
the meantime by a newer mail about the same thing is not sent any more.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, select, update

from cgbot.outbox import retry
from cgbot.store import presence
from cgbot.store.db import Tx
from cgbot.store.tables import attempts, deliveries

REPLACED: Final = "replaced by a newer mail"
WAITING: Final = ("queued", "deferred")
_DIED: Final = "the program ended before the answer was known"
# On PostgreSQL a run that lives but stands still must long have ended its lease after this time.
_LEASE: Final = timedelta(minutes=15)
_CHUNK: Final = 500
_FREE: Final = {"epoch": None, "leased_at": None, "begun_at": None}


@dataclass(frozen=True, slots=True)
class Claim:
    """A copy leased to this run of `serve`; `attempts` counts the one that now begins."""

    id: int
    content_id: int
    member_id: int | None
    recipient: str
    return_path: str
    slots: Mapping[str, str]
    attempts: int
    in_doubt: int
    due_at: datetime
    expires_at: datetime
    epoch: int


@dataclass(frozen=True, slots=True)
class Released:
    """What was done with the leases of runs that are gone: how many, and the contents of which copies have failed."""

    unbegun: int
    in_doubt: int
    failed: tuple[int, ...]


def is_due(tx: Tx, now: datetime, past: Collection[str] = ()) -> bool:
    """Whether a claim would find something."""
    return any(tx.execute(_due(state, now, 1, past)).first() is not None for state in WAITING)


def claim(tx: Tx, epoch: int, now: datetime, limit: int, past: Collection[str] = ()) -> tuple[Claim, ...]:
    """
    Lease up to `limit` copies that are due, those first that were due first; nobody else gets them.

    `past` are domains, in lower case, of whose recipients none is wanted now.
    """
    found = [tx.execute(_due(state, now, limit, past).with_for_update(skip_locked=True)).all() for state in WAITING]
    ids = [row.id for row in islice(heapq.merge(*found, key=lambda row: (row.due_at, row.id)), limit)]
    if not ids:
        return ()
    rows = tx.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(ids))
        .values(state="leased", attempts=deliveries.c.attempts + 1, epoch=epoch, leased_at=now, begun_at=None)
        .returning(*(deliveries.c[name] for name in Claim.__dataclass_fields__))
    )
    return tuple(sorted((Claim(*row) for row in rows), key=lambda one: (one.due_at, one.id)))


def _due(state: str, now: datetime, limit: int, past: Collection[str]) -> Any:
    """One state at a time, so that the index gives the order."""
    others = (~func.lower(deliveries.c.recipient).endswith(f"@{one}", autoescape=True) for one in past)
    return (
        select(deliveries.c.id, deliveries.c.due_at)
        .where(deliveries.c.state == state, deliveries.c.due_at <= now, deliveries.c.expires_at > now, *others)
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(limit)
    )


# Built once, since every copy runs it.
_BEGIN: Final = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("b_id"), deliveries.c.state == "leased")
    .where(deliveries.c.epoch == bindparam("b_epoch"), deliveries.c.attempts == bindparam("b_number"))
    .values(begun_at=bindparam("b_now"))
)


def begin(tx: Tx, claims: Sequence[Claim], now: datetime) -> frozenset[int]:
    """Write down that these copies may be on the wire from now on; the ids of those whose lease is still held."""
    if not claims:
        return frozenset()
    rows = [{"b_id": one.id, "b_epoch": one.epoch, "b_number": one.attempts, "b_now": now} for one in claims]
    if tx.execute(_BEGIN, rows).rowcount == len(rows):
        return frozenset(one.id for one in claims)
    held = select(deliveries.c.id, deliveries.c.epoch, deliveries.c.attempts).where(
        deliveries.c.id.in_([one.id for one in claims]), deliveries.c.state == "leased"
    )
    found = {tuple(row) for row in tx.execute(held)}
    return frozenset(one.id for one in claims if (one.id, one.epoch, one.attempts) in found)


def give_back(tx: Tx, claims: Iterable[Claim]) -> None:
    """End leases whose attempt never began or cannot have reached anybody; it does not count."""
    rows = [{"b_id": one.id, "b_epoch": one.epoch} for one in claims]
    if not rows:
        return
    tx.execute(
        update(deliveries)
        .where(deliveries.c.id == bindparam("b_id"), deliveries.c.state == "leased")
        .where(deliveries.c.epoch == bindparam("b_epoch"))
        .values(state="queued", attempts=deliveries.c.attempts - 1, **_FREE),
        rows,
    )
    suppress_replaced(tx, [one["b_id"] for one in rows])


# ---------------------------------------------------------------------------------------------- runs that are gone


def release_dead(tx: Tx, epoch: int, now: datetime) -> Released:
    """Free the leases of runs other than `epoch` that are gone, to be sent at once."""
    dead = presence.left_behind(tx, deliveries.c.epoch, epoch)
    if tx.dialect.name != "sqlite":
        dead |= (deliveries.c.leased_at < now - _LEASE) & (deliveries.c.epoch != epoch)
    dead &= deliveries.c.state == "leased"
    unbegun = tx.execute(
        update(deliveries)
        .where(dead, deliveries.c.begun_at.is_(None))
        .values(state="queued", attempts=deliveries.c.attempts - 1, **_FREE)
        .returning(deliveries.c.id)
    )
    ids = [row.id for row in unbegun]
    columns = (deliveries.c[name] for name in ("id", "content_id", "attempts", "in_doubt", "begun_at"))
    begun = tx.execute(select(*columns).where(dead).with_for_update(skip_locked=True)).all()
    failed = _doubt(tx, begun, now)
    suppress_replaced(tx, ids + [row.id for row in begun])
    return Released(len(ids), len(begun), failed)


def _doubt(tx: Tx, begun: Sequence[Any], now: datetime) -> tuple[int, ...]:
    """Count a lost answer for each; the contents of those that have now lost too many."""
    if not begun:
        return ()
    over = [row for row in begun if row.in_doubt + 1 >= retry.LOST_BY_CRASHES]
    again = [row.id for row in begun if row.in_doubt + 1 < retry.LOST_BY_CRASHES]
    counted = {"in_doubt": deliveries.c.in_doubt + 1, **_FREE}
    tx.execute(
        update(deliveries).where(deliveries.c.id.in_(again)).values(state="queued", due_at=now, reply=_DIED, **counted)
    )
    for row in over:
        end = {"state": "failed", "done_at": now, "reply": retry.lost(row.in_doubt + 1)}
        tx.execute(update(deliveries).where(deliveries.c.id == row.id).values(**end, **counted))
    tried = {"ended_at": now, "outcome": "in-doubt", "reply": _DIED}
    tx.execute(
        insert(attempts),
        [{"delivery_id": row.id, "number": row.attempts, "started_at": row.begun_at, **tried} for row in begun],
    )
    return tuple(sorted({row.content_id for row in over}))


_newer = deliveries.alias("newer")
_REPLACED_AT = (
    select(func.min(_newer.c.queued_at))
    .where(
        _newer.c.replaces == deliveries.c.replaces,
        _newer.c.recipient == deliveries.c.recipient,
        _newer.c.content_id > deliveries.c.content_id,
    )
    .correlate(deliveries)
    .scalar_subquery()
)


def suppress_replaced(tx: Tx, ids: Sequence[int]) -> None:
    """Copies that come back from a lease may have been replaced in the meantime."""
    for start in range(0, len(ids), _CHUNK):
        tx.execute(
            update(deliveries)
            .where(deliveries.c.id.in_(ids[start : start + _CHUNK]), deliveries.c.state.in_(WAITING))
            .where(deliveries.c.replaces.is_not(None), _REPLACED_AT.is_not(None))
            .values(state="suppressed", reply=REPLACED, done_at=_REPLACED_AT)
        )
