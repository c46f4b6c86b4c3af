"""
Outcomes become durable together: what waits while a commit is in flight goes into the next one (use case).

Whoever hands in an outcome waits until it is on the disk; only then does it take its next recipient. While others are
in the middle of an attempt a commit waits two milliseconds for them: fewer commits, and more mail a second. Failures
are told in the same transaction as the last copy of a content that was tried. A database that cannot write now is
asked again every second: the mail has gone out, and its row must say so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError

from cgbot.context import Context
from cgbot.errors import CgbotError
from cgbot.outbox import failures, queue, transport_smtp
from cgbot.outbox.letters import Addressee
from cgbot.outbox.queue import Attempt, Failure
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
    """Who is told of failures, and how; the app says who owns a group and where the relay's password is."""

    owners: Owners = nobody
    on_failed: OnFailed = failures.tell
    relay_password: Callable[[Settings], str] = transport_smtp.read_password


@dataclass(slots=True)
class _Waiting:
    attempts: list[Attempt] = field(default_factory=list)
    done: list[asyncio.Future[None]] = field(default_factory=list)


class Recorder:
    """Takes outcomes from any number of workers; `run` writes them."""

    def __init__(self, db: Database, context: Callable[[], Context], hooks: Hooks) -> None:
        self._db = db
        self._context = context
        self._hooks = hooks
        self._waiting = _Waiting()
        self._some = asyncio.Event()
        self._under_way = 0
        self._all_in = asyncio.Event()
        self._failing: set[int] = set()

    async def start(self) -> None:
        """Remember of which contents a run before this one has failures to tell."""
        self._failing.update(await self._db.read(queue.with_failures))

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

    async def record(self, attempt: Attempt) -> None:
        """Hand in an outcome; returns when it is durable."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.attempts.append(attempt)
        self._waiting.done.append(done)
        self._some.set()
        await done

    async def expire(self) -> None:
        """Give up what is too old, and tell."""
        told = await self._db.write(self._expire, self._context())
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
            taken, self._waiting = self._waiting, _Waiting()
            await self._write(taken.attempts)
            for one in taken.done:
                if not one.done():
                    one.set_result(None)

    async def _write(self, attempts: Sequence[Attempt]) -> None:
        while True:
            try:
                told = await self._db.write(self._store, self._context(), attempts)
            except CgbotError as error:
                log.warning("outcomes could not be recorded yet", reason=error.public, waiting=len(attempts))
                await asyncio.sleep(_AGAIN_SECONDS)
            except Exception:  # one row that cannot be written must not keep the others from it
                log.exception("outcomes could not be recorded", deliveries=[one.claim.id for one in attempts])
                if len(attempts) == 1:
                    return
                for one in attempts:
                    await self._write([one])
                return
            else:
                self._failing.difference_update(told)
                return

    # --------------------------------------------------------------------------------------- in the transaction

    def _store(self, tx: Tx, context: Context, attempts: Sequence[Attempt]) -> set[int]:
        queue.record(tx, attempts)
        self._failing.update(one.claim.content_id for one in attempts if one.state in {"failed", "expired"})
        touched = self._failing.intersection(one.claim.content_id for one in attempts)
        return self._tell(tx, context, touched)

    def _expire(self, tx: Tx, context: Context) -> set[int]:
        ended = queue.expire(tx, context.now)
        self._failing.update(ended)
        return self._tell(tx, context, ended)

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
