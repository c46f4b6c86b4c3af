"""
A message as facts (pure rules): RFC 5322 fields, RFC 2045-2049 and 2231 parts, whatever came in.

`parse` never raises and is bounded: fields are read by mail.headers under a cap, parts by fast-mail-parser, and by the
standard library's lenient parser where that one gives up. What cannot be read is named among the defects; the raw
bytes stay what they are and are the truth.
"""

from __future__ import annotations

import email.message
import email.utils
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import compat32
from typing import Final

import charset_normalizer
import fast_mail_parser

from cgbot.mail import headers, html, identity
from cgbot.mail.address import Mailbox, parse_mailboxes
from cgbot.mail.headers import Field

_TEXT_LIMIT: Final = 4_000_000  # characters of text that anybody reads or searches
_BOUNDARY_LINES: Final = 5000
_CALENDAR: Final = frozenset({"text/calendar", "application/ics"})
_GUESS_OCTETS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Caps:
    """How much of a message is looked at: octets of the header block, parts, levels of parts."""

    header_size: int = 102_400
    parts: int = 1000
    depth: int = 20


USUAL: Final = Caps()


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


@dataclass(frozen=True, slots=True)
class _Body:
    """What a parser found below the header."""

    texts: tuple[str, ...] = ()
    htmls: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    calendars: tuple[bytes, ...] = ()
    defects: tuple[str, ...] = ()


def parse(raw: bytes, caps: Caps = USUAL) -> Message:
    """Read a message; never raises."""
    block, _ = headers.split(raw)
    limit = caps.header_size
    defects = [] if len(block) <= limit else [f"the header is larger than {limit} octets"]
    fields = headers.fields(block[:limit])
    body = _body(raw, caps, too_large=bool(defects))
    first = _first_values(fields)
    page = "\n".join(body.htmls)[:_TEXT_LIMIT]
    text = "\n".join(body.texts)[:_TEXT_LIMIT] or (html.to_text(page) if page else "")
    return Message(
        raw=raw,
        fields=fields,
        message_id=identity.message_id(first.get("message-id", "")),
        in_reply_to=identity.message_ids(first.get("in-reply-to", "")),
        references=identity.message_ids(first.get("references", "")),
        authors=_mailboxes(fields, "from"),
        sender=_mailboxes(fields, "sender"),
        reply_to=_mailboxes(fields, "reply-to"),
        to=_mailboxes(fields, "to"),
        cc=_mailboxes(fields, "cc"),
        subject=first.get("subject", ""),
        date=parse_date(first.get("date", "")),
        text=text.replace("\r\n", "\n").replace("\r", "\n"),
        html=page,
        attachments=body.attachments,
        calendars=body.calendars,
        defects=(*defects, *body.defects),
    )


def parse_date(text: str) -> datetime | None:
    """Read a Date field (RFC 5322 section 3.3) as aware UTC; None for what is no date or no year of ours."""
    try:
        found = email.utils.parsedate_to_datetime(text[:200])
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        moved = aware.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return moved if 1970 <= moved.year <= 2200 else None  # noqa: PLR2004 - mail is younger than Unix


def _first_values(fields: tuple[Field, ...]) -> dict[str, str]:
    return {one.name.lower(): one.value for one in reversed(fields)}


def _mailboxes(fields: tuple[Field, ...], name: str) -> tuple[Mailbox, ...]:
    """Addresses are read before encoded words are decoded: a decoded name must not become an address."""
    found: list[Mailbox] = []
    for one in fields:
        if one.name.lower() == name:
            raw = one.raw.partition(b":")[2]
            found += [Mailbox(headers.decode(box.name.encode("utf-8", "replace")), box.address) for box in _read(raw)]
    return tuple(found)


def _read(raw: bytes) -> tuple[Mailbox, ...]:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return parse_mailboxes(re.sub(r"\r?\n(?=[ \t])", "", text).strip())


def _body(raw: bytes, caps: Caps, *, too_large: bool) -> _Body:
    if too_large or raw.count(b"\n--") > _BOUNDARY_LINES:
        return _Body(defects=("too many parts, or a header too large: only the fields were read",))
    try:
        return _fast(raw, caps)
    except (fast_mail_parser.ParseError, ValueError, OverflowError) as error:
        first = str(error)
    try:
        return _lenient(raw, caps)
    except Exception as error:  # noqa: BLE001 - hostile input; RecursionError among others
        return _Body(defects=(headers.clean_text(first, 200), headers.clean_text(repr(error), 200)))


