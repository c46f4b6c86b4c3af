"""
Pure rules: what the writer of a mail wrote, without what they quoted, signed or forwarded.

Quoted lines are left out wherever they stand. What follows a signature (RFC 3676 section 4.3), the line of a telephone,
or an original below its attribution or its header fields (as Outlook writes it) is not looked at; an attribution whose
original is quoted is passed over, since the answer may stand below it. Links that a mail program wrote twice, as
"https://example.org<https://example.org/>", are read once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import dropwhile
from typing import Final

from cgbot.mail.attribution import LOOKED_AT, QUOTED, attribution, begins_original, is_quoted

_MOST_LINES: Final = 5000
_LONGEST_TEXT: Final = 500_000
_LONGEST_LINE: Final = 4000
_LONGEST_LINK: Final = 500  # characters of a line in which a link may stand twice: looking costs the square of it
_MOST_LINKS: Final = 100  # lines that may have such a link
_BLANK: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "\t": " ", "\u200b": None, "\ufeff": None})
_TWICE: Final = re.compile(
    r"(?<![^\s<>:,;(\"'])((?:https?://|www\.)[^\s<>]{1,2000}|[^\s<>@]{1,64}@[^\s<>@]{1,255}) ?<(?:https?://|mailto:)[^\s<>]{1,2000}>",
    re.IGNORECASE,
)
_SIGNATURE: Final = re.compile(
    r"-- ?|\s*(?:sent from my |get outlook for |von meinem .{1,40} gesendet|envoyé de mon ).{0,80}", re.IGNORECASE
)
_GREETING: Final = re.compile(
    r"\s*(?:hi|hello|hey|dear|greetings|good (?:morning|afternoon|evening|day)|bonjour|hallo|guten tag|hola)\b"
    r"(?:[ ,]+[\w.'-]+){0,4}\s*[,.!:]?\s*",
    re.IGNORECASE,
)


def all_lines(text: str) -> list[str]:
    """The lines of a text with plain blanks, bounded in number and length."""
    lines = [line[:_LONGEST_LINE] for line in text[:_LONGEST_TEXT].translate(_BLANK).splitlines()[:_MOST_LINES]]
    linked = [number for number, line in enumerate(lines) if "<" in line and len(line) <= _LONGEST_LINK]
    for number in linked[:_MOST_LINKS]:
        lines[number] = _TWICE.sub(r"\1", lines[number])
    return lines


def own_lines(text: str) -> list[str]:
    """What the writer wrote: without what they quoted, and nothing of what follows a signature or an original."""
    return list(each_own_line(text))


def each_own_line(text: str) -> Iterator[str]:
    """The same line by line, for those who need not see all of them."""
    lines = all_lines(text)
    number = 0
    while number < len(lines):
        line = lines[number]
        if _SIGNATURE.fullmatch(line[:LOOKED_AT]) or begins_original(lines, number):
            break
        passed = attribution(lines, number)
        if passed and not is_quoted(lines, number + passed):
            break
        if not passed and not QUOTED.match(line):
            yield line
        number += passed or 1


def first(lines: Sequence[str]) -> int | None:
    """Where these lines begin, blank ones and a greeting passed over; None where there is nothing."""
    return next(
        (number for number, line in enumerate(lines) if _says_something(line)),
        None,
    )


def from_first(lines: Iterable[str]) -> Iterator[str]:
    """The lines from where they begin, without the blank ones."""
    begun = dropwhile(lambda line: not _says_something(line), lines)
    return (line for line in begun if line.strip())


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not _GREETING.fullmatch(line[:LOOKED_AT])
