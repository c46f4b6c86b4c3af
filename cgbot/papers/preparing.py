"""
A mail with a paper, made ready outside any transaction (pure rules beside the compressor).

The files of a paper are the attachments that have a name; a mail without one is a paper by its text. What an office
file says of itself (papers.docx_header) is read in a child process; nothing that a file holds can raise here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cgbot.mail.message import Message
from cgbot.papers.docx_header import Header, read_header
from cgbot.papers.records import File
from cgbot.store import raw
from cgbot.store.raw import Prepared

MOST_FILES: Final = 20
_LONGEST_NAME: Final = 150


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of a paper with their bytes ready to be stored, and the header table of the first office file."""

    files: tuple[tuple[File, Prepared], ...]
    header: Header | None = None


def prepare(message: Message) -> Bundle:
    """Make the files of a mail ready; its text where it has none."""
    attachments = [one for one in message.attachments if one.filename and not one.content_id]
    attachments = attachments or [one for one in message.attachments if one.filename]
    named = [(one.filename, one.content_type, one.content) for one in attachments[: MOST_FILES + 1]]
    if not named and message.text.strip():
        named = [("text.txt", "text/plain", message.text.encode())]
    header = next((found for name, _, content in named if (found := _header(name, content))), None)
    return Bundle(tuple(_file(*one) for one in _unique(named)), header)


def _header(name: str, content: bytes) -> Header | None:
    return read_header(content) if name.lower().endswith((".docx", ".docm")) else None


def _file(name: str, content_type: str, content: bytes) -> tuple[File, Prepared]:
    prepared = raw.prepare(content)
    return File(name, content_type, len(content), prepared.sha256), prepared


def _unique(named: list[tuple[str, str, bytes]]) -> list[tuple[str, str, bytes]]:
    """Two files of one name get a number each."""
    seen: dict[str, int] = {}
    result = []
    for full, content_type, content in named:
        name = full[-_LONGEST_NAME:]
        seen[name] = seen.get(name, 0) + 1
        stem, dot, end = name.rpartition(".")
        again = f"{stem or end}-{seen[name]}{dot}{end if stem else ''}"
        result.append((again if seen[name] > 1 else name, content_type, content))
    return result
