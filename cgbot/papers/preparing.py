"""
A mail with a paper, made ready outside any transaction (pure rules beside the compressor).

The files of a paper are the attachments that have a name; a mail without one is a paper by its text. What an office
file says of itself (papers.docx_header) is read in a child process; nothing that a file holds can raise here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cgbot.mail.message import Attachment, Message
from cgbot.papers.docx_header import Header, read_header
from cgbot.papers.records import File
from cgbot.store import raw
from cgbot.store.raw import Prepared

MOST_FILES: Final = 20
TEXT_NAME: Final = "text.txt"  # of a paper that is the text of a mail
_LONGEST_NAME: Final = 150
_OFFICE: Final = (".docx", ".docm")
_MOST_READ: Final = 2  # office files whose header is looked for: each may take its time
_SIGNATURES: Final = frozenset(
    {"application/pgp-keys", "application/pgp-signature", "application/pkcs7-signature",
     "application/x-pkcs7-signature", "application/ms-tnef"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of a paper with their bytes ready to be stored, and the header table of the first office file."""

    files: tuple[tuple[File, Prepared], ...]
    header: Header | None = None


def prepare(message: Message) -> Bundle:
    """Make the files of a mail ready; its text where it has none."""
    named = [(one.filename, one.content_type, one.content) for one in attached(message)[: MOST_FILES + 1]]
    if not named and message.text.strip():
        named = [(TEXT_NAME, "text/plain", message.text.encode("utf-8", "replace"))]
    office = [content for name, _, content in named if name.lower().endswith(_OFFICE)]
    header = next(filter(None, map(read_header, office[:_MOST_READ])), None)
    return Bundle(tuple(_file(*one) for one in _unique(named)), header)


def attached(message: Message) -> tuple[Attachment, ...]:
    """The files that somebody has attached: no picture of the text, and no signature of a mail program."""
    return tuple(one for one in message.attachments if _is_a_file(one) and not _is_shown(one, message.html))


def _is_a_file(one: Attachment) -> bool:
    return bool(one.filename) and one.content_type not in _SIGNATURES


def _is_shown(one: Attachment, html: str) -> bool:
    """Say whether the text shows it; programs name files that it does not show by a Content-ID too."""
    return bool(one.content_id) and f"cid:{one.content_id}" in html


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
