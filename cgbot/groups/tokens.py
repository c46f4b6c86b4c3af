"""
Records: one-time tokens, which prove that somebody reads an address.

Only the SHA-256 of a token is kept, so a stolen backup confirms nothing. A token has a purpose and facts, an end, and
is used once; `look` reads one that may be used several times until its end (the reply address of a daily mail).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from cgbot.context import Context
from cgbot.store.tables import tokens

_KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Token:
    """What a token was made for; `expired` and `used` say why it may no longer count."""

    purpose: str
    facts: Mapping[str, Any]
    created_at: datetime
    expires_at: datetime
    expired: bool
    used: bool


def make(tx: Connection, context: Context, purpose: str, facts: Mapping[str, object], lifetime: timedelta) -> str:
    """Make a token; this is the only time that its text is seen."""
    token = context.new_token()
    tx.execute(delete(tokens).where(tokens.c.expires_at < context.now - _KEPT))
    tx.execute(
        insert(tokens).values(
            hash=_hash(token),
            purpose=purpose,
            facts=dict(facts),
            created_at=context.now,
            expires_at=context.now + lifetime,
        )
    )
    return token


def look(tx: Connection, token: str, now: datetime) -> Token | None:
    """What this token was made for, used and expired ones included; None for one that we never made."""
    row = tx.execute(select(tokens).where(tokens.c.hash == _hash(token))).one_or_none()
    if row is None:
        return None
    is_used = row.used_at is not None
    return Token(row.purpose, row.facts, row.created_at, row.expires_at, expired=row.expires_at <= now, used=is_used)


def use(tx: Connection, token: str, now: datetime) -> bool:
    """Use a token up; False when it is unknown, expired or used already. Of two at once, one wins."""
    done = tx.execute(
        update(tokens)
        .where(tokens.c.hash == _hash(token), tokens.c.used_at.is_(None), tokens.c.expires_at > now)
        .values(used_at=now)
    )
    return done.rowcount == 1


def end(tx: Connection, token: str, now: datetime) -> None:
    """Let a token expire now, whatever it was made for."""
    tx.execute(update(tokens).where(tokens.c.hash == _hash(token), tokens.c.expires_at > now).values(expires_at=now))


def revoke(tx: Connection, fact: tuple[str, str]) -> int:
    """Remove every token, of whatever purpose, whose fact (key, text) is this; how many there were."""
    key, value = fact
    return tx.execute(delete(tokens).where(tokens.c.facts[key].as_string() == value)).rowcount


def made_since(tx: Connection, purpose: str, fact: tuple[str, str], since: datetime) -> int:
    """How many tokens of this purpose were made since, whose fact (key, text) is this; limits what we send."""
    key, value = fact
    counted = tx.execute(
        select(func.count())
        .select_from(tokens)
        .where(tokens.c.purpose == purpose, tokens.c.created_at > since, tokens.c.facts[key].as_string() == value)
    )
    return int(counted.scalar_one())


def mark(token: str) -> str:
    """What a token is kept as: nobody can answer with it."""
    return _hash(token)


def _hash(token: str) -> str:
    return hashlib.sha256(token.strip().lower().encode()).hexdigest()
