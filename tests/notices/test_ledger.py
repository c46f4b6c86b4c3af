"""The ledger: each occurrence goes out once, whatever the clock, the processes and the restarts do."""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from cgbot.context import Context
from cgbot.errors import Conflict, NotFound
from cgbot.groups.records import Group
from cgbot.notices import ledger
from cgbot.notices.kinds import COVERING, SKIP, Kind, Late, Occurrence, at_wall_time, within
from cgbot.notices.ledger import Done
from cgbot.store.db import Database, Tx
from cgbot.store.tables import audit, notices

HOUR = timedelta(hours=1)


def occurrence(group: Group, about: str, due_at: datetime) -> Occurrence:
    return Occurrence("reminder", about, group.id, due_at, "25 members", f"Reminder {about}", {"about": about})


def write_down(tx: Tx, context: Context, sent: Occurrence) -> None:
    """Send: one row that is rolled back with the transaction, so that a test can count what went out."""
    tx.execute(
        sa.insert(audit).values(
            at=context.now, actor="clock", action="sent", group_id=sent.group_id, subject=sent.about, detail={}
        )
    )


def reminder(*planned: Occurrence, late: Late = SKIP, announced: bool = False) -> Kind:
    def plan(_tx: Tx, _context: Context, until: datetime) -> Sequence[Occurrence]:
        return [one for one in planned if one.due_at <= until]

    return Kind("reminder", "members", announced, plan, write_down, late)


def tick(db: Database, context: Context, *kinds: Kind) -> tuple[Done, ...]:
    return db.write_now(ledger.tick, context, kinds)


def sent_abouts(db: Database) -> Counter[str]:
    def read(tx: Tx) -> list[str]:
        return list(tx.execute(sa.select(audit.c.subject).where(audit.c.action == "sent")).scalars())

    return Counter(db.read_now(read))


def test_what_is_due_goes_out_once(db: Database, context: Context, group: Group) -> None:
    kind = reminder(occurrence(group, "meeting 1", context.now))
    assert [(one.notice.occurrence.about, one.state) for one in tick(db, context, kind)] == [("meeting 1", "queued")]
    assert tick(db, context, kind) == ()
    assert tick(db, context.at(context.now + HOUR), kind) == ()
    assert sent_abouts(db) == {"meeting 1": 1}


def test_what_is_not_due_waits(db: Database, context: Context, group: Group) -> None:
    kind = reminder(occurrence(group, "meeting 1", context.now + HOUR))
    assert tick(db, context, kind) == ()
    tick(db, context.at(context.now + HOUR), kind)
    assert sent_abouts(db) == {"meeting 1": 1}


def test_a_clock_set_back_sends_nothing_again(db: Database, context: Context, group: Group) -> None:
    kind = reminder(occurrence(group, "meeting 1", context.now))
    tick(db, context, kind)
    for minutes in range(-120, 60, 10):
        tick(db, context.at(context.now + timedelta(minutes=minutes)), kind)
    assert sent_abouts(db) == {"meeting 1": 1}


def test_a_clock_set_back_before_it_was_sent_changes_nothing(db: Database, context: Context, group: Group) -> None:
    """A row that was planned ahead is not taken for one that its kind has dropped."""
    kind = reminder(occurrence(group, "meeting 1", context.now + HOUR), announced=True)
    tick(db, context, kind)
    tick(db, context.at(context.now - timedelta(days=30)), kind)
    (notice,) = db.read_now(ledger.find, notices.c.kind == "reminder")
    assert notice.state == "planned"


@pytest.mark.parametrize(
    ("late", "hours", "state", "reason"),
    [
        (SKIP, 5, "skipped", "late by 5 h 0 min"),
        (within(timedelta(days=3)), 5, "queued", ""),
        (within(timedelta(days=3)), 73, "skipped", "late by 73 h 0 min"),
        (COVERING, 400, "queued", ""),
    ],
)
def test_down_over_a_due_time(
    db: Database, context: Context, group: Group, late: Late, hours: int, state: str, reason: str
) -> None:
    kind = reminder(occurrence(group, "meeting 1", context.now), late=late)
    (done,) = tick(db, context.at(context.now + hours * HOUR), kind)
    assert (done.state, done.reason) == (state, reason)


def test_one_covers_the_gap(db: Database, context: Context, group: Group) -> None:
    days = [occurrence(group, f"day {day}", context.now + timedelta(days=day)) for day in range(5)]
    kind = reminder(*days, late=COVERING)
    done = tick(db, context.at(context.now + timedelta(days=3, hours=2)), kind)
    assert [(one.notice.occurrence.about, one.state) for one in done] == [
        ("day 0", "skipped"),
        ("day 1", "skipped"),
        ("day 2", "skipped"),
        ("day 3", "queued"),
    ]
    assert done[0].reason == "covered by day 3"
    assert sent_abouts(db) == {"day 3": 1}


def test_what_its_kind_drops_is_not_sent(db: Database, context: Context, group: Group) -> None:
    """A moved meeting has a new revision, and the reminder of the old one must not go out."""
    due = context.now + HOUR
    tick(db, context, reminder(occurrence(group, "meeting 1, revision 1", due), announced=True))
    later = context.at(due + HOUR)
    (done,) = tick(db, later, dataclasses.replace(reminder(), announced=False))
    assert (done.state, done.reason) == ("skipped", "no longer due: what it speaks of has changed or is over")


def test_a_later_due_time_moves_the_row(db: Database, context: Context, group: Group) -> None:
    tick(db, context, reminder(occurrence(group, "meeting 1", context.now + HOUR), announced=True))
    moved = reminder(occurrence(group, "meeting 1", context.now + 3 * HOUR))
    assert tick(db, context.at(context.now + 2 * HOUR), moved) == ()
    assert [one.state for one in tick(db, context.at(context.now + 3 * HOUR), moved)] == ["queued"]


