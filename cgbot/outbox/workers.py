"""
One connection at work: it takes one copy after the other, and no further one before the outcome is durable (use case).

Before a copy may be on the wire the database says that it has begun, in the commit of the one before. When the relay
refuses this connection, its copy goes back to the queue untried; when it refuses every one, so does all that waits.
Asked to end, a worker finishes its copy; when it is cut, a copy whose final dot may be out is in doubt, any other one
goes back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from cgbot import failpoints
from cgbot.context import Context
from cgbot.errors import CgbotError
from cgbot.mail.frozen import Encoded, Frozen, fill, fill_head
from cgbot.outbox import leases, retry
from cgbot.outbox.backlog import Backlog
from cgbot.outbox.cache import ContentCache
from cgbot.outbox.leases import Claim
from cgbot.outbox.queue import Attempt
from cgbot.outbox.recorder import Recorder
from cgbot.outbox.retry import Outcome, Tried
from cgbot.outbox.signer import Signer
from cgbot.outbox.transport_smtp import NotConnected
from cgbot.outbox.watch import RelayWatch
from cgbot.outbox.wire import Outgoing
from cgbot.store.db import Database

log = structlog.get_logger(__name__)
_IDLE_SECONDS: Final = 10.0  # an idle connection is closed after this
_LARGE_OCTETS: Final = 1 << 20
_LARGE_AT_ONCE: Final = 2  # so many large mails are in memory, filled, at a time


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

    def cut(self) -> None:
        """End at once what is on its way."""
        ...


@dataclass(frozen=True, slots=True)
class Post:
    """What all workers of a run share."""

    db: Database
    context: Callable[[], Context]
    contents: ContentCache
    recorder: Recorder
    backlog: Backlog
    watch: RelayWatch
    large: asyncio.Semaphore
    stopping: asyncio.Event
    refused_seconds: float
    signer: Signer | None = None

    async def hand_back(self, claims: Sequence[Claim]) -> None:
        """End leases of copies that nobody can have got."""
        if not claims:
            return
        for one in claims:
            self.backlog.done(one)
        try:
            await self.db.write(leases.give_back, claims)
        except CgbotError as error:
            log.warning("claims could not be given back", reason=error.public, count=len(claims))


def large_at_once() -> asyncio.Semaphore:
    """Bound the memory of mails that every copy needs for itself."""
    return asyncio.Semaphore(_LARGE_AT_ONCE)


class Worker:
    """One connection; `run` ends after `stopping` is set, or soon after `cut`."""

    def __init__(self, number: int, post: Post, transport: Transport) -> None:
        self._number = number
        self._post = post
        self._transport = transport
        self._is_cut = False

    def cut(self) -> None:
        """Do not wait for the relay any more."""
        self._is_cut = True
        self._transport.cut()

    async def run(self) -> None:
        """Deliver what the backlog holds until the end."""
        try:
            claim = await self._first()
            while claim is not None:
                claim = await self._next(claim) or await self._first()
        finally:
            await self._transport.close()

    async def _next(self, claim: Claim) -> Claim | None:
        try:
            return await self._one(claim)
        except Exception:  # whatever one copy has brought out, the worker goes on with the next
            log.exception("a delivery could not be finished", delivery=claim.id)
            return None
        finally:
            self._post.backlog.done(claim)

    async def _first(self) -> Claim | None:
        """Wait for a copy and begin it; None at the end. A connection without work is closed."""
        backlog, stopping = self._post.backlog, self._post.stopping
        while not stopping.is_set():
            claim = backlog.take()
            if claim is not None:
                if await self._post.recorder.begin(claim):
                    return claim
                await self._post.hand_back([claim])
            elif not await wait(backlog.some, _IDLE_SECONDS):
                self._post.watch.closed(self._number)
                await self._transport.close()
        return None

    async def _one(self, claim: Claim) -> Claim | None:
        """Try one copy, make its outcome durable and begin the next one; that one, None when there is none."""
        post = self._post
        if post.watch.is_waiting and not self._transport.is_open:  # that came while this copy was being begun
            await post.hand_back([claim])
            return None
        started_at, began_at = post.context().now, asyncio.get_running_loop().time()
        try:
            with post.recorder.attempt_under_way():
                outcome = await self._attempt(claim)
        except NotConnected as error:
            await self._not_connected(claim, str(error), began_at)
            return None
        failpoints.reach("outbox.after-send")
        await post.watch.used(self._number, is_open=self._transport.is_open)
        if self._is_cut and outcome.kind == "deferred":
            await post.hand_back([claim])
            return None
        ended_at = post.context().now
        tried = Tried(claim.id, claim.attempts, claim.in_doubt, claim.expires_at)
        state, due_at = retry.decide(outcome, tried, ended_at)
        is_sent_away = outcome.kind == "deferred" and outcome.retry_now and not self._transport.is_open
        then = None if post.stopping.is_set() or is_sent_away else post.backlog.take(claim)
        attempt = Attempt(claim, outcome.kind, outcome.reply, state, due_at, started_at, ended_at)
        has_begun = await post.recorder.record(attempt, then)
        failpoints.reach("outbox.recorded")
        if is_sent_away:  # 421 to the first recipient of a new connection: the next one would hear it too
            post.backlog.done(claim)
            await wait(post.stopping, post.refused_seconds)
        return await self._begun(then, has_begun=has_begun)

    async def _begun(self, claim: Claim | None, *, has_begun: bool) -> Claim | None:
        if claim is None or (has_begun and not self._post.stopping.is_set()):
            return claim
        await self._post.hand_back([claim])
        return None

    async def _not_connected(self, claim: Claim, reason: str, began_at: float) -> None:
        post = self._post
        refusal = None if self._is_cut else post.watch.refused(self._number, reason, began_at)
        await post.hand_back([claim, *(post.backlog.drain() if refusal == "all" else ())])
        if refusal == "all":
            await post.watch.write_down()
        elif refusal == "this one":
            await wait(post.stopping, post.refused_seconds)

    async def _attempt(self, claim: Claim) -> Outcome:
        """Compose and send; whatever is wrong with our side is an outcome too."""
        try:
            frozen = await self._post.contents.get(claim.content_id)
            is_large = len(frozen.body) > _LARGE_OCTETS
            async with self._post.large if is_large and not _shared(frozen) else contextlib.nullcontext():
                copy = _written(claim, frozen, is_large=is_large)
                if self._post.signer is not None:
                    copy = await self._post.signer.sign(claim.content_id, frozen, copy)
                failpoints.reach("outbox.composed")
                outcome = await self._transport.send(copy)
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


def _shared(frozen: Frozen) -> bool:
    """Whether the octets of a large mail stand as they are, not encoded anew for each copy."""
    return not any(isinstance(mark, Encoded) for mark in frozen.marks)


def _written(claim: Claim, frozen: Frozen, *, is_large: bool) -> Outgoing:
    if not is_large:
        return Outgoing(claim.return_path, claim.recipient, fill(frozen, claim.slots))
    head, rest = fill_head(frozen, claim.slots)
    return Outgoing(claim.return_path, claim.recipient, head, frozen.body, rest)


async def wait(event: asyncio.Event, seconds: float) -> bool:
    """Wait for it; False when it did not come in time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
