"""
Pure rules: the parts of a mail's text, for a reader: what was written, what it answers, and what follows both.

Nothing is left out: the lines of the parts, one after the other, are the lines of the text. What may stand folded is
the rest of the mail below the writer's words: the attribution and what is quoted under it, or an original in full.
Quotations between the writer's own lines stay where they are. Where our own rules find no end, mail-parser-reply is
asked for the attributions of its languages; its expressions cost the square and more of some texts, so that it sees a
bounded piece with short lines and few blanks, and only what it found at the start of one of our lines counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import groupby
from typing import Final

from mailparser_reply import EmailReplyParser
from mailparser_reply.constants import MAIL_LANGUAGES

from cgbot.mail.attribution import DIVIDER, LOOKED_AT, QUOTED, attribution, begins_header, begins_original

_MOST_LINES: Final = 20_000  # lines that are looked at; what follows them belongs to the last part
_LONGEST_SIGNATURE: Final = 8  # lines, blank ones not counted
_GUARDED: Final = 8_192  # characters that mail-parser-reply sees
_GUARDED_LINE: Final = 300
_INITIALS: Final = re.compile(r"\s{0,3}[A-Z]{1,3}>")
_DELIMITER: Final = re.compile(r"\s*(?:([-_*#~=+.])\1+ ?|[—–ᐧ])\s*")
_SIGNS: Final = re.compile(r"-- ?|_{3,}|[—–]|--\s*")
_DEVICE: Final = re.compile(
    r"[\s<(\[]*(?:sent (?:from|via|with|by) |get \[?outlook |envoyé (?:depuis|de) mon |von mein.{1,40} gesendet"
    r"|diese nachricht wurde von mein|verzonden (?:met|vanaf) |inviato da |enviado (?:desde|do|a partir) "
    r"|從我的.{1,30}傳送|发自我的|отправлено с |.{0,20}from (?:my )?(?:mobile|phone|iphone|ipad|android)\b).{0,120}",
    re.IGNORECASE,
)
_FIELD: Final = re.compile(r"\s*\*?[^\W\d][\w -]{0,20}\*?\s?[:：].*")
_BLANK: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "\t": " ", "\r": " ", "\u200b": None, "\ufeff": None})
_LANGUAGES: Final = tuple(one for one in MAIL_LANGUAGES if one != "david")


class Kind(Enum):
    """What a part is to the reader."""

    OWN = "own"
    QUOTED = "quoted"
    SIGNATURE = "signature"
    REST = "rest"  # the attribution and all that stands below it


class _Line(Enum):
    TEXT = "text"
    BLANK = "blank"
    QUOTED = "quoted"
    DELIMITER = "delimiter"
    DEVICE = "device"
    ATTRIBUTION = "attribution"
    ORIGINAL = "original"  # the first line of an original in full


_AFTER: Final = frozenset({_Line.BLANK, _Line.QUOTED, _Line.DELIMITER, _Line.DEVICE, _Line.ATTRIBUTION})
_SPACE: Final = frozenset({_Line.BLANK, _Line.DELIMITER})


@dataclass(frozen=True, slots=True)
class Part:
    """Lines `start` to `stop` (not included) of a text."""

    kind: Kind
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Where the writer's words begin and end, and where the rest begins; between the two may stand a signature."""

    start: int
    end: int
    rest: int


def parts(lines: Sequence[str]) -> tuple[Part, ...]:
    """The parts of a text, in order; together they are all its lines."""
    looked_at = _plain(lines)
    marks = _all_marks(looked_at)
    bounds = _bounds(looked_at, marks)
    found = [*_own(marks, bounds.end)]
    if bounds.rest > bounds.end:
        found.append(Part(Kind.SIGNATURE, bounds.end, bounds.rest))
    if bounds.rest < len(lines):
        found.append(Part(Kind.REST, bounds.rest, len(lines)))
    return tuple(found)


def reply(text: str) -> str:
    """What the writer wrote, with the quotations between their lines, and without the attributions of these."""
    lines = text.splitlines()
    marks = _all_marks(_plain(lines))
    bounds = _bounds(_plain(lines), marks)
    kept = [lines[n] for n in range(bounds.start, bounds.end) if marks[n] is not _Line.ATTRIBUTION]
    return "\n".join(kept).strip("\n").rstrip()


def _plain(lines: Sequence[str]) -> list[str]:
    return [line[:LOOKED_AT].translate(_BLANK) for line in lines[:_MOST_LINES]]


def _own(marks: Sequence[_Line], end: int) -> Iterable[Part]:
    for is_quoted, run in groupby(range(end), key=lambda number: marks[number] is _Line.QUOTED):
        numbers = list(run)
        yield Part(Kind.QUOTED if is_quoted else Kind.OWN, numbers[0], numbers[-1] + 1)


# ----------------------------------------------------------------------------------------------------- each line


def _marks(lines: Sequence[str]) -> list[_Line]:
    """What each line is, seen for itself."""
    found: list[_Line] = []
    while len(found) < len(lines):
        number = len(found)
        taken = attribution(lines, number)
        found.extend([_Line.ATTRIBUTION] * taken if taken else [_mark(lines, number)])
    return found


