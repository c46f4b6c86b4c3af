"""
Intake: an arrival becomes durable (use case).

`await take(arrival)` gives its id once the raw bytes, the arrival and one errand per recipient are committed
(RFC 5321 section 6.1: whoever says 250 answers for the message). Whatever waits while a commit is on its way goes
together into the next one, and a commit waits a few milliseconds for messages that are about to be complete. If it
fails, its items are tried one by one, so that a poisoned one fails alone (a database that is locked or gone fails them
all at once: nobody waits for it many times). A caller that is cancelled stops nothing. The same message taken twice is
two arrivals of one raw message; that they are one post is the archive's business. Faults are raised as Deferred.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from cgbot.errors import CgbotError, Deferred
from cgbot.failpoints import reach
from cgbot.posts.arrivals import Addressed, Arrival, Batch, add_arrivals
from cgbot.store import raw
from cgbot.store.db import Database

__all__ = ["Addressed", "Arrival", "Intake"]

log = logging.getLogger(__name__)

# Smaller messages are compressed where they are: a thread's round trip takes longer than the 0.1 ms of 60 KB.
_INLINE_SIZE: Final = 256 * 1024
# After a failed sync the next one may succeed and say nothing of what was lost: no more mail until a restart.
_DAMAGE: Final = "disk I/O error"
_BATCH_COUNT: Final = 64
_BATCH_SIZE: Final = 8 << 20
_BUSY_SECONDS: Final = 0.05
_GATHER_SECONDS: Final = 0.004
_GATHER_SIZE: Final = 512 * 1024


@dataclass(slots=True, eq=False)
class _Item:
    """An arrival that waits for its commit."""

    arrival: Arrival
    prepared: raw.Prepared
    answer: asyncio.Future[int]


class Intake:
    """One per process; `wake` is called after each commit, in the event loop."""

    def __init__(self, db: Database, wake: Callable[[], None] = lambda: None) -> None:
        self._db = db
        self._wake = wake
        self.more_is_coming: Callable[[], bool] = lambda: False
        self._gathered = asyncio.Event()
        self._waiting: list[_Item] = []
        self._committing: asyncio.Task[None] | None = None
        self._last_commit = float("-inf")
        self._is_broken = False

    @property
    def busy(self) -> bool:
        """Say whether mail is coming in right now, so that work that can wait should let it pass."""
        if self._waiting or self._committing:
            return True
        return asyncio.get_running_loop().time() - self._last_commit < _BUSY_SECONDS

    async def take(self, arrival: Arrival) -> int:
        """Make it durable and give its id; raises Deferred when that is not possible now."""
        reach("intake.received")
        if self._is_broken:
            raise Deferred("the disk has failed; the operator must look at it")
        prepared = await _prepare(arrival.raw)
        item = _Item(arrival, prepared, asyncio.get_running_loop().create_future())
        self._waiting.append(item)
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        elif not self._should_wait():
            self._gathered.set()
        return await item.answer  # who is cancelled here takes back the question, not the message

    async def finish(self) -> None:
        """Wait until nothing waits for a commit."""
        while self._committing is not None:
            await asyncio.shield(self._committing)

    async def _commit_all(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                await self._commit(self._next_batch())
        finally:
            self._committing = None
            self._last_commit = asyncio.get_running_loop().time()

    async def _gather(self) -> None:
        """Wait a moment for messages that are about to be complete, so that they share this commit."""
        if not self._should_wait():
            return
        self._gathered.clear()
        timer = asyncio.get_running_loop().call_later(_GATHER_SECONDS, self._gathered.set)
        await self._gathered.wait()
        timer.cancel()

    def _should_wait(self) -> bool:
        """Big messages gain more from being written while the next ones arrive."""
        if len(self._waiting) >= _BATCH_COUNT or sum(len(i.prepared.body) for i in self._waiting) > _GATHER_SIZE:
            return False
        return self.more_is_coming()

    def _next_batch(self) -> list[_Item]:
        size = count = 0
        for item in self._waiting[:_BATCH_COUNT]:
            size += len(item.prepared.body)
            if count and size > _BATCH_SIZE:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    async def _commit(self, batch: list[_Item]) -> None:
        try:
            ids = await self._db.write(_store, [(item.arrival, item.prepared) for item in batch])
            reach("intake.after-commit")
        except Exception as error:  # noqa: BLE001 - whatever it was, each sender must be told to try again
            self._is_broken = self._is_broken or _DAMAGE in str(error.__cause__)
            if len(batch) == 1 or isinstance(error.__cause__, OperationalError):
                _fail_all(batch, error)
            else:
                for item in batch:
                    await self._commit([item])
            return
        for item, arrival_id in zip(batch, ids, strict=True):
            if not item.answer.done():
                item.answer.set_result(arrival_id)
        self._call_wake()

    def _call_wake(self) -> None:
        try:
            self._wake()
        except Exception:  # the sorter looks by itself sooner or later; the messages are safe
            log.exception("the sorter was not woken")


async def _prepare(content: bytes) -> raw.Prepared:
    if len(content) <= _INLINE_SIZE:
        return raw.prepare(content)
    return await asyncio.to_thread(raw.prepare, content)


def _fail_all(batch: list[_Item], error: Exception) -> None:
    log.error("%d message(s) could not be stored", len(batch), exc_info=error)
    deferred = error if isinstance(error, CgbotError) else _deferred(error)
    for item in batch:
        if not item.answer.done():
            item.answer.set_exception(deferred)
            item.answer.exception()  # whoever asked may be gone: no complaint that nobody looked


def _deferred(error: Exception) -> Deferred:
    deferred = Deferred("the message cannot be stored now; try again later")
    deferred.__cause__ = error
    return deferred


def _store(tx: Connection, batch: Batch) -> list[int]:
    ids = add_arrivals(tx, batch)
    reach("intake.before-commit")
    return ids
