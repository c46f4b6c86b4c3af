"""
Proofs made from the log (records): that a post stands in it, that an older head is the beginning of the newest.

A proof is about the newest signed head; what came in since has none yet, and whoever asks is told to come again.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from cgbot.archive import log
from cgbot.archive.leaf import PostLeaf
from cgbot.archive.log import Head
from cgbot.archive.note import Checkpoint, NotProven
from cgbot.archive.proof import Consistency, Inclusion
from cgbot.errors import Conflict, Deferred, NotFound
from cgbot.store.tables import posts


def inclusion(tx: Connection, post_id: int) -> Inclusion:
    """The proof that a post stands in its group's log. Raises NotFound, Deferred while no head covers it."""
    row = tx.execute(select(posts.c.group_id, posts.c.sha256, posts.c.received_at).where(posts.c.id == post_id)).first()
    if row is None:
        raise NotFound(f"there is no post {post_id}")
    leaf, head = log.leaf_of(tx, post_id), log.newest_head(tx, row.group_id)
    if leaf is None or leaf.number is None or leaf.salt is None or head is None or head.size <= leaf.number:
        raise Deferred("this message is in no signed head yet; ask again in a minute")
    said = PostLeaf(row.group_id, post_id, bytes(row.sha256), row.received_at)
    path = log.inclusion(tx, row.group_id, leaf.number, head.size)
    return Inclusion(said.data(bytes(leaf.salt)), leaf.number, path, head.note)


def consistency(tx: Connection, group_id: int, old: int) -> Consistency:
    """The proof that the first `old` entries are the beginning of the newest head's. Raises NotFound, Conflict."""
    head = newest(tx, group_id)
    if not 0 <= old <= head.size:
        raise Conflict(f"the newest signed head has {head.size} entries, not {old} or more")
    return Consistency(old, log.consistency(tx, group_id, old, head.size), head.note)


def newest(tx: Connection, group_id: int) -> Head:
    """The newest signed head. Raises NotFound before the first."""
    head = log.newest_head(tx, group_id)
    if head is None:
        raise NotFound("nothing of this group was signed yet")
    return head


def compare(tx: Connection, group_id: int, older: Checkpoint) -> int:
    """
    Compare a head that somebody has kept with the log as it is; how many entries were added since.

    Raises NotProven when the log is not what that head was signed of.
    """
    known, size = log.find(tx, group_id), log.size(tx, group_id)
    if known is None or known.origin != older.origin:
        raise NotProven(f"the checkpoint is one of {older.origin}, not of this group's log")
    if size < older.size:
        raise NotProven(f"the log has {size} entries, and had {older.size}: entries were removed")
    if log.root(tx, group_id, older.size) != older.root:
        raise NotProven(f"the first {older.size} entries of the log are not those that were signed")
    return size - older.size
