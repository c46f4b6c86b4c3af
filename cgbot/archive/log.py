"""
The append-only log of a group (records): leaves, the roots of every 256 of them, signed heads.

`append` writes leaves in the transaction that archives their posts, with nothing but an insert, so that many may do it
at once. `number` gives those that wait their places, in the order in which they were written; only then are they in the
tree. Nothing here ever changes a hash or a place that was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection, bindparam, func, insert, select, update

from cgbot.archive import merkle
from cgbot.archive.leaf import ErasureLeaf, PostLeaf
from cgbot.errors import Deferred
from cgbot.store import salts
from cgbot.store.tables import archive_logs, log_leaves, log_tiles, tree_heads
from cgbot.store.upsert import insert_new

TILE: Final = 256
Kind = Literal["post", "erasure"]
_ADD: Final = insert(log_leaves)
_PLACE: Final = update(log_leaves).where(log_leaves.c.id == bindparam("leaf")).values(number=bindparam("place"))
_HASHES: Final = (
    select(log_leaves.c.hash)
    .where(
        log_leaves.c.group_id == bindparam("group"),
        log_leaves.c.number >= bindparam("low"),
        log_leaves.c.number < bindparam("high"),
    )
    .order_by(log_leaves.c.number)
)
_TILES: Final = (
    select(log_tiles.c.hash)
    .where(
        log_tiles.c.group_id == bindparam("group"),
        log_tiles.c.number >= bindparam("low"),
        log_tiles.c.number < bindparam("high"),
    )
    .order_by(log_tiles.c.number)
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf as it is stored; `number` is None until it is in the tree, `salt` None once its post is erased."""

    id: int
    group_id: int
    number: int | None
    post_id: int
    kind: Kind
    hash: bytes
    salt: bytes | None


@dataclass(frozen=True, slots=True)
class Log:
    """A group's log: the name that its heads carry, the verifier keys of the newest, and what has leaves already."""

    origin: str
    verifiers: str
    covered: int


@dataclass(frozen=True, slots=True)
class Head:
    """A signed head: the checkpoint of that size, as it was published."""

    size: int
    signed_at: datetime
    note: str


_LEAF: Final = tuple(log_leaves.c[name] for name in Leaf.__dataclass_fields__)
_HEAD: Final = tuple(tree_heads.c[name] for name in Head.__dataclass_fields__)


def append(tx: Connection, leaves: Sequence[PostLeaf | ErasureLeaf]) -> None:
    """Write the leaves of posts just archived, or of an erasure, each with a salt of its own; any number at once."""
    rows = [
        {
            "group_id": one.group_id,
            "post_id": one.post_id,
            "kind": "post" if isinstance(one, PostLeaf) else "erasure",
            "hash": one.hash(salt),
            "salt": salt,
        }
        for one, salt in zip(leaves, salts.draw(tx, len(leaves)), strict=True)
    ]
    if rows:
        tx.execute(_ADD, rows)


