"""What is taken is durable, whole and once; what fails, fails alone."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from cgbot.errors import Deferred
from cgbot.groups.records import Group
from cgbot.posts.intake import Addressed, Arrival, Intake
from cgbot.store import raw
from cgbot.store.db import Database
from cgbot.store.tables import arrivals, errands, raw_messages

pytestmark = pytest.mark.anyio
NOW = datetime(2027, 5, 3, 8, 0, 0, 123456, tzinfo=UTC)


def arrival(group: Group, number: int = 1, **changes: Any) -> Arrival:
    made = Arrival(
        raw=f"From: a@example.org\r\nX: {number}\r\n\r\nhello\r\n".encode(),
        mail_from="a@example.org",
        received_at=NOW,
        protocol="smtp",
        peer="127.0.0.1",
        helo="client.example",
        tls=True,
        trace=b"Received: by mx\r\n",
        recipients=(Addressed("cg-aisec@lists.example.org", group.id, "post"),),
    )
    return replace(made, **changes)


def counts(tx: Connection) -> tuple[int, ...]:
    tables = (raw_messages, arrivals, errands)
    return tuple(tx.execute(select(func.count()).select_from(table)).scalar_one() for table in tables)


async def test_an_arrival_is_stored_as_it_came(db: Database, group: Group) -> None:
    woken = []
    intake = Intake(db, lambda: woken.append(1))
    recipients = (
        Addressed("cg-aisec@lists.example.org", group.id, "post", gate="hold:from"),
        Addressed("cg-aisec-confirm+abc@lists.example.org", group.id, "confirm", "abc"),
        Addressed("postmaster@lists.example.org", None, "postmaster"),
    )
    taken = arrival(group, recipients=recipients, mail_from="")
    arrival_id = await intake.take(taken)
    assert woken == [1]

    def look(tx: Connection) -> None:
        row = tx.execute(select(arrivals)).one()
        assert (row.id, row.mail_from, row.received_at) == (arrival_id, "", NOW)
        assert (row.protocol, row.peer, row.helo, row.tls) == ("smtp", "127.0.0.1", "client.example", True)
        assert bytes(row.trace) == taken.trace
        assert row.sha256 == hashlib.sha256(taken.raw).digest()
        assert raw.get(tx, row.sha256) == taken.raw
        stored = tx.execute(select(errands).order_by(errands.c.id)).all()
        assert [(e.recipient, e.group_id, e.purpose, e.detail, e.gate) for e in stored] == [
            (a.recipient, a.group_id, a.purpose, a.detail, a.gate) for a in recipients
        ]
        assert {(e.arrival_id, e.state, e.attempts, e.due_at, e.reason, e.done_at) for e in stored} == {
            (arrival_id, "received", 0, NOW, "", None)
        }

    db.read_now(look)


async def test_many_at_once_each_get_their_own_id(db: Database, group: Group) -> None:
    """More than one batch, more than one statement's rows."""
    intake = Intake(db)
    taken = [arrival(group, number) for number in range(150)]
    ids = await asyncio.gather(*(intake.take(one) for one in taken))
    assert len(set(ids)) == 150

    def look(tx: Connection) -> None:
        names = dict(tx.execute(select(arrivals.c.id, arrivals.c.sha256)).all())
        for arrival_id, one in zip(ids, taken, strict=True):
            assert names[arrival_id] == hashlib.sha256(one.raw).digest()
        assert tx.execute(select(func.count(errands.c.arrival_id.distinct()))).scalar_one() == 150

    db.read_now(look)


async def test_messages_that_wait_share_a_commit(db: Database, group: Group) -> None:
    commits = []
    intake = Intake(db, lambda: commits.append(1))
    await asyncio.gather(*(intake.take(arrival(group, number)) for number in range(50)))
    assert len(commits) <= 2


