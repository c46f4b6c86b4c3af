"""
Answers to invitations in words (pure rules): yes, no or maybe on the first line of a mail.

For whoever has a mailbox and no calendar. The Message-ID of each invitation names its meeting and its SEQUENCE, so that
an answer to the time before a move is not taken for one to the new time. A robot's words are no answer (RFC 3834).
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from cgbot.mail import list_headers
from cgbot.mail.message import Message
from cgbot.posts import words

_NAMED: Final = re.compile(r"<meeting-(\d{1,15})\.(\d{1,9})\.[a-z0-9]+@")
_PARTSTATS: Final = MappingProxyType(
    {"yes": "ACCEPTED", "accept": "ACCEPTED", "accepted": "ACCEPTED", "oui": "ACCEPTED", "ok": "ACCEPTED",
     "no": "DECLINED", "decline": "DECLINED", "declined": "DECLINED", "non": "DECLINED",
     "maybe": "TENTATIVE", "tentative": "TENTATIVE", "perhaps": "TENTATIVE"}
)  # fmt: skip


def message_id(meeting_id: int, sequence: int, token: str, domain: str) -> str:
    """The Message-ID of an invitation, without angle brackets."""
    return f"meeting-{meeting_id}.{sequence}.{token}@{domain}"


def read(message: Message, mail_from: str) -> tuple[int, int, str, str] | None:
    """The meeting's id, the SEQUENCE that is answered, PARTSTAT and the words behind it; None for anything else."""
    named = _NAMED.findall(f"{message.header('References')} {message.header('In-Reply-To')}")
    if not named or not list_headers.may_be_answered(message, mail_from):
        return None
    word, rest = words.answer(message)
    partstat = _PARTSTATS.get(word)
    meeting_id, sequence = named[-1]
    return (int(meeting_id), int(sequence), partstat, rest) if partstat else None
