"""
Complaints about our mail (pure rules: RFC 5965, abuse reporting format).

A report is a multipart/report with a message/feedback-report. Only some types are complaints: a report that DMARC
failed (RFC 6591) or that a mail is no spam is none. What the report itself says of the recipient anybody could have
written; the return path and the one-click link that the mail carried have keyed marks that can be tested.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cgbot.mail import headers
from cgbot.mail.message import Message

_COMPLAINTS: Final = frozenset({"abuse", "fraud", "opt-out", "opt-out-list", "complaint"})
_OCTETS: Final = 200_000
_MOST: Final = 10
_PATH: Final = re.compile(rb"([a-z0-9-]{1,64})-bounces\+([0-9a-z.]{5,60})@", re.IGNORECASE)
_LINK: Final = re.compile(rb"/leave/([a-z0-9-]{1,64})/([0-9a-z]{1,13}-[a-z2-7]{16})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Feedback:
    """
    One report: its type in lower case, whom it says the mail went to ("" unknown), and what it quotes of ours.

    `paths` are (group, detail) of return paths, `links` (group, token) of one-click links.
    """

    kind: str
    recipient: str
    paths: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]

    @property
    def is_complaint(self) -> bool:
        """Whether somebody does not want such mail."""
        return self.kind in _COMPLAINTS


def read(message: Message) -> Feedback | None:
    """Read a feedback report; None for anything else."""
    parts = [one for one in message.attachments if one.content_type == "message/feedback-report"]
    if not parts:
        return None
    values = {one.name.lower(): one.value for one in reversed(headers.fields(parts[0].content[:_OCTETS] + b"\n"))}
    searched = b"\n".join(headers.unfold(one.content[:_OCTETS]) for one in message.attachments)
    return Feedback(
        kind=values.get("feedback-type", "").strip().lower(),
        recipient=values.get("original-rcpt-to", "").strip().strip("<>"),
        paths=_found(_PATH, searched),
        links=_found(_LINK, searched),
    )


def _found(pattern: re.Pattern[bytes], searched: bytes) -> tuple[tuple[str, str], ...]:
    found = (
        (match[1].decode("ascii").lower(), match[2].decode("ascii").lower()) for match in pattern.finditer(searched)
    )
    return tuple(dict.fromkeys(found))[:_MOST]
