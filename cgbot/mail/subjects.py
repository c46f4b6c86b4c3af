"""
What a subject is about, without what replies and forwards put around it (RFC 5256 section 2.1, base subject).

Beside the `Re:`, `Fw:` and `Fwd:` of the RFC, the words that mail programs of other languages write count too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_WORDS: Final = (
    *("re", "fwd", "fw"),
    *("aw", "antw", "antwort", "wg"),  # German, Dutch
    *("sv", "vs", "vb", "vl"),  # Scandinavian, Finnish
    *("res", "enc", "rv", "rif", "tr"),  # Portuguese, Spanish, Italian, French
    *("odp", "ynt", "отв", "απ"),  # Polish, Turkish, Russian, Greek
    *("回复", "回覆", "答复", "答覆", "转发", "轉寄", "返信", "회신"),
)
_BLOB: Final = r"\[[^\[\]]*\]\s*"
_REPLY: Final = re.compile(rf"(?:{_BLOB})*(?:{'|'.join(_WORDS)})\s*(?:{_BLOB})?[:：]\s*", re.IGNORECASE)
_TAG: Final = re.compile(rf"{_BLOB}(?=\S)")
_TRAILER: Final = re.compile(r"\s*\(fwd\)$", re.IGNORECASE)
_FORWARD: Final = re.compile(r"\[fwd:(.*)\]", re.IGNORECASE)
_LONGEST: Final = 500  # characters that count


@dataclass(frozen=True, slots=True)
class Base:
    """What remains of a subject, in lower case; `is_reply` where something of a reply or a forward was around it."""

    text: str
    is_reply: bool


def base(subject: str) -> Base:
    """The base of a decoded subject, compared without case (RFC 5051)."""
    text, is_reply = " ".join(subject[:_LONGEST].split()), False
    while True:
        text, found = _bare(text)
        is_reply |= found
        forward = _FORWARD.fullmatch(text)
        if forward is None:
            return Base(text.casefold(), is_reply)
        text, is_reply = forward[1].strip(), True


def _bare(text: str) -> tuple[str, bool]:
    """Steps 2 to 5: without trailers, leaders and tags; whether any of them said reply or forward."""
    found = False
    while trailer := _TRAILER.search(text):
        text, found = text[: trailer.start()], True
    while True:
        if reply := _REPLY.match(text):
            text, found = text[reply.end() :], True
        elif tag := _TAG.match(text):
            text = text[tag.end() :]
        else:
            return text, found
