"""
Delivery reports: what happened to each recipient (pure rules: RFC 3464, RFC 3463, RFC 6533).

Understands message/delivery-status parts and the same fields where a broken report shows them as text; everything else
is left to mail.bounce_text. What is no bounce yields no reports, and nothing an exception. What a failure means for an
address says mail.refusals; whether somebody is suspended groups.bounces; whether a report can be believed its signed
return path.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from cgbot.mail import address, bounce_text, headers, refusals
from cgbot.mail.message import Message
from cgbot.mail.refusals import Report

__all__ = ["Report", "reports"]

_STATUS_TYPES: Final = frozenset({"message/delivery-status", "message/global-delivery-status"})
_BLOCKS: Final = re.compile(rb"\r?\n[ \t]*\r?\n")
# What servers write for the five words of RFC 3464 section 2.3.3.
_ACTIONS: Final = MappingProxyType(
    {"failure": "failed", "fail": "failed", "error": "failed", "expired": "failed", "bounced": "failed",
     "permfail": "failed", "delay": "delayed", "deferred": "delayed", "success": "delivered"}
)  # fmt: skip
_OF_CLASS: Final = MappingProxyType({"5": "failed", "4": "delayed", "2": "delivered"})
_LIMIT: Final = 200
_PASSAGE: Final = 1000
_OCTETS: Final = 200_000


def reports(message: Message) -> tuple[Report, ...]:
    """Read the reports in a message; () for what is no delivery report."""
    found: list[Report] = []
    for part in message.attachments:
        if part.content_type in _STATUS_TYPES:
            found += _of_part(part.content[:_OCTETS])
    if not found and "final-recipient:" in message.text[:_OCTETS].lower():
        found = _of_part(message.text[:_OCTETS].encode("utf-8", "replace"))
    if not found:
        return bounce_text.read(message)
    notice = bounce_text.notice_of(message)
    everybody = frozenset(one.recipient.lower() for one in found[:_LIMIT])
    return tuple(_in_full(one, notice, everybody) for one in found[:_LIMIT])


def _of_part(content: bytes) -> list[Report]:
    found = (_of_block(block) for block in _BLOCKS.split(content.strip())[: 2 * _LIMIT])
    return [report for report in found if report is not None]


def _of_block(block: bytes) -> Report | None:
    """The fields of one recipient (RFC 3464 section 2.3)."""
    values = {one.name.lower(): one.value for one in reversed(headers.fields(block + b"\n"))}
    recipient = _typed(values.get("original-recipient", "")) or _typed(values.get("final-recipient", ""))
    diagnostic = _typed(values.get("diagnostic-code", ""))
    status = refusals.status_of(values.get("status", ""), diagnostic)
    word = values.get("action", "").strip().lower().partition(" ")[0]
    action = _ACTIONS.get(word, word) or _OF_CLASS.get(status[:1], "")
    return Report(recipient, action, status, diagnostic) if recipient and action else None


def _in_full(report: Report, notice: str, everybody: frozenset[str]) -> Report:
    """Take from the notice at what stage the server refused, and its words where the report has none."""
    if report.action != "failed":
        return report
    passage = notice if len(everybody) == 1 else bounce_text.said_about(notice, report.recipient, everybody)
    return replace(
        report,
        recipient=report.recipient if address.is_valid(report.recipient) or not report.recipient.isascii() else "",
        notice="" if refusals.says_something(report.diagnostic) else " ".join(passage.split())[:_PASSAGE],
        after_data=refusals.is_after_data(passage),
    )


def _typed(value: str) -> str:
    """The value behind `rfc822;` or `smtp;` (RFC 3464 section 2.1.2)."""
    kind, semicolon, text = value.partition(";")
    return (text if semicolon and " " not in kind.strip() else value).strip().strip("<>")
