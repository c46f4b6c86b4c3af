"""
Records: the addresses of one person, from any of which they may post and write commands.

Each membership has one of them, to which its mail goes. An address that has answered us belongs to whoever asked last:
it moves from a person who is in no group any more.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from cgbot.context import Context
from cgbot.errors import Conflict, NotFound
from cgbot.groups import audit
from cgbot.groups import members as members_of
from cgbot.groups.audit import Entry
from cgbot.groups.members import Member, NewMember
from cgbot.mail.address import fold
from cgbot.store.tables import addresses, groups, members


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """An address, whether it has answered us, and the names of the groups whose mail goes there."""

    address: str
    proven: bool
    groups: tuple[str, ...]


def of_person(tx: Connection, person_id: int) -> tuple[str, ...]:
    """Every address of a person, by its key."""
    wanted = select(addresses.c.address).where(addresses.c.person_id == person_id).order_by(addresses.c.key)
    return tuple(tx.execute(wanted).scalars())


def listed(tx: Connection, person_id: int) -> tuple[OwnAddress, ...]:
    """The addresses of a person, by key, each with the groups whose mail goes there."""
    ours = addresses.outerjoin(members, (members.c.address_id == addresses.c.id) & (members.c.state != "left"))
    rows = tx.execute(
        select(addresses.c.address, addresses.c.verified_at, groups.c.name)
        .select_from(ours.outerjoin(groups, groups.c.id == members.c.group_id))
        .where(addresses.c.person_id == person_id)
        .order_by(addresses.c.key, groups.c.name)
    ).all()
    used: dict[str, list[str]] = {row.address: [] for row in rows}
    for row in rows:
        used[row.address] += [row.name] if row.name else []
    proven = {row.address for row in rows if row.verified_at is not None}
    return tuple(OwnAddress(one, one in proven, tuple(names)) for one, names in used.items())


def is_known(tx: Connection, address: str) -> bool:
    """Say whether somebody has this address, in any group and state."""
    return tx.execute(select(addresses.c.id).where(addresses.c.key == fold(address))).first() is not None


def is_proven(tx: Connection, member: Member, address: str) -> bool:
    """Say whether this is an address of the member that has answered us."""
    mine = (addresses.c.person_id == member.person_id) & (addresses.c.key == fold(address))
    return tx.execute(select(addresses.c.id).where(mine, addresses.c.verified_at.is_not(None))).first() is not None


def add(tx: Connection, context: Context, member: Member, address: str, actor: str) -> None:
    """
    Let the person behind a membership have an address that has answered us.

    Raises Malformed for none, or one of ours, Conflict where it is that of somebody else who is in a group.
    """
    members_of.checked(tx, context, NewMember(address))
    key = fold(address)
    known = tx.execute(select(addresses.c.id, addresses.c.person_id).where(addresses.c.key == key)).one_or_none()
    values = {"person_id": member.person_id, "address": address, "verified_at": context.now}
    if known is None:
        tx.execute(insert(addresses).values(key=key, **values))
    else:
        if known.person_id != member.person_id and _is_member(tx, known.person_id):
            raise Conflict(f"{address} is the address of another membership; it must leave the groups first")
        tx.execute(update(addresses).where(addresses.c.id == known.id).values(**values))
    audit.record(tx, context.now, member.group_id, Entry(actor, "address added", member.address, {"address": address}))


def remove(tx: Connection, context: Context, member: Member, address: str, actor: str) -> None:
    """
    Take an address away from the person.

    Raises NotFound where it is not theirs, Conflict where mail of a membership goes there.
    """
    mine = (addresses.c.person_id == member.person_id) & (addresses.c.key == fold(address))
    found = tx.execute(select(addresses.c.id).where(mine)).scalar_one_or_none()
    if found is None:
        raise NotFound(f"{address} is not an address of {member.address}")
    used = select(groups.c.name).join(members, members.c.group_id == groups.c.id)
    name = tx.execute(used.where(members.c.address_id == found, members.c.state != "left").limit(1)).scalar()
    if name:
        raise Conflict(f'the mail of {name} goes to {address}; "set address other@example.org" comes first')
    tx.execute(update(members).where(members.c.address_id == found).values(address_id=member.address_id))
    tx.execute(delete(addresses).where(addresses.c.id == found))
    entry = Entry(actor, "address removed", member.address, {"address": address})
    audit.record(tx, context.now, member.group_id, entry)


def _is_member(tx: Connection, person_id: int) -> bool:
    current = (members.c.person_id == person_id) & (members.c.state != "left")
    return tx.execute(select(members.c.id).where(current).limit(1)).first() is not None
