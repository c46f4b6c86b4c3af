"""
Yes and no, as people answer a mail that asks back (pure rules on the writer's own words).

A yes is a first line that says so and nothing else of weight: "Yes, please." A question, a negation or a quotation on
it is none, since somebody who is asked about what they never wanted answers too: "Okay?? Who sent this?"
"""

from __future__ import annotations

import re
from itertools import dropwhile
from typing import Final

from cgbot.groups import own_words

_YES: Final = frozenset(
    ("yes", "y", "ok", "okay", "oui", "confirm", "confirmed", "confirme", "approve", "approved", "agreed", "ja", "si",
     "sí", "да", "是", "join", "leave", "subscribe", "unsubscribe", "sure", "agree", "d'accord", "confirming",
     "accept", "accepted", "gladly", "pleasure", "volontiers", "plaisir")
)  # fmt: skip
# What stands before a yes: "I confirm", "Please confirm", "Je confirme".
_BEFORE: Final = frozenset(("please", "i", "we", "je", "nous", "hereby", "do", "want", "to", "svp", "with", "avec"))
_NO: Final = frozenset({"no", "n", "non", "nein", "never", "stop", "reject", "decline", "refuse", "нет", "否"})
_AGAINST: Final = _NO | frozenset(
    ("not", "don't", "didn't", "cannot", "can't", "won't", "wasn't", "isn't", "pas", "jamais", "nicht", "who", "why",
     "cancel", "nothing", "rien")
)  # fmt: skip
_GREETED: Final = re.compile(r"(?:hi|hello|hey|dear|bonjour|hallo|hola)\b[^,!]{0,40}[,!]\s*", re.IGNORECASE)
_MOST_WORDS: Final = 14
_LOOKED_AT: Final = 300


def is_blank(text: str) -> bool:
    """Say whether the writer sent the mail back without a word of their own."""
    return own_words.first(own_words.own_lines(text)) is None


def is_yes(text: str) -> bool:
    """Say whether the first line is a yes."""
    words = _words(text)
    said = list(dropwhile(_BEFORE.__contains__, words))
    return bool(said) and said[0] in _YES and len(words) <= _MOST_WORDS and not _AGAINST.intersection(words)


def is_doubtful(text: str) -> bool:
    """Say whether the first line asks or denies something, whatever word it begins with."""
    words = _words(text)
    return words == ["?"] or bool(_AGAINST.intersection(words[1:]))


def is_no(text: str) -> bool:
    """Say whether the first line begins with a no."""
    words = _words(text)
    return bool(words) and words[0] in _NO


def _words(text: str) -> list[str]:
    """The words of the first line in lower case; a question or a quotation keeps its mark, and is no word then."""
    lines = own_words.own_lines(text)
    first = own_words.first(lines)
    if first is None:
        return []
    line = _GREETED.sub("", lines[first].strip()[:_LOOKED_AT], count=1)
    if "?" in line:
        return ["?"]
    found = [word.strip(".,;:!*_-()") for word in line.lower().replace("’", "'").split()]
    return [word for word in found if word]
