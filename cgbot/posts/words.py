"""
Words in a mail that ask for something: commands and decisions (pure rules).

Only the first line of the writer's own counts (groups.own_words), and only when it begins with a known word: "approve",
"Reject: off topic", "stop 12". A message whose whole text is a list command (`unsubscribe`, "set none until 1 June") is
recognised as one that was sent to the list by mistake; a sentence that only begins like one is written to people.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from cgbot.groups import own_words
from cgbot.mail.message import Message

_FIRST_WORD: Final = re.compile(r"^\W*([a-z-]+)\W*(.*)$", re.IGNORECASE | re.DOTALL)
_JOIN: Final = frozenset({"subscribe", "sub", "join", "inscription", "abonnement"})
_LEAVE: Final = frozenset(
    {"unsubscribe", "unsub", "signoff", "leave", "stop", "remove", "désinscription", "désabonnement"}
)
_ALONE: Final = frozenset({"help", "aide", "info", "who", "whoami", "lists", "review"})
# What people write beside such a word: "please unsubscribe me from this list".
_BESIDE: Final = frozenset(
    {"please", "me", "from", "to", "this", "the", "mailing", "list", "group", "thanks", "*", "svp"}
)
_OTHERS: Final = re.compile(
    r"set\s+(?:each|daily|weekly|none|mail|nomail|digest|nodigest)(?:\s+until\s.{1,40})?"
    r"|confirm\s+[a-z0-9]{8,64}|(?:approve|reject|discard)\s+\d{1,9}",
    re.IGNORECASE,
)
_AT_MOST: Final = 80  # characters of a message that is nothing but a command
_SHORT: Final = 200  # characters of a text below a subject that is nothing but a command
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


def list_command(message: Message, own_names: Collection[str] = ()) -> str:
    """
    Find the command that was sent to the whole list, "" where a person wrote to people.

    `own_names` are the list's in lower case: what stands behind one is a name ("SUBSCRIBE listname First Last").
    """
    if message.attachments:
        return ""
    lines = [line.strip() for line in own_words.own_lines(message.text[:_ANSWER_LINE]) if line.strip()]
    if len(lines) == 1 and (found := _command(lines[0], own_names)):
        return found
    subject = message.subject.strip()
    return _command(subject, own_names) if len(" ".join(lines)) <= _SHORT and _is_bare(subject, lines) else ""


def _is_bare(subject: str, lines: Sequence[str]) -> bool:
    """Say whether a subject alone counts: there is no text, or one word of the subject says to leave."""
    return not lines or subject.lower() in _LEAVE - {"stop", "leave", "remove"}


def _command(text: str, own_names: Collection[str]) -> str:
    """The command that a line is, in lower case and without what politeness adds."""
    if len(text) > _AT_MOST:
        return ""
    if _OTHERS.fullmatch(text.strip(".! ")):
        return " ".join(text.lower().split())
    said = [word.strip(".,!:;\"'<>").lower() for word in text.split()]
    found = [word for word in said if word and word not in _BESIDE]
    if not found or found[0] not in _JOIN | _LEAVE | _ALONE:
        return ""
    behind = found[1:2]
    is_own = bool(behind) and (behind[0] in own_names or behind[0].partition("@")[0] in own_names)
    return found[0] if not behind or (is_own and found[0] not in _ALONE) else ""


def purpose_of(command: str) -> str:
    """What a list command asks for: "join", "leave", or "" for anything else."""
    word = command.partition(" ")[0]
    return "join" if word in _JOIN else "leave" if word in _LEAVE else ""
