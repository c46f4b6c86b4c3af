r"""
The message after DATA, taken in blocks (pure rules: RFC 5321 section 4.5.2 and 2.3.8).

Only CRLF.CRLF ends a message, and a message with a bare CR, a bare LF or a NUL is refused, so that no two servers can
disagree where it ends. The line and the size limit hold while it is read: what is over them is thrown away at once.
A `Body` keeps one buffer, never an object a line; at any moment it holds at most the size limit and one line.
"""

from __future__ import annotations

import io
from typing import Final

from cgbot.smtp import reply
from cgbot.smtp.limits import Limits

_END: Final = b"\r\n.\r\n"


class Body:
    """Feed it blocks until it is `complete` (the dot was seen) or `hopeless` (far beyond a limit)."""

    __slots__ = ("_kept", "_limits", "_tail", "_wasted", "complete", "failure", "received", "rest")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kept = bytearray()
        self._tail = b"\r\n"  # from the last CRLF on; the first line begins after this imaginary one
        self._wasted = 0
        self.complete = False
        self.failure = ""
        self.received = 0
        self.rest = b""

    @property
    def hopeless(self) -> bool:
        """Say whether the client goes on although its message is refused already."""
        return self._wasted > self._limits.overrun

    def feed(self, block: bytes) -> None:
        """Take the next octets from the wire; what follows the dot is in `rest`."""
        data = self._tail + block
        self.received += len(block)
        dot = data.find(b"\r\n.")
        end = dot if dot < 0 or data.startswith(_END, dot) else data.find(_END, dot)
        if end >= 0:
            self.complete = True
            self.rest = data[end + len(_END) :]
            self._keep(data[:end], has_dots=dot < end)
        elif self.failure:
            self._wasted += len(block)
            self._tail = data[-4:]
        else:
            cut = data.rfind(b"\r\n")
            self._tail = data[cut:]
            self._keep(data[:cut], has_dots=0 <= dot < cut)
            if len(self._tail) > self._limits.line_length + 1:  # CRLF in front, perhaps a CR whose LF is on its way
                self.fail(reply.line_too_long(self._limits.line_length))

    def fail(self, failure: str) -> None:
        """Refuse the message, with this reply after its end, and free what is kept of it."""
        self.failure = self.failure or failure
        self._kept = bytearray()
        self._tail = self._tail[-4:]

    def take(self) -> bytes:
        """Give the message and forget it; once, after `complete` without `failure`."""
        if not self._kept:
            return b""
        self._kept += b"\r\n"
        content = bytes(memoryview(self._kept)[2:])
        self._kept = bytearray()
        return content

    def _keep(self, lines: bytes, *, has_dots: bool) -> None:
        """Check and keep whole lines, each with its CRLF in front; `has_dots` if one begins with a dot."""
        if self.failure:
            return
        if failure := self._fault(lines):
            self.fail(failure)
            return
        self._kept += lines.replace(b"\r\n.", b"\r\n") if has_dots else lines

    def _fault(self, lines: bytes) -> str:
        if self.received - len(self.rest) > self._limits.message_size + len(b".\r\n"):
            return reply.too_large(self._limits.message_size)
        if _line_ends(lines) not in {None, "\r\n"}:
            return reply.BARE_LINE_END
        if b"\0" in lines:
            return reply.NUL
        if _has_line_over(lines, self._limits.line_length):
            return reply.line_too_long(self._limits.line_length)
        return ""


def _line_ends(lines: bytes) -> str | tuple[str, ...] | None:
    """Which kinds of line end there are: the decoder of universal newlines tells in one pass, at memory's speed."""
    decoder = io.IncrementalNewlineDecoder(None, translate=False)
    decoder.decode(lines.decode("latin-1"), final=True)
    return decoder.newlines


def _has_line_over(lines: bytes, limit: int) -> bool:
    """Look from CRLF to the farthest CRLF within reach, so that short lines cost nothing each; limit with CRLF."""
    at = 0
    while len(lines) - at > limit:
        farthest = lines.rfind(b"\r\n", at + 2, at + 2 + limit)
        if farthest < 0:
            return True
        at = farthest
    return False
