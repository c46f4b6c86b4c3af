"""
Mail goes out: claim, compose, send, record, as long as `serve` runs (use case; the event loop's side of the outbox).

One feeder leases slices of what is due; a worker for each connection takes one copy after the other and hands each
outcome to the recorder before it takes the next. So at most one outcome a connection can be lost by a crash, and it is
"in doubt" after it. Nothing is claimed while sending is paused. When the relay refuses a further connection, the
workers that have one go on. At the end each worker finishes its copy and the rest is given back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import structlog

from cgbot import failpoints
from cgbot.context import Context
from cgbot.errors import CgbotError
from cgbot.mail.frozen import fill
from cgbot.outbox import queue, retry
from cgbot.outbox.cache import ContentCache
from cgbot.outbox.queue import Attempt, Claim
from cgbot.outbox.recorder import Hooks, Recorder
from cgbot.outbox.retry import Outcome, Tried
from cgbot.outbox.transport_maildir import MaildirTransport
from cgbot.outbox.transport_smtp import NotConnected, Outgoing, SmtpConnection
from cgbot.store import service
from cgbot.store.db import Database, Tx

log = structlog.get_logger(__name__)
_LOOK_SECONDS: Final = 1.0
_EXPIRE_SECONDS: Final = 30.0
_IDLE_SECONDS: Final = 10.0  # an idle connection is closed after this
_CLAIMS_A_WORKER: Final = 16
_MAILDIR_WORKERS: Final = 4
_REFUSED_SECONDS: Final = 15.0  # a worker whose connection was refused while others have one waits so long
_LARGE_OCTETS: Final = 1 << 20
_LARGE_AT_ONCE: Final = 2  # so many large mails are in memory, filled, at a time
# A copy that has waited this long in memory is given back: on PostgreSQL another run takes a lease over after 15
# minutes, and one attempt may take eleven.
_STALE_SECONDS: Final = 200.0


class Transport(Protocol):
    """Where copies go; `send` may raise NotConnected."""

    @property
    def is_open(self) -> bool:
        """Whether it can be used at once."""
        ...

    async def send(self, copy: Outgoing) -> Outcome:
        """Try one."""
        ...

    async def close(self) -> None:
        """End the connection."""
        ...


@dataclass(frozen=True, slots=True)
class _Held:
    """A claim in memory and when it was made, on the loop's clock."""

    claim: Claim
    since: float


