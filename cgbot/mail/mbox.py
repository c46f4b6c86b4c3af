"""
Pure rules: mbox files, written as mboxrd and read in every dialect (RFC 4155; qmail's mbox(5) for the quoting).

Written: a From_ line that carries the message's length, `From cgbot-SIZE@invalid DATE`, then the message with one `>`
put before each line that looks like a From_ line, then a blank line. So every reader of mboxrd reads it, and ours gets
each message back byte for byte, whether or not it ends in a line feed. Read: "mboxrd" takes one `>` away; "mboxo" (and
mboxcl, which quotes alike) knows only `>From `; "mboxcl2" quotes nothing and goes by Content-Length, where that leads
to the next From_ line. The stream is read by lines, and of a message that is larger than allowed only the beginning is
kept.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal, Protocol

Dialect = Literal["mboxrd", "mboxo", "mboxcl2"]
DIALECTS: Final[tuple[Dialect, ...]] = ("mboxrd", "mboxo", "mboxcl2")

_LOOKS_LIKE_FROM: Final = re.compile(rb"^(>*From )", re.MULTILINE)
_QUOTED: Final = re.compile(rb"^>(>*From )", re.MULTILINE)
_QUOTED_ONCE: Final = re.compile(rb"^>(From )", re.MULTILINE)
# A date ends the line, perhaps with a zone before or after the year; some archives write the address as "a at b".
_FROM_LINE: Final = re.compile(
    rb"From .{0,998}? +(?:[A-Z][a-z]{2},? +)?(?:[A-Z][a-z]{2} +\d{1,2}|\d{1,2} +[A-Z][a-z]{2})\b.{0,60}?\s*"
)
_SIZE: Final = re.compile(rb"cgbot-(\d{1,12})@invalid")
_LENGTH: Final = re.compile(rb"^content-length:[ \t]*(\d{1,12})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_ZONE: Final = rb"[A-Z]{1,5}|[+-]\d{4}"
_DATES: Final = (
    re.compile(  # asctime, as RFC 4155 wants it
        rb"(?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) +(?P<time>\d{1,2}:\d{2}(?::\d{2})?)(?: +(?P<zone>"
        + _ZONE
        + rb"))?"
        rb" +(?P<year>\d{4})(?: +(?P<after>" + _ZONE + rb"))?"
    ),
    re.compile(  # as a Date field
        rb"(?P<day>\d{1,2}) +(?P<month>[A-Z][a-z]{2}) +(?P<year>\d{4}) +(?P<time>\d{1,2}:\d{2}(?::\d{2})?)"
        rb"(?: +(?P<zone>" + _ZONE + rb"))?"
    ),
)
_GAP: Final = re.compile(rb"\r?\n\r?\n")  # between header and body
_LONGEST_SEPARATOR: Final = 1200
_PIECE: Final = 1 << 20  # octets of a line that are read at once


class Lines(Protocol):
    """A stream of octets that is read by lines: a file, packed or not."""

    def readline(self, size: int = -1, /) -> bytes:
        """The next line with its end, of at most `size` octets; empty at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """
    A message of an mbox; `at` is the date of its From_ line, in UTC where that names no zone, None if unreadable.

    `ours`: the From_ line was written by `mboxrd`, so that `at` is when the archive received it. `cut`: it was larger
    than allowed, and `raw` is only its beginning.
    """

    raw: bytes
    at: datetime | None
    ours: bool
    cut: bool = False


def mboxrd(raw: bytes, at: datetime) -> bytes:
    """One message as it stands in an mboxrd file; `at` is when it was received, aware."""
    when = at.astimezone(UTC).strftime("%a %b %e %H:%M:%S %Y")
    end = b"\n" if raw.endswith(b"\n") else b"\n\n"
    return f"From cgbot-{len(raw)}@invalid {when}\n".encode() + _LOOKS_LIKE_FROM.sub(rb">\1", raw) + end


