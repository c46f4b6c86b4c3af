"""
Edge: the process that reads the text of an attached file, apart from `serve`.

Reads the file on standard input, whose format is the last argument, and writes its text on standard output as UTF-8. It
takes no more than so much memory and time, follows no reference out of the file, makes no file, and looks at a bounded
part of what an archive unpacks to.
"""

from __future__ import annotations

import io
import os
import re
import resource
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from xml.parsers import expat

from cgbot.mail import charsets, html

MEMORY: Final = 640 * 1024 * 1024  # with `serve` beside it less than what deploy/cgbot.service allows
CPU_SECONDS: Final = 15
LONGEST: Final = 400_000  # characters
_PAGES: Final = 500  # of a PDF
_ENTRIES: Final = 5000  # of an archive
_UNPACKED: Final = 64 * 1024 * 1024  # octets that are read of an archive, in all
_PIECE: Final = 64 * 1024
# Where the text stands: Word, PowerPoint, Excel (its strings first), OpenDocument.
_PARTS: Final = re.compile(
    r"word/(?:document|footnotes|endnotes|comments|header\d*|footer\d*)\.xml|ppt/(?:slides|notesSlides)/[^/]+\.xml"
    r"|xl/sharedStrings\.xml|xl/worksheets/[^/]+\.xml|content\.xml",
)
_BREAKS: Final = frozenset(
    {"p", "h", "br", "cr", "tab", "tr", "row", "si", "is", "table-row", "table-cell", "tc", "line-break"}
)
_ODF: Final = "content.xml"


def main() -> None:
    """Read the file that standard input holds."""
    os.nice(19)  # mail comes first
    with suppress(OSError):  # where memory is short all the same, this process goes, and not `serve`
        Path("/proc/self/oom_score_adj").write_text("1000", "ascii")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    found = "".join(bounded(READERS[sys.argv[2]](sys.stdin.buffer.read())))
    sys.stdout.buffer.write(found.encode("utf-8", "replace"))


def bounded(pieces: Iterator[str]) -> Iterator[str]:
    """As many pieces of a text as are wanted of it."""
    left = LONGEST
    for piece in pieces:
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def pdf(content: bytes) -> Iterator[str]:
    """The text of a PDF, page by page."""
    import pypdfium2  # noqa: PLC0415 - the other formats need not load it

    document = pypdfium2.PdfDocument(content)
    for number in range(min(len(document), _PAGES)):
        page = document[number]
        text = page.get_textpage()
        yield text.get_text_bounded() + "\n"
        text.close()
        page.close()


def office(content: bytes) -> Iterator[str]:
    """The text of an office file, a line a paragraph; ValueError for what is none."""
    left = _UNPACKED
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        if len(names) > _ENTRIES:
            raise ValueError("the archive has too many entries")
        for name in sorted((one for one in names if _PARTS.fullmatch(one)), key=_in_order):
            with archive.open(name) as part:
                found, read = _words(part.read, left, whole=name == _ODF)
            left -= read
            yield from found
            yield "\n"
            if left <= 0:
                return


def _in_order(name: str) -> tuple[bool, str, int]:
    """The main part of a Word file first, slides by their numbers."""
    number = re.search(r"\d+", name)
    return (
        not name.endswith(("document.xml", "sharedStrings.xml")),
        re.sub(r"\d+", "", name),
        int(number[0]) if number else 0,
    )


def _words(read: Callable[[int], bytes], most: int, *, whole: bool) -> tuple[list[str], int]:
    """The character data of a part, and how many octets were read; of OOXML only what stands in its text elements."""
    reader = _Reader(whole=whole)
    octets = 0
    while octets < most and reader.length < LONGEST and (piece := read(_PIECE)):
        octets += len(piece)
        reader.feed(piece)
    return reader.found, octets


class _Reader:
    """Collects text from a document that comes in pieces; a document type, and so entities, it does not take."""

    def __init__(self, *, whole: bool) -> None:
        self.found: list[str] = []
        self.length = 0
        self._inside = 1 if whole else 0
        self._whole = whole
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = _refuse
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def feed(self, piece: bytes) -> None:
        """Take the next piece."""
        self._parser.Parse(piece, False)

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        self._inside += not self._whole and name.rpartition(":")[2] == "t"

    def _end(self, name: str) -> None:
        local = name.rpartition(":")[2]
        self._inside -= not self._whole and local == "t"
        if local in _BREAKS:
            self.found.append("\n")

    def _text(self, data: str) -> None:
        if self._inside:
            self.found.append(data)
            self.length += len(data)


def _refuse(*_given: object) -> None:
    raise ValueError("a document type has no place in an office file")


def _html(content: bytes) -> Iterator[str]:
    yield html.to_text(_text(content))


def _plain(content: bytes) -> Iterator[str]:
    yield _text(content)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return charsets.guess(content)


READERS: Final[dict[str, Callable[[bytes], Iterator[str]]]] = {
    "pdf": pdf, "office": office, "html": _html, "text": _plain,
}  # fmt: skip
