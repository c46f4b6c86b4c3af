"""
The ARC set of a post that the list passes on (pure rules: RFC 8617), by dkimpy.

The seal comes last, over the octets that are sent, and vouches for our own Authentication-Results, which stand in the
mail under our authserv-id. It covers no field that differs from copy to copy, so that one seal serves a whole content.
"""

from __future__ import annotations

import re
from typing import Final

import dkim

from cgbot.mail import headers, signing
from cgbot.mail.signing import SigningKeys

_FAILED: Final = re.compile(rb"[;:\s]cv\s*=\s*fail", re.IGNORECASE)
_EACH_ITS_OWN: Final = frozenset({b"list-unsubscribe", b"list-unsubscribe-post"})


def seal(raw: bytes, keys: SigningKeys, authserv_id: str, second: int) -> bytes:
    """
    The three fields of our ARC set, b"" where there can be none.

    That is: no results of ours, a chain that has failed and said so, one of fifty sets. Never raises for hostile mail.
    """
    pieces = headers.cut(headers.split(raw)[0])
    if any(name.lower() == b"arc-seal" and _FAILED.search(piece) for name, piece in pieces):
        return b""  # section 5.1: an ended chain gets no further set
    present = {name.lower() for name, _ in pieces}
    covered = [name for name in signing.COVERED if name in present and name not in _EACH_ITS_OWN]
    try:
        lines = dkim.ARC(raw, logger=signing.QUIET).sign(
            keys.selector.encode("ascii"),
            keys.domain.encode("ascii"),
            keys.rsa,
            authserv_id.encode("ascii"),
            include_headers=covered,
            timestamp=second,
        )
    except Exception:  # noqa: BLE001 - hostile input: dkimpy and authres let UnicodeDecodeError and others out
        return b""
    return b"".join(lines)


def carries_results(block: bytes, authserv_id: str) -> bool:
    """Say whether a header block has results of ours, as a post that the list passes on."""
    wanted = authserv_id.lower().encode("ascii")
    return any(
        name.lower() == b"authentication-results"
        and piece.partition(b":")[2].partition(b";")[0].strip().lower() == wanted
        for name, piece in headers.cut(block)
    )
