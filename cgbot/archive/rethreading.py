"""
Threads joined, split and restored by hand (use cases; what counts afterwards is in archive.thread_edits).

The posts of the threads that a change touches are put in their places again, from what the messages themselves say and
all that was changed by hand, so that a change and its undoing leave what a rebuild would make.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, select, update

from cgbot.archive import keep, thread_edits, threads
from cgbot.archive.keep import PostFacts
from cgbot.archive.records import Post
from cgbot.context import Context
from cgbot.errors import CgbotError, Conflict
from cgbot.mail import headers
from cgbot.mail import message as messages
from cgbot.store import raw
from cgbot.store.tables import posts, thread_ids
from cgbot.store.tables import threads as thread_rows

MOST: Final = 2000  # posts that one change may put in their places again
_ROUNDS: Final = 20  # changes that stand below each other, each under a later post


def split(tx: Connection, context: Context, post: Post) -> None:
    """Let a post begin a thread, with all that answers it. Raises Conflict where it begins one."""
    check_split(tx, post)
    thread_edits.put(tx, post.group_id, post.message_id, "", context.now)
    _again(tx, post.group_id, {post.thread_id})


def check_split(tx: Connection, post: Post) -> None:
    """Raise Conflict where a post begins its thread."""
    if not _above(tx, post):
        raise Conflict("this post begins its thread already")


def join(tx: Connection, context: Context, post: Post, parent: Post) -> None:
    """Put a post with all that answers it below another. Raises Conflict where that would be a circle."""
    check_join(tx, post, parent)
    thread_edits.put(tx, post.group_id, post.message_id, parent.message_id, context.now)
    _again(tx, post.group_id, {post.thread_id, parent.thread_id})


def check_join(tx: Connection, post: Post, parent: Post) -> None:
    """Raise Conflict where a post cannot stand below the other."""
    if post.message_id == parent.message_id:
        raise Conflict("a post cannot answer itself")
    if post.message_id in _above(tx, parent):
        raise Conflict("the second post answers the first: it cannot stand above it too")
    if post.references and post.references[-1] == parent.message_id:
        raise Conflict("this post stands below the other already")


def restore(tx: Connection, context: Context, post: Post) -> None:
    """Let a post stand where it says itself. Raises Conflict where nothing was changed of it."""
    edit = thread_edits.find(tx, post.group_id, [post.message_id]).get(post.message_id)
    if edit is None:
        raise Conflict("this post stands where its author put it")
    thread_edits.undo(tx, post.group_id, post.message_id, context.now)
    facts = _facts(tx, _rows(tx, posts.c.id == post.id)[0])
    names = keep.mentions(facts)
    mine = (thread_ids.c.group_id == post.group_id) & thread_ids.c.message_id.in_(names)
    own = tx.execute(select(thread_ids.c.thread_id).where(mine)).scalars().all()
    _again(tx, post.group_id, {post.thread_id, *own})


def _above(tx: Connection, post: Post) -> set[str]:
    """The ancestors of a post as its thread shows them."""
    places = threads.tree(_said(row) for row in _rows(tx, posts.c.thread_id == post.thread_id))
    parents = {one.message_id: one.parent for one in places}
    found: set[str] = set(post.references)
    at = parents.get(post.message_id, "")
    while at and at not in found:
        found.add(at)
        at = parents.get(at, "")
    return found


def _said(row: Row[Any]) -> threads.Said:
    return threads.Said(row.id, row.message_id, tuple(row.references), row.received_at, row.subject)


def _rows(tx: Connection, condition: Any) -> list[Row[Any]]:
    columns = posts.c["id", "sha256", "message_id", "references", "subject", "received_at"]
    wanted = select(*columns).where(condition).order_by(posts.c.received_at, posts.c.id)
    return list(tx.execute(wanted))


def _again(tx: Connection, group_id: int, touched: Collection[int]) -> None:
    """Put the posts of these threads in their places; the threads themselves are made anew."""
    inside = posts.c.thread_id.in_(list(touched))
    count = tx.execute(select(func.count()).select_from(posts).where(inside)).scalar_one()
    if count > MOST:
        raise Conflict(f"{count} posts are in these threads; no more than {MOST} can be moved at once")
    rows = _rows(tx, inside)
    placed = _placed(tx, group_id, rows)
    tx.execute(delete(thread_ids).where(thread_ids.c.thread_id.in_(list(touched))))
    for row in rows:
        thread_id = keep.thread(tx, group_id, row.received_at, placed[row.id])
        tx.execute(update(posts).where(posts.c.id == row.id).values(thread_id=thread_id))
    tx.execute(delete(thread_rows).where(thread_rows.c.id.in_(list(touched))))


def _placed(tx: Connection, group_id: int, rows: Sequence[Row[Any]]) -> dict[int, PostFacts]:
    """The posts with their ancestors as they count now; one may stand below another that came later."""
    said = {row.id: _facts(tx, row) for row in rows}
    _write(tx, said)
    placed = said
    for _ in range(_ROUNDS):
        found = {post_id: keep.placed(tx, group_id, facts) for post_id, facts in said.items()}
        if found == placed:
            break
        _write(tx, found)
        placed = found
    return placed


def _write(tx: Connection, placed: Mapping[int, PostFacts]) -> None:
    for post_id, facts in placed.items():
        tx.execute(update(posts).where(posts.c.id == post_id).values(references=list(facts.references)))


def _facts(tx: Connection, row: Row[Any]) -> PostFacts:
    """What a post says of itself: its fields alone are read; a damaged one keeps its place."""
    try:
        block, _ = headers.split(raw.get(tx, bytes(row.sha256)))
    except CgbotError:
        block = b""
    facts = keep.prepare(messages.parse(block + b"\r\n"))
    own = {"message_id": row.message_id, "subject": row.subject}
    return replace(facts, **own) if block else replace(facts, references=tuple(row.references), **own)
