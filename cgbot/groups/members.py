"""
Records: people and their place in a group.

A person has one or more addresses and is a member of a group once; mail goes to one of the addresses. Who leaves
keeps the row in the state `left`, so that what they wrote and answered keeps its author. A change of a member is
written to the audit trail in the same transaction.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, case, insert, select, update

from cgbot.context import Context
from cgbot.errors import Conflict, Malformed, NoSuchAddress
from cgbot.groups import audit, digest_marks, profile, suspensions, tokens
from cgbot.groups.audit import Entry
from cgbot.groups.roles import CONVENERS, ROLES
from cgbot.mail import address as addresses_of
from cgbot.store.tables import addresses, group_aliases, members, people

PERSON_FIELDS: Final = ("name", "organization", "country", "zone", "language")
MEMBER_FIELDS: Final = (
    "role", "delivery", "invitations", "state", "posting", "away_until", "attachments", "digest_format",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """
    One person in one group; `address` is where mail goes, `state` active, suspended or left.

    `posting` is "free" or "held" where a convener has said so, "" otherwise; no posts go to the member until
    `away_until`; `attachments` is "full" or "link", `digest_format` "mime" or "plain".
    """

    id: int
    group_id: int
    person_id: int
    address_id: int
    name: str
    address: str
    role: str
    delivery: str
    invitations: bool
    state: str
    organization: str
    country: str
    zone: str
    language: str
    posting: str = ""
    away_until: datetime | None = None
    attachments: str = "full"
    digest_format: str = "mime"


@dataclass(frozen=True, slots=True)
class NewMember:
    """Who is to become a member; `verified` says that the address has answered us."""

    address: str
    name: str = ""
    role: str = "member"
    delivery: str = "each"
    invitations: bool = True
    organization: str = ""
    country: str = ""
    zone: str = ""
    language: str = ""
    verified: bool = False


def find_member(tx: Connection, group_id: int, address: str) -> Member | None:
    """Find who in the group has this address, also a second one of theirs, and in any state (`left` included)."""
    row = tx.execute(_FIND, {"group_id": group_id, "key": addresses_of.fold(address)}).one_or_none()
    return Member(**row._mapping) if row else None


def get_member(tx: Connection, member_id: int) -> Member | None:
    """The member with this id, in any state."""
    return _one(tx, _select().where(members.c.id == member_id))


def in_group(tx: Connection, member_id: int, group_id: int) -> Member | None:
    """The member with this id, or the same person in this group, which carries on the other one."""
    member = get_member(tx, member_id)
    if member is None or member.group_id == group_id:
        return member
    same = (members.c.person_id == member.person_id) & (members.c.group_id == group_id)
    return _one(tx, _select().where(same)) or member


def list_members(tx: Connection, group_id: int, *, everybody: bool = False) -> tuple[Member, ...]:
    """The members, conveners first, then by address; `everybody` includes those who have left."""
    wanted = _select().where(members.c.group_id == group_id)
    if not everybody:
        wanted = wanted.where(members.c.state != "left")
    return _ranked(tx, wanted)


def active_members(tx: Connection, group_id: int) -> tuple[Member, ...]:
    """The members whom mail reaches now, by id."""
    return tuple(Member(**row._mapping) for row in tx.execute(_ACTIVE, {"group_id": group_id}))


def each_active(tx: Connection, group_id: int) -> Iterator[Member]:
    """The same, some at a time: a list of ten thousand is never in memory at once."""
    after = 0
    while rows := tx.execute(_NEXT, {"group_id": group_id, "after": after}).all():
        yield from (Member(**row._mapping) for row in rows)
        if len(rows) < _PORTION:
            return
        after = rows[-1].id


def rhythms(tx: Connection, group_id: int, modes: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Each pair of one of these delivery modes and a zone ("" for the group's) that active members have."""
    wanted = (members.c.group_id == group_id) & (members.c.state == "active") & members.c.delivery.in_(modes)
    rows = tx.execute(
        select(members.c.delivery, people.c.zone)
        .distinct()
        .select_from(members.join(people, members.c.person_id == people.c.id))
        .where(wanted)
        .order_by(members.c.delivery, people.c.zone)
    )
    return tuple((row.delivery, row.zone) for row in rows)


