"""
The gate: what is refused before a message is taken (pure rules on the envelope, the header block and the address).

Two tables that can be read aloud: one for an address at RCPT, one for a message after its dot; the first verdict
wins. Towards a client that speaks SMTP a verdict is a reply; behind our own front server (LMTP), which would send a
bounce to whoever is named as the sender, the same verdict becomes hold or discard and travels with the errand. Looks
at the header block only, as bytes and under a cap; who may post is decided later (`posts.sorter`), and so is
everything about a message that reaches a companion group.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from cgbot.keys import Keys
from cgbot.mail.address import Destination, destination
from cgbot.mail.verp import read_return_path

HOPS: Final = 50

_POSTING: Final = frozenset({"post", "contributions", "liaisons"})
_COMMANDS: Final = frozenset({"join", "leave", "confirm", "request"})
# Where a copy of our own list mail may come back without being a loop: a report about it, or a question about it.
_OPEN_TO_COPIES: Final = frozenset({"owner", "bounces", "postmaster"})

_RECEIVED = re.compile(rb"\nreceived[ \t]*:")
_FROM = re.compile(rb"\nfrom[ \t]*:")
_LIST_ID = re.compile(rb"\nlist-id[ \t]*:((?:[^\r\n]|\r\n[ \t])*)")
_AUTOMATIC = re.compile(
    rb"\n(?:auto-submitted[ \t]*:\s*(?!no\b)\w|precedence[ \t]*:\s*(?:bulk|junk|list)\b|list-id[ \t]*:)"
)


_AUTOMATIC_FIELDS: Final = (b"\nauto-submitted", b"\nprecedence", b"\nlist-id")


@dataclass(frozen=True, slots=True)
class GroupPolicy:
    """What the gate knows of a group; `list_id` without angle brackets, `max_size` in octets or None."""

    group_id: int
    name: str
    list_id: str
    is_companion: bool = False
    max_size: int | None = None


@dataclass(frozen=True, slots=True)
class Directory:
    """
    Every address that exists, in memory: groups under each of their names, and the purposes that somebody handles.

    The app builds a new one whenever groups change; looking something up never waits.
    """

    domain: str
    groups: Mapping[str, GroupPolicy]
    purposes: frozenset[str]
    keys: Keys = field(repr=False)
    header_size: int = 102_400


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address that exists: what it asks for, and of which group (None for the service itself)."""

    address: str
    purpose: str
    detail: str
    group: GroupPolicy | None


@dataclass(frozen=True, slots=True)
class Head:
    """What the gate reads off a header block of `size` octets (at most `limit`); field values in lower case."""

    size: int
    limit: int
    hops: int
    authors: int
    list_ids: tuple[str, ...]
    is_automatic: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """One message for one recipient; `mail_from` is "" for the null path, `size` in octets."""

    mail_from: str
    size: int
    head: Head
    recipient: Recipient


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What a rule says: its name, the SMTP reply ("" where even SMTP accepts), and what becomes of an errand instead.

    `note` is what an errand carries as its `gate`.
    """

    rule: str
    reply: str
    otherwise: Literal["hold", "discard"]

    @property
    def note(self) -> str:
        """The words for the errand: `hold:rule` or `discard:rule`."""
        return f"{self.otherwise}:{self.rule}"


# ------------------------------------------------------------------------------------------------- an address at RCPT

_NO_SUCH_ADDRESS: Final = "550 5.1.1 no such address here"
_NOT_OURS: Final = "550 5.7.1 this server takes mail for {domain} only"
_UNSIGNED: Final = "550 5.1.1 this return path was not made here"


def find_recipient(address: str, directory: Directory) -> Recipient | str:
    """Find what an address stands for, or the reply that refuses it (550 5.1.1 unknown, 550 5.7.1 not our domain)."""
    if address.lower() == "postmaster":
        address = f"postmaster@{directory.domain}"
    if address.rpartition("@")[2].lower().rstrip(".") != directory.domain.lower():
        return _NOT_OURS.format(domain=directory.domain)
    found = destination(address, directory.domain, directory.groups)
    if found is None or found.purpose not in directory.purposes:
        return _NO_SUCH_ADDRESS
    if found.purpose == "bounces" and read_return_path(directory.keys, found.group, found.detail) is None:
        return _UNSIGNED
    return Recipient(address, found.purpose, found.detail, _policy(found, directory))


def _policy(found: Destination, directory: Directory) -> GroupPolicy | None:
    return directory.groups[found.group] if found.group else None


# ------------------------------------------------------------------------------------------ a message after its dot


def too_many_hops(candidate: Candidate) -> Verdict | None:
    """RFC 5321 section 6.3: a mail that has been everywhere goes in a circle."""
    if candidate.head.hops <= HOPS:
        return None
    return Verdict("hops", f"554 5.4.6 more than {HOPS} Received fields: a mail loop", "discard")


def own_copy(candidate: Candidate) -> Verdict | None:
    """Our own list mail has come back; in a companion group that is how our announcements arrive."""
    group = candidate.recipient.group
    if group is None or group.is_companion or candidate.recipient.purpose in _OPEN_TO_COPIES:
        return None
    if group.list_id.lower() not in candidate.head.list_ids:
        return None
    return Verdict("loop", "554 5.4.6 this message has been on the list already: a mail loop", "discard")


def header_too_large(candidate: Candidate) -> Verdict | None:
    """No reader of ours looks at a header block beyond the cap."""
    head = candidate.head
    if head.size <= head.limit:
        return None
    return Verdict("header-size", f"550 5.6.0 the header is larger than {head.limit} octets", "hold")


def no_single_author(candidate: Candidate) -> Verdict | None:
    """RFC 5322 section 3.6: exactly one From field; delivery reports in the wild have none and are let in."""
    if candidate.head.authors == 1 or candidate.recipient.purpose in {"bounces", "postmaster"}:
        return None
    how_many = "no From field" if not candidate.head.authors else "more than one From field"
    return Verdict("from", f"550 5.6.0 the message has {how_many}; exactly one is allowed", "hold")


def null_sender_posts(candidate: Candidate) -> Verdict | None:
    """A report or a robot's answer is no post (RFC 3834 section 2); a companion's host may send so."""
    group = candidate.recipient.group
    if candidate.mail_from or candidate.recipient.purpose not in _POSTING or (group and group.is_companion):
        return None
    return Verdict("null-sender", "550 5.7.1 the null return path cannot post", "discard")


def too_large_for_group(candidate: Candidate) -> Verdict | None:
    """The group's own limit, below that of the service."""
    group = candidate.recipient.group
    if group is None or group.max_size is None or candidate.size <= group.max_size:
        return None
    return Verdict("size", f"552 5.3.4 the group takes at most {group.max_size} octets", "hold")


