"""
The sorter: takes each errand to the use case of its purpose (edge of the room: an asyncio loop around use cases).

Claim (the attempt is committed), load and parse outside any transaction, then decide and write in one transaction for
each errand. Errands are settled in the order in which they came. One that fails is tried again and shelved after
three attempts, with the owner told once; a fault of the database is not counted against the message. While mail is
coming in quickly the sorter works in small slices, so that a sender is answered first.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from cgbot.archive import keep
from cgbot.context import Context
from cgbot.errand import Errand, Preparers, Purposes, Settled
from cgbot.errors import Deferred, NotFound
from cgbot.failpoints import reach
from cgbot.mail import message as messages
from cgbot.mail.authenticity import Checked
from cgbot.mail.message import Caps, Message
from cgbot.posts import errands
from cgbot.posts.errands import Claimed
from cgbot.store import raw
from cgbot.store.db import Database, Tx

_SLICE: Final = 48
_SMALL_SLICE: Final = 4
_SLICE_OCTETS: Final = 1024 * 1024
_IDLE_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 1.0
_RETRY: Final = timedelta(seconds=30)
log = structlog.get_logger(__name__)

Check = Callable[[Sequence[tuple[Claimed, Message]]], Sequence[Checked | None]]  # never raises, bounded in time
OnShelved = Callable[[Tx, Context, Claimed, str], None]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the sorter works with."""

    db: Database
    context: Callable[[], Context]
    purposes: Purposes
    on_shelved: OnShelved
    busy: Callable[[], bool]
    after: Callable[[], None]
    preparers: Preparers = field(default_factory=dict)
    epoch: int | None = None  # of this run of `serve`
    check: Check | None = None


