"""
A query as somebody types it (pure rules).

Words must all occur; `"phrases"` stand next to each other; `gover*` is the beginning of a word. `from:` and `subject:`
look only there; `after:` and `before:` take a day, a month, a year or a time (UTC), which `after:` includes, `before:`
not; `has:attachment` and `filename:` speak of files; `id:` is a Message-ID. A word with a colon that is none of
these is a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cgbot.store import words
from cgbot.store.words import Term

_LONGEST: Final = 1000  # characters
_MOST_TERMS: Final = 32
_MOST_FILES: Final = 4
_LONGEST_NAME: Final = 100
_PIECE: Final = re.compile(r'(?:(from|subject|after|before|has|filename|id):)?(?:"([^"]*)"?|([^\s"]+))', re.IGNORECASE)
_DAY: Final = re.compile(
    r"((?:19|20|21)[0-9]{2})(?:-([0-9]{1,2})(?:-([0-9]{1,2})(?:T([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?Z?)?)?)?"
)
_PARTS: Final = {"from": "author", "subject": "subject"}
_FILES: Final = frozenset({"attachment", "attachments", "file", "files"})


@dataclass(frozen=True, slots=True)
class Query:
    """
    What is looked for; `after` is included and `before` is not, both aware, UTC.

    `filenames` are folded pieces of a file's name. `problems` says what was not understood, for whoever typed it.
    """

    terms: tuple[Term, ...] = ()
    after: datetime | None = None
    before: datetime | None = None
    has_files: bool = False
    filenames: tuple[str, ...] = ()
    message_id: str = ""
    problems: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Say whether nothing is looked for."""
        return not (self.terms or self.after or self.before or self.has_files or self.filenames or self.message_id)


def parse(typed: str) -> Query:
    """Read a query; never raises."""
    found = _Found()
    for name, phrase, word in _PIECE.findall(typed[:_LONGEST]):
        found.take(name.lower(), phrase, word)
    return Query(
        tuple(found.terms[:_MOST_TERMS]), found.after, found.before, found.has_files,
        tuple(found.filenames[:_MOST_FILES]), found.message_id, tuple(found.problems),
    )  # fmt: skip


class _Found:
    """What has been read so far; of two days the later `after` and the earlier `before` count."""

    def __init__(self) -> None:
        self.terms: list[Term] = []
        self.after: datetime | None = None
        self.before: datetime | None = None
        self.has_files = False
        self.filenames: list[str] = []
        self.message_id = ""
        self.problems: list[str] = []

    def take(self, name: str, phrase: str, word: str) -> None:
        given = phrase or word
        if name in {"after", "before"}:
            self._day(name, given)
        elif name == "has":
            self._has(given)
        elif name == "id":
            self.message_id = given.replace("\0", "").strip("<>")
        elif name == "filename":
            self.filenames += filter(None, [file_name(given)])
        else:
            term = words.term(given, may_be_beginning=not phrase, part=_PARTS.get(name, ""))
            self.terms += [term] if term.words else []

    def _day(self, name: str, given: str) -> None:
        day = _read_day(given)
        if day is None:
            self.problems.append(f"{name}:{given} is no date; write {name}:2027-05-03, {name}:2027-05 or {name}:2027")
        elif name == "after":
            self.after = max(filter(None, (self.after, day)))
        else:
            self.before = min(filter(None, (self.before, day)))

    def _has(self, given: str) -> None:
        if given.lower() in _FILES:
            self.has_files = True
        else:
            self.problems.append(f"has:{given} is not known; write has:attachment")


def _read_day(given: str) -> datetime | None:
    match = _DAY.fullmatch(given)
    try:
        if match is None:
            return None
        year, month, day, hour, minute, second = match.groups()
        time = (int(hour or 0), int(minute or 0), int(second or 0))
        return datetime(int(year), int(month or 1), int(day or 1), *time, tzinfo=UTC)
    except ValueError:
        return None


def file_name(name: str) -> str:
    """A file's name as names are kept and compared."""
    return " ".join(words.fold(name).split())[:_LONGEST_NAME]
