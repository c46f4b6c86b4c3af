"""
Bytes that others wrote, handed out so that no browser runs them (edge).

What came in is shown as plain text in a sandbox; a file is a download of a harmless type, whatever it calls itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import Response

from cgbot.mail import message as messages
from cgbot.mail import withheld
from cgbot.mail.message import Attachment

_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_HARMLESS: Final = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain", "text/calendar"}
)
_SEALED: Final = {
    "content-security-policy": "sandbox; default-src 'none'",
    "cache-control": "private, max-age=300",
    "x-robots-tag": "noindex",
}


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is listed; `size` in octets."""

    name: str
    content_type: str
    size: int


def as_it_came(content: bytes) -> Response:
    """The exact bytes of a message, save for tokens of one reader."""
    return Response(withheld.from_raw(content), media_type="text/plain; charset=utf-8", headers=_SEALED)


def download(name: str, content_type: str, content: bytes) -> Response:
    """A file to keep."""
    kind = content_type if content_type in _HARMLESS else "application/octet-stream"
    disposition = f"attachment; filename*=utf-8''{quote(name, safe='')}"
    return Response(content, media_type=kind, headers={**_SEALED, "content-disposition": disposition})


def part(content: bytes, given: str) -> Attachment:
    """The attachment of this number, counted from 1. Raises a page not found."""
    number = int(given) if _NUMBER.fullmatch(given) else 0
    parts = messages.parse(content).attachments if number else ()
    if not 1 <= number <= len(parts):
        raise HTTPException(404)
    return parts[number - 1]
