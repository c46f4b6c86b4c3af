"""
Records: a group that carries another one on.

The old group is closed and stays readable; mail to its names goes to the successor, which has its members. A group has
one successor at most, who may have one in turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from cgbot.context import Context
from cgbot.errors import Conflict
from cgbot.groups import audit, members
from cgbot.groups.audit import Entry
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.store.tables import groups, successions
from cgbot.store.tables import members as member_rows


@dataclass(frozen=True, slots=True)
class Links:
    """The names of the groups that this one continues, and of the one that continues it, "" for none."""

    continues: tuple[str, ...]
    continued_by: str


def links(tx: Connection, group_id: int) -> Links:
    """What a group's pages link to."""
    before = tx.execute(
        select(groups.c.name)
        .join(successions, successions.c.predecessor_id == groups.c.id)
        .where(successions.c.successor_id == group_id)
        .order_by(groups.c.name)
    )
    after = tx.execute(
        select(groups.c.name)
        .join(successions, successions.c.successor_id == groups.c.id)
        .where(successions.c.predecessor_id == group_id)
    )
    return Links(tuple(before.scalars()), after.scalar_one_or_none() or "")


def shown(tx: Connection, context: Context, group_id: int) -> Mapping[str, Sequence[tuple[str, str]]]:
    """The same for a page: `continues` and `continued_by`, each as (name, acronym)."""
    found = links(tx, group_id)
    acronyms = {name: one.acronym for name, one in context.charters.items()}
    after = (found.continued_by,) if found.continued_by else ()
    return {
        "continues": [(one, acronyms.get(one, one)) for one in found.continues],
        "continued_by": [(one, acronyms.get(one, one)) for one in after],
    }


def heirs(tx: Connection) -> Mapping[int, int]:
    """Who has the mail of a group that is carried on: the last one of a chain, by the ids of those before."""
    next_of = {row.predecessor_id: row.successor_id for row in tx.execute(select(successions))}
    found = {}
    for one in next_of:
        last = one
        while last in next_of:
            last = next_of[last]
        found[one] = last
    return found


def record(tx: Connection, context: Context, old: Group, new: Group, actor: str) -> bool:
    """
    Note that a group carries on another one, which is closed; False when that is so already.

    Raises Conflict for a group that cannot: itself, a closed one, or one that somebody else carries on.
    """
    if old.id == new.id:
        raise Conflict(f"{old.name} and {new.name} are the same group")
    known = links(tx, old.id).continued_by
    if known == new.name:
        return False
    if known:
        raise Conflict(f"{old.name} is carried on by {known} already")
    if old.closed_at is not None or new.closed_at is not None:
        raise Conflict(f"{(old if old.closed_at else new).name} is closed")
    tx.execute(insert(successions).values(predecessor_id=old.id, successor_id=new.id, since=context.now))
    tx.execute(update(groups).where(groups.c.id == old.id).values(closed_at=context.now))
    audit.record(tx, context.now, old.id, Entry(actor, "group succeeded", old.name, {"by": new.name}))
    audit.record(tx, context.now, new.id, Entry(actor, "group carries on", new.name, {"from": old.name}))
    return True


def to_carry(tx: Connection, old_id: int, after: int, limit: int) -> tuple[Member, ...]:
    """The next members of the old group who have not left, by id."""
    wanted = (
        select(member_rows.c.id)
        .where(member_rows.c.group_id == old_id, member_rows.c.id > after, member_rows.c.state != "left")
        .order_by(member_rows.c.id)
        .limit(limit)
    )
    return tuple(found for one in tx.execute(wanted).scalars() if (found := members.get_member(tx, one)))


def carry(tx: Connection, context: Context, member: Member, new: Group, actor: str) -> Member | None:
    """Make a member of the old group one of the new group, as they were; None for somebody who is or was one there."""
    if members.in_group(tx, member.id, new.id) != member:
        return None
    is_companion = context.charters[new.name].mode == "companion"
    fields = ("address", "name", "role", "invitations", "organization", "country", "zone", "language")
    wanted = NewMember(
        **{field: getattr(member, field) for field in fields}, delivery="none" if is_companion else member.delivery
    )
    made = members.add(tx, context, new.id, wanted, actor)
    if member.state == "suspended":
        made = members.change(tx, context, made, {"state": "suspended"}, actor)
    return made
