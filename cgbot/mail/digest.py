"""
Several posts in one mail (pure rules): RFC 2046 section 5.1.5 (multipart/digest) and RFC 1153 (plain text).

Of each post the fields that a reader wants travel, and its body byte for byte; one that is too large for a digest
travels as its text alone, with the names of what was left out and the page where they are.
"""

from __future__ import annotations

import hashlib
from base64 import encodebytes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cgbot.mail import headers
from cgbot.mail.compose import EIGHT_BIT
from cgbot.mail.frozen import Frozen
from cgbot.mail.message import Message

LARGEST: Final = 100_000  # octets of a post that travels whole
_KEPT: Final = frozenset(
    {b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"in-reply-to", b"references", b"reply-to",
     b"mime-version", b"content-type", b"content-transfer-encoding", b"content-language", b"content-disposition"}
)  # fmt: skip
_SHOWN: Final = ("Date", "From", "To", "Cc", "Subject", "Message-ID")  # RFC 1153 names more; these are always told
_BEFORE_FIRST: Final = "-" * 70
_BETWEEN: Final = "-" * 30


@dataclass(frozen=True, slots=True)
class Entry:
    """One post, and the page where it is in the archive."""

    message: Message
    link: str


def mime(entries: Sequence[Entry], seed: str) -> Frozen:
    """The multipart/digest part, with its fields."""
    boundary = f"=_digest_{hashlib.sha256(seed.encode()).hexdigest()[:24]}"
    pieces = []
    for one in entries:
        part = _part(one)
        # A part without fields of its own is a message/rfc822 there; octets over 127 are declared (RFC 2045, 6.4).
        own = b"" if part.isascii() else b"Content-Type: message/rfc822\r\n" + EIGHT_BIT
        pieces += [f"--{boundary}\r\n".encode(), own, b"\r\n", part, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    body = b"".join(pieces)
    declared = b"" if body.isascii() else EIGHT_BIT
    return Frozen(f'Content-Type: multipart/digest; boundary="{boundary}"\r\n'.encode() + declared + b"\r\n" + body)


def _part(one: Entry) -> bytes:
    block, body = headers.split(one.message.raw)
    fields = b"".join(piece for name, piece in headers.cut(block) if name.lower() in _KEPT)
    if len(one.message.raw) <= LARGEST:
        return fields + b"\r\n" + body
    alone = headers.without(
        fields, ("MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Language", "Content-Disposition")
    )
    typed = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return alone + typed + _base64(_short(one))


def _base64(text: str) -> bytes:
    return encodebytes(text.encode("utf-8", "replace")).replace(b"\n", b"\r\n")


def _short(one: Entry) -> str:
    """The text of a large post, and where the rest of it is."""
    text = one.message.text[:LARGEST]
    left_out = [f"  {part.filename or part.content_type}" for part in one.message.attachments]
    cut = "" if len(one.message.text) <= LARGEST else "\n[...]"
    where = [f"Whole, with its attachments: {one.link}", *left_out] if one.link else left_out
    return "\n".join([text.rstrip() + cut, "", *where, ""])


def plain(entries: Sequence[Entry], preamble: str, ending: str) -> str:
    """A digest as text: the preamble, the posts between lines of hyphens, and the line that ends it (RFC 1153)."""
    lines = [preamble.rstrip(), "", _BEFORE_FIRST, ""]
    for number, one in enumerate(entries):
        lines += ["", _BETWEEN, ""] if number else []
        lines += [*_fields(one.message), "", *_quoted(_words(one))]
    return "\n".join([*lines, "", _BETWEEN, "", ending, "*" * len(ending), ""])


def _fields(message: Message) -> list[str]:
    values = ((name, " ".join(message.header(name).split())) for name in _SHOWN)
    return [f"{name}: {value}" for name, value in values if value]


def _words(one: Entry) -> str:
    if one.message.attachments or len(one.message.raw) > LARGEST:
        return _short(one)
    return one.message.text.rstrip()


def _quoted(text: str) -> list[str]:
    """No line of a post may look like the line between two of them."""
    return [f" {line}" if line.strip() == _BETWEEN else line for line in text.splitlines()]
