"""
Header fields as bytes and as text (pure rules).

A message's header block is cut into fields without changing a byte (RFC 5322 section 2.2, folding of 2.2.3), so that
a field can be added or left out and the rest stays what it was. Values are decoded leniently (RFC 2047, RFC 6532) and
cleaned of control and direction characters: no header text leaves this module that could begin a second line.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from cgbot.mail import charsets

HEADER_LIMIT: Final = 102_400  # octets of a header block that are read
_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
_FIELD: Final = re.compile(rb"([!-9;-~]+)[ \t]*:")
_LINES: Final = re.compile(rb"[^\n]*\n|[^\n]+")
_FOLD: Final = re.compile(rb"\r?\n(?=[ \t])")
_WORD: Final = re.compile(rb"=\?([A-Za-z0-9_.+:-]{1,40})(?:\*[A-Za-z0-9-]*)?\?([BbQq])\?")
_NO_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]+")
_HEXADECIMAL: Final = re.compile(rb"=([0-9A-Fa-f]{2})")
# C0 and C1 controls, line and paragraph separators, bidirectional controls, the byte order mark, invisible tags.
_CONTROLS: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]+"
)
_VALUE_LIMIT: Final = 20_000
_LINE_LIMIT: Final = 998  # octets without the line end: RFC 5322 section 2.1.1
_WORD_OCTETS: Final = 42  # of UTF-8, which become 68 columns of an encoded word


@dataclass(frozen=True, slots=True)
class Field:
    """One header field: its name as written and its exact bytes with the line end."""

    name: str
    raw: bytes

    @property
    def value(self) -> str:
        """Its text, decoded, unfolded and cleaned; worked out at each reading, since most are never read."""
        return decode(self.raw.partition(b":")[2])


def split(raw: bytes) -> tuple[bytes, memoryview]:
    """
    Cut a message into its header block, with the blank line, and its body; one of them may be empty.

    The body is a view of the message, since a copy of a large one is dear.
    """
    if raw.startswith((b"\r\n", b"\n")):
        end = raw.index(b"\n") + 1
    else:
        match = _BLANK_LINE.search(raw)
        end = len(raw) if match is None else match.end()
    return raw[:end], memoryview(raw)[end:]


def cut(block: bytes) -> list[tuple[bytes, bytes]]:
    """
    Cut a header block into (name, exact bytes); joined again they are the block.

    What is no field (an mbox line, garbage, the blank line) has the name b"". Takes time in proportion to its size.
    """
    pieces: list[tuple[bytes, bytes]] = []
    name, start, end = b"", 0, 0
    for line in _LINES.finditer(block):
        folded = name and block[line.start()] in b" \t"  # a line of blanks too (RFC 5322 section 4.2)
        if not folded:
            if end > start:
                pieces.append((name, block[start:end]))
            match = _FIELD.match(block, line.start(), line.end())
            name, start = (match[1] if match else b""), line.start()
        end = line.end()
    if end > start:
        pieces.append((name, block[start:end]))
    return pieces


def fields(block: bytes) -> tuple[Field, ...]:
    """Read every field of a header block; never raises."""
    return tuple(Field(name.decode("ascii"), piece) for name, piece in cut(block) if name)


def decode(value: bytes) -> str:
    """Decode a field's value: unfold, RFC 2047 words, UTF-8 (RFC 6532) or windows-1252 for raw octets; cleaned."""
    text = unfold(value[:_VALUE_LIMIT])
    return clean_text("".join(_decoded(text)) if b"=?" in text else charsets.octets(text), _VALUE_LIMIT)


def unfold(value: bytes) -> bytes:
    """Make one line of a folded value (RFC 5322 section 2.2.3)."""
    return _FOLD.sub(b"", value) if b"\n" in value[:-1] else value


def clean_text(text: str, limit: int = 2000) -> str:
    """Turn any text into one safe line of at most `limit` characters."""
    # A printable text has none of them: this is seven times as fast.
    return (text if text.isprintable() else _CONTROLS.sub(" ", text))[:limit].strip()


def without(block: bytes, names: Iterable[str]) -> bytes:
    """Leave out whole fields; every other byte stays."""
    unwanted = {name.lower().encode() for name in names}
    return b"".join(piece for name, piece in cut(block) if name.lower() not in unwanted)


