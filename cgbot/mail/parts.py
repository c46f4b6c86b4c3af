"""
The parts of a message (pure rules): RFC 2045, 2046, 2183, 2231, whatever came in.

fast-mail-parser reads; where it gives up, the standard library's lenient parser does. Both are kept from what would
cost them much time or memory: `read` never raises and is bounded in the number of parts, their depth and the work.
An attached message is one part; nothing inside it is a part of the message that carries it.
"""

from __future__ import annotations

import email.message
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import compat32
from typing import Final

import fast_mail_parser
from fast_mail_parser import PyLazyMimePart

from cgbot.mail import charsets, headers

_BOUNDARY_LINES: Final = 5000
_BOUNDARIES: Final = 200
_BOUNDARIES_OF_LENIENT: Final = 60
_MESSAGES: Final = 100
_WORK: Final = 4_000_000_000  # encoded words times octets: the parser's time for headers grows with the product
_CONTAINER: Final = re.compile(rb"^content-type[ \t]*:\s*(multipart|message)/", re.IGNORECASE | re.MULTILINE)
_BOUNDARY: Final = re.compile(rb"\bboundary\*?0?\*?[ \t\r\n]*=[ \t\r\n]*(\"[^\"\r\n]*\"?|[^\s;]*)")
_MESSAGE: Final = re.compile(rb"^content-type[ \t]*:\s*message/(rfc822|global)\b", re.MULTILINE)
_TRANSFER: Final = re.compile(rb"^content-transfer-encoding[ \t]*:\s*(base64|quoted)", re.MULTILINE)
_BLANK: Final = re.compile(rb"\r?\n\r?\n")
_CHARSET: Final = re.compile(r"\bcharset\*?\s*=\s*(?:[\w-]*'[\w-]*')?\"?\s*([^\s\";,()]+)", re.IGNORECASE)
_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,80}/[a-z0-9!#$&^_.+-]{1,80}")
_UNREADABLE: Final = (fast_mail_parser.ParseError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class Caps:
    """How much of a message is looked at: octets of the header block, parts, levels of parts."""

    header_size: int = headers.HEADER_LIMIT
    parts: int = 1000
    depth: int = 20


USUAL: Final = Caps()


@dataclass(frozen=True, slots=True)
class Part:
    """
    A part that holds content, transfer encoding undone.

    `content_type` is in lower case, `filename` cleaned and without a folder, `disposition` as "attachment" or "".
    `alternative` numbers the multipart/alternative that it is in, 0 for none.
    """

    content_type: str
    charset: str
    filename: str
    content_id: str
    disposition: str
    alternative: int
    content: bytes

    def text(self) -> str:
        """The content as text, by its declared charset or a guess."""
        declared = charsets.decode(self.content, self.charset) if self.charset else None
        return charsets.guess(self.content) if declared is None else declared

    def utf8(self) -> bytes:
        """The content as UTF-8; as it is where it is that already."""
        label = self.charset.lower()
        if label in {"", "utf-8", "utf8", "us-ascii"}:
            try:
                self.content.decode("utf-8")
            except UnicodeDecodeError:
                pass
            else:
                return self.content
        return self.text().encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts in order, and what was wrong."""

    parts: tuple[Part, ...] = ()
    defects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Cost:
    """What in a message costs a parser more than its size."""

    boundaries: int = 0
    boundary_lines: int = 0
    words: int = 0
    hides_parts: bool = False


def read(raw: bytes, caps: Caps = USUAL) -> Parts:
    """Read the parts of a message; never raises."""
    cost = _cost(raw, headers.split(raw)[0])
    if cost.boundaries > _BOUNDARIES or cost.boundary_lines > _BOUNDARY_LINES:
        return Parts(defects=("too many parts: only the fields were read",))
    problem = "parts hidden in an encoded message, or too many encoded words"
    if not cost.hides_parts and cost.words * len(raw) <= _WORK:
        try:
            return _fast(raw, caps)
        except _UNREADABLE as error:
            problem = headers.clean_text(str(error), 200)
    if cost.boundaries > _BOUNDARIES_OF_LENIENT:
        return Parts(defects=(problem,))
    try:
        return _lenient(raw, caps)
    except Exception as error:  # noqa: BLE001 - hostile input: RecursionError, and whatever an old parser does not expect
        return Parts(defects=(problem, headers.clean_text(repr(error), 200)))


def safe_name(filename: str) -> str:
    """A file's name without folders and control characters, at most 150 characters."""
    return headers.clean_text(filename.replace("\\", "/").rpartition("/")[2], 150).strip(". ")


def _cost(raw: bytes, block: bytes) -> _Cost:
    """Estimate in one pass or two; a message of one part has no cost beyond its size."""
    words = raw.count(b"=?")
    if not _CONTAINER.search(block):
        return _Cost(words=words)
    lowered = raw.lower()
    if lowered.count(b"boundary") > _BOUNDARIES or raw.count(b"\n--") > _BOUNDARY_LINES or b"message/" in lowered:
        found = _BOUNDARY.findall(lowered)
        return _Cost(len(found), _boundary_lines(lowered, set(found)), words, _hides_parts(lowered))
    return _Cost(lowered.count(b"boundary"), 0, words)


def _boundary_lines(lowered: bytes, found: set[bytes]) -> int:
    if len(found) > _BOUNDARIES or any(b"\\" in one for one in found):
        return lowered.count(b"\n--")
    return sum(lowered.count(b"\n--" + one.strip(b'"')) for one in found)


def _hides_parts(lowered: bytes) -> bool:
    """Say whether an attached message is itself encoded (RFC 2046 section 5.2.1 forbids it): nobody counted within."""
    for number, match in enumerate(_MESSAGE.finditer(lowered)):
        start = max(0, match.start() - headers.HEADER_LIMIT)
        before = max(
            lowered.rfind(b"\n\n", start, match.start()), lowered.rfind(b"\n\r\n", start, match.start()), start
        )
        end = _BLANK.search(lowered, match.end(), match.end() + headers.HEADER_LIMIT)
        after = end.start() if end else match.end() + headers.HEADER_LIMIT
        if number == _MESSAGES or _TRANSFER.search(lowered, before, after):
            return True
    return False


# ---------------------------------------------------------------------------------------------- fast-mail-parser


def _fast(raw: bytes, caps: Caps) -> Parts:
    """Read with fast-mail-parser; raises one of _UNREADABLE where the lenient parser knows better."""
    parts: list[Part] = []
    defects: list[str] = []
    waiting = [(fast_mail_parser.parse_email_tree(raw, mode="lazy"), 0, 0)]
    number = 0
    while waiting:
        node, depth, alternative = waiting.pop()
        if len(parts) == caps.parts or depth > caps.depth:
            defects.append("more parts, or deeper ones, than are read")
            continue
        if not node.content_type.lower().startswith("multipart/"):
            parts.append(_fast_part(node, alternative))
            continue
        if not node.children:
            raise ValueError("a multipart without parts")
        number += 1
        inner = alternative or (number if node.content_type.lower() == "multipart/alternative" else 0)
        waiting += [(child, depth + 1, inner) for child in reversed(node.children)]
    return Parts(tuple(parts), tuple(dict.fromkeys(defects)))


def _fast_part(node: PyLazyMimePart, alternative: int) -> Part:
    declared = next((values[0] for name, values in node.headers.items() if name.lower() == "content-type"), "")
    if "\ufffd" in node.filename or "\ufffd" in declared:
        raise ValueError("octets in a parameter that are no UTF-8")
    content_type = node.content_type.lower()
    return Part(
        content_type=content_type if _TYPE.fullmatch(content_type) else "text/plain",
        charset=_charset(declared),
        filename=safe_name(node.filename or ""),
        content_id=headers.clean_text(node.content_id or "").strip("<>"),
        disposition=(node.disposition or "").strip().lower(),
        alternative=alternative,
        content=node.content or b"",
    )


def _charset(content_type: str) -> str:
    match = _CHARSET.search(content_type)
    return match[1][:40] if match else ""


# ------------------------------------------------------------------------------------------- the standard library


def _lenient(raw: bytes, caps: Caps) -> Parts:
    top = BytesParser(policy=compat32).parsebytes(raw)
    parts = tuple(_lenient_part(part, alternative) for part, alternative in _leaves(top, caps))
    return Parts(parts, tuple(type(defect).__name__ for defect in top.defects))


def _leaves(top: email.message.Message, caps: Caps) -> Iterator[tuple[email.message.Message, int]]:
    """Every part that holds content, without recursion."""
    waiting = [(top, 0, 0)]
    seen = 0
    while waiting and seen < caps.parts:
        part, depth, alternative = waiting.pop()
        seen += 1
        inner = part.get_payload()
        if part.get_content_maintype() != "multipart" or not isinstance(inner, list):
            yield part, alternative
        elif depth < caps.depth:
            number = alternative or (seen if part.get_content_subtype() == "alternative" else 0)
            held = [one for one in inner if isinstance(one, email.message.Message)]
            waiting += [(one, depth + 1, number) for one in reversed(held)]


def _lenient_part(part: email.message.Message, alternative: int) -> Part:
    content_type = part.get_content_type()
    disposition = headers.decode(str(part.get("Content-Disposition", "")).encode("utf-8", "surrogateescape"))
    return Part(
        content_type="text/plain" if content_type.startswith("multipart/") else content_type,
        charset=_charset(headers.clean_text(str(part.get("Content-Type", "")))),
        filename=safe_name(_filename(part)),
        content_id=headers.clean_text(str(part.get("Content-ID", ""))).strip("<>"),
        disposition=disposition.partition(";")[0].strip().lower(),
        alternative=alternative,
        content=_content(part),
    )


def _content(part: email.message.Message) -> bytes:
    inner = part.get_payload()
    if isinstance(inner, list):  # an attached message, or the blocks of a delivery report
        return b"\r\n".join(one.as_bytes() for one in inner if isinstance(one, email.message.Message))
    decoded = part.get_payload(decode=True)
    return decoded if isinstance(decoded, bytes) else b""


def _filename(part: email.message.Message) -> str:
    try:
        return headers.decode((part.get_filename() or "").encode("utf-8", "surrogateescape"))
    except (ValueError, TypeError, LookupError):
        return ""
