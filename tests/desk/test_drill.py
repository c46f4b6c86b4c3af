"""The clock played by hand: dry without a trace, or sending at once whatever moment is played."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from cgbot.context import Context
from cgbot.desk import drill
from cgbot.groups import members, planned
from cgbot.groups.members import NewMember
from cgbot.groups.records import Group
from cgbot.notices.kinds import Kind, Occurrence, within
from cgbot.store.db import Database
from cgbot.store.tables import deliveries, metadata

YEARS = timedelta(days=1500)


@pytest.fixture
def kinds(db: Database, context: Context, group: Group) -> tuple[Kind, ...]:
    """One mail to the list in four years, and the daily mail that shows it."""
    db.write_now(members.add, context, group.id, NewMember("jia@example.org", role="convener"))
    due = context.now + YEARS
    one = Occurrence("reminder", "meeting 1", group.id, due, "25 members", "Reminder")

    def plan(_tx: sa.Connection, _context: Context, until: datetime) -> list[Occurrence]:
        return [one] if due <= until else []

    shown = (Kind("reminder", "members", True, plan, lambda *_: None, within(timedelta(days=1))),)
    return (*shown, planned.kind(shown))


def rows(db: Database) -> dict[str, int]:
    def read(tx: sa.Connection) -> dict[str, int]:
        counts = {one.name: sa.select(sa.func.count()).select_from(one) for one in metadata.sorted_tables}
        return {name: tx.execute(count).scalar_one() for name, count in counts.items()}

    return db.read_now(read)


def test_dry_leaves_no_trace(db: Database, context: Context, kinds: tuple[Kind, ...]) -> None:
    before = rows(db)
    then = context.at(context.now + YEARS - timedelta(days=1))
    (done,) = db.write_now(drill.play, then, kinds)
    assert (done.notice.occurrence.kind, done.state) == (planned.NAME, "queued")
    assert rows(db) == before


def test_what_is_sent_by_hand_goes_out_now(db: Database, context: Context, kinds: tuple[Kind, ...]) -> None:
    then = context.at(context.now + YEARS - timedelta(days=1))
    (done,) = db.write_now(drill.send, then, kinds, context.now)
    assert done.state == "queued"
    due = db.read_now(lambda tx: tx.execute(sa.select(deliveries.c.recipient, deliveries.c.due_at)).all())
    assert [(row.recipient, row.due_at) for row in due] == [("jia@example.org", context.now)]
    assert db.write_now(drill.send, then, kinds, context.now) == ()
