"""
Delivery reports: what happened to each recipient (pure rules: RFC 3464, RFC 3463, RFC 6533).

Understands message/delivery-status parts, the same fields where a broken report shows them as text, and Exim's
X-Failed-Recipients; anything else yields no reports and never an exception. Says nothing about policy: whether
somebody is suspended is decided by groups.bounces, and whether a report can be believed by its signed return path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from cgbot.mail import headers
from cgbot.mail.address import parse_mailboxes
from cgbot.mail.message import Message

_STATUS_TYPES: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
_CODE: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_REPLY: Final = re.compile(r"(?<![\d.])([245])\d\d(?![\d.])")
_BLOCKS: Final = re.compile(rb"\r?\n[ \t]*\r?\n")
# What servers write for the five words of RFC 3464 section 2.3.3.
_ACTIONS: Final = MappingProxyType(
    {"failure": "failed", "fail": "failed", "error": "failed", "expired": "failed", "bounced": "failed",
     "permfail": "failed", "delay": "delayed", "deferred": "delayed", "success": "delivered"}
)  # fmt: skip
_OF_CLASS: Final = MappingProxyType({"5": "failed", "4": "delayed", "2": "delivered"})
_LIMIT: Final = 200
_OCTETS: Final = 200_000


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
    if not found and "final-recipient:" in message.text[:_OCTETS].lower():
        found = _of_part(message.text[:_OCTETS].encode("utf-8", "replace"))
    return tuple(found[:_LIMIT]) or _of_exim(message)


def _of_part(content: bytes) -> list[Report]:
    found = (_of_block(block) for block in _BLOCKS.split(content.strip())[: 2 * _LIMIT])
    return [report for report in found if report is not None]


def _of_block(block: bytes) -> Report | None:
    """The fields of one recipient (RFC 3464 section 2.3)."""
    values = {one.name.lower(): one.value for one in reversed(headers.fields(block + b"\n"))}
    recipient = _typed(values.get("original-recipient", "")) or _typed(values.get("final-recipient", ""))
    diagnostic = _typed(values.get("diagnostic-code", ""))
    status = _status(values.get("status", ""), diagnostic)
    word = values.get("action", "").strip().lower().partition(" ")[0]
    action = _ACTIONS.get(word, word) or _OF_CLASS.get(status[:1], "")
    return Report(recipient, action, status, diagnostic) if recipient and action else None


def _of_exim(message: Message) -> tuple[Report, ...]:
    failed = parse_mailboxes(message.header("X-Failed-Recipients"))
    match = _CODE.search(message.text[:_OCTETS])
    status = ".".join(match.groups()) if match else ""
    return tuple(Report(box.address, "failed", status, "") for box in failed[:_LIMIT])


def _typed(value: str) -> str:
    """The value behind `rfc822;` or `smtp;` (RFC 3464 section 2.1.2)."""
    kind, semicolon, text = value.partition(";")
    return (text if semicolon and " " not in kind.strip() else value).strip().strip("<>")


def _status(status: str, diagnostic: str) -> str:
    """The code of RFC 3463; the diagnostic's where the field says no more than the class."""
    own, said = _CODE.search(status), _CODE.search(diagnostic)
    if own and (own.group(2, 3) != ("0", "0") or said is None or said[1] != own[1]):
        return own[0]
    if said:
        return said[0]
    reply = _REPLY.search(status) or _REPLY.search(diagnostic)
    return f"{reply[1]}.0.0" if reply else ""
