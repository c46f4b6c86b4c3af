"""
Outcomes become durable together: what waits while a commit is in flight goes into the next one (use case).

Whoever hands in an outcome waits until it is on the disk; only then does it send to its next recipient. The same commit
says that this next one has begun, so that a crash leaves exactly those in doubt that may have been on the wire, one a
connection, and it costs no commit of its own. While others are in the middle of an attempt a commit waits two
milliseconds for them: fewer commits, and more mail a second. Failures are told in the same transaction as the last copy
of a content that was tried. A database that cannot write now is asked again every second: the mail has gone out, and
its row must say so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError

from cgbot.context import Context
from cgbot.errors import CgbotError
from cgbot.mail.signing import SigningKeys
from cgbot.outbox import failures, leases, queue, transport_smtp
from cgbot.outbox.leases import Claim, Released
from cgbot.outbox.letters import Addressee
from cgbot.outbox.queue import Attempt, Failure
from cgbot.outbox.transport_smtp import Deadlines
from cgbot.outbox.watch import Pace
from cgbot.settings import Settings
from cgbot.store.db import Database, Tx

log = structlog.get_logger(__name__)
_AGAIN_SECONDS: Final = 1.0
_TOGETHER_SECONDS: Final = 0.002

Owners = Callable[[Tx, Context, int | None], tuple[Addressee, ...]]
OnFailed = Callable[[Tx, Context, Sequence[Failure], Owners], None]


def nobody(_tx: Tx, _context: Context, _group_id: int | None) -> tuple[Addressee, ...]:
    """Tell nobody."""
    return ()


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the app says: who owns a group and is told of failures, and how, the relay's password, the waiting times."""

    owners: Owners = nobody
    on_failed: OnFailed = failures.tell
    relay_password: Callable[[Settings], str] = transport_smtp.read_password
    pace: Pace = field(default_factory=Pace)
    deadlines: Deadlines = field(default_factory=Deadlines)
    signing_keys: Callable[[Settings], SigningKeys | None] = lambda _: None  # unsigned


@dataclass(slots=True)
class _Step:
    """What one worker hands in: how its copy ended, and the copy that it wants to begin."""

    attempt: Attempt | None
    then: Claim | None
    has_begun: asyncio.Future[bool] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Recorder:
    """Takes outcomes from any number of workers; `run` writes them."""

    def __init__(self, db: Database, context: Callable[[], Context], hooks: Hooks) -> None:
        self._db = db
        self._context = context
        self._hooks = hooks
        self._waiting: list[_Step] = []
        self._some = asyncio.Event()
        self._under_way = 0
        self._all_in = asyncio.Event()
        self._failing: set[int] = set()
        self.outcomes: Counter[str] = Counter()  # attempts of this run by outcome

    async def start(self) -> None:
        """Remember of which contents a run before this one has failures to tell."""
        self._failing.update(await self._db.read(queue.with_failures))

    async def release(self, epoch: int) -> Released:
        """Free the leases of runs that are gone, and tell of what has failed by it."""
        released, told = await self._db.write(self._release, self._context(), epoch)
        self._failing.difference_update(told)
        return released

    @contextlib.contextmanager
    def attempt_under_way(self) -> Iterator[None]:
        """Around an attempt whose outcome will be handed in at once after it."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._all_in.set()

    async def begin(self, claim: Claim) -> bool:
        """Write down that a copy may be on the wire from now on; False when its lease was lost."""
        return await self._hand_in(_Step(None, claim))

    async def record(self, attempt: Attempt, then: Claim | None = None) -> bool:
        """Hand in an outcome and begin the next copy; returns when it is durable, as `begin` does."""
        return await self._hand_in(_Step(attempt, then))

    async def _hand_in(self, step: _Step) -> bool:
        if step.attempt is not None:
            self.outcomes[step.attempt.outcome] += 1
        self._waiting.append(step)
        self._some.set()
        return await step.has_begun

    async def expire(self, reason: str = "") -> None:
        """Give up what is too old, and tell; `reason` as in `queue.expire`."""
        told = await self._db.write(self._expire, self._context(), reason)
        self._failing.difference_update(told)

    async def run(self) -> None:
        """Write what waits, again and again, until cancelled."""
        while True:
            await self._some.wait()
            if self._under_way:
                self._all_in.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_TOGETHER_SECONDS):
                        await self._all_in.wait()
            self._some.clear()
            taken, self._waiting = self._waiting, []
            await self._write(taken)

    async def _write(self, steps: Sequence[_Step]) -> None:
        while True:
            try:
                told, begun = await self._db.write(self._store, self._context(), steps)
            except CgbotError as error:
                log.warning("outcomes could not be recorded yet", reason=error.public, waiting=len(steps))
                await asyncio.sleep(_AGAIN_SECONDS)
            except Exception:  # one row that cannot be written must not keep the others from it
                log.exception("outcomes could not be recorded", deliveries=[_id(one) for one in steps])
                await self._one_by_one(steps)
                return
            else:
                self._failing.difference_update(told)
                _answer(steps, begun)
                return

    async def _one_by_one(self, steps: Sequence[_Step]) -> None:
        if len(steps) == 1:
            _answer(steps, frozenset())
            return
        for one in steps:
            await self._write([one])

    # --------------------------------------------------------------------------------------- in the transaction

    def _store(self, tx: Tx, context: Context, steps: Sequence[_Step]) -> tuple[set[int], frozenset[int]]:
        attempts = [one.attempt for one in steps if one.attempt is not None]
        queue.record(tx, attempts)
        begun = leases.begin(tx, [one.then for one in steps if one.then is not None], context.now)
        self._failing.update(one.claim.content_id for one in attempts if one.state in {"failed", "expired"})
        touched = self._failing.intersection(one.claim.content_id for one in attempts)
        return self._tell(tx, context, touched), begun

    def _expire(self, tx: Tx, context: Context, reason: str) -> set[int]:
        ended = queue.expire(tx, context.now, reason)
        self._failing.update(ended)
        return self._tell(tx, context, ended)

    def _release(self, tx: Tx, context: Context, epoch: int) -> tuple[Released, set[int]]:
        released = leases.release_dead(tx, epoch, context.now)
        self._failing.update(released.failed)
        return released, self._tell(tx, context, released.failed)

    def _tell(self, tx: Tx, context: Context, content_ids: Iterable[int]) -> set[int]:
        """Tell of every content whose copies have all been tried; which."""
        told = set()
        for content_id in content_ids:
            if not queue.all_tried(tx, content_id):
                continue
            told.add(content_id)
            failed = queue.failures(tx, content_id, failures.last_told(tx, content_id))
            if failed:
                self._tell_one(tx, context, failed)
        return told

    def _tell_one(self, tx: Tx, context: Context, failed: Sequence[Failure]) -> None:
        try:
            with tx.begin_nested():
                self._hooks.on_failed(tx, context, failed, self._hooks.owners)
        except DBAPIError:
            raise
        except Exception:  # a letter that cannot be written must not undo what is known of the deliveries
            log.exception("nobody could be told of failed deliveries", content=failed[0].content_id)


def _id(step: _Step) -> int | None:
    return step.attempt.claim.id if step.attempt else step.then.id if step.then else None


def _answer(steps: Sequence[_Step], begun: Container[int]) -> None:
    for one in steps:
        if not one.has_begun.done():
            one.has_begun.set_result(one.then is not None and one.then.id in begun)
