"""
Pure rules: the lines that a mail program puts around what somebody wrote.

Marks of quotation, the words above a quoted text ("On 3 May 2027, Alice wrote:"), the header fields of an original as
Outlook writes them into the text, and the signs of a signature (RFC 3676 section 4.3). Every look costs a bounded
number of characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

QUOTED: Final = re.compile(r"^\s*[>|](?:\s?[>|])* ?")
LOOKED_AT: Final = 300  # characters of a line that may be an attribution
_ATTRIBUTION_LINES: Final = 3
_ENDS: Final = (":", "：", "-")
DIVIDER: Final = re.compile(
    r"\s*-{2,}\s*(?:original message|original appointment|forwarded message|message d'origine|message transféré"
    r"|ursprüngliche nachricht|mensaje original|messaggio originale|исходное сообщение|原始邮件|邮件原件)\s*-*\s*",
    re.IGNORECASE,
)
_ATTRIBUTION: Final = re.compile(
    r"\s*(?:on .{4,250} wrote|le .{4,250} a écrit|am .{4,250} schrieb.{0,100}|el .{4,250} escribió"
    r"|il .{4,250} ha scritto|op .{4,250} schreef.{0,100}|(?:在|于).{4,250}写道"
    r"|.{4,250} (?:于|在) ?.{4,100}写道|em .{4,250} escreveu|dnia .{4,250} napisał(?:\(a\)|a)?"
    r"|.{4,200} schrieb am .{4,100}|.{4,250} (?:написала?|пишет|пише|писав|писала))\s?[:：]\s*"
    # As Gmail once wrote it, without a verb, and as Zoho does, between lines.
    r"|\s*\d{4}-\d\d-\d\d \d{1,2}:\d\d GMT[+-]\d\d:\d\d .{2,200}[:：]\s*|-{2,} on .{4,250} wrote -{2,}\s*",
    re.IGNORECASE,
)
_SOMEBODY_WROTE: Final = re.compile(r".{2,250} (?:wrote|writes|schrieb|a écrit)\s?:\s*", re.IGNORECASE)
_FROM: Final = re.compile(r"\s*\*?(?:from|von|de|da|van|от|发件人)\*?\s?[:：].*", re.IGNORECASE)
_SENT: Final = re.compile(
    r"\s*\*?(?:sent|date|gesendet|datum|envoyé|enviado|inviato|verzonden|отправлено|дата|data|发送时间|日期)\*?\s?[:：].*",
    re.IGNORECASE,
)
_RULE: Final = re.compile(r"\s*_{8,}\s*")


def begins_original(lines: Sequence[str], number: int) -> bool:
    """Say whether an original without marks of quotation begins here."""
    line = lines[number][:LOOKED_AT]
    if DIVIDER.fullmatch(line):
        return True
    if _RULE.fullmatch(line):
        return any(begins_header(lines, below) for below in range(number + 1, min(number + 3, len(lines))))
    return begins_header(lines, number)


def begins_header(lines: Sequence[str], number: int) -> bool:
    """Say whether the header fields of an original stand here as text."""
    following = lines[number + 1 : number + 4]
    is_first = bool(_FROM.fullmatch(lines[number][:LOOKED_AT]))
    return is_first and any(_SENT.fullmatch(one[:LOOKED_AT]) for one in following)


def attribution(lines: Sequence[str], number: int) -> int:
    """How many lines the words "On 3 May 2027, Alice wrote:" take here; 0 for none."""
    following = takewhile(str.strip, lines[number : number + _ATTRIBUTION_LINES])
    ends = [_may_end(line) for line in following]
    if True not in ends:
        return 0  # the patterns cost more than this look
    for count in (count for count, is_end in enumerate(ends, 1) if is_end):
        joined = " ".join(line.strip() for line in lines[number : number + count])[:LOOKED_AT]
        if _ATTRIBUTION.fullmatch(joined) and any(one.isdigit() for one in joined):
            return count
    is_somebodys = _SOMEBODY_WROTE.fullmatch(lines[number][:LOOKED_AT]) and is_quoted(lines, number + 1)
    return 1 if is_somebodys else 0


def _may_end(line: str) -> bool:
    return line[:LOOKED_AT].rstrip()[-1:] in _ENDS


def is_quoted(lines: Sequence[str], number: int) -> bool:
    """Say whether the next line that is not blank is a quoted one."""
    following = next((line for line in lines[number:] if line.strip()), "")
    return bool(QUOTED.match(following))
