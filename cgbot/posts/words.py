"""
Words in a mail that ask for something: commands and decisions (pure rules).

Only the first line of the writer's own counts (groups.own_words), and only when it begins with a known word: "approve",
"Reject: off topic", "stop 12". A message whose whole text is a list command (`unsubscribe`) is recognised as one that
was sent to the list by mistake.
"""

from __future__ import annotations

import re
from typing import Final

from cgbot.groups import own_words
from cgbot.mail.message import Message

_FIRST_WORD: Final = re.compile(r"^\W*([a-z-]+)\W*(.*)$", re.IGNORECASE | re.DOTALL)
_LIST_COMMANDS: Final = frozenset({"subscribe", "unsubscribe", "signoff", "leave", "join", "help", "stop"})
_AT_MOST: Final = 40  # characters of a message that is nothing but a command
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


def list_command(message: Message) -> str:
    """Find the command that was sent to the whole list, "" where a person wrote to people."""
    for text in (message.text.strip(), message.subject.strip() if not message.text.strip() else ""):
        word = text.partition(" ")[0].lower().strip(".!")
        if len(text) <= _AT_MOST and word in _LIST_COMMANDS:
            return text
    return ""