def read(stream: Lines, largest: int, dialect: Dialect = "mboxrd") -> Iterator[Found]:
    """Every message of an mbox, none of which may have more than `largest` octets; what precedes the first is left."""
    line = _first_line(stream)
    while line:
        separator, (text, cut, line) = line, _text(stream, largest, by_length=dialect == "mboxcl2")
        if dialect == "mboxcl2" and _missing(text) and not cut:  # the length is wrong: the From_ lines are right
            yield from _by_separators(separator, text, largest)
        else:
            yield _found(separator, _plain(text, dialect, separator), cut=cut)


def _by_separators(separator: bytes, text: bytes, largest: int) -> Iterator[Found]:
    stream = io.BytesIO(text)
    line = separator
    while line:
        separator, (text, cut, line) = line, _text(stream, largest, by_length=False)
        yield _found(separator, text, cut=cut)


def _found(separator: bytes, text: bytes, *, cut: bool) -> Found:
    return Found(text, _date(separator), ours=_SIZE.search(separator) is not None, cut=cut)


def is_separator(line: bytes) -> bool:
    """Whether a line is a From_ line: it begins with "From " and ends in a date."""
    return line.startswith(b"From ") and len(line) < _LONGEST_SEPARATOR and _FROM_LINE.fullmatch(line) is not None


def _first_line(stream: Lines) -> bytes:
    for line in iter(lambda: stream.readline(_PIECE), b""):
        if is_separator(line):
            return line
    return b""


def _text(stream: Lines, largest: int, *, by_length: bool) -> tuple[bytes, bool, bytes]:
    """The octets up to the next From_ line, whether some were left out, and that line."""
    lines: list[bytes] = []
    kept, cut, blank = 0, False, False
    is_whole = True  # the next piece begins a line
    while piece := stream.readline(_PIECE):
        if is_whole and blank and is_separator(piece) and not (by_length and _missing(b"".join(lines[:-1])) > 0):
            return _without_last_blank(lines, cut=cut), cut, piece
        blank = is_whole and piece in {b"\n", b"\r\n"}
        is_whole = piece.endswith(b"\n")
        kept += len(piece)
        if kept > largest + max(4096, largest // 50):  # quoting makes it a little longer
            cut = True
        else:
            lines.append(piece)
    return _without_last_blank(lines, cut=cut), cut, b""


def _missing(text: bytes) -> int:
    """How many octets a message lacks by its Content-Length; less than 0: it has more; 0 where it says nothing."""
    gap = _GAP.search(text)
    length = _LENGTH.search(text, 0, gap.end()) if gap else None
    return int(length[1]) - (len(text) - gap.end()) if gap and length else 0


def _without_last_blank(lines: list[bytes], *, cut: bool) -> bytes:
    """The blank line before the next From_ line, or at the end of the file, is none of the message."""
    if not cut and lines and lines[-1] in {b"\n", b"\r\n"}:
        lines = lines[:-1]
    return b"".join(lines)


def _plain(text: bytes, dialect: Dialect, separator: bytes) -> bytes:
    if dialect == "mboxcl2":
        return text
    plain: bytes = (_QUOTED_ONCE if dialect == "mboxo" else _QUOTED).sub(rb"\1", text)
    size = _SIZE.search(separator)
    if size and len(plain) == int(size[1]) + 1 and plain.endswith(b"\n"):
        return plain[:-1]  # it did not end in a line feed
    return plain


def _date(separator: bytes) -> datetime | None:
    """The date of a From_ line; its sender may be missing."""
    match = next(filter(None, (one.search(separator) for one in _DATES)), None)
    if match is None:
        return None
    parts = {name: value.decode("ascii") for name, value in match.groupdict().items() if value}
    zone = parts.get("zone") or parts.get("after") or "+0000"
    try:
        found = parsedate_to_datetime(f"{parts['day']} {parts['month']} {parts['year']} {parts['time']} {zone}")
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
