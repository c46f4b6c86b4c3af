"""
Keyed marks (HMAC) for what must be written again: organiser addresses, return paths, one-click links.

A mark is 16 base32 characters (80 bits) of HMAC-SHA-256 over a purpose and the parts, under a master key that can
be rotated: marks are made with the first key and accepted under each. Pure; where the keys are kept is the
business of `settings` and `app`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

MARK_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Keys:
    """The master keys, the current one first; never printed."""

    masters: tuple[bytes, ...] = field(repr=False)

    def mark(self, purpose: str, *parts: str | int) -> str:
        """Make the mark of these parts: 16 characters of a-z and 2-7."""
        return _mark(self.masters[0], purpose, parts)

    def marks(self, purpose: str, *parts: str | int) -> tuple[str, ...]:
        """Every mark that these parts may have been given, the current key's first."""
        return tuple(_mark(key, purpose, parts) for key in self.masters)

    def accepts(self, mark: str, purpose: str, *parts: str | int) -> bool:
        """Say whether one of the keys made this mark, in constant time and ignoring case."""
        given = mark.lower().encode("ascii", "replace")
        return any(hmac.compare_digest(given, _mark(key, purpose, parts).encode()) for key in self.masters)


def _mark(key: bytes, purpose: str, parts: tuple[str | int, ...]) -> str:
    text = "\x1f".join((purpose, *map(str, parts)))
    digest = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:10]).decode().lower()
