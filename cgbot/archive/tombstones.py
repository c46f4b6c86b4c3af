"""
What was erased and must not come back (records).

A tombstone says which post went, who ordered it, when and why, and keeps keyed marks of the raw bytes and of the
content: without our master keys nobody can try whether a message that they guess was the one. An importer asks
`erased` for many messages at once, `is_erased` for one; a group in which nothing was ever erased costs one look.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, insert, or_, select

from cgbot.keys import Keys
from cgbot.store.tables import tombstones

_RAW: Final = "erased bytes"
_CONTENT: Final = "erased content"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An erased post, as it may be shown."""

    group_id: int
    post_id: int
    permalink: str
    erased_at: datetime
    erased_by: str
    reason: str


# Built once, since every post asks.
_ANY: Final = select(tombstones.c.id).where(tombstones.c.group_id == bindparam("group_id")).limit(1)
_COLUMNS: Final = tuple(tombstones.c[name] for name in Tombstone.__dataclass_fields__)


def raise_one(tx: Connection, keys: Keys, stone: Tombstone, sha256: bytes, content_hash: bytes) -> None:
    """Write the tombstone of a post with these raw bytes and this content (both SHA-256)."""
    marks = {
        "raw_mark": keys.mark(_RAW, stone.group_id, sha256.hex()),
        "content_mark": keys.mark(_CONTENT, stone.group_id, content_hash.hex()),
    }
    values = {name: getattr(stone, name) for name in Tombstone.__dataclass_fields__}
    tx.execute(insert(tombstones).values(values | marks))


def is_erased(tx: Connection, keys: Keys, group_id: int, sha256: bytes, content_hash: bytes = b"") -> bool:
    """Say whether the message of these bytes (SHA-256), or of this content, was erased from the group."""
    return bool(erased(tx, keys, group_id, [(sha256, content_hash)]))


def erased(
    tx: Connection, keys: Keys, group_id: int, messages: Iterable[tuple[bytes, bytes]]
) -> frozenset[tuple[bytes, bytes]]:
    """Which of these messages, each (SHA-256 of its bytes, content hash), were erased from the group."""
    if tx.execute(_ANY, {"group_id": group_id}).first() is None:
        return frozenset()
    found: set[tuple[bytes, bytes]] = set()
    for sha256, content_hash in messages:
        same = or_(
            tombstones.c.raw_mark.in_(keys.marks(_RAW, group_id, sha256.hex())),
            tombstones.c.content_mark.in_(keys.marks(_CONTENT, group_id, content_hash.hex())),
        )
        wanted = select(tombstones.c.id).where(tombstones.c.group_id == group_id, same).limit(1)
        if tx.execute(wanted).first() is not None:
            found.add((sha256, content_hash))
    return frozenset(found)


def of_permalink(tx: Connection, group_id: int, permalink: str) -> Tombstone | None:
    """The tombstone under a permalink, None where there is none."""
    wanted = select(*_COLUMNS).where(tombstones.c.group_id == group_id, tombstones.c.permalink == permalink.upper())
    row = tx.execute(wanted.order_by(tombstones.c.id).limit(1)).first()
    return Tombstone(**row._mapping) if row else None


def of_post(tx: Connection, post_id: int) -> Tombstone | None:
    """The tombstone of a post's number, None where there is none."""
    row = tx.execute(select(*_COLUMNS).where(tombstones.c.post_id == post_id)).first()
    return Tombstone(**row._mapping) if row else None


def newest(tx: Connection, group_id: int, limit: int) -> tuple[Tombstone, ...]:
    """What was erased last, newest first."""
    wanted = select(*_COLUMNS).where(tombstones.c.group_id == group_id).order_by(tombstones.c.id.desc()).limit(limit)
    return tuple(Tombstone(**row._mapping) for row in tx.execute(wanted))
