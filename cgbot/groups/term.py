"""
A group's term runs out: the conveners are warned, and nothing stops (use cases; KINDS for the ledger).

One mail 60 days and one 14 days before the charter's last day, at nine in the morning of the group's zone; afterwards
the weekly digest says so once a month. What a mail is about is the last day and the span, so that a new last day warns
anew and a restart does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from cgbot.context import Context
from cgbot.groups import members, records
from cgbot.groups.charter import Charter
from cgbot.groups.records import Group
from cgbot.itu import typography
from cgbot.notices.kinds import Kind, Late, Occurrence, at_wall_time
from cgbot.outbox import letters
from cgbot.outbox.letters import Addressee, Letter

NAME: Final = "term-warning"
_BEFORE: Final = (60, 14)  # days
_MORNING: Final = time(9, 0)
_DAY: Final = timedelta(days=1)


def is_over(charter: Charter, today: date) -> bool:
    """Say whether the last day of the term is behind us."""
    return charter.term.until is not None and charter.term.until < today


def over(charter: Charter, today: date) -> str:
    """Say since when the term is over, and what can be done."""
    until = charter.term.until or today
    return (
        f"The term of {charter.acronym} ended on {typography.weekday(until)}. Nothing stops; {charter.parent} may "
        "continue it, re-establish it or end it. A new last day is a line in the group's file."
    )


def _plan(tx: Connection, context: Context, until: datetime) -> list[Occurrence]:
    found: list[Occurrence] = []
    for group in records.list_groups(tx):
        charter = context.charters.get(group.name)
        if group.closed_at is None and charter is not None and charter.term.until is not None:
            found.extend(_of_group(context, group, charter, until))
    return found


def _of_group(context: Context, group: Group, charter: Charter, until: datetime) -> list[Occurrence]:
    """The newest warning whose time has come, and those to come, while the term lasts."""
    last = charter.term.until
    if last is None or is_over(charter, context.now.astimezone(ZoneInfo(charter.zone)).date()):
        return []
    times = {days: at_wall_time(last - days * _DAY, _MORNING, charter.zone) for days in _BEFORE}
    come = [days for days, due in times.items() if due <= context.now][-1:]
    ahead = [days for days, due in times.items() if context.now < due <= until]
    return [
        Occurrence(
            kind=NAME,
            about=f"term until {last}, {days} days before",
            group_id=group.id,
            due_at=times[days],
            audience="conveners",
            summary=f"The term ends on {typography.weekday(last)}",
        )
        for days in (*come, *ahead)
    ]


def _send(tx: Connection, context: Context, occurrence: Occurrence) -> None:
    """Tell each convener."""
    name = records.name_of(tx, occurrence.group_id)
    charter = context.charters[name]
    last = charter.term.until
    told = tuple(Addressee(one.address, one.id, one.name) for one in members.conveners(tx, occurrence.group_id))
    if last is None or not told:
        return
    today = context.now.astimezone(ZoneInfo(charter.zone)).date()
    letters.write(
        tx,
        context,
        Letter(
            kind="notice",
            about=occurrence.about,
            template=NAME,
            facts={
                "acronym": charter.acronym,
                "title": charter.title,
                "period": charter.term.period,
                "until": typography.weekday(last),
                "days": (last - today).days,
                "parent": charter.parent,
                "owes_terms": [one.text for one in charter.terms.owes if one.kind == "terms"],
            },
            group=(occurrence.group_id, name),
            recipients=told,
            sender_local=f"{name}-owner",
            sender_name=charter.acronym,
            language=charter.language,
        ),
    )


KINDS: Final[Sequence[Kind]] = (Kind(NAME, "conveners", announced=False, plan=_plan, send=_send, late=Late(None)),)
