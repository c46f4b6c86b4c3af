"""The clock: ticks that cannot raise, a heartbeat, and an end that lets a tick finish."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from cgbot.clock import Clock, Steady
from cgbot.context import Context
from cgbot.groups.records import Group
from cgbot.notices.kinds import Kind, Occurrence, within
from cgbot.store import service
from cgbot.store.db import Database, Tx
from cgbot.store.tables import audit, notices

pytestmark = pytest.mark.anyio
Sends = Callable[[Tx, Context, Occurrence], None]


def write_down(tx: Tx, context: Context, sent: Occurrence) -> None:
    row = {"at": context.now, "actor": "clock", "action": "sent", "group_id": sent.group_id, "subject": sent.about}
    tx.execute(sa.insert(audit).values(**row, detail={}))


def kind(group: Group, due_at: datetime, name: str = "reminder", send: Sends = write_down) -> Kind:
    one = Occurrence(name, f"{name} 1", group.id, due_at, "members", "a mail")

    def plan(_tx: Tx, _context: Context, until: datetime) -> Sequence[Occurrence]:
        return [one] if one.due_at <= until else []

    return Kind(name, "members", announced=False, plan=plan, send=send, late=within(timedelta(days=1)))


def sent(db: Database) -> list[str]:
    def read(tx: Tx) -> list[str]:
        return list(tx.execute(sa.select(audit.c.subject).where(audit.c.action == "sent")).scalars())

    return db.read_now(read)


def fails(_tx: Tx, _context: Context, _sent: Occurrence) -> None:
    raise ValueError("a bug in one kind")


def clock(db: Database, context: Context, *kinds: Kind, after: Callable[[], None] = lambda: None) -> Clock:
    return Clock(db, lambda: context, kinds, after=after)


async def test_two_clocks_send_once(db: Database, context: Context, group: Group) -> None:
    clocks = [clock(db, context, kind(group, context.now)) for _ in range(3)]
    found = await asyncio.gather(*(one.tick() for one in clocks for _ in range(3)))
    assert sum(found) == 1
    assert sent(db) == ["reminder 1"]


async def test_what_was_queued_wakes_the_delivery(db: Database, context: Context, group: Group) -> None:
    woken: list[int] = []
    ticking = clock(db, context, kind(group, context.now), after=lambda: woken.append(1))
    assert (await ticking.tick(), await ticking.tick()) == (1, 0)
    assert woken == [1]


async def test_a_kind_with_a_bug_holds_up_no_other(db: Database, context: Context, group: Group) -> None:
    early = context.now - timedelta(minutes=1)
    ticking = clock(db, context, kind(group, early, "broken", fails), kind(group, context.now))
    assert await ticking.tick() == 1
    assert sent(db) == ["reminder 1"]
    mended = clock(db, context, kind(group, early, "broken"), kind(group, context.now))
    assert await mended.tick() == 1


async def test_a_plan_with_a_bug_holds_up_no_other(db: Database, context: Context, group: Group) -> None:
    def plan(_tx: Tx, _context: Context, _until: datetime) -> Sequence[Occurrence]:
        raise ValueError("a bug in one kind")

    broken = dataclasses.replace(kind(group, context.now, "broken"), plan=plan)
    assert await clock(db, context, broken, kind(group, context.now)).tick() == 1


async def test_a_locked_database_fails_one_tick(
    sqlite_url: str, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cgbot.store.engines.BUSY_MILLISECONDS", 50)
    db = Database.open(sqlite_url)
    try:
        group = Group(1, "cg-aisec", context.now)
        db.write_now(
            lambda tx: tx.execute(
                sa.text("INSERT INTO groups (id, name, created_at) VALUES (1, 'cg-aisec', '2027-05-03')")
            )
        )
        ticking = clock(db, context, kind(group, context.now))
        with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await ticking.tick() == 0
            other.execute("ROLLBACK")
        assert ticking.healthy()
        assert await ticking.tick() == 1
    finally:
        db.close()


async def test_a_paused_service_plans_and_sends_nothing(db: Database, context: Context, group: Group) -> None:
    db.write_now(service.pause, "restored")
    ticking = clock(db, context, kind(group, context.now))
    assert await ticking.tick() == 0
    assert ticking.healthy()
    assert db.read_now(lambda tx: tx.execute(sa.select(notices)).all()) == []
    db.write_now(service.resume)
    assert await ticking.tick() == 1


async def test_it_ticks_by_itself_and_ends(db: Database, context: Context, group: Group) -> None:
    queued = asyncio.Event()
    ticking = clock(db, context, kind(group, context.now), after=queued.set)
    ticking.start()
    await asyncio.wait_for(queued.wait(), 30)
    await ticking.stop()
    assert sent(db) == ["reminder 1"]
    assert await ticking.tick() == 0


async def test_ending_lets_the_tick_finish(db: Database, context: Context, group: Group) -> None:
    loop = asyncio.get_running_loop()
    begun = asyncio.Event()

    def slow(tx: Tx, context: Context, occurrence: Occurrence) -> None:
        loop.call_soon_threadsafe(begun.set)
        write_down(tx, context, occurrence)

    ticking = clock(db, context, kind(group, context.now, send=slow))
    ticking.start()
    await asyncio.wait_for(begun.wait(), 30)
    await ticking.stop()
    assert sent(db) == ["reminder 1"]


async def test_a_clock_that_does_not_tick_is_not_healthy(
    db: Database, context: Context, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticking = clock(db, context)
    await ticking.tick()
    assert ticking.healthy()
    monkeypatch.setattr("cgbot.clock._SLACK_SECONDS", -1e6)
    assert not ticking.healthy()


async def test_what_work_beside_it_makes_goes_out_in_the_same_tick(
    db: Database, context: Context, group: Group
) -> None:
    wanted: list[str] = []
    made: list[str] = []

    def plan_order(_tx: Tx, _context: Context, _until: datetime) -> Sequence[Occurrence]:
        return [Occurrence("order", "order 1", group.id, context.now, "conveners", "a file is wanted")]

    def order(tx: Tx, context: Context, occurrence: Occurrence) -> None:
        wanted.append("a file")
        write_down(tx, context, occurrence)

    def plan_file(_tx: Tx, _context: Context, _until: datetime) -> Sequence[Occurrence]:
        return [Occurrence("file", "file 1", group.id, context.now, "conveners", "a file")] if made else []

    def work(_db: Database, _context: Context) -> int:
        before = len(made)
        made[:] = wanted
        return len(made) - before

    ticking = clock(
        db,
        context,
        Kind("order", "conveners", announced=False, plan=plan_order, send=order),
        Kind("file", "conveners", announced=False, plan=plan_file, send=write_down),
    )
    ticking.also(work)
    assert await ticking.tick() == 2
    assert await ticking.tick() == 0
    assert sent(db) == ["order 1", "file 1"]


async def test_work_that_fails_holds_up_nothing(db: Database, context: Context, group: Group) -> None:
    def work(_db: Database, _context: Context) -> int:
        raise ValueError("a bug in some work")

    ticking = clock(db, context, kind(group, context.now))
    ticking.also(work)
    assert await ticking.tick() == 1
    assert ticking.healthy()


@pytest.mark.parametrize(
    ("late", "wait"),
    [(timedelta(), 20), (timedelta(seconds=19), 1), (timedelta(seconds=20), 20), (timedelta(days=365), 20)],
)
async def test_one_tick_after_a_sleep(context: Context, late: timedelta, wait: int) -> None:
    """Whether seconds or a year were missed, the next tick is one step ahead at most."""
    trigger = Steady(20)
    assert trigger.get_next_fire_time(None, context.now) == context.now
    now = context.now + late
    assert trigger.get_next_fire_time(context.now, now) == now + timedelta(seconds=wait)
