"""
Liaison statements, recognised by their titles (pure rules): Rec. ITU-T A.1 clause 1.5, as study groups write them.

`LS/i` comes in, `LS/o` goes out, `/r` marks a reply: "LS/o/r updates of …", "LS/i on … [from ITU-T Study Group 11]",
"(reply to SG2-LS63)". A list's tag and the marks of answers and forwards before the title do not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Direction = Literal["in", "out"]
_MARKS: Final = re.compile(r"\s*(?:(?:re|fw|fwd|aw|wg|sv|tr|rv)\s*(?:\[\d+\])?:|\[[^\]\n]{1,60}\])\s*", re.IGNORECASE)
_TITLE: Final = re.compile(r"LS\s?/\s?([io])(\s?/\s?r)?\b[\s:,–-]*(.*)", re.IGNORECASE | re.DOTALL)
_REPLY_TO: Final = re.compile(r"\(\s*reply to ([^()]{1,80}?)\s*\)", re.IGNORECASE)
_TOWARDS: Final = re.compile(r"\[\s*(?:to|from)\s+([^\]]{1,200}?)\s*\]", re.IGNORECASE)
_LONGEST: Final = 1000


@dataclass(frozen=True, slots=True)
class Liaison:
    """
    A liaison statement as its title tells it.

    `title` begins with LS/ and has no marks of answers before it; `reply_to` is the number of the statement that it
    answers ("SG2-LS63"), `bodies` who stands in square brackets, to or from whom; both "" where the title is silent.
    """

    direction: Direction
    is_reply: bool
    title: str
    reply_to: str = ""
    bodies: str = ""


def recognise(subject: str) -> Liaison | None:
    """Read a title or a subject; None when it is no liaison statement's."""
    text = " ".join(subject[:_LONGEST].split())
    while (mark := _MARKS.match(text)) and mark.end():
        text = text[mark.end() :]
    found = _TITLE.fullmatch(text)
    if found is None:
        return None
    reply_to, bodies = _REPLY_TO.search(text), _TOWARDS.search(text)
    return Liaison(
        direction="in" if found[1].lower() == "i" else "out",
        is_reply=bool(found[2]) or reply_to is not None,
        title=text,
        reply_to=reply_to[1] if reply_to else "",
        bodies=bodies[1] if bodies else "",
    )
