"""
Who took part in a meeting (use cases).

A convener says it after the meeting: one person a line, "Name, Organisation, Country" or the address of a member, or
"all who said yes". The meeting is held from then on; whoever is named again is not counted twice, and who was
forgotten can be added later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from cgbot.context import Context
from cgbot.errors import Conflict, Malformed
from cgbot.groups import audit, members
from cgbot.groups.members import Member
from cgbot.mail.address import is_valid
from cgbot.mail.headers import clean_text
from cgbot.meetings import records
from cgbot.meetings.records import Meeting
from cgbot.store.db import Tx
from cgbot.store.tables import attendance
from cgbot.store.upsert import insert_new

EVERYBODY: Final = "all who said yes"
_MOST: Final = 1000
_LONGEST: Final = 200
Hook = Callable[[Tx, Context, Meeting], None]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who took part; `member_id` where they are a member."""

    name: str
    organization: str = ""
    country: str = ""
    member_id: int | None = None


def read(tx: Tx, meeting: Meeting, text: str) -> tuple[Person, ...]:
    """
    Read the list of those present.

    Raises Malformed for a line that names nobody, and for more than a thousand.
    """
    found: dict[str, Person] = {}
    for line in text.splitlines():
        said = line.strip(" \t-*•;")
        if not said:
            continue
        people = _who_said_yes(tx, meeting) if said.lower() == EVERYBODY else (_person(tx, meeting, said),)
        found.update({one.name.casefold(): one for one in people})
    if len(found) > _MOST:
        raise Malformed(f"{len(found)} people are named; {_MOST} are allowed")
    return tuple(found.values())


def hold(tx: Tx, context: Context, meeting_id: int, present: Sequence[Person], actor: str) -> Meeting:
    """
    Note that a meeting was held, and who took part.

    Raises NotFound; Conflict for one that is cancelled or has not begun.
    """
    meeting = check(tx, context, meeting_id)
    rows = [
        {
            "meeting_id": meeting_id,
            "member_id": one.member_id,
            "name": one.name,
            "organization": one.organization,
            "country": one.country,
            "recorded_at": context.now,
            "recorded_by": actor,
        }
        for one in present
    ]
    if rows:
        tx.execute(insert_new(tx, attendance), rows)
    entry = audit.Entry(actor, "meeting held", f"meeting {meeting_id}", {"present": len(rows)})
    audit.record(tx, context.now, meeting.group_id, entry)
    if meeting.state in {"held", "reported"}:
        return meeting
    return records.change(tx, meeting_id, {"state": "held", "revised_at": context.now})


def check(tx: Tx, context: Context, meeting_id: int) -> Meeting:
    """The meeting, if it can be said to have been held. Raises as `hold`."""
    meeting = records.get(tx, meeting_id)
    if meeting.state in {"cancelled", "draft"}:
        raise Conflict(f"meeting {meeting_id} is {meeting.state}")
    if meeting.starts_at > context.now:
        raise Conflict(f"meeting {meeting_id} has not begun yet")
    return meeting


def present(tx: Tx, meeting_id: int) -> tuple[Person, ...]:
    """Who took part, by organisation and name."""
    columns = (attendance.c[name] for name in Person.__dataclass_fields__)
    rows = tx.execute(
        select(*columns)
        .where(attendance.c.meeting_id == meeting_id)
        .order_by(attendance.c.organization, attendance.c.name)
    )
    return tuple(Person(**row._mapping) for row in rows)


def _person(tx: Tx, meeting: Meeting, said: str) -> Person:
    """One line: a member by address or by name, or somebody else by what is written."""
    name, organization, country = [*(clean_text(part, _LONGEST).strip() for part in said.split(",", 2)), "", ""][:3]
    member = _member(tx, meeting, said.strip("<>"), name)
    if member is not None and not organization:
        return _of_member(member)
    if not any(letter.isalpha() for letter in name):
        raise Malformed(f'{said!r} names nobody; a line is "Name, Organisation, Country", a member\'s address, or '
                        f'"{EVERYBODY}"')  # fmt: skip
    return Person(name, organization, country, member.id if member else None)


def _member(tx: Tx, meeting: Meeting, address: str, name: str) -> Member | None:
    """The member with this address, or the only one with this name."""
    if is_valid(address):
        return members.find_member(tx, meeting.group_id, address)
    named = [one for one in members.list_members(tx, meeting.group_id) if one.name.casefold() == name.casefold() != ""]
    return named[0] if len(named) == 1 else None


def _who_said_yes(tx: Tx, meeting: Meeting) -> tuple[Person, ...]:
    yes = [one.member_id for one in records.invited(tx, meeting.id) if one.partstat == "ACCEPTED"]
    return tuple(_of_member(one) for member_id in yes if (one := members.get_member(tx, member_id)))


def _of_member(member: Member) -> Person:
    return Person(member.name or member.address, member.organization, member.country, member.id)
