"""
Tokens that stand in a mail and are nobody's business but their owner's (pure rules).

The copy of a post that a list sends to one reader may carry a link that leaves with one click (RFC 8058), and people
quote the links and addresses that were mailed to them alone. An archive that showed them would let anybody leave, or
answer, in their name. Everything else of a mail stays as it is, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from cgbot.mail import headers

_FIELDS: Final = ("List-Unsubscribe", "List-Unsubscribe-Post")
_LINK: Final = re.compile(rb"<\s*((?:https?|mailto):[^<>\s]{1,2000})\s*>", re.IGNORECASE)
# What is long and has letters and digits, or an address: nobody's but one reader's.
_TOKEN: Final = re.compile(rb"(?=[A-Za-z0-9_~.=-]*[0-9])(?=[A-Za-z0-9_~.=-]*[A-Za-z])[A-Za-z0-9_~.=-]{20,}")
_ADDRESSED: Final = re.compile(rb"(?:@|%40)", re.IGNORECASE)
# Our own, as they stand in mails: /leave/GROUP/TOKEN, /sign-in/TOKEN, NAME-confirm+TOKEN@.
_OURS: Final = re.compile(
    r"((?:/(?:leave/[\w.%-]{1,80}|rejoin|sign-in|calendar)/)|-(?:confirm|meetings)\+)[A-Za-z0-9_~-]{16,500}"
)
_OURS_AS_OCTETS: Final = re.compile(_OURS.pattern.encode())


def from_raw(raw: bytes) -> bytes:
    """A message without the tokens of one reader; the very same octets where it has none."""
    block, body = headers.split(raw)
    links = _links(block)
    if links:
        block = headers.without(block, _FIELDS)
    rest = bytes(body)
    for link in links:
        rest = rest.replace(link, b"[withheld]").replace(link.replace(b"&", b"&amp;"), b"[withheld]")
    cleaned = _OURS_AS_OCTETS.sub(rb"\1[withheld]", block), _OURS_AS_OCTETS.sub(rb"\1[withheld]", rest)
    if not links and cleaned == (block, rest):
        return raw
    return b"".join(cleaned)


def from_text(text: str, raw: bytes) -> str:
    """The text of a message without the tokens of one reader; what its fields name is left out too."""
    for link in _links(headers.split(raw)[0]):
        said = link.decode("ascii", "replace")
        text = text.replace(said, "[withheld]").replace(said.replace("&", "&amp;"), "[withheld]")
    return ours(text)


def ours(text: str) -> str:
    """A text without the tokens that this program mails to one reader."""
    return _OURS.sub(r"\1[withheld]", text)


def _links(block: bytes) -> list[bytes]:
    """Links of one reader in the fields by which one leaves."""
    if b"ist-" not in block and b"IST-" not in block:
        return []
    values = {name.lower(): piece for name, piece in headers.cut(block)}
    field = values.get(b"list-unsubscribe", b"")
    is_one_click = b"list-unsubscribe-post" in values
    unfolded = field.replace(b"\r", b"").replace(b"\n", b"")
    return [one for one in _found(unfolded) if is_one_click or _is_personal(one)]


def _found(field: bytes) -> Iterable[bytes]:
    return (match[1] for match in _LINK.finditer(field))


def _is_personal(link: bytes) -> bool:
    if link.lower().startswith(b"mailto:"):
        return bool(_TOKEN.search(link[7:].partition(b"@")[0]))
    path = link.partition(b"://")[2].partition(b"/")[2]
    return bool(_TOKEN.search(path) or _ADDRESSED.search(path))
