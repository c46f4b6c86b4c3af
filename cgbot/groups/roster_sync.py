"""
Use cases: a roster as the truth about a group: what would change, and the change.

`plan` looks without writing: who would be added, changed and, where that is wanted, removed. Conveners are never
removed and never lose their office by a roster; who has left of their own accord is not brought back unless that is
wanted. An empty cell tells nothing. Who joins and changes, groups.importing writes; `remove` removes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.groups import audit, importing, members, own_addresses
from cgbot.groups.audit import Entry
from cgbot.groups.members import Member
from cgbot.groups.roles import CONVENERS
from cgbot.groups.roster import Problem, Roster, Row
from cgbot.mail.address import fold


@dataclass(frozen=True, slots=True)
class Change:
    """What a row changes of a member: each field with its value before and after."""

    line: int
    address: str
    fields: Mapping[str, tuple[object, object]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the roster may do: `remove` who is not in it, `rejoin` who has left of their own accord."""

    remove: bool = False
    rejoin: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What would change; `rows` are those of the additions and changes.

    `missing` are the members who are not in the file, conveners left out, `left` those of them to be removed, `kept`
    what the file says and nobody does, `members` how many there are before.
    """

    rows: tuple[Row, ...]
    added: tuple[Row, ...]
    changed: tuple[Change, ...]
    missing: tuple[Member, ...]
    left: tuple[Member, ...]
    kept: tuple[Problem, ...]
    problems: tuple[Problem, ...]
    members: int
    unchanged: int


@dataclass(slots=True)
class _Draft:
    """The plan while it is made; `seen` has the line of each person."""

    added: list[Row] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    kept: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    seen: dict[int, Row] = field(default_factory=dict)
    unchanged: int = 0


def plan(tx: Connection, context: Context, group_id: int, roster: Roster, wanted: Wanted) -> Plan:
    """Find what a roster would change; nothing is written."""
    rows, problems = importing.examine(tx, context, roster)
    draft = _Draft(problems=list(problems))
    for row in rows:
        _take_in(tx, group_id, row, draft, rejoin=wanted.rejoin)
    there = members.list_members(tx, group_id)
    missing = tuple(one for one in there if one.person_id not in draft.seen and one.role not in CONVENERS)
    return Plan(
        rows=tuple(draft.rows),
        added=tuple(draft.added),
        changed=tuple(draft.changed),
        missing=missing,
        left=missing if wanted.remove else (),
        kept=tuple(draft.kept),
        problems=tuple(sorted(draft.problems, key=lambda one: one.line)),
        members=len(there),
        unchanged=draft.unchanged,
    )


def _take_in(tx: Connection, group_id: int, row: Row, draft: _Draft, *, rejoin: bool) -> None:
    known = members.find_member(tx, group_id, row.address)
    if known is None:
        draft.added.append(row)
        draft.rows.append(row)
        return
    earlier = draft.seen.setdefault(known.person_id, row)
    if earlier is not row:
        text = f"{row.address} is another address of {earlier.address}, who is in the file already"
        draft.problems.append(Problem(row.line, text))
    elif known.state != "left":
        _compare(row, known, draft)
    elif not rejoin and _left_by_themselves(tx, known):
        draft.kept.append(Problem(row.line, f"{known.address} has left of their own accord and is not brought back"))
    else:
        draft.added.append(row)
        draft.rows.append(row)


def _compare(row: Row, known: Member, draft: _Draft) -> None:
    """Note what the row says otherwise; an office is not lost by it."""
    values: dict[str, Any] = {name: one for name, one in row.values.items() if getattr(known, name) != one}
    if known.role in CONVENERS and values.get("role", known.role) not in CONVENERS:
        text = f"{known.address} stays {known.role}, not {values.pop('role')}; `cgbot members set` changes that"
        draft.kept.append(Problem(row.line, text))
    if not values:
        draft.unchanged += 1
        return
    fields = {name: (getattr(known, name), one) for name, one in values.items()}
    draft.changed.append(Change(row.line, known.address, MappingProxyType(fields)))
    draft.rows.append(replace(row, values=MappingProxyType(values)))


def _left_by_themselves(tx: Connection, known: Member) -> bool:
    """Say whether a member who has left did so, and nobody else for them."""
    actor = audit.last_actor(tx, known.group_id, "member removed", known.address)
    return fold(actor) in {fold(one) for one in own_addresses.of_person(tx, known.person_id)}


def too_many(plan: Plan, at_most: int) -> str:
    """Why nobody is removed where more than `at_most` per cent of the members would be: the file may be cut off."""
    share = math.ceil(100 * len(plan.left) / plan.members) if plan.members else 0
    if share <= at_most:
        return ""
    return (
        f"{len(plan.left)} of {plan.members} members would be removed, more than {at_most} %; nothing was changed. "
        f"If the file is whole, --at-most {share} allows it"
    )


def remove(tx: Connection, context: Context, gone: Sequence[Member], actor: str = "operator") -> tuple[Member, ...]:
    """Remove these members, whoever has become a convener or left since the plan excepted; who they were."""
    removed = []
    for one in gone:
        now = members.get_member(tx, one.id)
        if now is not None and now.state != "left" and now.role not in CONVENERS:
            removed.append(members.remove(tx, context, now.group_id, now.address, actor))
    return tuple(removed)


def note(tx: Connection, context: Context, group_id: int, what: tuple[str, str], counts: Mapping[str, int]) -> None:
    """Write (action, file) to the audit trail with what became of it, beside the entry of each member."""
    action, file = what
    audit.record(tx, context.now, group_id, Entry("operator", action, file, dict(counts)))
