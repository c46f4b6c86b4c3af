"""
What posts say, as the pages show it: read once and kept for a while (edge).

To make text of a mail's HTML takes a thousand times as long as to fetch it, and everybody may ask for a page again and
again. What a message says never changes, so it is kept by its hash, up to so many characters in all.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup

from cgbot.archive.forgotten import Forgotten
from cgbot.mail import message as messages
from cgbot.mail import withheld
from cgbot.store import raw
from cgbot.store.db import Database
from cgbot.web import text as texts
from cgbot.web.files import File

_KEPT: Final = 24_000_000  # characters
_ONE: Final = 200  # characters that a reading counts for at least
_TIMES: Final = 3  # the text itself, and twice as it is shown


@dataclass(frozen=True, slots=True)
class Reading:
    """
    The text of a message and what is attached to it, and whether it has HTML too; no address is masked.

    Tokens of one reader, and who was erased, are left out.
    """

    text: str
    files: tuple[File, ...]
    has_html: bool = False
    _shown: dict[bool, Markup] = field(default_factory=dict, compare=False, repr=False)

    def as_html(self, *, mask: bool) -> Markup:
        """The text as it stands on a page, with its addresses masked or not; made once."""
        found = self._shown.get(mask)
        if found is None:
            found = self._shown[mask] = texts.as_html(self.text, mask=mask)
        return found


class Readings:
    """The readings of the last messages that were looked at; safe to be used by several threads."""

    def __init__(self, kept: int = _KEPT) -> None:
        """Keep up to so many characters of text."""
        self._left = kept
        self._kept: OrderedDict[tuple[bytes, int, int], Reading] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, db: Database, forgotten: Forgotten, sha256: bytes, octets: int = 0) -> Reading:
        """Read a message, or its first octets alone; raises what the store raises for one that is damaged."""
        key = (sha256, octets, len(forgotten.marks))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        content = db.read_now(raw.get, sha256)
        message = messages.parse(content[:octets] if octets else content)
        text = forgotten.hide(withheld.from_text(message.text, content))
        files = tuple(File(part.filename, part.content_type, part.size) for part in message.attachments)
        return self._keep(key, Reading(text, files, bool(message.html.strip())))

    def _keep(self, key: tuple[bytes, int, int], reading: Reading) -> Reading:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = reading
                self._left -= _weight(reading)
            while self._left < 0:
                self._left += _weight(self._kept.popitem(last=False)[1])
        return reading


def _weight(reading: Reading) -> int:
    return _ONE + _TIMES * len(reading.text) + _ONE * len(reading.files)
