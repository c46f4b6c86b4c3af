"""
Header fields as bytes and as text (pure rules).

A message's header block is cut into fields without changing a byte (RFC 5322 section 2.2, folding of 2.2.3), so that
a field can be added or left out and the rest stays what it was. Values are decoded leniently (RFC 2047, RFC 6532) and
cleaned of control and direction characters: no header text leaves this module that could begin a second line.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import quopri
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_FIELD: Final = re.compile(rb"([!-9;-~]+)[ \t]*:")
_LINES: Final = re.compile(rb"[^\n]*\n|[^\n]+")
_ENCODED: Final = re.compile(r"=\?([A-Za-z0-9_.+:-]{1,40})(?:\*[A-Za-z0-9-]*)?\?([BbQq])\?([^?]*)\?=")
_BETWEEN: Final = re.compile(r"(\?=)\s+(?==\?[A-Za-z0-9_.+:-]{1,40}(?:\*[A-Za-z0-9-]*)?\?[BbQq]\?)")
# C0 and C1 controls, line and paragraph separators, bidirectional controls, the byte order mark.
_CONTROLS: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]+"
)
_VALUE_LIMIT: Final = 20_000
# Python knows codecs that are no charsets (rot13, zlib, hex); these prefixes are real ones.
_CHARSETS: Final = re.compile(
    r"(us-?ascii|ascii|utf-?(7|8|16|32)|iso-?8859|latin|windows-?\d|cp-?\d|ibm-?\d|koi8|mac|gb|big5|euc|shift|sjis|s-?jis"
    r"|iso-?2022|hz|tis|ks_?c|johab|ansi|646|x-(mac|sjis|gbk|euc))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Field:
    """One header field: its name as written, its exact bytes with the line end, its text decoded and unfolded."""

    name: str
    raw: bytes
    value: str


def split(raw: bytes) -> tuple[bytes, bytes]:
    """Cut a message into its header block, with the blank line, and its body; one of them may be empty."""
    if raw.startswith((b"\r\n", b"\n")):
        end = raw.index(b"\n") + 1
        return raw[:end], raw[end:]
    match = _BLANK_LINE.search(raw)
    return (raw, b"") if match is None else (raw[: match.end()], raw[match.end() :])


def cut(block: bytes) -> list[tuple[bytes, bytes]]:
    """
    Cut a header block into (name, exact bytes); joined again they are the block.

    What is no field (an mbox line, garbage, the blank line) has the name b"".
    """
    pieces: list[tuple[bytes, bytes]] = []
    for line in _LINES.findall(block):
        if line[:1] in b" \t" and line.strip() and pieces and pieces[-1][0]:
            name, before = pieces[-1]
            pieces[-1] = (name, before + line)
            continue
        match = _FIELD.match(line)
        pieces.append((match[1] if match else b"", line))
    return pieces


def fields(block: bytes) -> tuple[Field, ...]:
    """Read every field of a header block; never raises."""
    return tuple(
        Field(name.decode("ascii"), piece, decode(piece.partition(b":")[2])) for name, piece in cut(block) if name
    )


def decode(value: bytes) -> str:
    """Decode a field's value: unfold, RFC 2047 words, UTF-8 (RFC 6532) or Latin-1 for raw octets; cleaned."""
    text = re.sub(rb"\r?\n(?=[ \t])", b"", value[:_VALUE_LIMIT])
    plain = _octets(text)
    if "=?" in plain:
        plain = _ENCODED.sub(_word, _BETWEEN.sub(r"\1", plain))
    return clean_text(plain)


def clean_text(text: str, limit: int = 2000) -> str:
    """Turn any text into one safe line of at most `limit` characters."""
    return _CONTROLS.sub(" ", text)[:limit].strip()


def decode_bytes(content: bytes, charset: str) -> str | None:
    """Decode with a declared charset; None when it is no charset, unknown, or does not fit."""
    if not _CHARSETS.match(charset):
        return None
    try:
        return codecs.decode(content, charset)
    except (LookupError, UnicodeError, ValueError):
        return None


def without(block: bytes, names: Iterable[str]) -> bytes:
    """Leave out whole fields; every other byte stays."""
    unwanted = {name.lower().encode() for name in names}
    return b"".join(piece for name, piece in cut(block) if name.lower() not in unwanted)


def encode(name: str, text: str) -> bytes:
    """
    Write a field with its line end: as it is when it is ASCII, in RFC 2047 words otherwise, folded under 78 columns.

    Structured fields that must not be folded or encoded (List-*, one-click links) use `plain`.
    """
    clean = clean_text(text)
    if clean.isascii():
        return _folded(f"{name}:", clean.split(" "))
    words = [f"=?utf-8?b?{base64.b64encode(piece.encode()).decode()}?=" for piece in _pieces(clean, 42)]
    return _folded(f"{name}:", words)


def plain(name: str, value: str) -> bytes:
    """Write a field on one line, exactly; raises ValueError for a value that is not printable ASCII."""
    if not value.isascii() or _CONTROLS.search(value):
        raise ValueError(f"{name}: {value!r} cannot stand in a header field")
    return f"{name}: {value}\r\n".encode("ascii")


def mailbox(name: str, address: str) -> str:
    """Write a mailbox for a header field: quoted where it must be, encoded words for other scripts."""
    clean = clean_text(name, 200)
    if not clean:
        return address
    if not clean.isascii():
        words = [f"=?utf-8?b?{base64.b64encode(piece.encode()).decode()}?=" for piece in _pieces(clean, 42)]
        return f"{' '.join(words)} <{address}>"
    if re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+", clean):
        return f"{clean} <{address}>"
    escaped = clean.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>'


def _octets(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _word(match: re.Match[str]) -> str:
    charset, encoding, text = match[1], match[2].lower(), match[3]
    try:
        octets = text.encode("ascii", "replace")
        if encoding == "b":
            content = base64.b64decode(octets + b"=" * (-len(octets) % 4))
        else:
            content = quopri.decodestring(octets.replace(b"_", b" "), header=False)
    except (binascii.Error, ValueError):
        return match[0]
    decoded = decode_bytes(content, charset)
    return match[0] if decoded is None else decoded


def _pieces(text: str, octets: int) -> list[str]:
    """Cut text so that no piece is longer in UTF-8 and no character is cut."""
    pieces = [""]
    for char in text:
        if len((pieces[-1] + char).encode()) > octets:
            pieces.append("")
        pieces[-1] += char
    return pieces


def _folded(start: str, words: list[str]) -> bytes:
    lines = [start]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > 77 and lines[-1] != start and word:  # noqa: PLR2004 - RFC 5322 2.1.1
            lines.append("")
        lines[-1] += f" {word}"
    return ("\r\n".join(lines) + "\r\n").encode("ascii")
