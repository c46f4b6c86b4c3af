"""
Edge: the clock: one tick in memory that looks at what is due (APScheduler 3.11).

The scheduler holds nothing but this one coalesced interval job; what is due, and that it goes out once, is the
ledger's. A tick never raises: a kind or a notice that fails is logged, tried again at the next tick and holds up no
other. Each notice is a transaction of its own. A paused service does not tick, so that after `cgbot resume` each kind's
rule for lateness decides. The heartbeat is monotonic: a wall clock that jumps neither hides nor feigns a dead clock.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from cgbot.context import Context
from cgbot.notices import ledger
from cgbot.notices.kinds import Kind
from cgbot.store import service
from cgbot.store.db import Database

log = structlog.get_logger(__name__)
_MISSED_TICKS: Final = 3
_SLACK_SECONDS: Final = 10.0
_SILENT_TICKS: Final = 2
_JOB: Final = "tick"
Work = Callable[[Database, Context], int]


class Steady(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Every so many seconds; one tick after a sleep, where APScheduler's interval counts up each that was missed."""

    def __init__(self, seconds: int) -> None:
        self._step = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """When to tick next: at once, a step after the last time, or a step from now where that has passed too."""
        if previous_fire_time is None:
            return now
        following = previous_fire_time + self._step
        return following if following > now else now + self._step


class Clock:
    """Ticks every `notices.tick_seconds`; `after` is called when something was queued."""

    def __init__(
        self, db: Database, context: Callable[[], Context], kinds: Sequence[Kind], *, after: Callable[[], None]
    ) -> None:
        self._db = db
        self._context = context
        self._kinds = kinds
        self._after = after
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._ticking = asyncio.Lock()
        self._ending = False
        self._heartbeat = time.monotonic()
        self._began = self._heartbeat
        self._last_tick: datetime | None = None
        self._works: list[Work] = []

    def also(self, work: Work) -> None:
        """Do this at each tick too, in a thread and outside any transaction: what it makes may be what a mail needs."""
        self._works.append(work)

    def start(self) -> None:
        """Tick at once and then at the interval."""
        self._scheduler.add_job(
            self.tick,
            Steady(self._seconds),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC),
            id=_JOB,
        )
        self._scheduler.start()
        self._watch()

    def _watch(self) -> None:
        """Tick now if the scheduler is silent: it goes by the wall clock, and that may have been set back by hours."""
        if self._ending:
            return
        if time.monotonic() - self._began > _SILENT_TICKS * self._seconds:
            self._scheduler.modify_job(_JOB, next_run_time=datetime.now(UTC))
        asyncio.get_running_loop().call_later(self._seconds, self._watch)

    async def stop(self) -> None:
        """End after the tick that is under way; APScheduler itself would cancel it."""
        self._ending = True
        async with self._ticking:
            if self._scheduler.running:
                self._scheduler.shutdown(wait=False)

    def healthy(self) -> bool:
        """Say whether a tick has succeeded lately."""
        return time.monotonic() - self._heartbeat <= _MISSED_TICKS * self._seconds + _SLACK_SECONDS

    def last_tick(self) -> datetime | None:
        """When the last tick that has ended began, by the wall clock; None before the first."""
        return self._last_tick

    async def tick(self) -> int:
        """Plan and send what is due; how many notices were queued. Never raises."""
        async with self._ticking:
            if self._ending:
                return 0
            began, self._began = self._context().now, time.monotonic()
            try:
                queued = await self._tick()
            except Exception:
                log.exception("tick failed")
                return 0
            finally:
                self._last_tick = began
        if queued:
            self._after()
        return queued

    async def _tick(self) -> int:
        if await self._db.read(service.paused) is not None:
            self._heartbeat = time.monotonic()
            return 0
        await self._work()  # after a while away, what waits for a file must not go without it
        queued = await self._send_due()
        if await self._work():
            queued += await self._send_due()
        return queued

    async def _send_due(self) -> int:
        failed = [kind.name for kind in self._kinds if not await self._plan(kind)]
        due = await self._db.read(ledger.due, self._context(), self._kinds)
        queued = [await self._send(notice_id) for notice_id in due]
        if not failed:
            self._heartbeat = time.monotonic()
        return sum(queued)

    async def _work(self) -> int:
        """How many things were made; what fails is logged and holds up nothing."""
        made = 0
        for work in self._works:
            try:
                made += await asyncio.to_thread(work, self._db, self._context())
            except Exception:
                log.exception("work beside the clock failed")
        return made

    async def _plan(self, kind: Kind) -> bool:
        try:
            await self._db.write(ledger.plan, self._context(), (kind,))
        except Exception:
            log.exception("planning failed", kind=kind.name)
            return False
        return True

    async def _send(self, notice_id: int) -> bool:
        try:
            done = await self._db.write(ledger.send, self._context(), self._kinds, notice_id)
        except Exception:
            log.exception("notice failed; trying again at the next tick", notice=notice_id)
            return False
        if done is not None:
            log.info("notice", id=notice_id, kind=done.notice.occurrence.kind, state=done.state, reason=done.reason)
        return done is not None and done.state == "queued"

    @property
    def _seconds(self) -> int:
        return self._context().settings.notices.tick_seconds
