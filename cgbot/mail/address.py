"""
Addresses: mailboxes in header fields, comparison, and what an address of ours asks for (pure rules).

RFC 5322 section 3.4 for mailboxes, RFC 5321 section 4.1.2 for what an address may look like, RFC 5233 for the
extension behind the plus sign. Reading never raises: what is no address is left out, and a display name that looks
like an address is never taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Final

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\x80-\U0010ffff]+"
_DOT_ATOM: Final = rf"{_ATOM}(?:\.{_ATOM})*"
_LABEL: Final = r"[A-Za-z0-9\x80-\U0010ffff](?:[A-Za-z0-9\-\x80-\U0010ffff]{0,61}[A-Za-z0-9\x80-\U0010ffff])?"
_DOMAIN: Final = rf"{_LABEL}(?:\.{_LABEL})*"
_VALID: Final = re.compile(
    rf"(?P<local>{_DOT_ATOM}|\"[^\"\\\x00-\x1f\x7f]{{1,62}}\")@(?P<domain>{_DOMAIN}|\[[0-9A-Fa-f.:]+\])"
)
# The look-behind lets a search begin only where a word does: a run of a million letters costs a million steps.
_LOCAL: Final = r"\w.!#$%&'*+/=?^`{|}~-"
IN_TEXT: Final = re.compile(rf"(?<![{_LOCAL}])[{_LOCAL}]+(?:@|%40)[\w-]+(?:\.[\w-]+)+")
_LONGEST: Final = 254
_LONGEST_LOCAL: Final = 64
_TEXT_LIMIT: Final = 100_000
_MAILBOXES: Final = 200
_AMBIGUOUS: Final = "<>"  # no valid address


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A display name, "" where there is none, and an address as it was written."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Destination:
    """What an address of ours stands for; `group` is "" for the service itself."""

    group: str
    purpose: str
    detail: str = ""


def is_valid(address: str) -> bool:
    """Say whether this is one plain addr-spec that mail can be sent to."""
    if len(address) > _LONGEST:
        return False
    match = _VALID.fullmatch(address)
    return match is not None and len(match["local"]) <= _LONGEST_LOCAL


def fold(address: str) -> str:
    """Make the key under which addresses are compared: lower case, the domain without a final dot."""
    local, _, domain = address.strip().rpartition("@")
    return f"{local.lower()}@{domain.lower().rstrip('.')}"


def domain_of(address: str) -> str:
    """The domain in lower case, "" where there is none."""
    return address.rpartition("@")[2].lower().rstrip(".") if "@" in address else ""


# ---------------------------------------------------------------------------------------------- reading a field

_TOKEN: Final = re.compile(
    r"(?P<space>\s+)|(?P<quoted>\"(?:[^\"\\]|\\.)*(?P<closed>\")?)|(?P<angle><[^<>]*>)|(?P<special>[,;:])"
    r"|(?P<atom>[^\s\"<>,;:()]+)",
    re.DOTALL,
)


def parse_mailboxes(text: str) -> tuple[Mailbox, ...]:
    """
    Read the mailboxes of a From, To, Cc or Reply-To field; groups are opened, comments dropped.

    What is no valid address is left out. `alice@x <bob@y>` is bob, named "alice@x"; `<alice@x> bob@y` and
    `<alice@x> <bob@y>`, which programs read in different ways, are nobody.
    """
    found: list[Mailbox] = []
    words: list[str] = []
    address = ""
    for kind, value in _tokens(without_comments(text[:_TEXT_LIMIT])):
        if kind == "angle":
            address = value if not address else _AMBIGUOUS
        elif kind in {"word", "space"}:
            words.append(value)
            address = _AMBIGUOUS if address and "@" in value else address
        elif value == ":":
            words, address = [], ""  # the name of a group
        else:
            found += _mailbox(words, address)
            words, address = [], ""
        if len(found) >= _MAILBOXES:
            return tuple(found)
    return tuple(found + _mailbox(words, address))


def _tokens(text: str) -> list[tuple[str, str]]:
    """Cut into words, blanks, angles and ends, in one pass; a quotation mark that is never closed is no mark."""
    tokens: list[tuple[str, str]] = []
    for match in _TOKEN.finditer(text):
        if match["quoted"] is not None and match["closed"] is None:
            return tokens + _tokens(text[match.start() :].replace('"', ""))
        tokens.append(_token(match))
    return tokens


def _token(match: re.Match[str]) -> tuple[str, str]:
    text = match[0]
    if match["angle"]:
        return ("angle", text[1:-1].strip())
    if match["quoted"]:
        return ("word", re.sub(r"\\(.)", r"\1", text[1:-1]))
    if match["space"]:
        return ("space", " ")
    return ("end" if match["special"] else "word", text)


def _mailbox(words: list[str], address: str) -> list[Mailbox]:
    text = "".join(words).strip()
    if address:
        bare = address.rpartition(":")[2] if address.startswith("@") else address  # a source route is dropped
        return [Mailbox(text, bare)] if is_valid(bare) else []
    return [Mailbox("", text)] if is_valid(text) else []


_COMMENT_PIECES: Final = re.compile(r"\\.|\"(?:[^\"\\]|\\.)*\"?|[()]|[^\\\"()]+|\\", re.DOTALL)


def without_comments(text: str) -> str:
    """Drop comments, nested ones too, in one pass and without recursion (RFC 5322 section 3.2.2)."""
    if "(" not in text:
        return text
    kept: list[str] = []
    depth = 0
    for piece in _COMMENT_PIECES.findall(text):
        if piece == "(":
            depth += 1
        elif piece == ")":
            depth = max(0, depth - 1)
        elif not depth:
            kept.append(piece)
    return "".join(kept)


# -------------------------------------------------------------------------------------------- addresses of ours

# What stands behind the name of a group; the old habits of other list programs work too.
_PURPOSES: Final = {
    "": "post",
    "join": "join",
    "subscribe": "join",
    "leave": "leave",
    "unsubscribe": "leave",
    "request": "request",
    "confirm": "confirm",
    "owner": "owner",
    "bounces": "bounces",
    "meetings": "meetings",
    "contributions": "contributions",
    "liaisons": "liaisons",
}
# What stood behind the plus sign of a list's address (mlmmj, groups.io), or behind its name with two words (LISTSERV).
_BEHIND_PLUS: Final = {
    "subscribe": "join", "unsubscribe": "leave", "help": "request", "owner": "owner", "list": "request",
}  # fmt: skip
_TWO_WORDS: Final = {
    "-subscribe-request": "join", "-unsubscribe-request": "leave", "-signoff-request": "leave",
}  # fmt: skip
_WITH_DETAIL: Final = frozenset({"confirm", "bounces", "meetings"})
_SERVICE: Final = frozenset({"postmaster", "abuse", "mailer-daemon"})


def destination(address: str, domain: str, names: Container[str]) -> Destination | None:
    """
    Find what an address of ours stands for; `names` are the groups' names in lower case, old ones included.

    None for another domain, an unknown group or purpose. The longest group name wins: `cg-aisec-owner@` is a group of
    that name if there is one, else the owner of `cg-aisec`.
    """
    local, _, host = address.rpartition("@")
    if host.lower().rstrip(".") != domain.lower():
        return None
    base, plus, detail = local.lower().partition("+")
    if base in _SERVICE:
        return Destination("", "postmaster")
    if base in names:
        purpose = _BEHIND_PLUS.get(detail) if plus else "post"
        return Destination(base, purpose) if purpose else None
    return _of_a_group(base, detail if plus else None, names) or _of_old_words(local.lower(), names)


def _of_old_words(local: str, names: Container[str]) -> Destination | None:
    for words, purpose in _TWO_WORDS.items():
        if local.endswith(words) and local.removesuffix(words) in names:
            return Destination(local.removesuffix(words), purpose)
    return None


def _of_a_group(base: str, detail: str | None, names: Container[str]) -> Destination | None:
    name, dash, word = base.rpartition("-")
    purpose = _PURPOSES.get(word) if dash and word else None
    if purpose is None or name not in names:
        return None
    if detail is not None and purpose not in _WITH_DETAIL:
        return None
    return Destination(name, purpose, detail or "")
