"""A group that reports: its conveners, the parent's meetings, and a clock that also makes the Word files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from cgbot.context import Context
from cgbot.groups import members, planned
from cgbot.groups.members import Member, NewMember
from cgbot.groups.records import Group
from cgbot.meetings import schedule
from cgbot.meetings.records import Meeting
from cgbot.meetings.schedule import Order
from cgbot.notices import ledger
from cgbot.papers import report, report_docx, report_reminders
from cgbot.papers.report import Owed
from cgbot.papers.report_records import Version
from cgbot.store.db import Database
from cgbot.store.tables import deliveries, meetings
from tests.groups.mailbag import Sent, outbox

GENEVA = ZoneInfo("Europe/Zurich")
SECRETARIAT = "tsbsg17@itu.example"
KINDS = (*report_reminders.KINDS, planned.kind(report_reminders.KINDS))
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def geneva(day: str, hour: int = 12) -> datetime:
    """An hour of a day in Geneva."""
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), GENEVA) + hour * HOUR


def with_secretariat(context: Context) -> Context:
    charter = context.charters["cg-aisec"]
    return replace(context, charters={"cg-aisec": replace(charter, secretariat=SECRETARIAT)})


def people(db: Database, context: Context, group: Group) -> dict[str, Member]:
    """A convener, a vice-convener, a secretary and two members."""
    new = (
        NewMember("jia@example.org", "Xiongwei Jia", "convener", organization="China Unicom", country="China"),
        NewMember("hu@example.org", "Zhiyuan HU", "vice-convener", organization="vivo", country="China"),
        NewMember("sec@example.org", "Secretary", "secretary"),
        NewMember("zoe@example.org", "Zoë Müller", organization="ETRI", country="Korea (Republic of)"),
        NewMember("yu@example.org", "Yu Sato", organization="NICT", country="Japan", delivery="none"),
    )
    added = [db.write_now(members.add, context, group.id, one) for one in new]
    return {one.address.partition("@")[0]: one for one in added}


def parent_meeting(
    db: Database, context: Context, group: Group, start: str, *, days: int = 10, title: str = "SG17 meeting"
) -> Meeting:
    """A plenary of the parent in Geneva that takes a report."""
    when = schedule.read_when(start, days=days)
    return db.write_now(schedule.schedule, context, group, Order(title, when, "parent", location="Geneva"))


def move(db: Database, context: Context, meeting: Meeting, start: str, *, days: int) -> Meeting:
    changes = schedule.Changes(when=schedule.read_when(start, days=days))
    return db.write_now(schedule.move, context, meeting.id, changes)


def owed(db: Database, context: Context, meeting: Meeting) -> Owed:
    return db.read_now(report.to_meeting, context, meeting.id)


def drafted(db: Database, context: Context, meeting: Meeting) -> Version:
    return db.write_now(report.draft, context, owed(db, context, meeting))


def play(db: Database, context: Context, days: Sequence[str]) -> list[tuple[str, Sent]]:
    """Let the clock tick on these days, files made between; the day and the letter of each mail."""
    first = _queued(db)
    places: list[str] = []
    for day in days:
        for hour in (8, 10):
            at = context.at(geneva(day, hour))
            db.write_now(ledger.tick, at, KINDS)
            if report_docx.work(db, at):
                db.write_now(ledger.tick, at, KINDS)
        places += [day] * (_queued(db) - first - len(places))
    return list(zip(places, outbox(db)[first:], strict=True))


def _queued(db: Database) -> int:
    return int(db.read_now(lambda tx: tx.execute(sa.select(sa.func.count()).select_from(deliveries)).scalar_one()))


def days(first: str, last: str) -> list[str]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [str(start + number * DAY) for number in range((end - start).days + 1)]


def forget_past(db: Database, meeting: Meeting) -> None:
    """Take a meeting out of the calendar that a test has entered for its due day alone."""
    db.write_now(lambda tx: tx.execute(sa.delete(meetings).where(meetings.c.id == meeting.id)))
