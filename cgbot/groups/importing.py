"""
Use cases: a roster into a group, all of it or nothing unless bad rows may be left out.

`examine` looks without writing; `take` writes rows in slices, each a transaction of its own so that mail is not kept
waiting. Who is a member already is changed where the file tells something else; nobody is removed by a roster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.errors import CgbotError
from cgbot.groups import members
from cgbot.groups.members import Member, NewMember
from cgbot.groups.roster import Problem, Roster, Row

SLICE: Final = 50


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a slice: how many were added, changed and unchanged, and who was added."""

    counts: Counter[str]
    added: tuple[Member, ...]


def examine(tx: Connection, context: Context, roster: Roster) -> tuple[tuple[Row, ...], tuple[Problem, ...]]:
    """Find the rows that can be taken, and every problem by line, of the file and of the group."""
    good, bad = [], list(roster.problems)
    for row in roster.rows:
        try:
            members.checked(tx, context, NewMember(row.address))
        except CgbotError as error:
            bad.append(Problem(row.line, error.public))
        else:
            good.append(row)
    return tuple(good), tuple(sorted(bad, key=lambda problem: problem.line))


def take(tx: Connection, context: Context, group_id: int, rows: Sequence[Row]) -> Taken:
    """Add or change the members of these rows."""
    counts: Counter[str] = Counter()
    added = []
    for row in rows:
        known = members.find_member(tx, group_id, row.address)
        if known is None or known.state == "left":
            member = members.add(tx, context, group_id, NewMember(row.address))
            added.append(members.change(tx, context, member, row.values))
            counts["added"] += 1
        else:
            counts["unchanged" if members.change(tx, context, known, row.values) == known else "changed"] += 1
    return Taken(counts, tuple(added))
