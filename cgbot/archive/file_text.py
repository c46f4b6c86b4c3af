"""
The text of an attached file, read in a process of its own (pure rules around a child).

A file from outside is hostile until read: `file_text_child` opens it under limits of memory and time, and whatever goes
wrong there means only that the file is not found by what it says. Read are text, HTML, PDF, and office files: OOXML
(ECMA-376) and OpenDocument (ISO/IEC 26300).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final, Literal

import cgbot
from cgbot.mail.message import Attachment

SECONDS: Final = 20.0
LARGEST: Final = 40 * 1024 * 1024  # octets of a file
LONGEST: Final = 400_000  # characters of the text of a file
MOST: Final = 10  # files of a message

Format = Literal["pdf", "office", "html", "text"]
_TEXTS: Final = frozenset({"application/json", "application/xml", "application/yaml", "message/rfc822"})
_NAMES: Final = frozenset(
    {"asn", "asn1", "csv", "json", "log", "md", "rst", "tex", "tsv", "txt", "xml", "yaml", "yang"}
)
_OFFICE: Final = frozenset({"docx", "docm", "dotx", "odp", "ods", "odt", "ott", "pptx", "pptm", "xlsx", "xlsm"})
_OFFICE_TYPES: Final = ("application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument.")


def format_of(part: Attachment) -> Format | None:
    """What kind of file this is, as far as its text can be read: by its type and its name, then by how it begins."""
    ending = part.filename.rpartition(".")[2].lower()
    if not 0 < len(part.content) <= LARGEST:
        return None
    if part.content[:1024].lstrip().startswith(b"%PDF-"):
        return "pdf"
    if part.content.startswith(b"PK\3\4"):
        return "office" if ending in _OFFICE or part.content_type.startswith(_OFFICE_TYPES) else None
    if part.content_type == "text/html" or ending in {"html", "htm"}:
        return "html"
    is_text = part.content_type.startswith("text/") or part.content_type in _TEXTS or ending in _NAMES
    return "text" if is_text and b"\0" not in part.content[:4096] else None


def read(part: Attachment) -> str:
    """The text of the file; "" for one that says nothing or cannot be read. Takes SECONDS at most."""
    kind = format_of(part)
    if kind is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - our own module, no shell
            [sys.executable, "-I", "-c", _START, str(Path(cgbot.__file__).parent.parent), kind],
            input=part.content,
            capture_output=True,
            timeout=SECONDS,
            check=True,
            env={"PATH": os.environ.get("PATH", "")},
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").replace("\0", " ")[:LONGEST].strip()


_START: Final = "import sys; sys.path.insert(0, sys.argv[1]); from cgbot.archive.file_text_child import main; main()"
