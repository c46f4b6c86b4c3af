"""
A new mail of ours, frozen (pure rules): RFC 5322, RFC 2046, and for invitations RFC 6047.

Everything that varies is given: date, Message-ID, a seed for the boundaries. The standard library makes the parts; our
fields are put in front as exact bytes, since the library would encode or fold what must stay as it is. The wire form
is 7-bit with CRLF and no line over 998 octets. Slots for each recipient's own values may stand in From, To and the
calendar object.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from cgbot.mail import headers, identity
from cgbot.mail.frozen import Frozen, Slot, as_base64, join, slot

TO: Final = "to"  # the slot of the recipient in the To field
FROM: Final = "from"  # the slot of the address in the From field, where it is the recipient's own
EIGHT_BIT: Final = b"Content-Transfer-Encoding: 8bit\r\n"
_FOLDED: Final = "\r\n "
# What no mail program shows, and lone surrogates, which have no octets.
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
_POLICY: Final = SMTP.clone(cte_type="7bit", max_line_length=78)


@dataclass(frozen=True, slots=True)
class Calendar:
    """An iTIP object, its slots included, and its METHOD (RFC 6047 section 2.4)."""

    method: str
    content: Frozen


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that goes with the mail, the same for every recipient; `content_type` as "application/pdf"."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class NewMail:
    """
    What to write; `from_address` and `to` may be a slot's name, as `slot("from")`.

    `fields` are written exactly, one line each: printable ASCII only (use headers.encode for text before).
    """

    from_name: str
    from_address: str | Slot
    to: str | Slot
    subject: str
    text: str
    date: datetime
    message_id: str  # without angle brackets
    html: str = ""
    calendar: Calendar | None = None
    fields: tuple[tuple[str, str], ...] = ()
    extra: Frozen | None = None  # a block of fields as bytes, such as the list's own
    enclosures: tuple[Enclosure, ...] = ()
    parts: tuple[Frozen, ...] = ()  # further parts with their own fields, after the words


def compose(mail: NewMail) -> Frozen:
    """Write the mail; the same input gives the same bytes."""
    head: list[bytes | Slot | Frozen] = [mail.extra] if mail.extra else []
    head += [_start_of_from(mail.from_name), _place(mail.from_address)]
    head += [b">\r\nTo: <", _place(mail.to), b">\r\n", headers.encode("Subject", mail.subject)]
    head.append(headers.plain("Date", format_datetime(mail.date)))
    head.append(headers.plain("Message-ID", f"<{mail.message_id}>"))
    head += [_field(name, value) for name, value in mail.fields]
    head.append(b"MIME-Version: 1.0\r\n")
    return join([*head, _body(mail)])


def _start_of_from(name: str) -> bytes:
    """`From: Name <`, to be followed by the address."""
    whole = headers.mailbox(name, "@") if name else "<@>"
    return f"From: {whole.removesuffix('@>')}".encode("ascii")


def _place(value: str | Slot) -> bytes | Slot:
    return value.encode("ascii") if isinstance(value, str) else value


def _field(name: str, value: str) -> bytes:
    """A field as it is; lists of Message-IDs are folded between them (RFC 5322 section 2.1.1)."""
    if name in {"References", "In-Reply-To"}:
        return _ids(name, value)
    return headers.plain(name, value)


def _ids(name: str, value: str) -> bytes:
    """Message-IDs come from others' mails: what cannot stand in a field is left out; no field for none."""
    usable = [f"<{one}>" for one in identity.message_ids(value) if one.isascii() and one.isprintable()]
    return f"{name}: {_FOLDED.join(usable)}\r\n".encode("ascii") if usable else b""


def _body(mail: NewMail) -> Frozen:
    """The words, alone or beside a calendar object; files come after them in a multipart/mixed."""
    seed = hashlib.sha256(mail.message_id.encode()).hexdigest()[:24]
    words = _words(mail, seed)
    files = [_calendar_attachment(mail.calendar)] if mail.calendar else []
    files += [*map(_enclosed, mail.enclosures), *mail.parts]
    return _multipart("mixed", f"=_mixed_{seed}", [words, *files]) if files else words


def _words(mail: NewMail, seed: str) -> Frozen:
    alternatives: list[Frozen] = [Frozen(_text_part("plain", mail.text))]
    if mail.html:
        alternatives.append(Frozen(_text_part("html", mail.html)))
    if mail.calendar is not None:
        alternatives.append(_calendar_part(mail.calendar))
    if len(alternatives) == 1:
        return alternatives[0]
    return _multipart("alternative", f"=_alternative_{seed}", alternatives)


def _enclosed(one: Enclosure) -> Frozen:
    """A file with its name (RFC 2183; RFC 2231 where that is not ASCII), to be written as base64."""
    part = EmailMessage(policy=_POLICY)
    main, _, sub = one.content_type.partition("/")
    name = " ".join(_CONTROLS.sub("", one.filename).split())
    part.set_content(b"", maintype=main, subtype=sub, disposition="attachment", filename=name)
    del part["MIME-Version"]
    fields, _, _ = part.as_bytes().partition(b"\r\n\r\n")
    return join([fields, b"\r\n\r\n", as_base64(Frozen(one.content))])


def _text_part(subtype: str, text: str) -> bytes:
    """A text part with its own fields, by the standard library: utf-8, quoted-printable or 7-bit."""
    clean = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    part = EmailMessage(policy=_POLICY)
    part.set_content(clean, subtype=subtype, charset="utf-8", cte=None if _is_plain(clean) else "quoted-printable")
    del part["MIME-Version"]
    return part.as_bytes()


def _is_plain(text: str) -> bool:
    """Say whether a text may travel as it is: ASCII, short lines, nothing that could be a boundary of ours."""
    return text.isascii() and "=_" not in text and not re.search(r"[^\n]{900}", text)


def _calendar_part(calendar: Calendar) -> Frozen:
    """No disposition, no name, no Content-ID: with one of them clients hide the buttons."""
    fields = (
        f"Content-Type: text/calendar; charset=utf-8; method={calendar.method}; component=VEVENT\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return join([fields.encode(), as_base64(calendar.content)])


def _calendar_attachment(calendar: Calendar) -> Frozen:
    fields = (
        'Content-Type: application/ics; name="invite.ics"\r\n'
        'Content-Disposition: attachment; filename="invite.ics"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return join([fields.encode(), as_base64(calendar.content)])


def _multipart(subtype: str, boundary: str, parts: Sequence[Frozen]) -> Frozen:
    """Parts between boundaries (RFC 2046 section 5.1.1); no encoded part can hold a line that begins with `--=_`."""
    declared = b"" if all(one.body.isascii() for one in parts) else EIGHT_BIT
    head = f'Content-Type: multipart/{subtype}; boundary="{boundary}"\r\n'.encode() + declared + b"\r\n"
    pieces: list[bytes | Slot | Frozen] = [head]
    for part in parts:
        pieces += [f"--{boundary}\r\n".encode(), part, b"\r\n"]
    return join([*pieces, f"--{boundary}--\r\n".encode()])


__all__ = ["FROM", "TO", "Calendar", "Enclosure", "NewMail", "compose", "slot"]
