"""
Which attachments of a message a group wants to look at first (pure rules).

A file is known by the last part of its name, by its content type, or, where programs are listed, by its first bytes:
a Windows program begins with "MZ" and points to its signature "PE" (PE format, section 3), whatever it is called.
Archives are not unpacked.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from cgbot.mail.message import Attachment, Message

_DOS: Final = b"MZ"
_SIGNATURE: Final = b"PE\0\0"
_POINTER: Final = slice(0x3C, 0x40)
_LONGEST: Final = 80


def held_files(message: Message, listed: Collection[str]) -> tuple[str, ...]:
    """The names of the attachments that are listed, by extension or content type; a nameless one by its type."""
    kinds = frozenset(listed)
    if not kinds:
        return ()
    return tuple((one.filename or one.content_type)[:_LONGEST] for one in message.attachments if _is_listed(one, kinds))


def _is_listed(one: Attachment, kinds: frozenset[str]) -> bool:
    _, dot, extension = one.filename.lower().rpartition(".")
    if one.content_type in kinds or (dot and extension.strip() in kinds):
        return True
    return "exe" in kinds and _is_program(one.content)


def _is_program(content: bytes) -> bool:
    if not content.startswith(_DOS):
        return False
    start = int.from_bytes(content[_POINTER], "little")
    return content[start : start + len(_SIGNATURE)] == _SIGNATURE
