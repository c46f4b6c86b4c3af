"""
Addresses that carry who and what, signed: return paths, organiser addresses, one-click links (pure rules).

VERP: the return path of each copy names the content and the member, with a keyed mark, so that a bounce tells whose it
is and nobody can forge one. A meeting's organiser address and the link that leaves a group are the same for the life
of a subscription. All survive being lower-cased on the way.
"""

from __future__ import annotations

import re
from typing import Final

from cgbot.keys import Keys

_BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_PATH: Final = re.compile(r"([0-9a-z]{1,13})\.([0-9a-z]{1,13})\.([a-z2-7]{16})", re.IGNORECASE)
_TOKEN: Final = re.compile(r"([0-9a-z]{1,13})-([a-z2-7]{16})", re.IGNORECASE)


def return_path(keys: Keys, group: str, domain: str, content_id: int, member_id: int) -> str:
    """Make `GROUP-bounces+CONTENT.MEMBER.MARK@DOMAIN`; member 0 stands for an address that is no member's."""
    mark = keys.mark("bounces", group, content_id, member_id)
    return f"{group}-bounces+{_base36(content_id)}.{_base36(member_id)}.{mark}@{domain}"


def read_return_path(keys: Keys, group: str, detail: str) -> tuple[int, int] | None:
    """Read (content id, member id) off what stands behind the plus; None unless we signed it."""
    match = _PATH.fullmatch(detail)
    if match is None:
        return None
    content_id, member_id = int(match[1], 36), int(match[2], 36)
    return (content_id, member_id) if keys.accepts(match[3], "bounces", group, content_id, member_id) else None


def member_token(keys: Keys, purpose: str, group: str, member_id: int) -> str:
    """Make `MEMBER-MARK` for a purpose: "meetings" for organiser addresses, "leave" for one-click links."""
    return f"{_base36(member_id)}-{keys.mark(purpose, group, member_id)}"


def read_member_token(keys: Keys, purpose: str, group: str, token: str) -> int | None:
    """Read the member id; None unless we signed it for this purpose and group."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    member_id = int(match[1], 36)
    return member_id if keys.accepts(match[2], purpose, group, member_id) else None


def organizer(keys: Keys, group: str, domain: str, member_id: int) -> str:
    """Make the organiser address of a member's invitations: `GROUP-meetings+TOKEN@DOMAIN`."""
    return f"{group}-meetings+{member_token(keys, 'meetings', group, member_id)}@{domain}"


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _BASE36[rest] + digits
    return digits or "0"
