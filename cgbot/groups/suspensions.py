"""
Records: members whose mail is in question: probed, then suspended, until it ends; the rows stay as evidence.

    probing ── the probe came back ──> suspended ──> ended
       └────────── it did not ─────────────────────────┘

At most one row a member is open. A member's own state says who gets mail; these rows say why and since when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, Select, func, insert, select, update

from cgbot.store.tables import members, suspensions

Cause = Literal["bounces", "complaint", "operator"]
ARRIVED: Final = "the probe"  # who ended it: the probe did not come back


@dataclass(frozen=True, slots=True)
class Suspension:
    """One time that mail to a member was in question; `probe_id` is the content of the probe."""

    id: int
    member_id: int
    state: str
    cause: str
    probe_id: int | None
    probed_at: datetime | None
    suspended_at: datetime | None
    ended_at: datetime | None
    ended_by: str


def open_of(tx: Connection, member_id: int) -> Suspension | None:
    """What is in question about a member now."""
    wanted = _select().where(suspensions.c.member_id == member_id, suspensions.c.state != "ended")
    return _first(tx, wanted.order_by(suspensions.c.id.desc()))


def in_question(tx: Connection, member_ids: Sequence[int]) -> frozenset[int]:
    """Those of the members about whom something is in question now."""
    wanted = select(suspensions.c.member_id).where(
        suspensions.c.member_id.in_(member_ids), suspensions.c.state != "ended"
    )
    return frozenset(tx.execute(wanted).scalars())


def last_ended(tx: Connection, member_ids: Sequence[int]) -> dict[int, datetime]:
    """When the last question about each member was over: what came back before does not count any more."""
    rows = tx.execute(
        select(suspensions.c.member_id, func.max(suspensions.c.ended_at).label("ended_at"))
        .where(suspensions.c.member_id.in_(member_ids), suspensions.c.ended_at.is_not(None))
        .group_by(suspensions.c.member_id)
    )
    return {row.member_id: row.ended_at for row in rows}


def of_probe(tx: Connection, member_id: int, content_id: int) -> Suspension | None:
    """What this content was the probe of, also one that was believed to have arrived."""
    return _first(tx, _select().where(suspensions.c.member_id == member_id, suspensions.c.probe_id == content_id))


def newest(tx: Connection, member_id: int) -> Suspension | None:
    """The last time that mail to a member was in question."""
    return _first(tx, _select().where(suspensions.c.member_id == member_id).order_by(suspensions.c.id.desc()))


def all_open(tx: Connection, state: str) -> tuple[tuple[Suspension, int], ...]:
    """What is probing or suspended now, with the group of each."""
    rows = tx.execute(
        _select()
        .add_columns(members.c.group_id)
        .join(members, members.c.id == suspensions.c.member_id)
        .where(suspensions.c.state == state)
        .order_by(suspensions.c.id)
    )
    return tuple((_made(row), row.group_id) for row in rows)


def get(tx: Connection, suspension_id: int) -> Suspension | None:
    """The row with this id."""
    return _first(tx, _select().where(suspensions.c.id == suspension_id))


def probe(tx: Connection, member_id: int, content_id: int, now: datetime) -> None:
    """A probe is on its way."""
    values = {"member_id": member_id, "state": "probing", "cause": "bounces", "probe_id": content_id, "probed_at": now}
    tx.execute(insert(suspensions).values(ended_by="", **values))


def suspend(tx: Connection, member_id: int, cause: Cause, now: datetime) -> None:
    """Note that a member gets no mail from now on."""
    found = open_of(tx, member_id)
    values = {"state": "suspended", "cause": cause, "suspended_at": now}
    if found is None:
        tx.execute(insert(suspensions).values(member_id=member_id, ended_by="", **values))
    else:
        tx.execute(update(suspensions).where(suspensions.c.id == found.id).values(**values))


def end(tx: Connection, member_id: int, now: datetime, by: str) -> None:
    """Note that nothing is in question about a member any more."""
    mine = (suspensions.c.member_id == member_id) & (suspensions.c.state != "ended")
    tx.execute(update(suspensions).where(mine).values(state="ended", ended_at=now, ended_by=by))


def leave_behind(tx: Connection, member_id: int, now: datetime, by: str) -> bool:
    """End what is in question about an address that a member does not use any more; False when nothing was."""
    found = open_of(tx, member_id)
    if found is None or found.cause != "bounces":
        return False
    end(tx, member_id, now, by)
    return True


def note_state(tx: Connection, member_id: int, state: str, now: datetime, actor: str) -> None:
    """Keep up with a member's state, whoever has changed it."""
    if state != "suspended":
        end(tx, member_id, now, actor)
        return
    found = open_of(tx, member_id)
    if found is None or found.state != "suspended":
        suspend(tx, member_id, "operator", now)


def _select() -> Select[Any]:
    return select(*(suspensions.c[name] for name in Suspension.__dataclass_fields__))


def _first(tx: Connection, wanted: Select[Any]) -> Suspension | None:
    row = tx.execute(wanted.limit(1)).one_or_none()
    return _made(row) if row else None


def _made(row: Any) -> Suspension:
    return Suspension(**{name: getattr(row, name) for name in Suspension.__dataclass_fields__})
