"""
A post is taken out of the archive (records): its words, its place in the thread, its row, the salt of its leaf.

What stays is the leaf's hash, so that every proof of other messages and every signed head still verifies; a leaf of its
own that says who ordered it, when and why; and a tombstone. The thread keeps a ghost where others answered the post.
The raw bytes, and what mail still holds of them, are the business of whoever calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, delete, func, select, update

from cgbot.archive import log, tombstones
from cgbot.archive.leaf import ErasureLeaf, PostLeaf
from cgbot.archive.tombstones import Tombstone
from cgbot.errors import Deferred, NotFound
from cgbot.keys import Keys
from cgbot.store import search
from cgbot.store.tables import file_texts, log_leaves, post_copies, posts, thread_ids, threads
from cgbot.store.words import Terms


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants it erased, and why; one line each."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class TakenOut:
    """What was in the archive: the SHA-256 of the raw bytes, and the arrivals that brought the same content."""

    sha256: bytes
    received_at: datetime
    arrivals: tuple[int, ...]


def take_out(tx: Connection, keys: Keys, post_id: int, order: Order, terms: Terms | None) -> TakenOut:
    """
    Take a post out; `terms` are its words as they were indexed, None where its bytes cannot be read any more.

    Raises NotFound.
    """
    row = tx.execute(select(posts).where(posts.c.id == post_id)).first()
    if row is None:
        raise NotFound(f"there is no post {post_id}")
    if terms is not None:
        search.remove(tx, post_id, terms)
    copies = tx.execute(select(post_copies.c.arrival_id).where(post_copies.c.post_id == post_id)).scalars().all()
    tx.execute(delete(file_texts).where(file_texts.c.post_id == post_id))
    tx.execute(delete(post_copies).where(post_copies.c.post_id == post_id))
    tx.execute(delete(posts).where(posts.c.id == post_id))
    _leave_thread(tx, row)
    _note(tx, row, order)
    stone = Tombstone(row.group_id, post_id, row.permalink, order.at, order.by, order.reason)
    tombstones.raise_one(tx, keys, stone, bytes(row.sha256), bytes(row.content_hash))
    return TakenOut(bytes(row.sha256), row.received_at, tuple(copies))


def _note(tx: Connection, row: Row[tuple[object, ...]], order: Order) -> None:
    """The log: the leaf loses its salt, and another one says that it did."""
    if log.leaf_of(tx, row.id) is None:
        log.append(tx, [PostLeaf(row.group_id, row.id, bytes(row.sha256), row.received_at)])
    leaf = log.leaf_of(tx, row.id)
    if leaf is None:
        raise Deferred("the leaf that was just written is not there")
    tx.execute(update(log_leaves).where(log_leaves.c.id == leaf.id).values(salt=None))
    log.append(tx, [ErasureLeaf(row.group_id, row.id, leaf.hash, order.at, order.by, order.reason)])


def _leave_thread(tx: Connection, row: Row[tuple[object, ...]]) -> None:
    """The thread without the post: the next one begins it, or it goes where nobody is left."""
    inside = posts.c.thread_id == row.thread_id
    count, last = tx.execute(select(func.count(), func.max(posts.c.received_at)).select_from(posts).where(inside)).one()
    if not count:
        tx.execute(delete(thread_ids).where(thread_ids.c.thread_id == row.thread_id))
        tx.execute(delete(threads).where(threads.c.id == row.thread_id))
        return
    subject, began = _beginning(tx, row.thread_id)
    kept = {"posts": count, "last_at": last, "started_at": began, "subject": subject}
    tx.execute(update(threads).where(threads.c.id == row.thread_id).values(kept))


def _beginning(tx: Connection, thread_id: int) -> tuple[str, datetime]:
    """The subject and start of a thread, as `keep.thread` would give them: a post answered before it came begins it."""
    columns = posts.c["subject", "received_at", "message_id", "references"]
    left = tx.execute(select(*columns).where(posts.c.thread_id == thread_id).order_by(posts.c.id)).all()
    subject, mentioned = left[0].subject, set(left[0].references)
    for one in left[1:]:
        if one.message_id in mentioned and not one.references:
            subject = one.subject
        mentioned.update(one.references)
    return subject, left[0].received_at
