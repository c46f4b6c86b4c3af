"""
Delivery reports: what happened to each recipient (pure rules: RFC 3464, RFC 3463, RFC 6533).

Understands multipart/report with a message/delivery-status part; anything else yields no reports and never an
exception. Says nothing about policy: whether somebody is suspended is decided by groups.bounces, and whether a report
can be believed by its signed return path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cgbot.mail import headers
from cgbot.mail.message import Message

_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_CODE = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_LIMIT = 200
_OCTETS = 200_000


@dataclass(frozen=True, slots=True)
class Report:
    """One recipient: action is failed, delayed, delivered, relayed or expanded; status as `5.1.1`, "" if unknown."""

    recipient: str
    action: str
    status: str
    diagnostic: str

    @property
    def is_permanent(self) -> bool:
        """A failure that will not pass by itself."""
        return self.action == "failed" and not self.status.startswith("4")


def reports(message: Message) -> tuple[Report, ...]:
    """Read the reports in a message; () for what is no delivery report."""
    found: list[Report] = []
    for part in message.attachments:
        if part.content_type in _STATUS_TYPES:
            found += _of_part(part.content[:_OCTETS])
    return tuple(found[:_LIMIT])


def _of_part(content: bytes) -> list[Report]:
    blocks = re.split(rb"\r?\n[ \t]*\r?\n", content.strip())
    found = []
    for block in blocks:
        values = {one.name.lower(): one.value for one in reversed(headers.fields(block + b"\n"))}
        recipient = _typed(values.get("original-recipient", "")) or _typed(values.get("final-recipient", ""))
        if recipient and "action" in values:
            diagnostic = _typed(values.get("diagnostic-code", ""))
            action = values["action"].partition(" ")[0].strip().lower()
            found.append(Report(recipient, action, _status(values.get("status", ""), diagnostic), diagnostic))
    return found


def _typed(value: str) -> str:
    """The value behind `rfc822;` or `smtp;` (RFC 3464 section 2.1.2)."""
    return value.rpartition(";")[2].strip().strip("<>") if value.partition(";")[1] else value.strip().strip("<>")


def _status(status: str, diagnostic: str) -> str:
    match = _CODE.search(status) or _CODE.search(diagnostic)
    return ".".join(match.groups()) if match else ""
