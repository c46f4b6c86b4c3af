"""
Who was erased, as others have written of them (records, and the rule that hides it).

What others have written stays, and stays provable; but wherever it is shown, the addresses of somebody who was erased
are hidden, and their name before such an address. Kept are keyed marks alone: without our master keys nobody can try
whether a name that they guess is among them. A name that stands by itself is not known to be theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, select

from cgbot.keys import Keys
from cgbot.mail.address import IN_TEXT, fold
from cgbot.store.tables import erased_people
from cgbot.store.upsert import insert_new

HIDDEN: Final = "[erased]"
_PURPOSE: Final = "erased person"
_BEFORE: Final = 120  # characters before an address in which the name may stand
_MOST_WORDS: Final = 5
_ENDS: Final = re.compile(r"(?:[\s\"'(<]|&lt;|&quot;)*$")
_PATH: Final = re.compile(r"[/=?&]")  # in a link an address stands after one of these
_WORD: Final = re.compile(r"[^\s\"'(<>,;:]+")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Whom to hide; nobody by default."""

    keys: Keys = field(default=Keys(()), repr=False)
    marks: frozenset[str] = frozenset()

    def hide(self, text: str) -> str:
        """A text without the addresses of those who were erased, and their names before these."""
        if not self.marks or ("@" not in text and "%40" not in text):
            return text
        pieces: list[str] = []
        at = 0
        for match in IN_TEXT.finditer(text):
            start = match.end() - len(_PATH.split(match[0])[-1])
            if self._knows(text[start : match.end()].replace("%40", "@", 1)):
                pieces += [self._without_name(text[at:start]), HIDDEN]
                at = match.end()
        return "".join([*pieces, text[at:]])

    def hide_octets(self, content: bytes) -> bytes:
        """The same for a message as it came, as far as its parts are not encoded."""
        if not self.marks:
            return content
        text = content.decode("utf-8", "surrogateescape")
        found = self.hide(text)
        return content if found == text else found.encode("utf-8", "surrogateescape")

    def _knows(self, said: str) -> bool:
        return any(one in self.marks for one in self.keys.marks(_PURPOSE, fold(said)))

    def _without_name(self, before: str) -> str:
        """What stands before an address, without the name at its end."""
        start = max(0, len(before) - _BEFORE)
        end = len(before) - len((_ENDS.search(before, start) or [""])[0])
        words = list(_WORD.finditer(before, start, end))[-_MOST_WORDS:]
        for word in words:
            if self._knows(" ".join(before[word.start() : end].split())):
                return before[: word.start()] + HIDDEN + before[end:]
        return before


def remember(tx: Connection, keys: Keys, names: Iterable[str]) -> None:
    """Hide these addresses and names from now on."""
    rows = [{"mark": keys.mark(_PURPOSE, fold(" ".join(one.split())))} for one in names if one.strip()]
    if rows:
        tx.execute(insert_new(tx, erased_people), rows)


def everybody(tx: Connection, keys: Keys) -> Forgotten:
    """All who were erased."""
    return Forgotten(keys, frozenset(tx.execute(select(erased_people.c.mark)).scalars()))
