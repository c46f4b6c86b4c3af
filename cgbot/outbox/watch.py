"""
Whether the relay answers, watched for all connections of a run (use case; the event loop's side of the outbox).

While one connection stands, another that is refused is only one too many. When none stands, the relay is down as a
whole: everything goes back to the queue, and after a pause that grows one copy is claimed to try again. Whoever gets
through ends the silence for all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import structlog

from cgbot.context import Context
from cgbot.errors import CgbotError
from cgbot.outbox import relay_state, silence
from cgbot.outbox.silence import Silence
from cgbot.store.db import Database

Refusal = Literal["this one", "all", "known"]
log = structlog.get_logger(__name__)
_TRY_SECONDS: Final = 120.0  # a try that nobody has told the end of is over after this


@dataclass(frozen=True, slots=True)
class Pace:
    """
    Waiting times in seconds; tests make them short.

    `first_pause` and `longest_pause` between two attempts at a relay that does not answer, `refused` for a worker whose
    connection is one too many, `grace` for what is on its way when the program is asked to end, `look` between two
    looks at the queue that nobody has asked for.
    """

    first_pause: float = silence.FIRST_SECONDS
    longest_pause: float = silence.LONGEST_SECONDS
    refused: float = 15.0
    grace: float = 10.0
    look: float = 1.0


class RelayWatch:
    """One for all workers of a run."""

    def __init__(self, db: Database, context: Callable[[], Context], pace: Pace) -> None:
        self._db = db
        self._context = context
        self._pace = pace
        self._open: set[int] = set()  # the workers that have a connection
        self._silence: Silence | None = None
        self._told_at = 0.0  # when the last attempt in vain was counted, on the loop's clock
        self._next_at = 0.0  # when one may try again
        self._is_trying = False
        self._is_written = False  # the silence stands in the database, until the operator takes it away
        self._is_new = True  # nobody has been connected in this run

    async def start(self) -> None:
        """Remember what a run before this one has met, and try at once."""
        self._silence = await self._db.read(relay_state.find)
        self._is_written = self._silence is not None

    @property
    def silence(self) -> Silence | None:
        """What is known of a relay that does not answer."""
        return self._silence

    @property
    def is_waiting(self) -> bool:
        """Whether nobody should open a connection now."""
        return self._silence is not None and not self._is_trying

    def may_claim(self, room: int) -> int:
        """How many copies may be claimed now: one as a try, none during the pause, all when the relay answers."""
        if self._silence is None:
            return room
        if asyncio.get_running_loop().time() < self._next_at:
            return 0
        return min(room, 1)

    def trying(self) -> None:
        """What was claimed during the silence is a try; no further one until it has ended."""
        if self._silence is not None:
            self._is_trying = True
            self._next_at = asyncio.get_running_loop().time() + _TRY_SECONDS

    async def look(self) -> None:
        """Try at once when the operator asks for it."""
        if self.is_waiting and self._is_written and not await self._db.read(relay_state.find):
            await self.write_down()
            self._next_at = 0.0

    async def used(self, number: int, *, is_open: bool) -> None:
        """A worker has ended an attempt with or without a connection that still stands."""
        (self._open.add if is_open else self._open.discard)(number)
        if is_open and (self._silence is not None or self._is_new):
            await self._answers()
        elif not is_open and self._is_trying:
            self._is_trying, self._next_at = False, 0.0  # the try never came to the relay

    def closed(self, number: int) -> None:
        """A worker has closed its connection."""
        self._open.discard(number)

    def refused(self, number: int, reason: str, began_at: float) -> Refusal:
        """
        A worker got no connection: this one alone, all of them, or that was known already.

        After "all" the worker takes everything out of the backlog, before anybody else takes from it, and writes it
        down.
        """
        self._open.discard(number)
        if self._open:
            log.info("the relay refuses a further connection", reason=reason, open=len(self._open))
            return "this one"
        if self._silence is not None and began_at < self._told_at:
            return "known"  # several have tried at the same moment: that counts once
        relay = self._context().settings.relay
        was = self._silence or Silence(f"{relay.host}:{relay.port}", self._context().now, 0, "")
        self._silence = was.again(reason)
        seconds = silence.pause(self._silence, self._pace.first_pause, self._pace.longest_pause)
        self._told_at = asyncio.get_running_loop().time()
        self._is_trying, self._is_written, self._next_at = False, False, self._told_at + seconds
        (log.info if was.tries else log.warning)(self._silence.in_words(), tries=was.tries + 1, again_in=round(seconds))
        return "all"

    async def write_down(self) -> None:
        """Tell the other processes of the silence."""
        if self._silence is not None:
            self._is_written = await self._write(relay_state.keep, self._silence)

    async def _answers(self) -> None:
        was, self._silence, self._is_new = self._silence, None, False
        if was is not None:
            log.info("the relay answers again", relay=was.relay, silent_since=was.since.isoformat())
        await self._write(relay_state.forget)

    async def _write(self, fn: Callable[..., object], *arguments: object) -> bool:
        try:
            await self._db.write(fn, *arguments)
        except CgbotError as error:
            log.warning("what is known of the relay was not written down", reason=error.public)
        except Exception:  # whatever it is, the outcome of the copy that was tried must still be recorded
            log.exception("what is known of the relay was not written down")
        else:
            return True
        return False
