"""
Edge: the process that reads the header table of a Word file (python-docx), apart from `serve`.

Reads the file on standard input and writes {"title": …, "source": …} on standard output. It takes no more than so much
memory and time, and refuses an archive that says it would unpack to more than that.
"""

from __future__ import annotations

import io
import json
import re
import resource
import sys
import zipfile
from collections.abc import Iterator
from typing import Any, Final

MEMORY: Final = 768 * 1024 * 1024
CPU_SECONDS: Final = 8
UNPACKED: Final = 150 * 1024 * 1024
MOST_ENTRIES: Final = 3000
_MOST_TABLES: Final = 3
_MOST_ROWS: Final = 40
_LABELS: Final = {
    "title": "title", "source": "source", "question": "questions", "questions": "questions",
    "question(s)": "questions", "abstract": "abstract", "summary": "abstract",
}  # fmt: skip


def main() -> None:
    """Read the file that standard input holds."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    sys.stdout.write(json.dumps(read(sys.stdin.buffer.read())))


def read(content: bytes) -> dict[str, str]:
    """What the rows of the first tables say; ValueError for an archive that is too large."""
    from docx import Document  # noqa: PLC0415 - under the limits, and never in the parent

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        if len(entries) > MOST_ENTRIES or sum(one.file_size for one in entries) > UNPACKED:
            raise ValueError("the archive is too large")
    found: dict[str, str] = {}
    for name, value in _rows(Document(io.BytesIO(content))):
        found.setdefault(name, value)
    return found


def _rows(document: Any) -> Iterator[tuple[str, str]]:
    for table in document.tables[:_MOST_TABLES]:
        for row in table.rows[:_MOST_ROWS]:
            cells: list[str] = []
            for cell in row.cells:  # a merged cell is there several times
                text = re.sub(r"\s+", " ", cell.text.replace("\u00a0", " ")).strip()
                if not cells or cells[-1] != text:
                    cells.append(text)
            yield from _labelled([one for one in cells if one])


def _labelled(cells: list[str]) -> Iterator[tuple[str, str]]:
    if len(cells) < len(("label", "value")):
        return
    label = _LABELS.get(cells[0].rstrip(":").strip().lower())
    if label:
        yield label, cells[1]
