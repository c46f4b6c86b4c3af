"""
A letter of ours to one or some people: words from a template, composed, queued for each (use case).

Every letter says that a program wrote it (RFC 3834 section 5) and carries a signed return path, so that a bounce finds
its way to the group; a letter of the service itself has the null return path. Mails with a calendar object or to a
whole list are made by those who know them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cgbot.context import Context
from cgbot.mail import compose, verp
from cgbot.mail.compose import Enclosure, NewMail
from cgbot.outbox import queue
from cgbot.outbox.queue import Copy, Mail, Timing
from cgbot.store.db import Tx

LIFETIME: Final = timedelta(days=5)  # RFC 5321 section 4.5.4.1: give up after four to five days


@dataclass(frozen=True, slots=True)
class Addressee:
    """One recipient; `member_id` where the address is a member's."""

    address: str
    member_id: int | None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """
    What to write to whom.

    `group` is (id, name), None for the service itself; `sender_local` the local part of the From address, as
    "cg-aisec-owner"; `in_reply_to` a Message-ID without angle brackets; `replaces` a key as in queue.add_copies.
    """

    kind: str
    about: str
    template: str
    facts: Mapping[str, object]
    group: tuple[int, str] | None
    recipients: tuple[Addressee, ...]
    sender_local: str
    sender_name: str
    reply_to: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    in_reply_to: str = ""
    expires_at: datetime | None = None
    replaces: str | None = None
    language: str = "en"
    enclosures: tuple[Enclosure, ...] = ()


def write(tx: Tx, context: Context, letter: Letter) -> int:
    """Render, compose and queue a letter; the id of its content."""
    words = context.render(letter.template, letter.facts, letter.language)
    domain = context.settings.service.domain
    message_id = f"{context.new_token()}@{domain}"
    frozen = compose.compose(
        NewMail(
            from_name=letter.sender_name,
            from_address=f"{letter.sender_local}@{domain}",
            to=compose.slot(compose.TO),
            subject=words.subject,
            text=words.text,
            html=words.html or "",
            date=context.now,
            message_id=message_id,
            fields=_fields(letter),
            enclosures=letter.enclosures,
        )
    )
    group_id = letter.group[0] if letter.group else None
    content_id = queue.add_content(tx, Mail(letter.kind, letter.about, group_id, message_id, frozen), context.now)
    copies = [_copy(context, letter, content_id, one) for one in letter.recipients]
    timing = Timing(context.now, give_up(context.now, letter.expires_at))
    queue.add_copies(tx, content_id, copies, timing, letter.replaces)
    return content_id


def give_up(now: datetime, moment: datetime | None = None) -> datetime:
    """When to give up a mail: after five days, or at the moment that it speaks of."""
    return min(moment, now + LIFETIME) if moment else now + LIFETIME


def _fields(letter: Letter) -> tuple[tuple[str, str], ...]:
    """RFC 3834 section 5 tells an answer from what nobody asked for."""
    fields = [("Auto-Submitted", "auto-replied" if letter.in_reply_to else "auto-generated")]
    if letter.reply_to:
        fields.append(("Reply-To", f"<{letter.reply_to}>"))
    if letter.in_reply_to:
        fields += [("In-Reply-To", f"<{letter.in_reply_to}>"), ("References", f"<{letter.in_reply_to}>")]
    return (*fields, *letter.fields)


def _copy(context: Context, letter: Letter, content_id: int, one: Addressee) -> Copy:
    path = ""
    if letter.group:
        domain = context.settings.service.domain
        path = verp.return_path(context.keys, letter.group[1], domain, content_id, one.member_id or 0)
    return Copy(one.address, one.member_id, path, {compose.TO: one.address})