async def test_a_message_that_is_about_to_be_complete_is_waited_for(db: Database, group: Group) -> None:
    commits = []
    intake = Intake(db, lambda: commits.append(1))
    coming = [True]
    intake.more_is_coming = lambda: coming[0]
    first = asyncio.create_task(intake.take(arrival(group, 1)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    coming[0] = False
    await asyncio.gather(first, intake.take(arrival(group, 2)))
    assert len(commits) == 1


async def test_the_same_bytes_twice_are_two_arrivals_of_one_message(db: Database, group: Group) -> None:
    intake = Intake(db)
    first = await intake.take(arrival(group))
    second, third = await asyncio.gather(intake.take(arrival(group)), intake.take(arrival(group)))
    assert len({first, second, third}) == 3
    assert db.read_now(counts) == (1, 3, 3)


async def test_a_caller_that_is_cancelled_stops_nothing(db: Database, group: Group) -> None:
    intake = Intake(db)
    task = asyncio.create_task(intake.take(arrival(group)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await intake.finish()
    assert db.read_now(counts) == (1, 1, 1)


async def test_a_poisoned_message_fails_alone(db: Database, group: Group) -> None:
    intake = Intake(db)
    poison = arrival(group, 2, recipients=(Addressed("x@lists.example.org", 999_999, "post"),))
    results = await asyncio.gather(
        intake.take(arrival(group, 1)), intake.take(poison), intake.take(arrival(group, 3)), return_exceptions=True
    )
    assert isinstance(results[1], Deferred)
    assert isinstance(results[0], int)
    assert isinstance(results[2], int)
    assert db.read_now(counts) == (2, 2, 2)
    assert isinstance(await intake.take(arrival(group, 4)), int)


async def test_a_big_message_is_stored_as_it_came(db: Database, group: Group) -> None:
    big = arrival(group, raw=b"From: a@example.org\r\n\r\n" + bytes(range(1, 250)) * 20_000)
    await Intake(db).take(big)
    assert db.read_now(raw.get, hashlib.sha256(big.raw).digest()) == big.raw


async def test_a_locked_database_is_deferred_for_all_at_once(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cgbot.store.engines.BUSY_MILLISECONDS", 50)
    db = Database.open(sqlite_url)
    other = sqlite3.connect(Path(sqlite_url.removeprefix("sqlite:///")), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        intake = Intake(db)
        service = (Addressed("postmaster@lists.example.org", None, "postmaster"),)
        made = [Arrival(f"X: {n}\r\n\r\n".encode(), "", NOW, "smtp", "::1", "x", False, b"", service) for n in range(5)]
        results = await asyncio.gather(*(intake.take(one) for one in made), return_exceptions=True)
        assert all(isinstance(result, Deferred) for result in results)
        other.execute("ROLLBACK")
        assert [await intake.take(one) for one in made] == [1, 2, 3, 4, 5]
    finally:
        other.close()
        db.close()


async def test_busy_while_mail_comes_in(db: Database, group: Group) -> None:
    intake = Intake(db)
    assert not intake.busy
    task = asyncio.create_task(intake.take(arrival(group)))
    await asyncio.sleep(0)
    assert intake.busy
    await task
    assert intake.busy
    await asyncio.sleep(0.06)
    assert not intake.busy


class FailingDisk(Database):
    """Its first commit fails as SQLite says it when a sync fails."""

    failures = 1

    async def write(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        if self.failures:
            self.failures -= 1
            raise Deferred("not now") from OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))
        return await super().write(fn, *args, **kwargs)


async def test_after_a_failed_sync_no_mail_is_taken(sqlite_url: str) -> None:
    """A later sync may succeed although the earlier one's pages are lost."""
    db = FailingDisk.open(sqlite_url)
    intake = Intake(db)
    one = Arrival(
        b"X: 1\r\n\r\n", "", NOW, "smtp", "::1", "x", False, b"", (Addressed("postmaster", None, "postmaster"),)
    )
    try:
        for _ in range(2):
            with pytest.raises(Deferred):
                await intake.take(one)
        assert db.read_now(counts) == (0, 0, 0)
    finally:
        db.close()


async def test_a_failing_wake_up_or_hook_leaves_nobody_waiting(db: Database, group: Group) -> None:
    def fail() -> None:
        raise RuntimeError("no")

    intake = Intake(db, fail)
    assert await intake.take(arrival(group)) == 1
    assert await intake.take(arrival(group, 2)) == 2