def automatic_command(candidate: Candidate) -> Verdict | None:
    """A robot neither joins nor confirms, and must not be answered (RFC 3834 section 2): taken, and dropped."""
    if candidate.recipient.purpose not in _COMMANDS:
        return None
    if candidate.mail_from and not candidate.head.is_automatic:
        return None
    return Verdict("automatic", "", "discard")


Rule = Callable[[Candidate], Verdict | None]

# The order is the policy; the first verdict wins.
RULES: Final[tuple[Rule, ...]] = (
    too_many_hops,
    own_copy,
    header_too_large,
    no_single_author,
    null_sender_posts,
    too_large_for_group,
    automatic_command,
)


def judge(candidate: Candidate) -> Verdict | None:
    """Give the first rule's verdict, or None: let it in."""
    return next((verdict for rule in RULES if (verdict := rule(candidate))), None)


def read_head(raw: bytes, limit: int) -> Head:
    """Read what the rules need off the header block; a block over the limit is read up to the limit."""
    end = raw.find(b"\r\n\r\n")
    size = len(raw) if end < 0 else end + 2
    if raw.startswith(b"\r\n"):
        size = 0
    block = b"\n" + raw[: min(size, limit)].lower()
    return Head(
        size=size,
        limit=limit,
        hops=len(_RECEIVED.findall(block)),
        authors=len(_FROM.findall(block)),
        list_ids=tuple(_list_id(value) for value in _LIST_ID.findall(block)),
        is_automatic=any(name in block for name in _AUTOMATIC_FIELDS) and _AUTOMATIC.search(block) is not None,
    )


def _list_id(value: bytes) -> str:
    """RFC 2919 section 3: an optional phrase, then the identifier in angle brackets."""
    text = value.decode("ascii", "replace").strip()
    return text.rpartition("<")[2].partition(">")[0].strip()


def pass_through(mail_from: str, head: Head, size: int, recipients: Sequence[Recipient]) -> tuple[Verdict | None, ...]:
    """Judge one message, of `size` octets, for each of its recipients."""
    return tuple(judge(Candidate(mail_from, size, head, recipient)) for recipient in recipients)


def refusal(verdicts: Sequence[Verdict | None]) -> str:
    """
    Give the reply that refuses the whole message on SMTP, or "".

    One dialogue has one reply: only where every recipient refuses is it a refusal; otherwise those who do get hold
    or discard, as they do on LMTP.
    """
    replies = [verdict.reply for verdict in verdicts if verdict and verdict.reply]
    return replies[0] if replies and len(replies) == len(verdicts) else ""