def _all_marks(lines: Sequence[str]) -> list[_Line]:
    """What each line is, with the library's opinion where ours finds no attribution."""
    marks = _marks(lines)
    if not any(one in {_Line.ORIGINAL, _Line.ATTRIBUTION} for one in marks):
        number = _second_opinion(lines)
        if number is not None and marks[number] is _Line.TEXT:
            marks[number] = _Line.ATTRIBUTION
    return marks


def _mark(lines: Sequence[str], number: int) -> _Line:
    line = lines[number]
    if not line or line.isspace():
        return _Line.BLANK
    if QUOTED.match(line) or _INITIALS.match(line):
        return _Line.QUOTED
    if begins_original(lines, number):
        return _Line.ORIGINAL
    if _DELIMITER.fullmatch(line):
        return _Line.DELIMITER
    return _Line.DEVICE if _DEVICE.fullmatch(line) else _Line.TEXT


# ----------------------------------------------------------------------------------------------------- the bounds


def _bounds(lines: Sequence[str], marks: Sequence[_Line]) -> _Bounds:
    start = _start(lines, marks)
    cut = _cut(marks, start)
    end = _without_end(marks, start, cut)
    if end == start:  # nothing but quotations: these are the message
        return _Bounds(start, len(lines), len(lines))
    signature = _signature(lines, marks, start, cut)
    end = min(end, _without_end(marks, start, signature))
    return _Bounds(start, end, _rest(marks, end, cut))


def _start(lines: Sequence[str], marks: Sequence[_Line]) -> int:
    """Where the words begin: below the header fields of a message forwarded, or the attribution of one quoted."""
    number = next((n for n, mark in enumerate(marks) if mark is not _Line.BLANK), len(marks))
    if number == len(marks) or marks[number] not in {_Line.ORIGINAL, _Line.ATTRIBUTION}:
        return 0
    if marks[number] is _Line.ATTRIBUTION and _quotes(marks, number):
        return next((n for n in range(number, len(marks)) if marks[n] not in _AFTER), 0)
    while number < len(lines) and (marks[number] is _Line.ATTRIBUTION or DIVIDER.fullmatch(lines[number])):
        number += 1
    if number < len(lines) and (begins_header(lines, number) or _FIELD.fullmatch(lines[number])):
        number = next((n for n in range(number, len(lines)) if marks[n] is _Line.BLANK), len(lines))
    return number


def _cut(marks: Sequence[_Line], start: int) -> int:
    """Where an original in full begins, below some words; else where the text ends."""
    has_words = False
    for number in range(start, len(marks)):
        mark = marks[number]
        if has_words and (mark is _Line.ORIGINAL or (mark is _Line.ATTRIBUTION and not _quotes(marks, number))):
            return number
        has_words = has_words or mark is _Line.TEXT
    return len(marks)


def _quotes(marks: Sequence[_Line], number: int) -> bool:
    """Say whether what follows an attribution is quoted with marks."""
    following = (one for one in marks[number:] if one not in {_Line.BLANK, _Line.ATTRIBUTION})
    return next(following, _Line.QUOTED) is _Line.QUOTED


def _without_end(marks: Sequence[_Line], start: int, stop: int) -> int:
    """Where the words end, when what stands below them alone is left off."""
    while stop > start and marks[stop - 1] in _AFTER:
        stop -= 1
    return stop


def _signature(lines: Sequence[str], marks: Sequence[_Line], start: int, cut: int) -> int:
    """Where a signature of a few lines begins; `cut` where there is none."""
    length = 0
    for number in range(_without_end(marks, start, cut) - 1, start, -1):
        if marks[number] is _Line.DELIMITER and _SIGNS.fullmatch(lines[number]):
            return number
        length += marks[number] is not _Line.BLANK
        if length > _LONGEST_SIGNATURE or marks[number] is _Line.QUOTED:
            break
    return cut


def _rest(marks: Sequence[_Line], end: int, cut: int) -> int:
    """Where the rest begins, with the blanks and the rule above it; the end of the text if nothing is quoted."""
    quoted = (n for n in range(end, cut) if marks[n] in {_Line.QUOTED, _Line.ATTRIBUTION})
    number = next(quoted, cut)
    if number == len(marks):
        return number
    while number > end and marks[number - 1] in _SPACE:
        number -= 1
    return number


# ---------------------------------------------------------------------------------------- the library's languages


def _second_opinion(lines: Sequence[str]) -> int | None:
    """The line at which mail-parser-reply sees an original begin."""
    text = _guarded(lines)
    first = _first_attribution(text) if any(one.isdigit() for one in text) else ""
    if not first:
        return None
    return next((n for n, line in enumerate(lines) if " ".join(line.split()).startswith(first)), None)


def _guarded(lines: Sequence[str]) -> str:
    """A piece that the library reads in bounded time: cut, its lines short, its blanks one at a time."""
    squeezed = (" ".join(line.split())[:_GUARDED_LINE] for line in lines)
    runs = ((blank, run) for blank, run in groupby(squeezed, key=lambda line: not line))
    return "\n".join("" if blank else "\n".join(run) for blank, run in runs)[:_GUARDED]


@lru_cache(maxsize=256)
def _first_attribution(text: str) -> str:
    """The first line of the first attribution; "" if there is none."""
    replies = EmailReplyParser(languages=list(_LANGUAGES)).read(text).replies
    if len(replies) < 2:  # noqa: PLR2004 - the words, and what they answer
        return ""
    return str(replies[1].headers).strip().partition("\n")[0].strip()