class Sorter:
    """One loop; `wake` when something has come in, `stop` lets the current slice end."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._woken = asyncio.Event()
        self._stopping = False
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="sorter")

    def wake(self) -> None:
        """Something is due."""
        self._woken.set()

    def stop(self) -> None:
        """End after the current slice."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Work until stopped; a fault is logged and the loop goes on."""
        while not self._stopping:
            self._woken.clear()
            try:
                worked = await self.run_once()
            except Exception:
                log.exception("sorting failed; trying again")
                worked = 0
            await self._rest(worked)
        self._loader.shutdown()

    async def _rest(self, worked: int) -> None:
        if worked and self._desk.busy():
            await self._let_mail_pass()
        elif not worked and not self._stopping:
            try:
                await asyncio.wait_for(self._woken.wait(), _IDLE_SECONDS)
            except TimeoutError:
                return

    async def _let_mail_pass(self) -> None:
        """Wait while mail is coming in, but never so long that what has come in waits over a second for its turn."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE_SECONDS
        while self._desk.busy() and loop.time() < until and not self._stopping:  # noqa: ASYNC110 - busy is a question
            await asyncio.sleep(0.05)

    async def run_once(self) -> int:
        """Sort one slice of what is due; the number of errands taken."""
        desk = self._desk
        limit = _SMALL_SLICE if desk.busy() else _SLICE
        claimed = await desk.db.write(errands.claim, desk.context().now, limit, desk.epoch)
        if not claimed:
            return 0
        reach("sorter.claimed")
        fresh = [item for item in claimed if item.attempts <= errands.MAX_ATTEMPTS]
        for item in claimed:
            if item.attempts > errands.MAX_ATTEMPTS:  # its attempts ended the process each time
                await desk.db.write(
                    fail, desk.context(), item, "the program died while it worked on this", desk.on_shelved
                )
        for portion in _portions(fresh):
            loaded = await asyncio.get_running_loop().run_in_executor(self._loader, self._load, portion)
            await self._settle_all(portion, loaded)
        desk.after()
        return len(claimed)

    def _load(self, portion: list[Claimed]) -> list[Errand | Exception]:
        """Read and parse, in a thread and outside any transaction."""
        bodies = self._desk.db.read_now(raw.get_some, [item.sha256 for item in portion])
        limits = self._desk.context().settings.limits
        caps = Caps(limits.header_size, limits.parts, limits.depth)
        loaded = [_loaded(item, bodies.get(item.sha256), caps, self._desk.preparers) for item in portion]
        return _checked(portion, loaded, self._desk.check) if self._desk.check else loaded

    async def _settle_all(self, portion: list[Claimed], loaded: list[Errand | Exception]) -> None:
        """Settle a portion in one transaction; if one of them fails, each in its own, so that it fails alone."""
        good = [errand for errand in loaded if isinstance(errand, Errand)]
        try:
            await self._desk.db.write(settle_all, self._desk.context(), self._desk.purposes, good)
        except Exception as error:  # noqa: BLE001 - whose fault it was is found out one by one
            log.info("settling one by one", reason=repr(error))
            good = []
        settled = {errand.id for errand in good}
        for item, errand in zip(portion, loaded, strict=True):
            if item.id not in settled:
                await self._settle(item, errand)

    async def _settle(self, item: Claimed, errand: Errand | Exception) -> None:
        context = self._desk.context()
        try:
            if isinstance(errand, Exception):
                raise errand  # noqa: TRY301 - one place decides what becomes of a failure
            await self._desk.db.write(settle_all, context, self._desk.purposes, [errand])
        except Deferred as error:
            log.warning("errand postponed", errand=item.id, reason=error.public)
            await self._desk.db.write(errands.give_back, item.id, context.now + _RETRY)
        except Exception as error:
            log.exception("errand failed", errand=item.id, attempts=item.attempts)
            await self._desk.db.write(fail, context, item, repr(error), self._desk.on_shelved)


def settle_all(tx: Tx, context: Context, purposes: Purposes, portion: Sequence[Errand]) -> None:
    """Let the use case of its purpose settle each of these errands, in their order, in this transaction."""
    settled = [(errand.id, _settled(tx, context, purposes, errand)) for errand in portion]
    errands.settle_all(tx, settled, context.now)
    reach("sorter.before-commit")


def _loaded(item: Claimed, body: bytes | Exception | None, caps: Caps, preparers: Preparers) -> Errand | Exception:
    try:
        if not isinstance(body, bytes):
            # Waiting does not mend it: unlike a database that is busy, this is for the operator to see.
            return OSError(str(body or NotFound("the message is not stored")))
        message = messages.parse(body, caps)
        facts = keep.prepare(message) if item.purpose == "post" else None
        prepared = preparers[item.purpose](message) if item.purpose in preparers else None
    except Exception as error:  # noqa: BLE001 - a message that cannot be read is shelved, never lost
        return error
    return dataclasses.replace(_errand(item, message, facts), prepared=prepared)


def _checked(portion: Sequence[Claimed], loaded: list[Errand | Exception], check: Check) -> list[Errand | Exception]:
    """Find out who wrote what was loaded; a bounce proves itself by its address."""
    places = [n for n, one in enumerate(loaded) if isinstance(one, Errand) and one.purpose != "bounces"]
    mails = [(portion[n], one.message) for n in places if isinstance(one := loaded[n], Errand)]
    for n, found in zip(places, check(mails), strict=True):
        if isinstance(one := loaded[n], Errand):
            loaded[n] = dataclasses.replace(one, checked=found)
    return loaded


def _settled(tx: Tx, context: Context, purposes: Purposes, errand: Errand) -> Settled:
    reach("sorter.deciding")
    use_case = purposes.get(errand.purpose)
    if use_case is None:
        return Settled("discarded", f"nobody handles {errand.purpose!r}")
    return use_case(tx, context, errand)


def fail(tx: Tx, context: Context, item: Claimed, reason: str, on_shelved: OnShelved) -> None:
    """Count a failure: try again later, or shelve the errand and tell the owner once."""
    if item.attempts < errands.MAX_ATTEMPTS:
        errands.postpone(tx, item.id, reason, context.now + _RETRY * item.attempts)
        return
    errands.shelve(tx, item.id, reason, context.now)
    on_shelved(tx, context, item, reason)


def _portions(claimed: list[Claimed]) -> list[list[Claimed]]:
    """Cut a slice so that no portion holds more than some megabytes of mail in memory."""
    portions: list[list[Claimed]] = [[]] if claimed else []
    octets = 0
    for item in claimed:
        if portions[-1] and octets + item.size > _SLICE_OCTETS:
            portions.append([])
            octets = 0
        portions[-1].append(item)
        octets += item.size
    return portions


def _errand(item: Claimed, message: messages.Message, facts: keep.PostFacts | None) -> Errand:
    return Errand(
        id=item.id,
        arrival_id=item.arrival_id,
        group_id=item.group_id,
        group=item.group,
        recipient=item.recipient,
        purpose=item.purpose,
        detail=item.detail,
        gate=item.gate,
        attempts=item.attempts,
        mail_from=item.mail_from,
        received_at=item.received_at,
        protocol=item.protocol,
        peer=item.peer,
        sha256=item.sha256,
        message=message,
        facts=facts,
    )
