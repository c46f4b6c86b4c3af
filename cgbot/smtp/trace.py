"""
Our own Received line of an arrival (pure rules: RFC 5321 section 4.4, RFC 3848 for the protocol keyword).

Kept beside the bytes, never in them, so that the archive stays byte-exact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

_UNSAFE = re.compile(r"[^A-Za-z0-9.:_\[\]-]+")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an arrival came from; `peer` is an IP address or "local" for a socket of this machine."""

    protocol: str
    peer: str
    helo: str
    tls: bool
    extended: bool = True
    utf8: bool = False


def received(origin: Origin, hostname: str, recipients: tuple[str, ...], now: datetime) -> bytes:
    """Build the line with its CRLF; the recipient is named only where there is exactly one (no Bcc is shown)."""
    name = _UNSAFE.sub("_", origin.helo)[:255] or "unknown"
    only = f"\r\n\tfor <{recipients[0]}>" if len(recipients) == 1 else ""
    line = (
        f"Received: from {name} ({_literal(origin.peer)})\r\n"
        f"\tby {hostname} with {_keyword(origin)}{only};\r\n"
        f"\t{_date(now.replace(microsecond=0))}\r\n"
    )
    return line.encode("utf-8", "replace")


@lru_cache(maxsize=4)
def _date(second: datetime) -> str:
    return format_datetime(second)


def _literal(peer: str) -> str:
    return f"[IPv6:{peer}]" if ":" in peer else f"[{peer}]"


def _keyword(origin: Origin) -> str:
    """RFC 3848 and RFC 6531 section 4.3."""
    base = "LMTP" if origin.protocol == "lmtp" else ("ESMTP" if origin.extended else "SMTP")
    if origin.utf8:
        base = "UTF8" + base.removeprefix("E")
    return base + ("S" if origin.tls else "")