# ---------------------------------------------------------------------------------------------- fast-mail-parser


def _fast(raw: bytes, caps: Caps) -> _Body:
    parsed = fast_mail_parser.parse_email(raw)
    if any("\ufffd" in text for text in (*parsed.text_plain, *parsed.text_html)):
        raise ValueError("the declared charset does not fit")
    parts = [_attachment(part) for part in parsed.attachments[: caps.parts]]
    return _Body(
        texts=tuple(parsed.text_plain),
        htmls=tuple(parsed.text_html),
        attachments=tuple(part for part in parts if not _is_calendar_text(part)),
        calendars=tuple(part.content for part in parts if part.content_type in _CALENDAR),
    )


def _attachment(part: fast_mail_parser.PyAttachment) -> Attachment:
    return Attachment(
        filename=safe_name(part.filename or ""),
        content_type=part.mimetype.lower(),
        content_id=headers.clean_text(part.content_id or "").strip("<>"),
        content=bytes(part.content),
    )


def _is_calendar_text(part: Attachment) -> bool:
    return part.content_type == "text/calendar" and not part.filename


def safe_name(filename: str) -> str:
    """A file's name without folders and control characters, at most 150 characters."""
    return headers.clean_text(filename.replace("\\", "/").rpartition("/")[2], 150).strip(". ")


# ------------------------------------------------------------------------------------------- the standard library


def _lenient(raw: bytes, caps: Caps) -> _Body:
    top = BytesParser(policy=compat32).parsebytes(raw)
    texts: list[str] = []
    htmls: list[str] = []
    attachments: list[Attachment] = []
    calendars: list[bytes] = []
    for part in _leaves(top, caps):
        content_type = part.get_content_type()
        content = _content(part)
        name = safe_name(_filename(part))
        disposed = str(part.get("Content-Disposition", "")).strip().lower().startswith("attachment")
        if content_type in _CALENDAR:
            calendars.append(_as_utf8(part, content))
        if content_type == "text/plain" and not disposed and not name:
            texts.append(_text(part, content))
        elif content_type == "text/html" and not disposed and not name:
            htmls.append(_text(part, content))
        elif content_type != "text/calendar" or name:
            content_id = headers.clean_text(str(part.get("Content-ID", ""))).strip("<>")
            attachments.append(Attachment(name, content_type, content_id, content))
    defects = tuple(type(defect).__name__ for defect in top.defects)
    return _Body(tuple(texts), tuple(htmls), tuple(attachments), tuple(calendars), defects)


def _leaves(top: email.message.Message, caps: Caps) -> Iterator[email.message.Message]:
    """Every part that holds content, without recursion; an attached message is one part."""
    waiting = [(top, 0)]
    seen = 0
    while waiting and seen < caps.parts:
        part, depth = waiting.pop(0)
        seen += 1
        inner = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inner, list) and depth < caps.depth:
            waiting[:0] = [(one, depth + 1) for one in inner if isinstance(one, email.message.Message)]
        else:
            yield part


def _content(part: email.message.Message) -> bytes:
    inner = part.get_payload()
    if isinstance(inner, list):
        return b"".join(one.as_bytes() for one in inner[:1] if isinstance(one, email.message.Message))
    decoded = part.get_payload(decode=True)
    return decoded if isinstance(decoded, bytes) else b""


def _filename(part: email.message.Message) -> str:
    try:
        return headers.decode((part.get_filename() or "").encode("utf-8", "replace"))
    except (ValueError, TypeError, LookupError):
        return ""


def _charset(part: email.message.Message) -> str:
    try:
        return str(part.get_content_charset() or "")
    except (ValueError, LookupError, TypeError):
        return ""


def _text(part: email.message.Message, content: bytes) -> str:
    declared = headers.decode_bytes(content, _charset(part) or "utf-8")
    return declared if declared is not None else guess(content)


def _as_utf8(part: email.message.Message, content: bytes) -> bytes:
    return _text(part, content).encode("utf-8", "replace")


def guess(content: bytes) -> str:
    """Decode text whose declared charset failed or is missing; never raises."""
    utf8 = headers.decode_bytes(content, "utf-8")
    if utf8 is not None:
        return utf8
    best = charset_normalizer.from_bytes(content[:_GUESS_OCTETS]).best()
    found = headers.decode_bytes(content, best.encoding) if best else None
    return found if found is not None else content.decode("latin-1")