def encode(name: str, text: str) -> bytes:
    """
    Write a field with its line end: as it is when it is plain ASCII, in RFC 2047 words otherwise, folded at 78 columns.

    Structured fields that must not be folded or encoded (List-*, one-click links) use `plain`.
    """
    clean = clean_text(text)
    words = clean.split(" ") if _may_stand(clean) else _encoded(clean)
    return _folded(f"{name}:", words)


def plain(name: str, value: str) -> bytes:
    """Write a field on one line, exactly; raises ValueError for what is no printable ASCII or too long for a line."""
    if not value.isascii() or _CONTROLS.search(value) or len(name) + 2 + len(value) > _LINE_LIMIT:
        raise ValueError(f"{name}: {value[:200]!r} cannot stand in a header field")
    return f"{name}: {value}\r\n".encode("ascii")


def mailbox(name: str, address: str) -> str:
    """Write a mailbox for a header field: quoted where it must be, encoded words for other scripts, folded."""
    clean = clean_text(name, 200)
    if not clean:
        return address
    if not _may_stand(clean):
        words = "\r\n ".join(_encoded(clean))
        return f"{words} <{address}>"
    if re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+", clean):
        return f"{clean} <{address}>"
    escaped = clean.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>'


# ------------------------------------------------------------------------------------------ encoded words (RFC 2047)


def _decoded(text: bytes) -> Iterator[str]:
    """
    Decode a value with encoded words.

    Blanks between two words vanish (section 6.2), and the octets of neighbours are joined before they are decoded,
    since many programs cut characters in two.
    """
    at = 0
    charset, octets = "", b""
    for start, end, of_word, content in _words(text):
        between = text[at:start]
        if octets and (between.strip() or of_word != charset):
            yield charsets.decode_lossy(octets, charset)
            octets = b""
        if between.strip() or not at:
            yield charsets.octets(between)
        charset, octets, at = of_word, octets + content, end
    yield charsets.decode_lossy(octets, charset)
    yield charsets.octets(text[at:])


def _words(text: bytes) -> Iterator[tuple[int, int, str, bytes]]:
    """Find the encoded words: start, end, charset in lower case, octets; what cannot be one is passed over."""
    at = 0
    while match := _WORD.search(text, at):
        close = text.find(b"?=", match.end())
        if close < 0:
            return
        charset = match[1].decode("ascii").lower()
        if not (charsets.is_text(charset) or charset.startswith(("x-", "unknown", "default"))):
            at = match.end()
            continue
        at = close + 2
        yield match.start(), at, charset, _octets_of_word(match[2].lower(), text[match.end() : close])


def _octets_of_word(encoding: bytes, text: bytes) -> bytes:
    """Undo Q or B; what is no base64 is skipped, as is a character too many at the end."""
    if encoding == b"q":
        return _HEXADECIMAL.sub(lambda found: bytes([int(found[1], 16)]), text.replace(b"_", b" "))
    digits = _NO_BASE64.sub(b"", text)
    digits = digits[:-1] if len(digits) % 4 == 1 else digits
    return base64.b64decode(digits + b"=" * (-len(digits) % 4))


def _may_stand(clean: str) -> bool:
    """Say whether a text can be written as it is: ASCII, no word too long for a line, nothing like an encoded word."""
    return clean.isascii() and "=?" not in clean and all(len(word) < _LINE_LIMIT // 2 for word in clean.split(" "))


def _encoded(clean: str) -> list[str]:
    return [f"=?utf-8?b?{base64.b64encode(piece.encode()).decode()}?=" for piece in _pieces(clean, _WORD_OCTETS)]


def _pieces(text: str, octets: int) -> list[str]:
    """Cut text so that no piece is longer in UTF-8 and no character is cut."""
    pieces = [""]
    size = 0
    for char in text:
        width = len(char.encode())
        if size + width > octets:
            pieces.append("")
            size = 0
        pieces[-1] += char
        size += width
    return pieces


def _folded(start: str, words: list[str]) -> bytes:
    lines = [start]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > 77 and lines[-1] != start and word:  # noqa: PLR2004 - RFC 5322 2.1.1
            lines.append("")
        lines[-1] += f" {word}"
    return ("\r\n".join(lines) + "\r\n").encode("ascii")
