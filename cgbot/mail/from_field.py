"""
A post in the list's own name, where the author's would get it refused (pure rules).

Only the From field, what tells readers the author, and the dead signatures change: From becomes "Name via ACRONYM" at
the list's address; the author goes into Reply-To, or into Cc where the author has asked for answers elsewhere; the
old From stays as X-Original-From.
"""

from __future__ import annotations

from typing import Final

from cgbot.mail import headers
from cgbot.mail.address import parse_mailboxes
from cgbot.mail.frozen import Frozen, join

_DEAD: Final = frozenset({b"dkim-signature", b"domainkey-signature"})


def rewrite(frozen: Frozen, list_address: str, acronym: str) -> Frozen:
    """Put the list into the From field of a list's copy, which has its slots above the author's fields."""
    at = max((mark.offset for mark in frozen.marks if hasattr(mark, "offset")), default=0)
    block, body = headers.split(frozen.body[at:])
    pieces = headers.cut(block)
    author = next((piece.partition(b":")[2] for name, piece in pieces if name.lower() == b"from"), b"")
    return join([Frozen(frozen.body[:at], frozen.marks), *_rewritten(pieces, author, list_address, acronym), body])


def _rewritten(pieces: list[tuple[bytes, bytes]], author: bytes, list_address: str, acronym: str) -> list[bytes]:
    names = {name.lower() for name, _ in pieces}
    asked_elsewhere = b"reply-to" in names and not _names(pieces, author)
    result: list[bytes] = []
    for name, piece in pieces:
        lowered = name.lower()
        if lowered == b"from":
            result += [_list_as_author(author, list_address, acronym), b"X-Original-From:" + author]
            result += [] if b"reply-to" in names else [b"Reply-To:" + author]
            result += [b"Cc:" + author] if asked_elsewhere and b"cc" not in names else []
        elif lowered == b"cc" and asked_elsewhere:
            result.append(piece.rstrip() + b",\r\n " + author.strip() + b"\r\n")
            asked_elsewhere = False
        elif lowered not in _DEAD:
            result.append(piece)
    return result


def _names(pieces: list[tuple[bytes, bytes]], author: bytes) -> bool:
    """Say whether Reply-To or Cc name the author already."""
    boxes = parse_mailboxes(headers.decode(author))
    wanted = boxes[0].address.lower() if boxes else ""
    values = [piece.partition(b":")[2] for name, piece in pieces if name.lower() in {b"reply-to", b"cc"}]
    return any(box.address.lower() == wanted for one in values for box in parse_mailboxes(headers.decode(one)))


def _list_as_author(author: bytes, list_address: str, acronym: str) -> bytes:
    boxes = parse_mailboxes(headers.decode(author))
    name = (boxes[0].name or boxes[0].address.partition("@")[0]) if boxes else ""
    shown = headers.mailbox(f"{name} via {acronym}".strip(), list_address)
    return f"From: {shown}\r\n".encode("ascii")
