"""
What is written of one copy, and whether a server can take it at all (pure rules: RFC 5321, 1870, 6152, 6531).

A mail is sent as it is: nothing is converted, since that would break its author's signature (DKIM, S/MIME, PGP). So
octets beyond ASCII need a server that says 8BITMIME, addresses beyond ASCII one that says SMTPUTF8; another one gets
nothing, and the owner is told which extension is missing. A large mail is written in slices that begin at lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aiosmtplib.protocol import PERIOD_REGEX, normalize_message_line_endings

from cgbot.mail.headers import clean_text
from cgbot.outbox.retry import Outcome

SLICE: Final = 131_072
_FORBIDDEN: Final = re.compile(r"[\x00-\x20<>\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """
    One copy on its way; `return_path` "" is the null return path.

    The mail is `raw` and then `body` from `start` on, so that many copies share the octets of one large mail.
    """

    return_path: str
    recipient: str
    raw: bytes
    body: bytes = b""
    start: int = 0

    @property
    def size(self) -> int:
        """Octets, before dots are doubled."""
        return len(self.raw) + len(self.body) - self.start

    @property
    def is_ascii(self) -> bool:
        """Whether every server can take it."""
        return self.raw.isascii() and self.body.isascii()


@dataclass(frozen=True, slots=True)
class Offer:
    """What the server said it can do."""

    pipelining: bool
    eight_bit: bool
    utf8: bool
    size: int | None  # 0 is "no fixed limit" (RFC 1870 section 3); None when SIZE was not offered


def impossible(copy: Outgoing, offer: Offer) -> Outcome | None:
    """Say why this server can never take this copy, None when it may."""
    for one in (copy.return_path, copy.recipient):
        if _FORBIDDEN.search(one):
            return Outcome("failed", f"not an address that can be sent to: {clean_text(one, 100)}")
    if not (copy.recipient + copy.return_path).isascii() and not offer.utf8:
        return Outcome("failed", "550 5.6.7 the relay does not take addresses beyond ASCII (SMTPUTF8)")
    if offer.size and copy.size > offer.size:
        return Outcome("failed", f"552 5.3.4 {copy.size} octets; the relay takes {offer.size}")
    if not offer.eight_bit and not copy.is_ascii:
        # RFC 3463 section 3.7: X.6.3, conversion required but not supported.
        return Outcome("failed", "550 5.6.3 the relay does not take mail beyond ASCII (8BITMIME)")
    return None


def parameters(copy: Outgoing, offer: Offer) -> str:
    """What follows the address of MAIL."""
    given = f" SIZE={copy.size}" if offer.size is not None else ""
    if offer.eight_bit and not copy.is_ascii:
        given += " BODY=8BITMIME"
    if offer.utf8 and not (copy.recipient + copy.return_path).isascii():
        given += " SMTPUTF8"
    return given


def slices(copy: Outgoing) -> Iterator[bytes]:
    """The text as it is sent, in pieces of about SLICE octets, without the final dot."""
    if not copy.body:
        yield from _lines(b"", copy.raw, 0)
        return
    yield from _lines(copy.raw, copy.body, copy.start)


def _lines(head: bytes, body: bytes, at: int) -> Iterator[bytes]:
    """Cut after line ends, so that no CRLF and no leading dot falls between two pieces."""
    while at < len(body) or head:
        end = at + SLICE
        cut = len(body) if end >= len(body) else body.rfind(b"\n", at, end) + 1 or body.find(b"\n", end) + 1
        cut = cut or len(body)
        yield dotted(head + body[at:cut])
        head, at = b"", cut


def dotted(raw: bytes) -> bytes:
    """The text of a mail as it is sent, without the final dot: CRLF ends each line, a leading dot is doubled."""
    text = raw if _is_regular(raw) else normalize_message_line_endings(raw)
    return PERIOD_REGEX.sub(b"..", text) if b"\n." in text or text.startswith(b".") else text


def _is_regular(raw: bytes) -> bool:
    pairs = raw.count(b"\r\n")
    return raw.endswith(b"\r\n") and raw.count(b"\n") == pairs == raw.count(b"\r")
