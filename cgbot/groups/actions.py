"""
Records: actions, who does what until when.

An action belongs to a group, perhaps to a meeting and to a member; `due_on` is an ISO day in the group's zone, "" for
none. It is open, then done or dropped; each change is written to the audit trail in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, Select, case, insert, select, update

from cgbot.context import Context
from cgbot.errors import Conflict, NotFound
from cgbot.groups import audit
from cgbot.groups.audit import Entry
from cgbot.store.tables import actions, addresses, members, people

MOST_TEXT: Final = 2000  # characters
_COLUMNS: Final = (
    "id", "group_id", "meeting_id", "owner_id", "text", "due_on", "state", "created_at", "created_by", "done_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Action:
    """One action; `owner` is their name or else their address, "" for nobody."""

    id: int
    group_id: int
    meeting_id: int | None
    owner_id: int | None
    owner: str
    text: str
    due_on: str
    state: str
    created_at: datetime
    created_by: str
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewAction:
    """What is to be done, by which member, until which ISO day, from which meeting."""

    text: str
    owner_id: int | None = None
    due_on: str = ""
    meeting_id: int | None = None


def add(tx: Connection, context: Context, group_id: int, new: NewAction, actor: str) -> Action:
    """Note an action."""
    values = {
        "group_id": group_id,
        "meeting_id": new.meeting_id,
        "owner_id": new.owner_id,
        "text": new.text,
        "due_on": new.due_on,
        "created_at": context.now,
        "created_by": actor,
    }
    number = int(tx.execute(insert(actions).values(values).returning(actions.c.id)).scalar_one())
    detail = {"text": new.text, "due": new.due_on, "owner": new.owner_id}
    audit.record(tx, context.now, group_id, Entry(actor, "action noted", f"action {number}", detail))
    return get(tx, number)


def end(tx: Connection, context: Context, number: int, state: Literal["done", "dropped"], actor: str) -> Action:
    """End an action. Raises NotFound, and Conflict when it has ended already."""
    found = get(tx, number)
    changed = tx.execute(
        update(actions)
        .where(actions.c.id == number, actions.c.state == "open")
        .values(state=state, done_at=context.now)
    )
    if changed.rowcount != 1:
        raise Conflict(f"action {number} is {found.state} already")
    audit.record(tx, context.now, found.group_id, Entry(actor, f"action {state}", f"action {number}"))
    return get(tx, number)


def get(tx: Connection, number: int) -> Action:
    """The action with this number. Raises NotFound."""
    row = tx.execute(_select().where(actions.c.id == number)).one_or_none()
    if row is None:
        raise NotFound(f"there is no action {number}")
    return Action(**row._mapping)


def of_group(tx: Connection, group_id: int, *, everything: bool = False, limit: int = 500) -> tuple[Action, ...]:
    """The open actions, or all of them, due first, those without a day last."""
    wanted = _select().where(actions.c.group_id == group_id)
    if not everything:
        wanted = wanted.where(actions.c.state == "open")
    no_day = case((actions.c.due_on == "", 1), else_=0)
    rows = tx.execute(wanted.order_by(no_day, actions.c.due_on, actions.c.id).limit(limit))
    return tuple(Action(**row._mapping) for row in rows)


def of_owner(tx: Connection, member_id: int) -> tuple[Action, ...]:
    """Somebody's open actions that have a day, due first."""
    wanted = _select().where(actions.c.owner_id == member_id, actions.c.state == "open", actions.c.due_on != "")
    return tuple(Action(**row._mapping) for row in tx.execute(wanted.order_by(actions.c.due_on, actions.c.id)))


def with_days(tx: Connection, group_ids: Collection[int]) -> tuple[Action, ...]:
    """The open actions of these groups that have an owner and a day, due first."""
    wanted = _select().where(
        actions.c.group_id.in_(group_ids),
        actions.c.state == "open",
        actions.c.due_on != "",
        actions.c.owner_id.is_not(None),
    )
    return tuple(Action(**row._mapping) for row in tx.execute(wanted.order_by(actions.c.due_on, actions.c.id)))


def give(tx: Connection, from_id: int, to_id: int) -> int:
    """Let another member have somebody's open actions; how many there were."""
    mine = (actions.c.owner_id == from_id) & (actions.c.state == "open")
    return tx.execute(update(actions).where(mine).values(owner_id=to_id)).rowcount


def _select() -> Select[Any]:
    own = (actions.c[name] for name in _COLUMNS)
    owner = case(
        (people.c.name != "", people.c.name), (addresses.c.address.is_not(None), addresses.c.address), else_=""
    )
    joined = (
        actions.outerjoin(members, actions.c.owner_id == members.c.id)
        .outerjoin(people, members.c.person_id == people.c.id)
        .outerjoin(addresses, members.c.address_id == addresses.c.id)
    )
    return select(*own, owner.label("owner")).select_from(joined)
