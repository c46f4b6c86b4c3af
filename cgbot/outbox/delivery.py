"""
Mail goes out: claim, compose, send, record, as long as `serve` runs (use case; the event loop's side of the outbox).

One feeder leases slices of what is due; a worker for each connection takes one copy after the other (`workers`).
Nothing is claimed while sending is paused, and only one copy at a time while the relay does not answer (`watch`). At
the end what has not begun is given back at once; what is on its way has ten seconds, then it is cut.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import structlog

from cgbot import failpoints
from cgbot.context import Context
from cgbot.errors import CgbotError
from cgbot.outbox import leases
from cgbot.outbox.backlog import Backlog
from cgbot.outbox.cache import ContentCache
from cgbot.outbox.leases import Claim
from cgbot.outbox.recorder import Hooks, Recorder
from cgbot.outbox.signer import Signer
from cgbot.outbox.transport_maildir import MaildirTransport
from cgbot.outbox.transport_smtp import SmtpConnection
from cgbot.outbox.watch import Pace, RelayWatch
from cgbot.outbox.workers import Post, Transport, Worker, large_at_once, wait
from cgbot.store import service
from cgbot.store.db import Database, Tx

log = structlog.get_logger(__name__)
_EXPIRE_SECONDS: Final = 15.0
_RECORD_SECONDS: Final = 5.0  # for the outcomes of what was cut
_CLAIMS_A_WORKER: Final = 16
_MAILDIR_WORKERS: Final = 4
# A copy that has waited this long in memory is given back: on PostgreSQL another run takes a lease over after 15
# minutes, and one attempt may take eleven.
_STALE_SECONDS: Final = 200.0


class Delivery:
    """The outbox at work; `run` ends after `stop`."""

    def __init__(self, db: Database, context: Callable[[], Context], *, epoch: int, hooks: Hooks | None = None) -> None:
        self._db = db
        self._context = context
        self._epoch = epoch
        self._hooks = hooks or Hooks()
        self._pace = self._hooks.pace
        self._recorder = Recorder(db, context, self._hooks)
        self._watch = RelayWatch(db, context, self._pace)
        relay = context().settings.relay
        count = relay.connections if relay.host else _MAILDIR_WORKERS
        self._backlog = Backlog(count * _CLAIMS_A_WORKER, relay.per_domain if relay.per_domain < count else None)
        self._look_past_at = 0.0  # when the queue may be searched for more than a crowded domain, on the loop's clock
        self._stopping = asyncio.Event()
        self._post = Post(
            db=db,
            context=context,
            contents=ContentCache(db),
            recorder=self._recorder,
            backlog=self._backlog,
            watch=self._watch,
            large=large_at_once(),
            stopping=self._stopping,
            refused_seconds=self._pace.refused,
            signer=self._signer(),
        )
        self._workers = [Worker(number, self._post, self._transport(number)) for number in range(count)]
        self._work: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    def wake(self) -> None:
        """Something was queued; look at once."""
        self._look_past_at = 0.0
        self._backlog.wanted.set()

    def outcomes(self) -> Mapping[str, int]:
        """How many attempts of this run have ended how."""
        return dict(self._recorder.outcomes)

    async def run(self) -> None:
        """Deliver until `stop`."""
        recorder = asyncio.create_task(self._recorder.run(), name="recorder")
        self._work = asyncio.create_task(self._work_together(), name="outbox")
        try:
            await asyncio.wait([self._work])
            if not self._work.cancelled():
                self._work.result()
        finally:
            for task in (self._work, recorder):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            self._ended.set()

    async def stop(self) -> None:
        """
        Finish what is on its way within the grace of our pace, then cut it; give back what has not begun.

        What was cut after its final dot is in doubt. Were even that not to be written down (a database that hangs),
        the next start does it.
        """
        self._stopping.set()
        self._backlog.wanted.set()
        self._backlog.some.set()
        if self._work is None or await wait(self._ended, self._pace.grace):
            return
        log.warning("the relay does not answer in time; what is on its way is cut")
        for one in self._workers:
            one.cut()
        if not await wait(self._ended, _RECORD_SECONDS):
            self._work.cancel()
            await self._ended.wait()

    async def _work_together(self) -> None:
        await self._begin()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._feed(), name="feeder")
            tasks.create_task(self._give_up(), name="expiry")
            for number, one in enumerate(self._workers):
                tasks.create_task(one.run(), name=f"delivery-{number}")

    def _signer(self) -> Signer | None:
        settings = self._context().settings
        keys = self._hooks.signing_keys(settings)
        return Signer(self._db, keys, settings.service.domain) if keys else None

    def _transport(self, number: int) -> Transport:
        settings = self._context().settings
        if settings.relay.host:
            return SmtpConnection(settings, self._hooks.relay_password, self._hooks.deadlines)
        return MaildirTransport(settings.service.data_dir / "maildir", f"{self._epoch}.{number}")

    # --------------------------------------------------------------------------------------------- the feeder

    async def _feed(self) -> None:
        while not self._stopping.is_set():
            self._backlog.wanted.clear()
            found = False
            try:
                found = await self._claim_more()
            except CgbotError as error:
                log.warning("the outbox cannot be read", reason=error.public)
            except Exception:  # a fault in one round must not end all delivery
                log.exception("the outbox cannot be read")
            if not found:
                await wait(self._backlog.wanted, self._pace.look)
        await self._post.hand_back(self._backlog.drain())

    async def _begin(self) -> None:
        """What a run before this one has left, before anything new is taken."""
        while not self._stopping.is_set():
            try:
                await self._release()
                await self._recorder.start()
                await self._watch.start()
            except CgbotError as error:
                log.warning("the outbox cannot be read", reason=error.public)
                await wait(self._stopping, self._pace.look)
            else:
                return

    async def _release(self) -> None:
        freed = await self._recorder.release(self._epoch)
        if freed.unbegun or freed.in_doubt:
            log.warning("deliveries of a run that is gone", tried_again=freed.unbegun, in_doubt=freed.in_doubt)

    async def _claim_more(self) -> bool:
        """Fill the backlog when it is half empty; whether there was something."""
        await self._post.hand_back(self._backlog.drain(_STALE_SECONDS))
        await self._watch.look()
        room = self._watch.may_claim(self._backlog.room)
        now, past = self._context().now, self._backlog.crowded
        if not room or (past and not await self._may_look_past(now, past)):
            return False
        if not len(self._backlog) and not await self._db.read(leases.is_due, now):
            return False
        silence = self._watch.silence
        claims = await self._db.write(_claim, self._epoch, now, (room, past))
        if self._watch.silence is not silence:  # the relay has gone, or come, while we asked
            await self._post.hand_back(claims)
            return False
        if claims:
            self._watch.trying()
            self._backlog.put(claims)
            failpoints.reach("outbox.claimed")
        return bool(claims)

    async def _may_look_past(self, now: datetime, crowded: tuple[str, ...]) -> bool:
        """Whether others than these domains wait; that is a long search, so not more often than asked or each look."""
        time = asyncio.get_running_loop().time()
        if time < self._look_past_at:
            return False
        self._look_past_at = time + self._pace.look
        return await self._db.read(leases.is_due, now, crowded)

    async def _give_up(self) -> None:
        """Expire what is too old, now and then; free what other processes have left."""
        while not self._stopping.is_set():
            try:
                silence = self._watch.silence
                await self._recorder.expire(silence.in_words() if silence else "")
                await self._release()
            except CgbotError as error:
                log.warning("the outbox cannot be read", reason=error.public)
            except Exception:  # a fault in one round must not end all delivery
                log.exception("what is too old could not be given up")
            await wait(self._stopping, _EXPIRE_SECONDS)


def _claim(tx: Tx, epoch: int, now: datetime, what: tuple[int, tuple[str, ...]]) -> tuple[Claim, ...]:
    limit, past = what
    return () if service.paused(tx) else leases.claim(tx, epoch, now, limit, past)


__all__ = ["Delivery", "Hooks", "Pace"]