def conveners(tx: Connection, group_id: int) -> tuple[Member, ...]:
    """The active convener, vice-conveners and secretary, in this order."""
    here = (members.c.group_id == group_id) & members.c.role.in_(CONVENERS) & (members.c.state == "active")
    return _ranked(tx, _select().where(here))


def add(tx: Connection, context: Context, group_id: int, new: NewMember, actor: str = "operator") -> Member:
    """
    Make somebody a member, or take back somebody who had left.

    Raises Conflict when they are a member already, Malformed for a value that is not allowed.
    """
    new = checked(tx, context, new)
    known = find_member(tx, group_id, new.address)
    if known and known.state != "left":
        raise Conflict(f"{known.address} is a member already, as {known.role}")
    person_id, address_id = _person(tx, context, new)
    if known:
        tx.execute(update(members).where(members.c.id == known.id).values(**_row(context, new, address_id)))
    else:
        values = {"group_id": group_id, "person_id": person_id, **_row(context, new, address_id)}
        tx.execute(insert(members).values(values))
    audit.record(tx, context.now, group_id, Entry(actor, "member added", new.address, {"role": new.role}))
    member = find_member(tx, group_id, new.address)
    assert member is not None  # noqa: S101 - written above, in this transaction
    digest_marks.follow(tx, member.id, group_id, member.delivery, context.now)
    return member


def change(
    tx: Connection, context: Context, member: Member, values: Mapping[str, object], actor: str = "operator"
) -> Member:
    """
    Change fields of PERSON_FIELDS, MEMBER_FIELDS or the address; what stays the same is not written.

    Raises Malformed for a value that is not allowed, Conflict when the new address belongs to somebody else.
    """
    wanted = {key: profile.check(key, value) for key, value in values.items()}
    differ = {key: value for key, value in wanted.items() if getattr(member, key) != value}
    moves = "address" in differ and suspensions.leave_behind(tx, member.id, context.now, actor)
    if moves and member.state == "suspended":
        differ.setdefault("state", "active")
    if "address" in differ:
        tx.execute(
            update(members)
            .where(members.c.id == member.id)
            .values(address_id=_address_of(tx, context, member.person_id, str(differ["address"])))
        )
    _write(tx, people, member.person_id, {key: differ[key] for key in PERSON_FIELDS if key in differ})
    _write(tx, members, member.id, {key: differ[key] for key in MEMBER_FIELDS if key in differ})
    if "delivery" in differ:
        digest_marks.follow(tx, member.id, member.group_id, str(differ["delivery"]), context.now)
    if "state" in differ:
        suspensions.note_state(tx, member.id, str(differ["state"]), context.now, actor)
    if differ:
        detail = {key: one.isoformat() if isinstance(one, datetime) else one for key, one in differ.items()}
        audit.record(tx, context.now, member.group_id, Entry(actor, "member changed", member.address, detail))
    return get_member(tx, member.id) or member


def remove(tx: Connection, context: Context, group_id: int, address: str, actor: str = "operator") -> Member:
    """End a membership, and the person's sessions. Raises NoSuchAddress when nobody in the group has this address."""
    member = require(tx, group_id, address)
    tokens.revoke(tx, ("person", str(member.person_id)))
    tx.execute(update(members).where(members.c.id == member.id).values(state="left", left_at=context.now))
    suspensions.note_state(tx, member.id, "left", context.now, actor)
    digest_marks.forget(tx, member.id)
    audit.record(tx, context.now, group_id, Entry(actor, "member removed", member.address))
    return dataclasses.replace(member, state="left")


def restore(tx: Connection, context: Context, member: Member, state: str) -> Member:
    """Let somebody who has left go on where they were, in this state, with their role and settings."""
    tx.execute(update(members).where(members.c.id == member.id).values(state=state, left_at=None))
    suspensions.note_state(tx, member.id, state, context.now, member.address)
    digest_marks.follow(tx, member.id, member.group_id, member.delivery, context.now)
    audit.record(tx, context.now, member.group_id, Entry(member.address, "member restored", member.address))
    return dataclasses.replace(member, state=state)


def verify(tx: Connection, address: str, now: datetime) -> None:
    """Note that an address has answered us, the first time."""
    tx.execute(
        update(addresses)
        .where(addresses.c.key == addresses_of.fold(address), addresses.c.verified_at.is_(None))
        .values(verified_at=now)
    )