def number(tx: Connection, group_id: int, limit: int) -> int:
    """Give places to the leaves that wait, as they were written; how many it were, `limit` at most."""
    waiting = select(log_leaves.c.id).where(log_leaves.c.group_id == group_id, log_leaves.c.number.is_(None))
    ids = tx.execute(waiting.order_by(log_leaves.c.id).limit(limit)).scalars().all()
    if ids:
        before = size(tx, group_id)
        tx.execute(_PLACE, [{"leaf": one, "place": before + after} for after, one in enumerate(ids)])
        _keep_tiles(tx, group_id, range(before // TILE, (before + len(ids)) // TILE))
    return len(ids)


def _keep_tiles(tx: Connection, group_id: int, complete: Iterable[int]) -> None:
    rows = [
        {"group_id": group_id, "number": one, "hash": merkle.root(_leaves(tx, group_id, one * TILE, (one + 1) * TILE))}
        for one in complete
    ]
    if rows:
        tx.execute(insert_new(tx, log_tiles), rows)


def size(tx: Connection, group_id: int) -> int:
    """How many leaves are in the tree."""
    wanted = select(func.max(log_leaves.c.number)).where(log_leaves.c.group_id == group_id)
    last = tx.execute(wanted).scalar_one()
    return 0 if last is None else int(last) + 1


def waiting(tx: Connection, group_id: int) -> int:
    """How many leaves have no place yet."""
    wanted = select(func.count()).where(log_leaves.c.group_id == group_id, log_leaves.c.number.is_(None))
    return int(tx.execute(wanted).scalar_one())


def root(tx: Connection, group_id: int, count: int) -> bytes:
    """The root of the tree of the first `count` leaves. Raises Deferred where some are missing."""
    return _range_root(tx, group_id, (0, count))


def inclusion(tx: Connection, group_id: int, place: int, count: int) -> tuple[bytes, ...]:
    """The hashes that prove the leaf at a place in the tree of the first `count`."""
    return tuple(_range_root(tx, group_id, one) for one in merkle.inclusion_ranges(place, count))


def consistency(tx: Connection, group_id: int, old: int, new: int) -> tuple[bytes, ...]:
    """The hashes that prove the tree of the first `old` leaves to be the beginning of that of the first `new`."""
    return tuple(_range_root(tx, group_id, one) for one in merkle.consistency_ranges(old, new))


def _range_root(tx: Connection, group_id: int, leaves: merkle.Range) -> bytes:
    """The root of leaves [low, high); where they are more than a tile, `low` begins one."""
    low, high = leaves
    tree = merkle.Tree()
    whole = range(low // TILE, high // TILE) if high - low >= TILE else range(0)
    for one in _tiles(tx, group_id, whole.start, whole.stop):
        tree.push(one)
    rest = _leaves(tx, group_id, whole.stop * TILE if whole else low, high)
    if rest:
        tree.push(merkle.root(rest))
    return tree.root()


def _leaves(tx: Connection, group_id: int, low: int, high: int) -> list[bytes]:
    return _all_of(tx.execute(_HASHES, {"group": group_id, "low": low, "high": high}).scalars(), high - low)


def _tiles(tx: Connection, group_id: int, low: int, high: int) -> list[bytes]:
    return _all_of(tx.execute(_TILES, {"group": group_id, "low": low, "high": high}).scalars(), high - low)


def _all_of(hashes: Iterable[bytes], wanted: int) -> list[bytes]:
    found = [bytes(one) for one in hashes]
    if len(found) != wanted:
        raise Deferred("the archive's log has gaps: `cgbot archive verify` names them")
    return found


def leaf_of(tx: Connection, post_id: int, kind: Kind = "post") -> Leaf | None:
    """The leaf of a post, or of its erasure."""
    wanted = select(*_LEAF).where(log_leaves.c.post_id == post_id, log_leaves.c.kind == kind)
    row = tx.execute(wanted).first()
    return Leaf(**row._mapping) if row else None


def find(tx: Connection, group_id: int) -> Log | None:
    """The group's log, None before its first head."""
    columns = (archive_logs.c[name] for name in Log.__dataclass_fields__)
    row = tx.execute(select(*columns).where(archive_logs.c.group_id == group_id)).first()
    return Log(**row._mapping) if row else None


def newest_head(tx: Connection, group_id: int) -> Head | None:
    """The newest signed head, None before the first."""
    wanted = select(*_HEAD).where(tree_heads.c.group_id == group_id).order_by(tree_heads.c.size.desc()).limit(1)
    row = tx.execute(wanted).first()
    return Head(**row._mapping) if row else None


def heads_after(tx: Connection, group_id: int, count: int, limit: int) -> tuple[Head, ...]:
    """Signed heads of more than `count` leaves, the smallest first."""
    wanted = select(*_HEAD).where(tree_heads.c.group_id == group_id, tree_heads.c.size > count)
    return tuple(Head(**row._mapping) for row in tx.execute(wanted.order_by(tree_heads.c.size).limit(limit)))
