"""
The dialogue with one client: lines in, replies out, and how it ends (edge: RFC 5321 sections 3.1-4.2, 2920).

A subclass of aiosmtpd's SMTP that replaces what loses mail or memory there: a client that goes away cancels nothing,
our own fault is 451 and never 5xx, timeouts are looked at by the server's sweep, replies to pipelined commands go out
together, and a dialogue that is none (HTTP, talk before the greeting, errors, NOOP without end) is ended. The
commands themselves are in `smtp.commands` and `smtp.connection`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Literal

from aiosmtpd.smtp import SMTP, Envelope, Session

from cgbot.posts.gate import Recipient
from cgbot.smtp import reply
from cgbot.smtp.body import Body
from cgbot.smtp.guard import Guard
from cgbot.smtp.limits import Limits
from cgbot.smtp.reception import Reception

log = logging.getLogger(__name__)

BLOCK: Final = 1 << 20  # more than the reader ever buffers: one read empties it
_WINDOW_SECONDS: Final = 30.0
_FOREIGN: Final = frozenset({"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "PRI"})
_IDLE_COMMANDS: Final = frozenset({"NOOP", "RSET", "VRFY", "HELP", "HELO", "EHLO", "LHLO"})

Phase = Literal["command", "data", "house", "closing"]


class Gone(Exception):
    """The client has gone away, or has been sent away: there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What all connections of a server share; `hostname` is ours, `now` gives aware UTC."""

    reception: Reception
    limits: Limits
    guard: Guard
    hostname: str
    now: Callable[[], datetime]
    tls: ssl.SSLContext | None = field(default=None, repr=False)


class Transaction(Envelope):
    """The envelope so far; `mail_from` is None before MAIL and "" for the null path."""

    def __init__(self) -> None:
        super().__init__()
        self.recipients: list[Recipient] = []
        self.too_many = 0  # recipients beyond the limit


class Dialogue(SMTP):
    """One client, before it is known what it wants."""

    line_length_limit = 65536  # of the stream reader; a line of a message is limited by Limits.line_length
    protocol: ClassVar[str] = "smtp"
    may_refuse: ClassVar[bool] = True

    _reader: Any
    _writer: asyncio.StreamWriter
    envelope: Transaction
    session: Session
    transport: Any
    loop: asyncio.AbstractEventLoop

    def __init__(self, edge: Edge, connections: set[Dialogue]) -> None:
        super().__init__(
            None,
            hostname=edge.hostname,
            ident="ready",
            enable_SMTPUTF8=True,
            tls_context=edge.tls,
            loop=asyncio.get_running_loop(),
        )
        self._edge = edge
        self._connections = connections
        self._out: list[bytes] = []
        self._refused = ""
        self._errors = 0
        self._idle_commands = 0
        self._is_closing = self.is_dismissed = False
        self._held = 0
        self.peer = ""
        self.phase: Phase = "command"
        self.since = self.started = self.loop.time()
        self.body: Body | None = None
        self._window = (0.0, 0)  # since when the rate is looked at, and what had come by then
        self.ended: asyncio.Future[None] = self.loop.create_future()

    # ------------------------------------------------------------------------------ what the event loop tells us

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the client in and begin to serve it."""
        super().connection_made(transport)
        self.peer = _peer_of(transport)
        self._connections.add(self)
        self._refused = self._edge.guard.enter(self.peer, is_front=not self.may_refuse)

    def connection_lost(self, error: Exception | None) -> None:
        """Count the client out; what is being committed for it goes on."""
        self._edge.guard.leave(self.peer)
        self._connections.discard(self)
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self.transport = None

    def eof_received(self) -> bool | None:
        """A client that has said all it wants may still read our answer."""
        return asyncio.StreamReaderProtocol.eof_received(self)

    def _reset_timeout(self, _duration: float | None = None) -> None:
        """Timeouts are the business of `overdue`."""

    def overdue(self, now: float) -> str:
        """Give the reply that ends a client which is silent or too slow, or ""; `now` is the loop's time."""
        limits = self._edge.limits
        if self.phase == "command" and now - self.since > self._edge.guard.idle_seconds:
            return reply.idle(self._edge.guard.idle_seconds)
        if self.phase != "data" or self.body is None:
            return ""
        silent = self._edge.guard.data_idle_seconds
        if now - self.since > silent:
            return reply.idle(silent)
        elapsed = now - self.started
        if elapsed > limits.data_seconds:
            return reply.data_took_too_long(limits.data_seconds)
        if elapsed > limits.rate_after and self.body.received < limits.data_rate * elapsed:
            return reply.too_slow(limits.data_rate)
        return reply.too_slow(limits.data_rate) if self._has_slowed_down(now, self.body.received) else ""

    def _has_slowed_down(self, now: float, received: int) -> bool:
        """Whether the last half minute was too slow: a quick beginning does not pay for an hour of dribbling."""
        at, before = self._window
        if at < self.started:
            self._window = (self.started, 0)
        elif now - at > _WINDOW_SECONDS:
            self._window = (now, received)
            return received - before < self._edge.limits.data_rate * (now - at)
        return False

    def dismiss(self, last_words: str) -> None:
        """Say this and end the connection, whatever the client does."""
        if self.transport is None or self.phase == "closing":
            return
        self._is_closing = self.is_dismissed = True
        if self.body is not None:
            self.body.fail(last_words)
            self._release()
        self._say(last_words)
        self._say_no_more()

    def ask_to_leave(self) -> None:
        """End the connection now if it is between two commands, otherwise after the message that is on its way."""
        if self.phase == "command":
            self.dismiss(reply.CLOSING)
        self._is_closing = True

    # ------------------------------------------------------------------------------------------------ the dialogue

    async def _handle_client(self) -> None:
        try:
            await self._talk()
            await self._linger()
        except (Gone, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            if self.transport is not None:
                self.transport.close()
            self._has_ended()

    async def _talk(self) -> None:
        with contextlib.suppress(Gone):
            if await self._greet():
                while not self._is_closing:
                    await self._obey(await self._next_line())

    async def _greet(self) -> bool:
        await asyncio.sleep(self._edge.limits.greet_seconds if self.may_refuse else 0)
        if self._refused:
            self._say(self._refused)
            return False
        if self._reader._buffer and self.may_refuse:
            self._say(reply.TALKS_EARLY)
            return False
        self._say(f"220 {self.hostname} {'ESMTP' if self.may_refuse else 'LMTP'} ready")
        return True

    async def _next_line(self) -> bytes:
        """Read the next command; what we have said goes out first, unless the client has already said more."""
        if b"\n" not in self._reader._buffer:
            await self._flush()
        try:
            line: bytes = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            self._say(reply.command_too_long(self._edge.limits.command_length))
            raise Gone from None
        self.since = self.loop.time()
        return line

    async def _obey(self, line: bytes) -> None:
        command, argument, problem = self._understand(line)
        if command in _FOREIGN:
            self._say(reply.NOT_SMTP)
            raise Gone
        method = self._smtp_methods.get(command)
        if problem or method is None:
            self._refuse(problem or reply.UNKNOWN_COMMAND)
            return
        if command in _IDLE_COMMANDS:
            self._count_idle_command()
        try:
            await method(argument)
        except (Gone, ConnectionError, asyncio.IncompleteReadError):
            raise
        except Exception as error:  # noqa: BLE001 - an edge: our own fault is temporary and never silence
            self._fault(error)

    def _count_idle_command(self) -> None:
        self._idle_commands += 1
        if self._idle_commands > self._edge.limits.idle_commands:
            self._say(reply.IDLE_COMMANDS)
            raise Gone

    def _fault(self, error: Exception) -> None:
        log.error("a fault in the dialogue with %s", self.peer, exc_info=error)
        self._say(reply.for_error(error))

    def _understand(self, line: bytes) -> tuple[str, str, str]:
        """Split a line into command and argument; the third value is the reply when it is no command."""
        text = line[:-2]
        if not line.endswith(b"\r\n") or b"\r" in text or b"\0" in text:
            word = line.split(maxsplit=1)[:1]
            return (word[0].upper().decode("ascii", "replace") if word else ""), "", reply.COMMAND_ENDING
        if not text:
            return "", "", reply.EMPTY_COMMAND
        if len(line) > self._edge.limits.command_length:
            return "", "", reply.command_too_long(self._edge.limits.command_length)
        head, _, rest = text.partition(b" ")
        try:
            return head.decode("ascii").upper(), rest.decode().strip(), ""
        except UnicodeDecodeError:
            return "", "", reply.NOT_ASCII

    # --------------------------------------------------------------------------------------------------- replies

    def _say(self, text: str) -> None:
        self._out.append(text.encode() + b"\r\n")

    def _refuse(self, text: str) -> None:
        """Say it and count an error; too many end the dialogue."""
        self._say(text)
        self._count_error()

    def _count_error(self) -> None:
        self._errors += 1
        if self._errors >= self._edge.limits.errors:
            self._say(reply.too_many_errors(self._edge.limits.errors))
            raise Gone

    def _write_out(self) -> None:
        if self.transport is None or self.transport.is_closing():
            raise Gone
        if self._out:
            self._writer.write(b"".join(self._out))
            self._out.clear()

    async def _flush(self) -> None:
        self._write_out()
        await self._writer.drain()

    async def push(self, status: str | bytes) -> None:
        """Queue a reply of aiosmtpd's own."""
        self._say(status if isinstance(status, str) else status.decode("utf-8", "replace"))

    def _say_no_more(self) -> bool:
        """Write what is left and close our half; False where a connection has no halves."""
        self.phase = "closing"
        self.since = self.loop.time()
        self._has_ended()
        if self.transport is None or self.transport.is_closing():
            return False
        self._write_out()
        if not self.transport.can_write_eof():  # TLS
            self.transport.close()
            return False
        try:
            self.transport.write_eof()
        except OSError:  # the client has reset the connection
            return False
        return True

    def _has_ended(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    async def _linger(self) -> None:
        """Let a client that is still talking read our last reply: closing at once would reset the connection."""
        if self._say_no_more():
            while await self._reader.read(BLOCK):
                pass

    # -------------------------------------------------------------------------------------------- the transaction

    def _release(self) -> None:
        """Count our part of the messages in memory out."""
        self._edge.guard.release(self._held, self.peer)
        self._held = 0

    def _create_envelope(self) -> Transaction:
        return Transaction()

    def _set_post_data_state(self) -> None:
        self.envelope = Transaction()

    def _set_rset_state(self) -> None:
        self.envelope = Transaction()


def _peer_of(transport: asyncio.BaseTransport) -> str:
    name = transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) and name else "local"
