"""
A message as facts (pure rules): RFC 5322 fields and what its parts are for, whatever came in.

`parse` never raises and is bounded: fields are read by mail.headers under a cap, parts by mail.parts. What cannot be
read is named among the defects; the raw bytes stay what they are and are the truth.
"""

from __future__ import annotations

import email.utils
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cgbot.mail import charsets, headers, html, identity, parts
from cgbot.mail.address import Mailbox, parse_mailboxes, without_comments
from cgbot.mail.headers import Field
from cgbot.mail.parts import USUAL, Caps, Part, Parts

_TEXT_LIMIT: Final = 4_000_000  # characters of text that anybody reads or searches
_SUBJECT_LIMIT: Final = 1000
_CALENDAR: Final = frozenset({"text/calendar", "application/ics"})
_TEXT: Final = frozenset({"text/plain", "text/html"})


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not the text of the message; the name is cleaned and has no folder."""

    filename: str
    content_type: str
    content_id: str
    content: bytes

    @property
    def size(self) -> int:
        """Octets, decoded."""
        return len(self.content)


@dataclass(frozen=True, slots=True)
class Message:
    """
    One message.

    `message_id` is without angle brackets and "" when unusable; `date` is aware, UTC, None when unreadable; `text` is
    the plain text with LF, made from the HTML where there is only that.
    """

    raw: bytes
    fields: tuple[Field, ...]
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    authors: tuple[Mailbox, ...]
    sender: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    subject: str
    date: datetime | None
    text: str
    html: str
    attachments: tuple[Attachment, ...]
    calendars: tuple[bytes, ...]
    defects: tuple[str, ...]

    def header(self, name: str) -> str:
        """The first field of this name, decoded and cleaned; "" when there is none."""
        return next(iter(self.headers(name)), "")

    def headers(self, name: str) -> tuple[str, ...]:
        """All fields of this name, decoded and cleaned, from the top."""
        lowered = name.lower()
        return tuple(one.value for one in self.fields if one.name.lower() == lowered)


def parse(raw: bytes, caps: Caps = USUAL) -> Message:
    """Read a message; never raises."""
    block, _ = headers.split(raw)
    fields = headers.fields(block[: caps.header_size])
    found = parts.read(raw, caps) if len(block) <= caps.header_size else _too_large(caps)
    named = _by_name(fields)
    first = {name: ones[0] for name, ones in named.items()}
    text, page = _words([part for place, part in enumerate(found.parts) if _is_shown(part, place)])
    return Message(
        raw=raw,
        fields=fields,
        message_id=next(iter(_ids(first.get("message-id"))), "")
        or identity.message_id(_value(first.get("message-id"))),
        in_reply_to=_ids(first.get("in-reply-to")),
        references=_ids(first.get("references")),
        authors=_mailboxes(named.get("from", ())),
        sender=_mailboxes(named.get("sender", ())),
        reply_to=_mailboxes(named.get("reply-to", ())),
        to=_mailboxes(named.get("to", ())),
        cc=_mailboxes(named.get("cc", ())),
        subject=_value(first.get("subject"))[:_SUBJECT_LIMIT],
        date=parse_date(_value(first.get("date"))),
        text=text,
        html=page,
        attachments=tuple(
            _attachment(part)
            for place, part in enumerate(found.parts)
            if not _is_shown(part, place) and _is_attached(part)
        ),
        calendars=tuple(dict.fromkeys(part.utf8() for part in found.parts if part.content_type in _CALENDAR)),
        defects=found.defects,
    )


def parse_date(text: str) -> datetime | None:
    """Read a Date field (RFC 5322 section 3.3) as aware UTC; None for what is no date or no year of ours."""
    try:
        found = email.utils.parsedate_to_datetime(without_comments(text[:500])[:200])
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        moved = aware.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return moved if 1970 <= moved.year <= 2200 else None  # noqa: PLR2004 - mail is younger than Unix


def safe_name(filename: str) -> str:
    """A file's name without folders and control characters, at most 150 characters."""
    return parts.safe_name(filename)


# -------------------------------------------------------------------------------------------------------- fields


def _value(one: Field | None) -> str:
    return one.value if one else ""


def _ids(one: Field | None) -> tuple[str, ...]:
    """The Message-IDs of a whole field, however long: the newest stand at its end."""
    if one is None:
        return ()
    return identity.message_ids(headers.clean_text(charsets.octets(_body(one)), len(one.raw)))


def _by_name(fields: tuple[Field, ...]) -> dict[str, list[Field]]:
    named: dict[str, list[Field]] = {}
    for one in fields:
        named.setdefault(one.name.lower(), []).append(one)
    return named


def _mailboxes(ones: Iterable[Field]) -> tuple[Mailbox, ...]:
    """Addresses are read before encoded words are decoded: a decoded name must not become an address."""
    found: list[Mailbox] = []
    for one in ones:
        boxes = parse_mailboxes(charsets.octets(_body(one)).strip())
        found += [Mailbox(headers.decode(box.name.encode("utf-8", "replace")), box.address) for box in boxes]
    return tuple(found)


def _body(one: Field) -> bytes:
    return headers.unfold(one.raw.partition(b":")[2])


# --------------------------------------------------------------------------------------------------------- parts


def _too_large(caps: Caps) -> Parts:
    return Parts(defects=(f"the header is larger than {caps.header_size} octets: only its beginning was read",))


def _is_shown(part: Part, place: int) -> bool:
    """Say whether a part is text of the message; a named text is a file, unless it is the first of all parts."""
    return part.content_type in _TEXT and part.disposition != "attachment" and (not part.filename or not place)


def _is_attached(part: Part) -> bool:
    return part.content_type != "text/calendar" or bool(part.filename)


def _attachment(part: Part) -> Attachment:
    return Attachment(part.filename, part.content_type, part.content_id, part.content)


def _words(shown: list[Part]) -> tuple[str, str]:
    """
    The text to read and the HTML to show.

    HTML becomes text where no plain text stands for it in the same multipart/alternative (RFC 8621 section 4.1.4):
    a list's plain footer below an HTML mail is not its text.
    """
    has_plain = {part.alternative for part in shown if part.content_type == "text/plain" and part.alternative}
    pages = [part.text() for part in shown if part.content_type == "text/html"]
    if len(pages) == len(shown):
        page = _lines("\n".join(pages))
        return (html.to_text(page) if page else ""), page
    texts = [
        html.to_text(part.text()) if part.content_type == "text/html" else part.text()
        for part in shown
        if part.content_type == "text/plain" or part.alternative not in has_plain
    ]
    return _lines("\n".join(texts)), _lines("\n".join(pages))


def _lines(text: str) -> str:
    return text[:_TEXT_LIMIT].replace("\r\n", "\n").replace("\r", "\n")


__all__ = ["USUAL", "Attachment", "Caps", "Message", "parse", "parse_date", "safe_name"]
