"""
Looking at the outbox and stepping in (records): what waits, one delivery with its attempts, again, not at all.

`serve` notices a change within a second. A delivery that is being tried at this moment is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Row, Select, select, update

from cgbot.errors import Conflict, NotFound
from cgbot.outbox import relay_state
from cgbot.outbox.leases import WAITING
from cgbot.store.db import Tx
from cgbot.store.tables import attempts, contents, deliveries, groups

State = Literal["waiting", "queued", "leased", "deferred", "sent", "failed", "expired", "suppressed"]
DROPPED: Final = "dropped by the operator"
NO_MAIL: Final = "no mail reaches this member"
_AGAIN: Final = timedelta(days=5)  # the lifetime of a copy that is sent again after its own has ended
_OPEN: Final = (*WAITING, "leased")


@dataclass(frozen=True, slots=True)
class Entry:
    """One delivery; `about` and `kind` are those of its mail, `group` is "" for the service itself."""

    id: int
    recipient: str
    group: str
    kind: str
    about: str
    state: str
    attempts: int
    due_at: datetime
    expires_at: datetime
    reply: str


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt at a delivery."""

    number: int
    started_at: datetime
    ended_at: datetime
    outcome: str
    reply: str


@dataclass(frozen=True, slots=True)
class Detail:
    """One delivery with all that is known of it."""

    entry: Entry
    content_id: int
    message_id: str
    return_path: str
    queued_at: datetime
    done_at: datetime | None
    in_doubt: int
    tries: tuple[Try, ...]


def waiting(tx: Tx, state: State = "waiting", limit: int = 100) -> tuple[Entry, ...]:
    """What waits or is being sent, or what is in one state; first what is due first, of the finished the newest."""
    wanted = _OPEN if state == "waiting" else (state,)
    order = deliveries.c.due_at.asc() if state in {"waiting", *_OPEN} else deliveries.c.due_at.desc()
    rows = tx.execute(_entries().where(deliveries.c.state.in_(wanted)).order_by(order, deliveries.c.id).limit(limit))
    return tuple(_entry(row) for row in rows)


def show(tx: Tx, delivery_id: int) -> Detail:
    """One delivery and its attempts; raises NotFound."""
    row = tx.execute(_entries().where(deliveries.c.id == delivery_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no delivery {delivery_id}")
    tries = tx.execute(
        select(attempts.c.number, attempts.c.started_at, attempts.c.ended_at, attempts.c.outcome, attempts.c.reply)
        .where(attempts.c.delivery_id == delivery_id)
        .order_by(attempts.c.id)
    )
    return Detail(
        entry=_entry(row),
        content_id=row.content_id,
        message_id=row.message_id,
        return_path=row.return_path,
        queued_at=row.queued_at,
        done_at=row.done_at,
        in_doubt=row.in_doubt,
        tries=tuple(Try(*one) for one in tries),
    )


def retry(tx: Tx, delivery_id: int, now: datetime) -> None:
    """Try one delivery at once, also one that has failed or expired; raises NotFound, Conflict."""
    found = show(tx, delivery_id).entry
    if found.state not in {*WAITING, "failed", "expired"}:
        raise Conflict(f"delivery {delivery_id} is {found.state}; only what waits or has failed can be tried again")
    relay_state.forget(tx)
    _queue_again(tx, deliveries.c.id == delivery_id, now)
    if found.expires_at <= now:
        tx.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(expires_at=now + _AGAIN))


def retry_all(tx: Tx, now: datetime) -> int:
    """Try everything again that has failed and is still within its lifetime; how many."""
    relay_state.forget(tx)
    return _queue_again(tx, (deliveries.c.state == "failed") & (deliveries.c.expires_at > now), now)


def flush(tx: Tx, now: datetime) -> int:
    """Try everything that is deferred at once, and a relay that does not answer; how many were deferred."""
    relay_state.forget(tx)
    return _queue_again(tx, deliveries.c.state == "deferred", now)


def drop(tx: Tx, delivery_id: int, now: datetime) -> None:
    """Do not send it any more; raises NotFound, Conflict."""
    found = show(tx, delivery_id).entry
    ended = tx.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.state.in_(WAITING))
        .values(state="suppressed", reply=DROPPED, done_at=now)
    )
    if not ended.rowcount:
        raise Conflict(f"delivery {delivery_id} is {found.state}; only what waits can be dropped")


def drop_member(tx: Tx, member_id: int, now: datetime) -> int:
    """Do not send what waits for a member whom mail does not reach; how many copies."""
    waits = (deliveries.c.member_id == member_id) & deliveries.c.state.in_(WAITING)
    return tx.execute(update(deliveries).where(waits).values(state="suppressed", reply=NO_MAIL, done_at=now)).rowcount


def _queue_again(tx: Tx, which: ColumnElement[bool], now: datetime) -> int:
    return tx.execute(update(deliveries).where(which).values(state="queued", due_at=now, done_at=None)).rowcount


_FIELDS: Final[Sequence[str]] = tuple(
    name for name in Entry.__dataclass_fields__ if name not in {"group", "kind", "about"}
)


def _entries() -> Select[Any]:
    return (
        select(deliveries, contents.c.kind, contents.c.about, contents.c.message_id, groups.c.name)
        .join_from(deliveries, contents, contents.c.id == deliveries.c.content_id)
        .outerjoin(groups, groups.c.id == contents.c.group_id)
    )


def _entry(row: Row[Any]) -> Entry:
    plain = {name: getattr(row, name) for name in _FIELDS}
    return Entry(group=row.name or "", kind=row.kind, about=row.about, **plain)
