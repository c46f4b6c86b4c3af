"""
A message of an older archive made ready for ours (pure rules): what it says of itself, when its list received it.

An archive that we wrote ourselves says when we received each message. Of others the uppermost Received field counts,
else the Date, else the From_ line: whoever imports the same archive again, or elsewhere, gets the same time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from cgbot.archive import keep
from cgbot.archive.bulk import Old
from cgbot.mail import headers, identity
from cgbot.mail import message as messages
from cgbot.mail.message import Message
from cgbot.store import raw as raws

# Nothing was mailed before RFC 733; a clock that goes wrong by more than a day says nothing.
_EARLIEST: Final = datetime(1977, 1, 1, tzinfo=UTC)
_TOLERANCE: Final = timedelta(days=1)
# As pipermail wrote it: "From: jane at example.org (Jane Doe)".
_HIDDEN: Final = re.compile(
    rb"^(From:[ \t]*)([^\s@<>()]{1,64}) at ([^\s@<>()]{1,255})[ \t]*(?:\(([^\r\n]{0,500})\))?[ \t]*(\r?)$",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Given:
    """
    A message as it was found: `at` is what its archive says of when it came, `certain` where we wrote that ourselves.

    `origin` says where it stood, for people.
    """

    raw: bytes
    at: datetime | None
    origin: str
    certain: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """A message that can be written, and what is odd about it; `reason` says why it cannot, and then `old` is None."""

    origin: str
    old: Old | None
    odd: tuple[str, ...] = ()
    reason: str = ""


def prepare(given: Given, now: datetime) -> Ready:
    """Work out everything that needs no database; `now` is aware, and nothing can have come after it."""
    content, was_hidden = _with_author(given.raw)
    block, _ = headers.split(content)
    if not any(name for name, _ in headers.cut(block)):
        return Ready(given.origin, None, reason="it has no header field: this is no message")
    message = messages.parse(content)
    received_at, how = _moment(given, message, now)
    odd = [how] if how else []
    if was_hidden:
        odd.append('its author\'s address was written as "name at example.org" and is restored')
    if not message.message_id:
        odd.append("it has no Message-ID; one was made from its content")
    facts = keep.prepare(message)
    return Ready(given.origin, Old(raws.prepare(content), facts, received_at), tuple(odd))


def content_hash(raw: bytes) -> bytes:
    """The content hash that `prepare` gives a message."""
    return identity.content_hash(_with_author(raw)[0])


def _with_author(raw: bytes) -> tuple[bytes, bool]:
    block, body = headers.split(raw)
    found = _HIDDEN.search(block)
    if found is None:
        return raw, False
    start, local, domain, name, end = found.groups()
    quoted = (name or b"").replace(b"\\", b"").replace(b'"', b"").strip()
    author = b'"%s" <%s@%s>' % (quoted, local, domain) if quoted else b"%s@%s" % (local, domain)
    restored = block[: found.start()] + start + author + end + block[found.end() :]
    return restored + body, True


def _moment(given: Given, message: Message, now: datetime) -> tuple[datetime, str]:
    """When its list received a message, and what is odd about that."""
    if given.certain and given.at is not None:
        return given.at, ""
    sent = (_received(message.raw), message.date, given.at)
    for at in sent:
        if at is not None and _EARLIEST <= at <= now + _TOLERANCE:
            return at.astimezone(UTC), ""
    if any(sent):
        return _EARLIEST, "its dates cannot be right; it stands at the beginning of the archive"
    return _EARLIEST, "it has no date that can be read; it stands at the beginning of the archive"


def _received(raw: bytes) -> datetime | None:
    """The time of the uppermost Received field (RFC 5321 section 4.4): behind its last semicolon."""
    block, _ = headers.split(raw)
    value = next((piece for name, piece in headers.cut(block) if name.lower() == b"received"), b"")
    written = headers.unfold(value.rpartition(b";")[2]).decode("ascii", "replace").strip()
    try:
        found = parsedate_to_datetime(written)
    except (ValueError, OverflowError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
