"""
Edge: the process that reads the header table of a Word file, apart from `serve`.

Reads the file on standard input and writes {"title": …, "source": …} on standard output. It looks at the beginning of
the document's own part alone, whatever the archive unpacks to, follows no reference out of it, and takes no more than
so much memory and time. Rows are found by their labels: Question(s), Source, Title, Abstract (ITU-T templates; tables
before the text, and lines "Source: …" of older ones), also where they stand in content controls or tracked changes.
"""

from __future__ import annotations

import io
import json
import re
import resource
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Final
from xml.etree.ElementTree import Element, TreeBuilder, XMLParser

MEMORY: Final = 768 * 1024 * 1024
CPU_SECONDS: Final = 3
LOOKED_AT: Final = 2 * 1024 * 1024  # octets of the document's part: the header stands at its beginning
MOST_ENTRIES: Final = 3000
LONGEST: Final = 4000  # characters of a value
_PART: Final = "word/document.xml"
_WORD: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_STRICT: Final = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_MOST_TABLES: Final = 4
_MOST_ROWS: Final = 60
_MOST_CELLS: Final = 10
_MOST_LINES: Final = 40
_MOST_ELEMENTS: Final = 2000  # of a cell
_READ: Final = 10_000  # elements of the document: each row is looked through as a whole, also a row of a row
_LABELS: Final = {
    "title": "title", "source": "source", "sources": "source", "submitted by": "source",
    "question": "questions", "questions": "questions", "question(s)": "questions",
    "abstract": "abstract", "summary": "abstract",
}  # fmt: skip
_LINE: Final = re.compile(r"(title|sources?|question(?:s|\(s\))?|abstract|summary)\s*:\s*(\S.*)", re.IGNORECASE)


def main() -> None:
    """Read the file that standard input holds."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    sys.stdout.write(json.dumps(read(sys.stdin.buffer.read())))


def read(content: bytes) -> dict[str, str]:
    """What the header says, by title, source, questions, abstract; ValueError for what is no Word file."""
    body = _parse(_beginning(content))
    found: dict[str, str] = {}
    for label, value in (*_rows(body), *_lines(body)):
        name = _LABELS.get(re.sub(r"\s*(?:\(always.*)?:?\s*$", "", label.lower()))
        if name and value:
            found.setdefault(name, value[:LONGEST])
    return found


def _beginning(content: bytes) -> bytes:
    """As much of the main part as is looked at, whatever the archive says of its sizes."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if len(archive.namelist()) > MOST_ENTRIES:
            raise ValueError("the archive has too many entries")
        with archive.open(_PART) as part:
            return part.read(LOOKED_AT)


def _parse(document: bytes) -> Element:
    """The tree as far as it goes: what was cut off has no end tags."""
    builder = _Builder()
    parser = XMLParser(target=builder)  # noqa: S314 - no doctype is let in, and the process has its limits
    with suppress(_Enough):
        parser.feed(document)
    return builder.close()


class _Enough(Exception):
    """As much of a document was read as is looked at."""


class _Builder(TreeBuilder):
    """The beginning of a tree, without a document type, and so without entities of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._read = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        """Take an element, as long as there are not too many."""
        self._read += 1
        if self._read > _READ:
            raise _Enough
        return super().start(tag, attrs)

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Refuse: a Word file has none."""
        raise ValueError(f"a document type has no place in a Word file: {name}, {pubid}, {system}")


def _rows(body: Element) -> Iterator[tuple[str, str]]:
    """The first cell that says something, and the next one, of each row of the first tables."""
    for table in islice(_every(body, "tbl"), _MOST_TABLES):
        for row in islice(_every(table, "tr"), _MOST_ROWS):
            cells = [text for cell in islice(_every(row, "tc"), _MOST_CELLS) if (text := _text(cell))]
            if len(cells) > 1:
                yield cells[0], cells[1]


def _lines(body: Element) -> Iterator[tuple[str, str]]:
    """Lines such as "Source: …" at the beginning, as templates without a table have them."""
    for paragraph in islice(_every(body, "p"), _MOST_LINES):
        if match := _LINE.fullmatch(_text(paragraph)):
            yield match[1], match[2]


def _every(element: Element, name: str) -> Iterator[Element]:
    wanted = (f"{{{_WORD}}}{name}", f"{{{_STRICT}}}{name}")
    return (one for one in element.iter() if one.tag in wanted)


def _text(element: Element) -> str:
    """The words of an element, breaks and paragraphs as blanks; what was deleted with changes tracked is not said."""
    words: list[str] = []
    for one in islice(element.iter(), _MOST_ELEMENTS):
        name = one.tag.rpartition("}")[2]
        if name == "t":
            words.append(one.text or "")
        elif name in {"tab", "br", "cr", "p"}:
            words.append(" ")
        elif name == "noBreakHyphen":
            words.append("-")
    return " ".join("".join(words).split())
