"""
The identities of a message: content hash, Message-ID, permalink (pure rules).

The content hash leaves out the trace fields, since a retry through a front server brings new ones. The permalink can
be computed by anybody: base32 of the SHA-1 of the Message-ID without angle brackets, as Mailman's Message-ID-Hash
(RFC 5064 leaves the form to the archive).
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

from cgbot.mail import headers

_TRACE: Final = frozenset({b"received", b"return-path", b"delivered-to", b"x-original-to", b"authentication-results"})
_MESSAGE_ID: Final = re.compile(r"<\s*([^<>\s]{1,900})\s*>")
_BARE_ID: Final = re.compile(r"[^<>\s]{1,900}@[^<>\s]{1,900}")


def content_hash(raw: bytes) -> bytes:
    """SHA-256 (32 octets) over everything but the trace fields and ARC seals."""
    block, body = headers.split(raw)
    digest = hashlib.sha256()
    for name, piece in headers.cut(block):
        lowered = name.lower()
        if lowered not in _TRACE and not lowered.startswith(b"arc-"):
            digest.update(piece)
    digest.update(body)
    return digest.digest()


def permalink(message_id: str) -> str:
    """32 characters of base32 for a Message-ID without angle brackets."""
    return base64.b32encode(
        hashlib.sha1(message_id.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    ).decode()


def message_ids(text: str) -> tuple[str, ...]:
    """Every Message-ID in a References or In-Reply-To field, in order and once each, without angle brackets."""
    return tuple(dict.fromkeys(_MESSAGE_ID.findall(text)))


def message_id(text: str) -> str:
    """The one of a Message-ID field, without angle brackets; "" when there is none that can be used."""
    found = message_ids(text)
    if found:
        return found[0]
    bare = text.strip()
    return bare if _BARE_ID.fullmatch(bare) else ""


def made_up(hash_of_content: bytes) -> str:
    """The Message-ID that a message without one gets, from its content hash."""
    return f"{hash_of_content.hex()[:40]}@no-message-id.invalid"