def test_a_send_that_fails_leaves_it_for_the_next_tick(db: Database, context: Context, group: Group) -> None:
    kind = reminder(occurrence(group, "meeting 1", context.now))

    def fails(tx: Tx, context: Context, sent: Occurrence) -> None:
        write_down(tx, context, sent)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        tick(db, context, dataclasses.replace(kind, send=fails))
    assert sent_abouts(db) == {}
    tick(db, context, kind)
    assert sent_abouts(db) == {"meeting 1": 1}


def test_processes_at_once_send_once(db: Database, context: Context, group: Group) -> None:
    kind = reminder(*(occurrence(group, f"meeting {number}", context.now) for number in range(5)))
    start = threading.Barrier(4)
    failed: list[BaseException] = []

    def process() -> None:
        start.wait()
        try:
            for minute in range(3):
                tick(db, context.at(context.now + timedelta(minutes=minute)), kind)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=process) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sent_abouts(db) == {f"meeting {number}": 1 for number in range(5)}


@pytest.mark.parametrize("month", [3, 10])
def test_one_each_on_the_nights_when_the_clocks_change(
    db: Database, context: Context, group: Group, month: int
) -> None:
    """A mail at 02:30 Geneva time, every day over the night of 28 March and of 31 October 2027."""
    first = {3: datetime(2027, 3, 26, tzinfo=UTC), 10: datetime(2027, 10, 29, tzinfo=UTC)}[month]
    days = [first.date() + timedelta(days=number) for number in range(5)]
    kind = reminder(*(occurrence(group, f"day {day}", at_wall_time(day, time(2, 30), "Europe/Zurich")) for day in days))
    for quarter in range(5 * 24 * 4 + 8):
        tick(db, context.at(first + timedelta(minutes=15 * quarter)), kind)
    assert sent_abouts(db) == {f"day {day}": 1 for day in days}


def test_an_announced_kind_waits_until_it_was_shown(db: Database, context: Context, group: Group) -> None:
    kind = reminder(occurrence(group, "meeting 1", context.now), announced=True)
    assert tick(db, context, kind) == ()
    (notice,) = db.read_now(ledger.find, notices.c.state == "planned")
    assert db.write_now(ledger.announce, [notice.id], context.now) == 1
    assert tick(db, context.at(context.now + timedelta(minutes=59)), kind) == ()
    assert [one.state for one in tick(db, context.at(context.now + HOUR), kind)] == ["queued"]


def test_an_announced_kind_that_is_too_late_is_skipped_unseen(db: Database, context: Context, group: Group) -> None:
    kind = reminder(occurrence(group, "meeting 1", context.now - HOUR), announced=True)
    assert [(one.state, one.reason) for one in tick(db, context, kind)] == [("skipped", "late by 1 h 0 min")]


def test_a_stopped_notice_does_not_go_out(db: Database, context: Context, group: Group) -> None:
    kind = reminder(occurrence(group, "meeting 1", context.now + HOUR), announced=True)
    tick(db, context, kind)
    (notice,) = db.read_now(ledger.find, notices.c.state == "planned")
    stopped = db.write_now(ledger.stop, notice.id, "stopped by jia@example.org", context.now)
    assert (stopped.state, stopped.reason) == ("stopped", "stopped by jia@example.org")
    assert tick(db, context.at(context.now + HOUR), kind) == ()
    with pytest.raises(Conflict, match="it is stopped since"):
        db.write_now(ledger.stop, notice.id, "", context.now)


def test_an_unknown_notice_cannot_be_stopped(db: Database, context: Context) -> None:
    with pytest.raises(NotFound, match="there is no notice 77"):
        db.write_now(ledger.stop, 77, "", context.now)


def test_stopping_and_sending_at_once(db: Database, context: Context, group: Group) -> None:
    """Either it is stopped and nothing goes out, or it went out and stopping says so."""
    kind = reminder(occurrence(group, "meeting 1", context.now), announced=True)
    tick(db, context, kind)
    (notice,) = db.read_now(ledger.find, notices.c.state == "planned")
    db.write_now(ledger.announce, [notice.id], context.now - HOUR)
    start = threading.Barrier(2)
    stopped: list[bool] = []

    def stop() -> None:
        start.wait()
        try:
            db.write_now(ledger.stop, notice.id, "stopped", context.now)
        except Conflict:
            stopped.append(False)
        else:
            stopped.append(True)

    thread = threading.Thread(target=stop)
    thread.start()
    start.wait()
    tick(db, context, kind)
    thread.join()
    assert sent_abouts(db) == ({} if stopped == [True] else {"meeting 1": 1})


def test_a_preview_joins_what_is_written_and_what_is_not(db: Database, context: Context, group: Group) -> None:
    soon, later = occurrence(group, "soon", context.now + HOUR), occurrence(group, "later", context.now + 900 * HOUR)
    kind = reminder(later, soon, announced=True)
    tick(db, context, kind)
    seen = db.read_now(ledger.preview, context, (kind,), context.now + 1000 * HOUR)
    assert [(one.occurrence.about, one.state, one.id > 0) for one in seen] == [
        ("soon", "planned", True),
        ("later", "planned", False),
    ]
    assert len(db.read_now(ledger.preview, context, (kind,), context.now + 2 * HOUR)) == 1


def test_a_preview_leaves_out_what_is_over(db: Database, context: Context, group: Group) -> None:
    kind = reminder(occurrence(group, "meeting 1", context.now))
    tick(db, context, kind)
    assert db.read_now(ledger.preview, context, (kind,), context.now + 9 * HOUR) == ()
