"""
Pure rules: what the writer of a mail wrote, without what they quoted, signed or forwarded.

Quoted lines are left out wherever they stand. What follows a signature (RFC 3676 section 4.3), the line of a telephone,
or an original below its attribution or its header fields (as Outlook writes it) is not looked at; an attribution whose
original is quoted is passed over, since the answer may stand below it. Links that a mail program wrote twice, as
"https://example.org<https://example.org/>", are read once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

QUOTED: Final = re.compile(r"^\s*[>|](?:\s?[>|])* ?")
_MOST_LINES: Final = 5000
_LONGEST_TEXT: Final = 500_000
_LONGEST_LINE: Final = 4000
_LONGEST_LINK: Final = 500  # characters of a line in which a link may stand twice: looking costs the square of it
_MOST_LINKS: Final = 100  # lines that may have such a link
_LOOKED_AT: Final = 300  # characters of a line that may be an attribution
_ATTRIBUTION_LINES: Final = 3
_COLONS: Final = (":", "：")
_BLANK: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "\t": " ", "\u200b": None, "\ufeff": None})
_TWICE: Final = re.compile(
    r"(?<![^\s<>:,;(\"'])((?:https?://|www\.)[^\s<>]{1,2000}|[^\s<>@]{1,64}@[^\s<>@]{1,255}) ?<(?:https?://|mailto:)[^\s<>]{1,2000}>",
    re.IGNORECASE,
)
_SIGNATURE: Final = re.compile(
    r"-- ?|\s*(?:sent from my |get outlook for |von meinem .{1,40} gesendet|envoyé de mon ).{0,80}", re.IGNORECASE
)
_DIVIDER: Final = re.compile(
    r"\s*-{2,}\s*(?:original message|original appointment|forwarded message|message d'origine|message transféré"
    r"|ursprüngliche nachricht|mensaje original|messaggio originale|исходное сообщение|原始邮件|邮件原件)\s*-*\s*",
    re.IGNORECASE,
)
_ATTRIBUTION: Final = re.compile(
    r"\s*(?:on .{4,250} wrote|le .{4,250} a écrit|am .{4,250} schrieb.{0,100}|el .{4,250} escribió"
    r"|il .{4,250} ha scritto|op .{4,250} schreef.{0,100}|(?:在|于).{4,250}写道"
    r"|.{4,250} (?:于|在) ?.{4,100}写道)\s?[:：]\s*",
    re.IGNORECASE,
)
_SOMEBODY_WROTE: Final = re.compile(r".{2,250} (?:wrote|writes|schrieb|a écrit)\s?:\s*", re.IGNORECASE)
_FROM: Final = re.compile(r"\s*\*?(?:from|von|de|da|van|от|发件人)\*?\s?[:：].*", re.IGNORECASE)
_SENT: Final = re.compile(
    r"\s*\*?(?:sent|date|gesendet|datum|envoyé|enviado|inviato|verzonden|отправлено|дата|发送时间|日期)\*?\s?[:：].*",
    re.IGNORECASE,
)
_RULE: Final = re.compile(r"\s*_{8,}\s*")
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
    lines = all_lines(text)
    found: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        if _SIGNATURE.fullmatch(line[:_LOOKED_AT]) or _begins_original(lines, number):
            break
        attribution = _attribution(lines, number)
        if attribution and not _is_quoted(lines, number + attribution):
            break
        if not attribution and not QUOTED.match(line):
            found.append(line)
        number += attribution or 1
    return found


def first(lines: Sequence[str]) -> int | None:
    """Where these lines begin, blank ones and a greeting passed over; None where there is nothing."""
    return next(
        (number for number, line in enumerate(lines) if line.strip() and not _GREETING.fullmatch(line[:_LOOKED_AT])),
        None,
    )


def _begins_original(lines: Sequence[str], number: int) -> bool:
    """Say whether an original without marks of quotation begins here."""
    line = lines[number][:_LOOKED_AT]
    if _DIVIDER.fullmatch(line):
        return True
    if _RULE.fullmatch(line):
        return any(_begins_header(lines, below) for below in range(number + 1, min(number + 3, len(lines))))
    return _begins_header(lines, number)


def _begins_header(lines: Sequence[str], number: int) -> bool:
    """Say whether the header fields of an original stand here as text."""
    following = lines[number + 1 : number + 4]
    is_first = bool(_FROM.fullmatch(lines[number][:_LOOKED_AT]))
    return is_first and any(_SENT.fullmatch(one[:_LOOKED_AT]) for one in following)


def _attribution(lines: Sequence[str], number: int) -> int:
    """How many lines the words "On 3 May 2027, Alice wrote:" take here; 0 for none."""
    ends = [_ends_in_colon(line) for line in lines[number : number + _ATTRIBUTION_LINES]]
    if True not in ends:
        return 0  # the patterns cost more than this look
    for count in (count for count, is_end in enumerate(ends, 1) if is_end):
        joined = " ".join(line.strip() for line in lines[number : number + count])[:_LOOKED_AT]
        if _ATTRIBUTION.fullmatch(joined) and any(one.isdigit() for one in joined):
            return count
    is_somebodys = _SOMEBODY_WROTE.fullmatch(lines[number][:_LOOKED_AT]) and _is_quoted(lines, number + 1)
    return 1 if is_somebodys else 0


def _ends_in_colon(line: str) -> bool:
    return line[:_LOOKED_AT].rstrip()[-1:] in _COLONS


def _is_quoted(lines: Sequence[str], number: int) -> bool:
    """Say whether the next line that is not blank is a quoted one."""
    following = next((line for line in lines[number:] if line.strip()), "")
    return bool(QUOTED.match(following))
