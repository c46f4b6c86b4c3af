"""
Is the archive still what was archived (use case; reads in slices, and needs as much memory for many posts as for few).

Every raw message is hashed again and must give its leaf, every leaf must be in its place and lead to the roots of all
signed heads, every post must have a leaf, and every leaf a post or a tombstone that the log knows of. With `indexes`
what pages and search show of a post is also derived again from its bytes and compared. Whatever does not fit is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, exists, func, select

from cgbot.archive import keep, log, merkle, note
from cgbot.archive.leaf import ErasureLeaf, PostLeaf
from cgbot.archive.note import Verifier
from cgbot.errors import CgbotError
from cgbot.mail import message as messages
from cgbot.store import raw
from cgbot.store.db import Database
from cgbot.store.tables import archive_logs, log_leaves, log_tiles, posts, raw_messages, tombstones

_SLICE: Final = 100
_OCTETS: Final = 4 << 20  # of raw messages that are in memory at once, or one message that has more
_POST: Final = ("id", "group_id", "sha256", "received_at", "size")


@dataclass(frozen=True, slots=True)
class Step:
    """What was looked at in one slice, and what does not fit, in words."""

    entries: int = 0
    messages: int = 0
    octets: int = 0
    faults: tuple[str, ...] = ()


@dataclass(slots=True)
class _Walk:
    """How far the log of a group was walked."""

    group_id: int
    origin: str
    verifiers: Sequence[Verifier]
    indexes: bool
    tree: merkle.Tree = field(default_factory=merkle.Tree)
    tile: merkle.Tree = field(default_factory=merkle.Tree)


def verify(
    db: Database, group_id: int, verifiers: Sequence[Verifier] | None, *, indexes: bool = False
) -> Iterator[Step]:
    """
    Check the archive of a group, slice by slice.

    `verifiers` are the keys that may have signed its heads, None to leave signatures alone.
    """
    known = db.read_now(log.find, group_id)
    walk = _Walk(group_id, known.origin if known else "", verifiers or (), indexes)
    size = db.read_now(_count, group_id)
    while walk.tree.size < size:
        yield db.read_now(_numbered, walk, min(size, walk.tree.size + _SLICE))
    last = 0
    while rows := db.read_now(_waiting, group_id, last):
        yield db.read_now(_leaves, walk, rows)
        last = rows[-1].id
    yield from _of_posts(db, group_id, known.covered if known else 0)
    yield db.read_now(_rest, walk, known)


def _count(tx: Connection, group_id: int) -> int:
    """How many leaves have places; where each is in its own, the log has this size."""
    wanted = select(func.count()).where(log_leaves.c.group_id == group_id, log_leaves.c.number.is_not(None))
    return int(tx.execute(wanted).scalar_one())


def _numbered(tx: Connection, walk: _Walk, until: int) -> Step:
    """The next leaves in their places, and the heads and tiles that they complete."""
    begin = walk.tree.size
    given = {row.number: row for row in tx.execute(
        _joined().where(
            log_leaves.c.group_id == walk.group_id, log_leaves.c.number >= begin, log_leaves.c.number < until
        )
    )}  # fmt: skip
    heads = {one.size: one for one in log.heads_after(tx, walk.group_id, begin, until - begin) if one.size <= until}
    faults: list[str] = []
    for place in range(begin, until):
        row = given.get(place)
        if row is None:
            faults.append(f"entry {place} of the log is missing")
        faults += _push(tx, walk, bytes(row.hash) if row else b"")
        if walk.tree.size in heads:
            faults += _head(walk, heads[walk.tree.size])
    found = _leaves(tx, walk, list(given.values()))
    return Step(until - begin, found.messages, found.octets, (*faults, *found.faults))


def _push(tx: Connection, walk: _Walk, hashed: bytes) -> list[str]:
    """One more leaf in the tree; the faults of a tile that it completes."""
    walk.tree.push(hashed)
    walk.tile.push(hashed)
    if walk.tile.size < log.TILE:
        return []
    number, root = walk.tree.size // log.TILE - 1, walk.tile.root()
    walk.tile = merkle.Tree()
    wanted = select(log_tiles.c.hash).where(log_tiles.c.group_id == walk.group_id, log_tiles.c.number == number)
    kept = tx.execute(wanted).scalar()
    first = number * log.TILE
    return (
        [] if kept == root else [f"the root of entries {first} to {first + log.TILE - 1} is not the one that is kept"]
    )


def _head(walk: _Walk, head: log.Head) -> list[str]:
    """What does not fit of a head, once the tree has its size."""
    name = f"the signed head of {head.size} entries"
    try:
        said = note.read(note.opened(head.note, walk.verifiers) if walk.verifiers else note.split(head.note)[0])
    except CgbotError as error:
        return [f"{name}: {error.public}"]
    if (said.size, said.origin) != (head.size, walk.origin):
        return [f"{name} says that it is the one of {said.size} entries of {said.origin}"]
    return (
        [] if said.root == walk.tree.root() else [f"{name}: the log has another root; entries before it were changed"]
    )


def _joined() -> Select[Any]:
    """Leaves with their posts and tombstones, in their order."""
    of_post = [posts.c[name].label(f"its_{name}") for name in _POST]
    of_stone = [tombstones.c[name] for name in ("erased_at", "erased_by", "reason")]
    is_post = (posts.c.id == log_leaves.c.post_id) & (log_leaves.c.kind == "post")
    return (
        select(log_leaves, *of_post, *of_stone, tombstones.c.id.label("stone"), raw_messages.c.size.label("raw_size"))
        .select_from(
            log_leaves.outerjoin(posts, is_post)
            .outerjoin(tombstones, tombstones.c.post_id == log_leaves.c.post_id)
            .outerjoin(raw_messages, raw_messages.c.sha256 == posts.c.sha256)
        )
        .order_by(log_leaves.c.number, log_leaves.c.id)
    )


def _waiting(tx: Connection, group_id: int, last: int) -> Sequence[Row[Any]]:
    """Leaves that have no place yet."""
    wanted = _joined().where(log_leaves.c.group_id == group_id, log_leaves.c.number.is_(None), log_leaves.c.id > last)
    return tx.execute(wanted.order_by(None).order_by(log_leaves.c.id).limit(_SLICE)).all()


def _leaves(tx: Connection, walk: _Walk, rows: Sequence[Row[Any]]) -> Step:
    """What leaves say, and the bytes of their posts."""
    faults = [fault for row in rows if (fault := _leaf(tx, row))]
    living = [row for row in rows if row.kind == "post" and row.its_id is not None]
    octets = 0
    for some in _portions(living):
        found = raw.get_some(tx, [bytes(row.its_sha256) for row in some])
        for row in some:
            octets += row.its_size
            faults += _bytes(tx, walk, row, found.get(bytes(row.its_sha256)))
    return Step(len(rows), len(living), octets, tuple(faults))


def _portions(rows: Sequence[Row[Any]]) -> Iterator[Sequence[Row[Any]]]:
    """Posts whose bytes fit into memory together."""
    some: list[Row[Any]] = []
    size = 0
    for row in rows:
        if some and size + row.its_size > _OCTETS:
            yield some
            some, size = [], 0
        some.append(row)
        size += row.its_size
    if some:
        yield some


def _leaf(tx: Connection, row: Row[Any]) -> str:
    """What is wrong with a leaf; "" if nothing."""
    where = "an entry that waits for its place" if row.number is None else f"entry {row.number} of the log"
    salt = bytes(row.salt) if row.salt is not None else None
    if row.kind == "erasure":
        return _erasure(tx, row, salt, where)
    if row.its_id is None:
        if row.stone is None:
            return f"post {row.post_id} ({where}) is gone, and was not erased"
        if log.leaf_of(tx, row.post_id, "erasure") is None:
            return f"the tombstone of post {row.post_id} is not in the log"
        return f"the salt of erased post {row.post_id} ({where}) is still there" if salt else ""
    if row.stone is not None:
        return f"post {row.post_id} was erased, and is there again"
    said = PostLeaf(row.its_group_id, row.post_id, bytes(row.its_sha256), row.its_received_at)
    if salt is None or said.hash(salt) != bytes(row.hash) or row.group_id != row.its_group_id:
        return f"post {row.post_id} does not fit {where}: its number, group, hash or time, or the entry, was changed"
    return ""


def _erasure(tx: Connection, row: Row[Any], salt: bytes | None, where: str) -> str:
    leaf = log.leaf_of(tx, row.post_id)
    if row.stone is None or leaf is None:
        return f"post {row.post_id} was erased ({where}), and its tombstone or its own entry is gone"
    said = ErasureLeaf(row.group_id, row.post_id, leaf.hash, row.erased_at, row.erased_by, row.reason)
    return "" if salt and said.hash(salt) == bytes(row.hash) else (
        f"the tombstone of post {row.post_id} does not fit {where}: who, when or why, or the entry, was changed"
    )  # fmt: skip


def _bytes(tx: Connection, walk: _Walk, row: Row[Any], found: bytes | Exception | None) -> list[str]:
    """What is wrong with the raw bytes of a post, and with what was derived of them."""
    if not isinstance(found, bytes):
        return [f"post {row.post_id}: its raw bytes are {'missing' if found is None else 'damaged'}"]
    if not len(found) == row.its_size == row.raw_size:
        return [f"post {row.post_id}: its size is noted wrongly"]
    if not walk.indexes:
        return []
    made = keep.row(keep.prepare(messages.parse(found)))
    kept = tx.execute(select(*(posts.c[name] for name in made)).where(posts.c.id == row.post_id)).one()
    wrong = [name.replace("_", " ") for name, value in made.items() if getattr(kept, name) != value]
    return [f"post {row.post_id}: its {', '.join(wrong)} is not what its bytes say"] if wrong else []


def _of_posts(db: Database, group_id: int, covered: int) -> Iterator[Step]:
    """Posts without a leaf; those behind `covered` get theirs with the next head."""
    has_leaf = exists().where(log_leaves.c.post_id == posts.c.id, log_leaves.c.kind == "post")
    wanted = select(posts.c.id).where(posts.c.group_id == group_id, posts.c.id <= covered, ~has_leaf)
    last = 0
    while ids := db.read_now(lambda tx, at: tx.execute(
        wanted.where(posts.c.id > at).order_by(posts.c.id).limit(_SLICE)).scalars().all(), last
    ):  # fmt: skip
        yield Step(faults=tuple(f"post {one} is not in the log" for one in ids))
        last = ids[-1]


def _rest(tx: Connection, walk: _Walk, known: log.Log | None) -> Step:
    """Heads of a larger log than there is, tombstones without an entry, the keys that pages show."""
    faults = [
        f"the signed head of {one.size} entries: the log has only {walk.tree.size}; entries were removed"
        for one in log.heads_after(tx, walk.group_id, walk.tree.size, _SLICE)
        if one.size > _count(tx, walk.group_id)
    ]
    beyond = (log_leaves.c.number < 0) | (log_leaves.c.number >= _count(tx, walk.group_id))
    astray = select(log_leaves.c.number, log_leaves.c.post_id).where(log_leaves.c.group_id == walk.group_id, beyond)
    faults += [
        f"the entry of post {row.post_id} stands at {row.number}, outside the log"
        for row in tx.execute(astray.limit(_SLICE))
    ]
    has_leaf = exists().where(log_leaves.c.post_id == tombstones.c.post_id, log_leaves.c.kind == "erasure")
    lone = select(tombstones.c.post_id).where(tombstones.c.group_id == walk.group_id, ~has_leaf)
    faults += [f"the tombstone of post {one} is not in the log" for one in tx.execute(lone).scalars()]
    shown = tx.execute(select(archive_logs.c.verifiers).where(archive_logs.c.group_id == walk.group_id)).scalar() or ""
    ours = {str(one) for one in walk.verifiers}
    if ours and known is not None:
        faults += [f"the key {one} that pages show is none of ours" for one in shown.split() if one not in ours]
    return Step(faults=tuple(faults))
