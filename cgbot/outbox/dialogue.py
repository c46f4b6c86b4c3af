"""
Edge: the client's half of an SMTP connection once it stands: commands out, replies in, in order (RFC 5321, RFC 2920).

It takes a connected transport over from the library that opened it, since that one forgets replies that come in
together, as they do when commands are pipelined. A reply is at most 32 KiB; a server that says more, or that says
something that is no reply, has lost the connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final, cast

_LONGEST_REPLY: Final = 32_768
_CODE: Final = 3


class Lost(ConnectionError):
    """The connection is gone, or nothing sensible comes from it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply; the lines of a longer one are joined with spaces."""

    code: int
    text: str

    def __str__(self) -> str:
        """As it stood on the wire."""
        return f"{self.code} {self.text}"


class Dialogue(asyncio.Protocol):
    """One conversation; one caller at a time."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._buffer = b""
        self._lines: list[str] = []
        self._replies: deque[Reply] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._end: str = ""
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether a command can still be sent."""
        return not self._end and not self._transport.is_closing()

    @property
    def has_unread(self) -> bool:
        """Whether the server said something that nobody asked for; it must not answer the next command."""
        return bool(self._replies or self._lines or self._buffer)

    def write(self, data: bytes) -> None:
        """Send it; raises Lost."""
        if not self.is_open:
            raise Lost(self._end or "the connection is closed")
        self._transport.write(data)

    async def drained(self) -> None:
        """Wait until the other side takes more; raises Lost."""
        if self._writable is not None:
            await self._writable
        if self._end:
            raise Lost(self._end)

    async def reply(self) -> Reply:
        """Read the next reply; raises Lost."""
        while not self._replies:
            if self._end:
                raise Lost(self._end)
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._replies.popleft()

    def close(self) -> None:
        """Say goodbye and close, without waiting for an answer."""
        if self.is_open:
            self._transport.write(b"QUIT\r\n")
        self._transport.close()

    def abort(self) -> None:
        """Close at once; nothing more is sent."""
        self._transport.abort()

    # --------------------------------------------------------------------------------------- what asyncio calls

    def data_received(self, data: bytes) -> None:
        """Cut what came in into replies."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._take(line.rstrip(b"\r").decode("utf-8", "replace"))
        if len(self._buffer) + sum(map(len, self._lines)) > _LONGEST_REPLY:
            self._lose("the server's reply is too long")
        self._wake()

    def eof_received(self) -> bool:
        """The server ends the connection."""
        self._lose("the server closed the connection")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._lose(f"connection lost: {exc}" if exc else "the server closed the connection")

    def pause_writing(self) -> None:
        """The other side does not take more for now."""
        if self._writable is None:
            self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """It takes more."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def _take(self, line: str) -> None:
        if self._end:  # after an answer that was none nobody knows what the next one answers
            return
        code = line[:_CODE]
        if not (len(code) == _CODE and code.isascii() and code.isdigit()):
            self._lose("the server's answer is not an SMTP reply")
            return
        self._lines.append(line[_CODE + 1 :].strip())
        if line[_CODE : _CODE + 1] != "-":
            self._replies.append(Reply(int(code), " ".join(self._lines)))
            self._lines.clear()

    def _lose(self, reason: str) -> None:
        if not self._end:
            self._end = reason
        if not self._transport.is_closing():
            self._transport.abort()
        self.resume_writing()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def take_over(transport: asyncio.BaseTransport) -> Dialogue:
    """Begin to talk over a transport that somebody else has opened."""
    return Dialogue(cast("asyncio.Transport", transport))
