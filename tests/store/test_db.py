"""The seam: one transaction a call, shared commits, failures that stay with whoever asked, races that are replayed."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from cgbot.errors import ConfigError, Deferred
from cgbot.store.db import Database, Tx
from cgbot.store.tables import service

pytestmark = pytest.mark.anyio


def put(tx: Tx, key: str, value: str = "1") -> str:
    tx.execute(sa.insert(service).values(key=key, value=value))
    return key


def count(tx: Tx) -> int:
    return int(tx.execute(sa.select(sa.func.count()).select_from(service)).scalar_one())


def increment(tx: Tx, key: str) -> None:
    found = int(tx.execute(sa.select(service.c.value).where(service.c.key == key)).scalar_one())
    tx.execute(sa.update(service).where(service.c.key == key).values(value=str(found + 1)))


async def test_what_a_write_returns_comes_back(db: Database) -> None:
    assert await db.write(put, "a") == "a"
    assert await db.read(count) == 1


async def test_many_writes_at_once_are_all_kept(db: Database) -> None:
    assert len(await asyncio.gather(*(db.write(put, f"k{n}") for n in range(300)))) == 300
    assert await db.read(count) == 300


async def test_a_failing_job_undoes_its_own_work_only(db: Database) -> None:
    def put_and_fail(tx: Tx, key: str) -> str:
        put(tx, key)
        raise RuntimeError("on purpose")

    results = await asyncio.gather(
        *(db.write(put if n % 3 else put_and_fail, f"k{n}") for n in range(30)), return_exceptions=True
    )
    assert sum(isinstance(result, RuntimeError) for result in results) == 10
    assert await db.read(count) == 20


async def test_a_lost_update_is_impossible(db: Database) -> None:
    db.write_now(put, "counter", "0")
    threads = [
        threading.Thread(target=lambda: [db.write_now(increment, "counter") for _ in range(20)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    await asyncio.gather(*(db.write(increment, "counter") for _ in range(20)))
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert db.read_now(lambda tx: tx.execute(sa.select(service.c.value)).scalar_one()) == "100"


async def test_a_reader_cannot_write(db: Database) -> None:
    with pytest.raises(Deferred):
        await db.read(put, "a")
    assert await db.read(count) == 0


async def test_a_caller_that_goes_away_does_not_stop_its_transaction(db: Database) -> None:
    begun = threading.Event()
    may_end = threading.Event()

    def slowly(tx: Tx) -> None:
        put(tx, "slow")
        begun.set()
        may_end.wait(10)

    task = asyncio.create_task(db.write(slowly))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    may_end.set()
    await asyncio.gather(task, return_exceptions=True)
    await db.write(put, "after")
    assert await db.read(count) == 2


def test_a_broken_rule_of_the_schema_is_no_temporary_fault(db: Database) -> None:
    db.write_now(put, "a")
    with pytest.raises(sa.exc.IntegrityError):
        db.write_now(put, "a")


def test_sqlite_is_set_up_to_keep_what_it_acknowledged(sqlite_url: str) -> None:
    db = Database.open(sqlite_url)

    def pragmas(tx: Tx) -> tuple[object, ...]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return tuple(tx.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names)

    assert db.write_now(pragmas) == ("wal", 2, 1, 5_000)  # 2 is FULL
    db.close()


def test_a_locked_database_is_a_temporary_fault(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cgbot.store.engines.BUSY_MILLISECONDS", 50)
    holder, other = Database.open(sqlite_url), Database.open(sqlite_url)

    def while_held(tx: Tx) -> None:
        put(tx, "held")
        with pytest.raises(Deferred):
            other.write_now(put, "other")

    holder.write_now(while_held)
    assert other.write_now(put, "other") == "other"
    holder.close()
    other.close()


async def test_nobody_waits_for_a_locked_database_twice(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cgbot.store.engines.BUSY_MILLISECONDS", 300)
    holder, lane = Database.open(sqlite_url), Database.open(sqlite_url)
    held, may_end = threading.Event(), threading.Event()

    def hold(_tx: Tx) -> None:
        held.set()
        may_end.wait(20)

    holding = asyncio.create_task(asyncio.to_thread(holder.write_now, hold))
    await asyncio.to_thread(held.wait, 10)
    begun = time.monotonic()
    results = await asyncio.gather(*(lane.write(put, f"k{n}") for n in range(40)), return_exceptions=True)
    assert all(isinstance(result, Deferred) for result in results)
    assert time.monotonic() - begun < 3  # twice the wait at most, not forty times
    may_end.set()
    await holding
    assert await lane.write(put, "after") == "after"
    holder.close()
    lane.close()


def test_a_missing_folder_is_a_temporary_fault(tmp_path: Path) -> None:
    db = Database.open(f"sqlite:///{tmp_path}/missing/cgbot.db")
    with pytest.raises(Deferred):
        db.write_now(count)
    db.close()


def test_another_kind_of_database_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'mysql'.*sqlite or postgresql"):
        Database.open("mysql://localhost/cgbot")