def require(tx: Connection, group_id: int, address: str) -> Member:
    """The member with this address. Raises NoSuchAddress when there is none, or they have left."""
    member = find_member(tx, group_id, address)
    if member is None or member.state == "left":
        raise NoSuchAddress(f"{address} is not a member of this group")
    return member


def checked(tx: Connection, context: Context, new: NewMember) -> NewMember:
    """Give the values in their normal form. Raises Malformed, also for an address of cgbot itself."""
    fields = ("address", *PERSON_FIELDS, "role", "delivery", "invitations")
    values: dict[str, Any] = {name: profile.check(name, getattr(new, name)) for name in fields}
    names = frozenset(tx.execute(select(group_aliases.c.name)).scalars())
    if addresses_of.destination(str(values["address"]), context.settings.service.domain, names):
        raise Malformed(f"{new.address} is an address of cgbot itself; a list cannot subscribe to itself")
    return dataclasses.replace(new, **values)


def _person(tx: Connection, context: Context, new: NewMember) -> tuple[int, int]:
    """The person and the address, made where they are new; what is told of a known person is brought up to date."""
    known = tx.execute(
        select(addresses.c.id, addresses.c.person_id).where(addresses.c.key == addresses_of.fold(new.address))
    ).one_or_none()
    told = {key: getattr(new, key) for key in PERSON_FIELDS if getattr(new, key)}
    if known is None:
        made = tx.execute(insert(people).values(created_at=context.now, **told).returning(people.c.id)).scalar_one()
        return made, _address_of(tx, context, made, new.address, verified=new.verified)
    _write(tx, people, known.person_id, told)
    if new.verified:
        _write(tx, addresses, known.id, {"verified_at": context.now})
    return known.person_id, known.id


def _address_of(tx: Connection, context: Context, person_id: int, address: str, *, verified: bool = False) -> int:
    """The id of this address of this person, made where it is new."""
    key = addresses_of.fold(address)
    known = tx.execute(select(addresses.c.id, addresses.c.person_id).where(addresses.c.key == key)).one_or_none()
    if known and known.person_id != person_id:
        raise Conflict(f"{address} belongs to somebody else")
    if known:
        _write(tx, addresses, known.id, {"address": address})
        return int(known.id)
    values = {"person_id": person_id, "address": address, "key": key, "verified_at": context.now if verified else None}
    return int(tx.execute(insert(addresses).values(values).returning(addresses.c.id)).scalar_one())


def _row(context: Context, new: NewMember, address_id: int) -> dict[str, object]:
    return {
        "address_id": address_id,
        "role": new.role,
        "delivery": new.delivery,
        "invitations": new.invitations,
        "state": "active",
        "joined_at": context.now,
        "left_at": None,
        "away_until": None,
    }


def _write(tx: Connection, table: Any, row_id: int, values: Mapping[str, object]) -> None:
    if values:
        tx.execute(update(table).where(table.c.id == row_id).values(**values))


def _select() -> Select[Any]:
    own = (members.c[name] for name in ("id", "group_id", "person_id", "address_id", *MEMBER_FIELDS))
    theirs = (people.c[name] for name in PERSON_FIELDS)
    joined = members.join(people, members.c.person_id == people.c.id).join(
        addresses, members.c.address_id == addresses.c.id
    )
    return select(*own, *theirs, addresses.c.address).select_from(joined)


def _one(tx: Connection, wanted: Select[Any]) -> Member | None:
    row = tx.execute(wanted).one_or_none()
    return Member(**row._mapping) if row else None


def _ranked(tx: Connection, wanted: Select[Any]) -> tuple[Member, ...]:
    """Conveners first, then by address."""
    rank = case({role: place for place, role in enumerate(ROLES)}, value=members.c.role)
    return tuple(Member(**row._mapping) for row in tx.execute(wanted.order_by(rank, addresses.c.key)))


# Built once: every post asks both.
_OWNER = select(addresses.c.person_id).where(addresses.c.key == bindparam("key")).scalar_subquery()
_FIND = _select().where(members.c.group_id == bindparam("group_id"), members.c.person_id == _OWNER)
_PORTION: Final = 500
_ACTIVE = (
    _select().where(members.c.group_id == bindparam("group_id"), members.c.state == "active").order_by(members.c.id)
)
_NEXT = _ACTIVE.where(members.c.id > bindparam("after")).limit(_PORTION)
