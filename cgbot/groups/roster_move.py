"""
Use cases: a list moves here from another list program: who would come with which settings, and their coming.

`plan` looks without writing, in the same terms as a roster (groups.roster_sync). Owners and moderators are only told,
except where the operator names the role that they get here. Bans and other decisions become groups.senders, further
addresses those of the person. Nobody is sent anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errors import Malformed
from cgbot.groups import (
    members,
    own_addresses,
    roster_listserv,
    roster_mailman2,
    roster_mailman3,
    roster_mlmmj,
    roster_sympa,
    roster_sync,
    senders,
    suspensions,
)
from cgbot.groups.roles import CONVENERS
from cgbot.groups.roster import Problem, Roster, Row
from cgbot.groups.roster_found import Decision, Files, Found, Leader, Other, Person, Place, Remark
from cgbot.groups.roster_sync import Plan, Wanted
from cgbot.mail.address import fold

Reader = Callable[[Files, datetime], Found]
PROGRAMS: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        "mailman2": lambda files, _: roster_mailman2.read(files),
        "mailman3": lambda files, _: roster_mailman3.read(files),
        "sympa": roster_sympa.read,
        "mlmmj": lambda files, _: roster_mlmmj.read(files),
        "listserv": lambda files, _: roster_listserv.read(files),
    }
)
# Folders of a list of these programs that have people in them.
FOLDERS: Final = frozenset({"subscribers.d", "digesters.d", "nomailsubs.d", "control", "search_filters"})


@dataclass(frozen=True, slots=True)
class Offices:
    """The role that owners and moderators get here, by their office there; and whether who has left comes back."""

    roles: Mapping[str, str] = field(default_factory=dict)
    rejoin: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """What would come: members as in a roster, the rest as it was found; `remarks` and `problems` by file and line."""

    plan: Plan
    leaders: tuple[Leader, ...]
    decisions: tuple[Decision, ...]
    others: tuple[Other, ...]
    remarks: tuple[Remark, ...]
    problems: tuple[Remark, ...]


def read(program: str, files: Files, now: datetime) -> Found:
    """Gather what the files of this program tell. Raises Malformed for an unknown program."""
    if program not in PROGRAMS:
        raise Malformed(f"--from: {program!r} is not allowed: one of {', '.join(PROGRAMS)}")
    return PROGRAMS[program](files, now)


def plan(tx: Connection, context: Context, group_id: int, found: Found, offices: Offices) -> Move:
    """Find what would change; nothing is written. Raises Malformed for a role that runs no group."""
    for role in offices.roles.values():
        if role not in CONVENERS:
            raise Malformed(f"{role!r} is not allowed: one of {', '.join(sorted(CONVENERS))}")
    remarks = list(found.remarks)
    people = _people(found, offices, remarks)
    rows = tuple(Row(number, one.address, MappingProxyType(one.values)) for number, one in enumerate(people))
    planned = roster_sync.plan(tx, context, group_id, Roster(rows, ()), Wanted(rejoin=offices.rejoin))
    places = [one.place for one in people]
    remarks += _placed(planned.kept, places)
    decided = {one.key: one.verdict for one in senders.list_senders(tx, group_id)}
    return Move(
        plan=planned,
        leaders=tuple(found.leaders.values()),
        decisions=tuple(one for one in found.decisions.values() if decided.get(one.key) != one.verdict),
        others=tuple(_others(tx, group_id, found, remarks)),
        remarks=tuple(remarks),
        problems=(*found.problems, *_placed(planned.problems, places)),
    )


def _people(found: Found, offices: Offices, remarks: list[Remark]) -> list[Person]:
    """Who comes: without the excluded, with those who run the list where they get a role here."""
    people = {key: one for key, one in found.people.items() if key not in found.excluded}
    remarks += [
        Remark(place, f"{found.people[key].address} is excluded there and not added")
        for key, place in found.excluded.items()
        if key in found.people
    ]
    for leader in found.leaders.values():
        role = offices.roles.get(leader.office)
        if role is None:
            continue
        key = fold(leader.address)
        # Who runs a list there without subscribing gets no posts here either.
        values: dict[str, object] = {"delivery": "none", **({"name": leader.name} if leader.name else {})}
        person = people.setdefault(key, Person(leader.place, leader.address, values))
        if person.values.get("role") not in CONVENERS:
            person.values["role"] = role
    return list(people.values())


def _placed(problems: Sequence[Problem], places: Sequence[Place]) -> list[Remark]:
    return [Remark(places[one.line], one.text) for one in problems]


def _others(tx: Connection, group_id: int, found: Found, remarks: list[Remark]) -> list[Other]:
    """The further addresses that are not known here; one that somebody else has stays theirs."""
    fresh = []
    for one in found.others:
        member = members.find_member(tx, group_id, one.of)
        mine = {fold(each) for each in own_addresses.of_person(tx, member.person_id)} if member else set()
        if fold(one.address) in mine:
            continue
        if own_addresses.is_known(tx, one.address):
            remarks.append(Remark(one.place, f"{one.address} of {one.of} belongs to somebody else here; not added"))
        else:
            fresh.append(one)
    return fresh


def without_state(rows: Sequence[Row]) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """The rows without their states, and the addresses whose mail had bounced: `suspend` is for these."""
    bounced = tuple(row.address for row in rows if row.values.get("state") == "suspended")
    stripped = ({name: value for name, value in row.values.items() if name != "state"} for row in rows)
    return tuple(replace(row, values=values) for row, values in zip(rows, stripped, strict=True)), bounced


def suspend(tx: Connection, context: Context, group_id: int, bounced: Sequence[str], actor: str) -> int:
    """Suspend members because of bounces, so that they get mail again once they are heard from; how many."""
    count = 0
    for address in bounced:
        member = members.find_member(tx, group_id, address)
        if member is not None and member.state == "active":
            suspensions.suspend(tx, member.id, "bounces", context.now)
            members.change(tx, context, member, {"state": "suspended"}, actor)
            count += 1
    return count


def settle(tx: Connection, context: Context, group_id: int, decisions: Sequence[Decision], actor: str) -> int:
    """Take over what was decided about senders; how many decisions."""
    for one in decisions:
        senders.decide(tx, context, group_id, (one.key, one.verdict, f"moved from {one.place}"), actor)
    return len(decisions)


def add_others(tx: Connection, context: Context, group_id: int, others: Sequence[Other], actor: str) -> int:
    """Give members their further addresses, which are not asked; how many."""
    count = 0
    for one in others:
        member = members.find_member(tx, group_id, one.of)
        if member is not None and member.state != "left" and not own_addresses.is_known(tx, one.address):
            own_addresses.add(tx, context, member, one.address, actor)
            count += 1
    return count