class Delivery:
    """The outbox at work; `run` ends after `stop`."""

    def __init__(self, db: Database, context: Callable[[], Context], *, epoch: int, hooks: Hooks | None = None) -> None:
        self._db = db
        self._context = context
        self._epoch = epoch
        self._hooks = hooks or Hooks()
        self._recorder = Recorder(db, context, self._hooks)
        self._contents = ContentCache(db)
        self._backlog: deque[_Held] = deque()
        self._some = asyncio.Event()  # there is something in the backlog
        self._wanted = asyncio.Event()  # the feeder should look
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._started = False
        self._open: set[int] = set()  # the workers that have a connection
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)
        relay = context().settings.relay
        self._workers = relay.connections if relay.host else _MAILDIR_WORKERS
        self._capacity = self._workers * _CLAIMS_A_WORKER

    def wake(self) -> None:
        """Something was queued; look at once."""
        self._wanted.set()

    async def run(self) -> None:
        """Deliver until `stop`."""
        self._started = True
        recorder = asyncio.create_task(self._recorder.run(), name="recorder")
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._feed(), name="feeder")
                tasks.create_task(self._give_up(), name="expiry")
                for number in range(self._workers):
                    tasks.create_task(self._deliver(number), name=f"delivery-{number}")
            await self._hand_back([one.claim for one in self._backlog])
        finally:
            recorder.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await recorder
            self._ended.set()

    async def stop(self) -> None:
        """Finish what is on its way, give back what has not begun; returns when it is done."""
        self._stopping.set()
        self._wanted.set()
        self._some.set()
        if self._started:
            await self._ended.wait()

    # --------------------------------------------------------------------------------------------- the feeder

    async def _feed(self) -> None:
        await self._begin()
        while not self._stopping.is_set():
            self._wanted.clear()
            found = False
            try:
                found = await self._claim_more()
            except CgbotError as error:
                log.warning("the outbox cannot be read", reason=error.public)
            except Exception:  # a fault in one round must not end all delivery
                log.exception("the outbox cannot be read")
            if not found:
                await _wait(self._wanted, _LOOK_SECONDS)

    async def _begin(self) -> None:
        """What a run before this one has left, before anything new is taken."""
        while not self._stopping.is_set():
            try:
                freed = await self._db.write(queue.release_dead, self._epoch, self._context().now)
                await self._recorder.start()
            except CgbotError as error:
                log.warning("the outbox cannot be read", reason=error.public)
                await _wait(self._stopping, _LOOK_SECONDS)
            else:
                if freed:
                    log.warning("deliveries of a run that died are tried again", count=freed)
                return

    async def _claim_more(self) -> bool:
        """Fill the backlog when it is half empty; whether there was something."""
        if len(self._backlog) > self._capacity // 2:
            return False
        now = self._context().now
        if not self._backlog and not await self._db.read(queue.is_due, now):
            return False
        claims = await self._db.write(_claim, self._epoch, now, self._capacity - len(self._backlog))
        since = asyncio.get_running_loop().time()
        self._backlog.extend(_Held(one, since) for one in claims)
        if claims:
            self._some.set()
            failpoints.reach("outbox.claimed")
        return bool(claims)

    async def _give_up(self) -> None:
        """Expire what is too old, now and then; free what other processes have left."""
        while not self._stopping.is_set():
            try:
                await self._recorder.expire()
                await self._db.write(queue.release_dead, self._epoch, self._context().now)
            except CgbotError as error:
                log.warning("the outbox cannot be read", reason=error.public)
            except Exception:  # a fault in one round must not end all delivery
                log.exception("what is too old could not be given up")
            await _wait(self._stopping, _EXPIRE_SECONDS)

    async def _hand_back(self, claims: list[Claim]) -> None:
        try:
            await self._db.write(queue.give_back, self._epoch, claims)
        except CgbotError as error:
            log.warning("claims could not be given back", reason=error.public, count=len(claims))

    # -------------------------------------------------------------------------------------------- the workers

    async def _deliver(self, number: int) -> None:
        transport = self._transport(number)
        try:
            while (held := await self._next(number, transport)) is not None:
                try:
                    await self._one_if_fresh(number, transport, held)
                except Exception:  # whatever one copy has brought out, the worker goes on with the next
                    log.exception("a delivery could not be finished", delivery=held.claim.id)
        finally:
            await transport.close()

    def _transport(self, number: int) -> Transport:
        settings = self._context().settings
        if settings.relay.host:
            return SmtpConnection(settings, self._hooks.relay_password)
        return MaildirTransport(settings.service.data_dir / "maildir", f"{self._epoch}.{number}")

    async def _next(self, number: int, transport: Transport) -> _Held | None:
        """Take the next claim; None at the end. A connection without work is closed."""
        while not self._stopping.is_set():
            if self._backlog:
                held = self._backlog.popleft()
                if len(self._backlog) <= self._capacity // 2:
                    self._wanted.set()
                return held
            self._some.clear()
            if not await _wait(self._some, _IDLE_SECONDS):
                self._open.discard(number)
                await transport.close()
        return None

    async def _one_if_fresh(self, number: int, transport: Transport, held: _Held) -> None:
        if asyncio.get_running_loop().time() - held.since > _STALE_SECONDS:
            await self._hand_back([held.claim])
        else:
            await self._one(number, transport, held)

    async def _one(self, number: int, transport: Transport, held: _Held) -> None:
        """Try one copy and make its outcome durable."""
        started_at = self._context().now
        try:
            with self._recorder.attempt_under_way():
                outcome = await self._attempt(transport, held.claim)
        except NotConnected as error:
            self._open.discard(number)
            if self._open:
                self._backlog.appendleft(held)
                self._some.set()
                log.info("the relay refuses a further connection", reason=str(error), open=len(self._open))
                await _wait(self._stopping, _REFUSED_SECONDS)
                return
            outcome = Outcome("deferred", str(error))
        failpoints.reach("outbox.after-send")
        (self._open.add if transport.is_open else self._open.discard)(number)
        claim, ended_at = held.claim, self._context().now
        tried = Tried(claim.id, claim.attempts, claim.in_doubt, claim.expires_at)
        state, due_at = retry.decide(outcome, tried, ended_at)
        await self._recorder.record(Attempt(claim, outcome.kind, outcome.reply, state, due_at, started_at, ended_at))
        failpoints.reach("outbox.recorded")

    async def _attempt(self, transport: Transport, claim: Claim) -> Outcome:
        """Compose and send; whatever is wrong with our side is an outcome too."""
        try:
            frozen = await self._contents.get(claim.content_id)
            async with self._large if len(frozen.body) > _LARGE_OCTETS else contextlib.nullcontext():
                raw = fill(frozen, claim.slots)
                failpoints.reach("outbox.composed")
                outcome = await transport.send(Outgoing(claim.return_path, claim.recipient, raw))
        except NotConnected:
            raise
        except KeyError as error:
            return Outcome("failed", f"the mail cannot be written: nothing for {error}")
        except CgbotError as error:
            return Outcome("deferred", error.public)
        except Exception:  # a bug that one mail brings out must not stop the others
            log.exception("a delivery could not be tried", delivery=claim.id)
            return Outcome("deferred", "a fault of ours; see the log")
        return outcome


def _claim(tx: Tx, epoch: int, now: datetime, limit: int) -> tuple[Claim, ...]:
    return () if service.paused(tx) else queue.claim(tx, epoch, now, limit)


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Wait for it; False when it did not come in time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


__all__ = ["Delivery", "Hooks"]
