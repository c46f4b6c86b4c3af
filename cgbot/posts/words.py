"""
Words in a mail that decide something (pure rules).

Only the first line of the writer's own counts (groups.own_words), and only when it begins with a known word: "approve",
"Reject: off topic", "stop 12".
"""

from __future__ import annotations

import re
from typing import Final

from cgbot.groups import own_words
from cgbot.mail.message import Message

_FIRST_WORD: Final = re.compile(r"^\W*([a-z-]+)\W*(.*)$", re.IGNORECASE | re.DOTALL)
_ANSWER_LINE: Final = 2000


def answer(message: Message) -> tuple[str, str]:
    """
    Find the first word of an answer in lower case, and what follows it on its line.

    Quoted lines, blank lines and a greeting are not looked at; ("", "") when there is none.
    """
    lines = own_words.own_lines(message.text)
    first = own_words.first(lines)
    match = _FIRST_WORD.match(lines[first].strip()[:_ANSWER_LINE]) if first is not None else None
    return (match[1].lower(), match[2].strip()) if match else ("", "")
