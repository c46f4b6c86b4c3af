"""
What a list adds to a post, and how it knows its own and a robot's mail (pure rules).

RFC 2369 (List-*), RFC 2919 (List-Id), RFC 8058 (one-click), RFC 5064 (Archived-At), RFC 3834 (automatic mail). The
body and the author's fields go out byte for byte as they came in: no footer, no subject tag, so that the author's
signature survives. Whole fields are left out only where they must not travel.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from cgbot.mail import headers, identity
from cgbot.mail.address import parse_mailboxes
from cgbot.mail.frozen import Frozen, join, slot
from cgbot.mail.message import Message

ONE_CLICK: Final = "one_click"  # the slot of a copy's own address for leaving with one click
HOPS: Final = 50

# Must not travel: traces of the way to us, blind copies, requests for receipts, passwords of other list programs.
_LEFT_OUT: Final = (
    "Return-Path", "Delivered-To", "X-Original-To", "Bcc", "Disposition-Notification-To", "Return-Receipt-To",
    "X-Confirm-Reading-To", "X-PMRQC", "Approved", "Approve", "X-Approve", "X-Approved", "Urgent",
    "Archived-At", "Precedence", "X-Loop",
)  # fmt: skip
_NAMES_LEFT_OUT: Final = frozenset(name.lower().encode() for name in _LEFT_OUT)
# Where whoever passes a mail on, or takes it in, names us beside the To field of its author.
_REDIRECTED: Final = ("Resent-To", "Resent-Cc", "X-Original-To", "Delivered-To", "X-Forwarded-To", "Envelope-To")
_TITLE_LIMIT: Final = 200
_IDENTIFIER: Final = re.compile(r"<([^<>]+)>\s*$")


@dataclass(frozen=True, slots=True)
class ListHeaders:
    """A list as its header fields describe it; URLs end as they are written here."""

    group: str  # cg-aisec
    domain: str
    list_id: str  # without angle brackets
    title: str
    archive_url: str

    def address(self, extension: str = "") -> str:
        """One of the group's addresses."""
        return f"{self.group}-{extension}@{self.domain}" if extension else f"{self.group}@{self.domain}"

    def fields(self, archived_at: str = "") -> Frozen:
        """The block of fields, each on one line and never encoded; a copy fills the slot ONE_CLICK."""
        described = re.sub(r"[^A-Za-z0-9 ,.()/&-]", "", self.title)[:_TITLE_LIMIT].strip()
        lines = [
            headers.plain("List-Id", f'"{described}" <{self.list_id}>' if described else f"<{self.list_id}>"),
            headers.plain("List-Post", f"<mailto:{self.address()}>"),
            headers.plain("List-Help", f"<mailto:{self.address('request')}?subject=help>"),
            headers.plain("List-Subscribe", f"<mailto:{self.address('join')}>"),
            headers.plain("List-Owner", f"<mailto:{self.address('owner')}>"),
            headers.plain("List-Archive", f"<{self.archive_url}>"),
            headers.plain("Precedence", "list"),
        ]
        if archived_at:
            lines.append(headers.plain("Archived-At", f"<{archived_at}>"))
        leave = f"List-Unsubscribe: <mailto:{self.address('leave')}>, <".encode()
        return join(
            [*lines, leave, slot(ONE_CLICK), b">\r\n", b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"]
        )


def redistribute(raw: bytes, described: ListHeaders, archived_at: str, ours: Collection[str] = ()) -> Frozen:
    """
    Make the list's copy of a post: the list's fields on top, what must not travel left out, the rest untouched.

    `ours` are the authserv-ids whose results are for us alone (RFC 8601 section 5). A post without a Message-ID gets
    the one that the archive knows it by. Sender stays the author's own: a new one would break a signature over it.
    """
    block, body = headers.split(raw)
    added: list[bytes | Frozen] = [described.fields(archived_at)]
    pieces = headers.cut(block)
    if not any(name.lower() == b"message-id" for name, _ in pieces):
        added.append(headers.plain("Message-ID", f"<{identity.made_up(identity.content_hash(raw))}>"))
    kept = [piece for name, piece in pieces if name and not _stays_here(name, piece, ours)]
    end = pieces[-1][1] if pieces and not pieces[-1][0] and not pieces[-1][1].strip() else b""
    return join([*added, *kept, end if end or not body else b"\r\n", body])


def _stays_here(name: bytes, piece: bytes, ours: Collection[str]) -> bool:
    """Say whether a field must not travel; another list's List-* fields do not describe this one."""
    lowered = name.lower()
    if lowered == b"authentication-results":
        # Comments, quotes and folds may hide the authserv-id from a simple look: any mention of ours is one too many.
        told = re.sub(rb'[\s"\\]', b"", piece).lower()
        return any(one.lower().encode() in told for one in ours)
    return lowered in _NAMES_LEFT_OUT or lowered.startswith(b"list-")


def forward(raw: bytes, to: str) -> Frozen:
    """Make a copy for the people behind a service address; our own Delivered-To is the guard against a loop."""
    block, body = headers.split(raw)
    return join([headers.plain("Delivered-To", to), headers.without(block, ("Return-Path", "Bcc")), body])


def list_ids(message: Message) -> tuple[str, ...]:
    """The identifiers of all List-Id fields, in lower case."""
    return tuple(
        (match[1] if (match := _IDENTIFIER.search(value)) else value).strip().lower()
        for value in message.headers("List-Id")
    )


def seen_here(message: Message, list_id: str) -> bool:
    """Say whether the message has been through this list, or been around too often."""
    return list_id.lower() in list_ids(message) or hops(message) > HOPS


def hops(message: Message) -> int:
    """How many servers have taken it."""
    return sum(1 for one in message.fields if one.name.lower() == "received")


def is_automatic(message: Message) -> bool:
    """
    Say whether a program wrote it, so that it must not be answered (RFC 3834 section 2).

    Replies to invitations are automatic by nature; whoever takes those does not ask.
    """
    submitted = message.header("Auto-Submitted").partition(";")[0].strip().lower()
    if submitted not in {"", "no"}:
        return True
    if message.header("Content-Type").lower().startswith("multipart/report"):
        return True
    return any(message.header(name) for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder"))


def is_generated(message: Message) -> bool:
    """Say whether a program wrote it on its own account, as a notice, and not in answer to a mail (RFC 3834, 5)."""
    return message.header("Auto-Submitted").partition(";")[0].strip().lower() == "auto-generated"


def may_be_answered(message: Message, mail_from: str, is_ours: Callable[[str], bool] | None = None) -> bool:
    """
    Say whether a program may answer it: a person's mail, with a return path, not from a list (RFC 3834).

    With `is_ours` for the program's own addresses: nor one that names only others as its recipients.
    """
    if not mail_from or is_automatic(message) or list_ids(message):
        return False
    if is_ours is not None and not _is_for(message, is_ours):
        return False
    if message.header("Precedence").strip().lower() in {"bulk", "junk", "list"} or _suppresses(message):
        return False
    local = mail_from.partition("@")[0].lower()
    robots = ("mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply", "listserv", "majordomo")
    return not local.startswith(robots) and not local.endswith(("-request", "-owner", "-bounces"))


def _is_for(message: Message, is_ours: Callable[[str], bool]) -> bool:
    """Say whether a mail names one of our addresses, or nobody at all."""
    named = [box.address for box in (*message.to, *message.cc)]
    named += [box.address for name in _REDIRECTED for value in message.headers(name) for box in parse_mailboxes(value)]
    return not named or any(is_ours(one) for one in named)


def _suppresses(message: Message) -> bool:
    """Say whether Exchange asked for no automatic answer (MS-OXCMAIL section 2.2.3.2.14)."""
    asked = message.header("X-Auto-Response-Suppress").lower().replace(",", " ").split()
    return bool({"all", "oof", "autoreply"}.intersection(asked))
